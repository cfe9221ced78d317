//! `commit` and `start_at`: when a member commits, and where it begins without a commit.

use crate::assignor::TopicId;
use crate::kernel::SimDuration;
use crate::protocol::config::OffsetReset;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::plan::{CommitMode, CommitStyle, Plan, StartAt};
use crate::scenario::shape::{Item, Pair, Typed};

use super::Builder;

impl Builder<'_, '_> {
    pub(super) fn commit(&mut self, item: Option<&Item>, key: Option<&Pair>) -> CommitMode {
        let auto = key.map(|pair| pair.item.is_true());
        let Some(item) = item.filter(|item| !item.is_wrong()) else {
            let off = auto == Some(false);
            return if off {
                CommitMode::None
            } else {
                CommitMode::Auto
            };
        };
        let how = style(item.get("style")).unwrap_or(CommitStyle::Sync);
        let span = |key: &str| item.get(key).and_then(Item::duration);
        let mode = if let Some(word) = item.text() {
            match word {
                "after_batch" => CommitMode::AfterBatch(CommitStyle::Sync),
                "before_processing" => CommitMode::BeforeProcessing(CommitStyle::Sync),
                "none" => CommitMode::None,
                _ => CommitMode::Auto,
            }
        } else if let Some(style) = style(item.get("after_batch")) {
            CommitMode::AfterBatch(style)
        } else if let Some(style) = style(item.get("before_processing")) {
            CommitMode::BeforeProcessing(style)
        } else if let Some(every) = span("every") {
            CommitMode::Every(every, how)
        } else {
            CommitMode::After {
                records: item
                    .get("after_records")
                    .and_then(Item::integer)
                    .unwrap_or(1),
                time: span("or_after").unwrap_or(SimDuration::MAX),
                style: how,
            }
        };
        if let Some(pair) = key.filter(|pair| pair.item.is_true() != (mode == CommitMode::Auto)) {
            let message = "`commit` and enable.auto.commit say different things";
            self.report(
                Diagnostic::error(Code::CommitConflict, item.span, message)
                    .help("leave one of them out")
                    .related(pair.item.span, "enable.auto.commit"),
            );
        }
        mode
    }

    pub(super) fn start_at(
        &mut self,
        item: Option<&Item>,
        key: Option<&Pair>,
    ) -> (StartAt, Option<OffsetReset>) {
        let Some(item) = item.filter(|item| !item.is_wrong()) else {
            return (StartAt::Reset, None);
        };
        if let Some(offset) = item.get("committed").and_then(Item::integer) {
            return (StartAt::Committed(offset), None);
        }
        if let Some(Typed::Ago(span)) = item.get("timestamp").map(|at| &at.value) {
            return (StartAt::TimestampBefore(*span), None);
        }
        let word = item.text().unwrap_or("latest");
        let differs = |pair: &&Pair| {
            let text = pair.item.text().unwrap_or("");
            !text.eq_ignore_ascii_case(word)
        };
        if let Some(pair) = key.filter(differs) {
            let message = "`start_at` and auto.offset.reset say different things";
            self.report(
                Diagnostic::error(Code::StartConflict, item.span, message)
                    .help("leave one of them out")
                    .related(pair.item.span, "auto.offset.reset"),
            );
        }
        let earliest = word == "earliest";
        let reset = if earliest {
            OffsetReset::Earliest
        } else {
            OffsetReset::Latest
        };
        (StartAt::Reset, Some(reset))
    }
}

impl Builder<'_, '_> {
    /// Notes every `start_at` that nobody comes to use: a steady start has committed offsets of all that its members read, and only a
    /// partition that is new has none. `grown` is how many partitions each topic has in the end.
    pub(super) fn idle_starts(&mut self, item: Option<&Item>, plan: &Plan, grown: &[u32]) {
        for group in plan.groups.iter().filter(|group| !group.cold) {
            let (from, to) = group.consumers;
            let members = &plan.consumers[from.index()..to.index()];
            let there = || members.iter().filter(|member| member.start.is_none());
            let has_offsets = |topic: &TopicId| {
                let partitions = plan.topics[topic.index()].partitions;
                grown[topic.index()] == partitions
                    && there().any(|member| member.topics.contains(topic))
            };
            let is_idle = there().next().is_some()
                && members
                    .iter()
                    .flat_map(|member| &member.topics)
                    .all(has_offsets);
            let pair = item.and_then(|groups| groups.get(&group.name)?.pair("start_at"));
            let is_wrong = |pair: &Pair| self.found.iter().any(|one| one.span == pair.item.span);
            if let Some(pair) = pair.filter(|pair| is_idle && !is_wrong(pair)) {
                let message =
                    "`start_at` changes nothing here: this group starts with committed offsets";
                self.report(
                    Diagnostic::note(Code::Ignored, pair.key_span, message)
                        .help("`start: cold` makes its members join, and look for where to start"),
                );
            }
        }
    }
}

/// How a commit is made, where it is said.
pub(super) fn style(item: Option<&Item>) -> Option<CommitStyle> {
    match item?.text()? {
        "async" => Some(CommitStyle::Async),
        _ => Some(CommitStyle::Sync),
    }
}
