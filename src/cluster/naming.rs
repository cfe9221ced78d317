//! Names that Kafka draws at random: member ids and topic ids. Drawn from named streams, or those of a recording.

use std::collections::BTreeMap;

use crate::assignor::{MemberId, TopicUuid};
use crate::kernel::{Draw, Seed, Stream};

/// Names taken from a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedNames {
    /// Broker's name and id of each topic, in the plan's order.
    pub topics: Vec<(String, TopicUuid)>,
    /// Member ids by what they begin with (`client.id`, or `group.instance.id`), in the order of issue; those of members that give
    /// themselves an id at each start (consumer protocol) by `client.id`, in the order of the starts.
    pub members: BTreeMap<String, Vec<String>>,
}

/// The naming source of a replication.
#[derive(Debug)]
pub struct Naming {
    seed: Seed,
    recorded: Option<RecordedNames>,
    issued: BTreeMap<String, usize>,
}

impl Naming {
    /// Names drawn under `seed`, or those recorded as far as they go.
    #[must_use]
    pub fn new(seed: Seed, recorded: Option<RecordedNames>) -> Self {
        Self {
            seed,
            recorded,
            issued: BTreeMap::new(),
        }
    }

    /// Name and id of the topic at `position` on the broker.
    #[must_use]
    pub fn topic(&self, position: usize, name: &str) -> (String, TopicUuid) {
        if let Some(known) = self
            .recorded
            .as_ref()
            .and_then(|names| names.topics.get(position))
        {
            return known.clone();
        }
        let mut draw = Draw::new(self.seed, Stream::new(name, "topic-id"));
        let id = TopicUuid {
            most_significant: draw.word(),
            least_significant: draw.word(),
        };
        (name.to_owned(), id)
    }

    /// The next id that the coordinator issues to the process `process` (`<group>/<name>`), whose ids begin with `prefix` (`client.id`, or
    /// `group.instance.id`).
    pub fn member(&mut self, process: &str, prefix: &str) -> MemberId {
        let source = if self.recorded.is_some() {
            prefix
        } else {
            process
        };
        let issued = self.issued.entry(source.to_owned()).or_default();
        let number = *issued;
        *issued += 1;
        let known = self
            .recorded
            .as_ref()
            .and_then(|names| names.members.get(prefix))
            .and_then(|ids| ids.get(number));
        if let Some(known) = known {
            return MemberId::new(known);
        }
        let mut draw = Draw::new(
            self.seed,
            Stream::new(&format!("{process}#{number}"), "member-id"),
        );
        let high = (draw.word() & 0xffff_ffff_ffff_0fff) | 0x4000;
        let low = (draw.word() & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        MemberId::new(&format!(
            "{prefix}-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        ))
    }
}
