//! Topics that grow while a recording is played: the coordinator sees it between two heartbeats, and the next of them, whosever it is, brings the new epoch.

use std::collections::{BTreeMap, VecDeque};

use rebsim::kernel::{SimDuration, SimTime};
use rebsim::protocol::message::{LeaveCause, LeaveGroupRequest, Request};
use serde_json::Value;

use super::{Run, instant, word};
use crate::group::{id, ms};

/// A coordinator knows of a growth by then.
pub(super) const TOLD: SimDuration = SimDuration::from_millis(50);

/// When the script lets topics grow: then, which, to how many partitions.
pub(super) fn growth(
    scenario: &Value,
    events: &[&Value],
    topics: &[String],
) -> VecDeque<(SimTime, usize, u32)> {
    let grows = |step: &&Value| word(step, "do") == "partitions";
    let script = scenario["script"].as_array().expect("a script");
    let steps = script.iter().filter(grows);
    let acts = events.iter().copied().filter(grows);
    acts.zip(steps)
        .map(|(act, step)| {
            let topic = topics.iter().position(|name| name == word(step, "topic"));
            let partitions = step["to"].as_u64().expect("a count") as u32;
            (instant(act), topic.expect("a topic"), partitions)
        })
        .collect()
}

impl Run<'_> {
    /// A bump that nothing announces: a classic member leaves, or topics have grown.
    pub(super) fn leave_or_growth(&mut self, place: usize) {
        let now = self.group.now;
        let near = |event: &&&Value| {
            let at = instant(event);
            at + ms(3) >= now && at <= now + ms(3)
        };
        let leaving = self
            .events
            .iter()
            .filter(near)
            .find(|event| word(event, "what") == "leaving");
        if let Some(leaving) = leaving {
            let name = word(leaving, "client");
            let known = |(member_id, who): &(&String, &String)| {
                who.as_str() == name && self.group.coordinator.contains(&id(member_id))
            };
            let (member_id, _) = self.names.iter().find(known).expect("a member leaves");
            let request = LeaveGroupRequest {
                member_id: id(member_id),
                instance_id: None,
                cause: LeaveCause::Closed,
            };
            self.group.send(Request::LeaveGroup(request));
            return;
        }
        if !self.has_grown {
            self.grow(SimDuration::ZERO);
        }
        self.has_grown = false;
        let trigger = self.who_beats(place);
        if self.group.coordinator.contains(&id(&trigger)) {
            self.plain_beat(&trigger);
        } else {
            // Who replaces a static member is told of by what becomes of it alone.
            let join = self.join(&trigger);
            self.group.ok(join);
        }
    }

    /// Whose heartbeat brought that event about: whoever is moved on at once, or somebody whom it moves nowhere.
    pub(super) fn who_beats(&self, place: usize) -> String {
        let now = self.group.now;
        let mut later = self.events[place + 1..].iter();
        let next = later.find(|event| word(event, "what") == "member_state");
        match next.filter(|event| instant(event) <= now + ms(3)) {
            Some(moved) => word(moved, "member_id").to_owned(),
            None => self.who_stays(place),
        }
    }

    /// A member that its heartbeat does not move on: it still has to give something up, or is where the last target wants it.
    fn who_stays(&self, place: usize) -> String {
        let before = &self.events[..place];
        let target = before
            .iter()
            .rfind(|event| word(event, "what") == "target_assignment");
        let mut states: BTreeMap<&str, &Value> = BTreeMap::new();
        for event in before
            .iter()
            .filter(|event| word(event, "what") == "member_state")
        {
            states.insert(word(event, "member_id"), event);
        }
        let stays = |(member_id, state): &(&str, &Value)| {
            let is_there = target.is_some_and(|target| target["epoch"] == state["epoch"]);
            self.group.coordinator.contains(&id(member_id))
                && match word(state, "state") {
                    "UNREVOKED_PARTITIONS" => true,
                    "STABLE" => is_there,
                    _ => false,
                }
        };
        let found = states.into_iter().find(stays);
        found
            .expect("somebody's heartbeat moves nobody")
            .0
            .to_owned()
    }

    /// The coordinator sees the topics that have grown, so long ago at least.
    pub(super) fn grow(&mut self, ago: SimDuration) {
        let now = self.group.now;
        while let Some(&(at, topic, partitions)) = self.growth.front() {
            if at + ago > now {
                return;
            }
            self.growth.pop_front();
            self.has_grown = true;
            self.group.topics[topic].partitions = partitions;
            self.group
                .coordinator
                .on_topics_changed(now, &self.group.topics);
        }
    }
}
