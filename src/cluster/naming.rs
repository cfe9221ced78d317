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

    /// The next id that the process `process` (`<group>/<name>`) makes for itself in the consumer protocol: a Uuid. Recorded ones are found by
    /// `name`, its `client.id`.
    pub fn uuid(&mut self, process: &str, name: &str) -> MemberId {
        let mut draw = match self.issue(process, name) {
            Ok(known) => return known,
            Err(stream) => Draw::new(self.seed, stream),
        };
        loop {
            let (most_significant, least_significant) = random_uuid(&mut draw);
            let id = TopicUuid {
                most_significant,
                least_significant,
            };
            let text = id.to_string();
            // `Uuid.randomUuid`
            if !text.starts_with('-') {
                return MemberId::new(&text);
            }
        }
    }

    /// The next id that the coordinator issues to the process `process` (`<group>/<name>`), whose ids begin with `prefix` (`client.id`, or
    /// `group.instance.id`).
    pub fn member(&mut self, process: &str, prefix: &str) -> MemberId {
        let mut draw = match self.issue(process, prefix) {
            Ok(known) => return known,
            Err(stream) => Draw::new(self.seed, stream),
        };
        let (high, low) = random_uuid(&mut draw);
        MemberId::new(&format!(
            "{prefix}-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        ))
    }

    /// The recorded id that is next in turn for `prefix`, or the stream from which the process draws this one.
    fn issue(&mut self, process: &str, prefix: &str) -> Result<MemberId, Stream> {
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
            return Ok(MemberId::new(known));
        }
        let name = format!("{process}#{number}");
        Err(Stream::new(&name, "member-id"))
    }
}

/// A random Uuid of version 4 (RFC 9562).
fn random_uuid(draw: &mut Draw) -> (u64, u64) {
    let high = (draw.word() & 0xffff_ffff_ffff_0fff) | 0x4000;
    let low = (draw.word() & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
    (high, low)
}
