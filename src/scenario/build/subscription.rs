//! What a consumer subscribes to: topics by name, or those that a regular expression matches.

use std::sync::Arc;

use regex::Regex;

use super::Builder;
use super::groups::{Context, count};
use crate::assignor::TopicId;
use crate::protocol::config::{ConsumerConfig, GroupProtocol, SubscribedBy, SubscriptionPattern};
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::near::did_you_mean;
use crate::scenario::plan::Topic;
use crate::scenario::shape::{Item, Pair};

impl Builder<'_, '_> {
    /// The topics of a member: its `own`, the group's, or what the group's expression matches. How it subscribes goes to `config`.
    pub(super) fn subscription(
        &mut self,
        own: Option<&Item>,
        group: &Context<'_, '_>,
        config: &mut ConsumerConfig,
    ) -> Vec<TopicId> {
        let topics = self.subscribed(own, group, config);
        let names = topics
            .iter()
            .map(|topic| group.topics[topic.index()].name.clone());
        self.used.topics.extend(names);
        topics
    }

    fn subscribed(
        &mut self,
        own: Option<&Item>,
        group: &Context<'_, '_>,
        config: &mut ConsumerConfig,
    ) -> Vec<TopicId> {
        if let Some(topics) = own.or(group.item.get("topics")) {
            return self.topics_named(topics, group.topics);
        }
        if let Some(pair) = group.item.pair("pattern") {
            config.subscribed_by = SubscribedBy::Pattern;
            return self.topics_matching(pair, group.topics);
        }
        if let Some(pair) = group.item.pair("subscription_pattern") {
            let topics = self.topics_matching(pair, group.topics);
            config.subscribed_by =
                SubscribedBy::SubscriptionPattern(Arc::new(SubscriptionPattern {
                    text: pair.item.text().unwrap_or("").into(),
                    topics: topics.as_slice().into(),
                }));
            if config.group_protocol == GroupProtocol::Classic {
                let message = "`subscription_pattern` needs group.protocol: consumer";
                self.report(
                    Diagnostic::error(Code::ConsumerKeyWithClassic, pair.key_span, message).help(
                        "`pattern` lets the client look through the topics, in either protocol",
                    ),
                );
            }
            return topics;
        }
        if group.item.pair("topics").is_none() {
            let message = format!("group `{}` subscribes to nothing", group.name);
            self.report(
                Diagnostic::error(Code::MissingKey, group.place, message).help("topics: [name]"),
            );
        }
        Vec::new()
    }

    fn topics_named(&mut self, item: &Item, topics: &[Topic]) -> Vec<TopicId> {
        let mut found: Vec<TopicId> = Vec::new();
        for at in item.items() {
            if let Some(topic) = self.topic_named(at, topics)
                && !found.contains(&topic)
            {
                found.push(topic);
            }
        }
        if !item.is_wrong() && item.items().is_empty() {
            self.error(Code::MissingKey, item, "an empty list of topics");
        }
        found
    }

    /// The topics whose whole name matches (`Matcher.matches`).
    fn topics_matching(&mut self, pair: &Pair, topics: &[Topic]) -> Vec<TopicId> {
        let Some(text) = pair.item.text() else {
            return Vec::new();
        };
        let whole = match Regex::new(&format!(r"\A(?:{text})\z")) {
            Ok(whole) => whole,
            Err(error) => {
                let reason = error.to_string();
                let reason = reason
                    .lines()
                    .last()
                    .unwrap_or("")
                    .trim_start_matches("error: ");
                let message =
                    format!("`{text}` is no regular expression that is modelled: {reason}");
                let help = "RE2 syntax: no look-around, no back references";
                let known = |finding: &Diagnostic| {
                    finding.code == Code::InvalidPattern && finding.span == pair.item.span
                };
                if !self.found.iter().any(known) {
                    self.report(
                        Diagnostic::error(Code::InvalidPattern, pair.item.span, message).help(help),
                    );
                }
                return Vec::new();
            }
        };
        let matching = (0..)
            .zip(topics)
            .filter(|(_, topic)| whole.is_match(&topic.name));
        let found: Vec<TopicId> = matching.map(|(place, _)| TopicId(place)).collect();
        let known = |finding: &Diagnostic| {
            finding.code == Code::UnknownTopic && finding.span == pair.item.span
        };
        if found.is_empty() && self.topics_known && !self.found.iter().any(known) {
            let names: Vec<&str> = topics.iter().map(|topic| &*topic.name).collect();
            let message = format!("no topic matches `{text}`");
            self.report(
                Diagnostic::error(Code::UnknownTopic, pair.item.span, message).help(format!(
                    "it must match a whole name; topics: {}",
                    names.join(", ")
                )),
            );
        }
        found
    }

    /// The topic that `item` names, or a finding.
    pub(super) fn topic_named(&mut self, item: &Item, topics: &[Topic]) -> Option<TopicId> {
        self.topic_called(item.text()?, item, topics)
    }

    /// The topic called `name`, or a finding at `item`.
    pub(super) fn topic_called(
        &mut self,
        name: &str,
        item: &Item,
        topics: &[Topic],
    ) -> Option<TopicId> {
        let position = topics.iter().position(|topic| topic.name == name);
        if position.is_none() && self.topics_known {
            let names = topics.iter().map(|topic| &*topic.name);
            let known: Vec<&str> = names.clone().collect();
            self.report(
                Diagnostic::error(
                    Code::UnknownTopic,
                    item.span,
                    format!("there is no topic `{name}`"),
                )
                .help(format!("topics: {}", known.join(", ")))
                .maybe_help(did_you_mean(name, names)),
            );
        }
        position.map(|position| TopicId(count(position)))
    }
}
