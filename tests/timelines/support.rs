//! Plays a scenario text under a profile and reads facts off its timeline.

use std::io::Write;

use rebsim::assignor::{ConsumerId, TopicPartition};
use rebsim::cluster::{Calibration, Halt, Options, simulate};
use rebsim::kernel::{Seed, SimTime};
use rebsim::scenario::{NoFiles, Overrides, load};
use rebsim::timeline::{
    CallbackKind, Entry, GroupState, Observation, RebalanceReason, RemovalReason, Timeline,
};

/// A scenario text that must be accepted, played.
///
/// # Errors
/// When the run does not reach its end.
pub(crate) fn attempt(text: &str, calibration: Calibration) -> Result<Timeline, Halt> {
    let scenario = load("test.yaml", text, &mut NoFiles, &Overrides::default())
        .unwrap_or_else(|rejected| panic!("{rejected}\n{text}"));
    let options = Options {
        check_invariants: true,
        event_limit: 3_000_000,
        calibration,
        ..Options::default()
    };
    simulate(&scenario.plans[0], Seed(scenario.seed), &options)
}

/// What came of a run.
pub(crate) struct Story {
    pub(crate) timeline: Timeline,
}

/// Nothing costs anything: the hand timelines.
pub(crate) fn ideal(text: &str) -> Story {
    Story {
        timeline: attempt(text, Calibration::ideal())
            .unwrap_or_else(|halt| panic!("{halt:?}\n{text}")),
    }
}

/// `12_000` milliseconds.
pub(crate) const fn ms(milliseconds: u64) -> SimTime {
    SimTime::from_millis(milliseconds)
}

/// The instants of a list, in milliseconds and a fraction, for messages.
pub(crate) fn text_of(at: SimTime) -> String {
    format!("{}.{:03}", at.as_micros() / 1_000, at.as_micros() % 1_000)
}

/// The partition numbers of a share, in order.
fn numbers(share: &[TopicPartition]) -> Vec<u32> {
    let mut numbers: Vec<u32> = share.iter().map(|place| place.partition).collect();
    numbers.sort_unstable();
    numbers
}

impl Story {
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.timeline.entries
    }

    /// The process called `name`.
    pub(crate) fn who(&self, name: &str) -> ConsumerId {
        let consumers = &self.timeline.cast.consumers;
        let found = consumers
            .iter()
            .position(|facts| facts.name == name || facts.name.ends_with(&format!("/{name}")));
        ConsumerId(
            u32::try_from(found.unwrap_or_else(|| panic!("nobody is called {name}"))).unwrap(),
        )
    }

    pub(crate) fn name(&self, consumer: ConsumerId) -> &str {
        let name = &self.timeline.cast.consumers[consumer.index()].name;
        name.rsplit('/').next().unwrap_or(name)
    }

    /// What `pick` makes of the entries, with their instants.
    pub(crate) fn find<T>(&self, pick: impl Fn(&Observation) -> Option<T>) -> Vec<(SimTime, T)> {
        self.entries()
            .iter()
            .filter_map(|entry| pick(&entry.observation).map(|found| (entry.at, found)))
            .collect()
    }

    /// Instants at which something happened.
    pub(crate) fn when(&self, is: impl Fn(&Observation) -> bool) -> Vec<SimTime> {
        self.find(|seen| is(seen).then_some(()))
            .into_iter()
            .map(|(at, ())| at)
            .collect()
    }

    /// Completed join phases: when, generation, names of the members.
    pub(crate) fn generations(&self) -> Vec<(SimTime, i32, Vec<String>)> {
        self.find(|seen| match seen {
            Observation::JoinComplete {
                generation,
                members,
                ..
            } => {
                let mut names: Vec<String> = members
                    .iter()
                    .map(|&member| self.name(member).to_owned())
                    .collect();
                names.sort();
                Some((*generation, names))
            }
            _ => None,
        })
        .into_iter()
        .map(|(at, (generation, names))| (at, generation, names))
        .collect()
    }

    /// The completed join phases after the start, as `at:generation:members`.
    pub(crate) fn completed(&self) -> Vec<String> {
        self.generations()
            .into_iter()
            .map(|(at, generation, names)| {
                format!("{} {generation} {}", text_of(at), names.join(","))
            })
            .collect()
    }

    /// Transitions into `PreparingRebalance`: when, and why.
    pub(crate) fn prepared(&self) -> Vec<(SimTime, Option<RebalanceReason>)> {
        self.find(|seen| match seen {
            Observation::GroupState {
                to: GroupState::PreparingRebalance,
                reason,
                ..
            } => Some(*reason),
            _ => None,
        })
    }

    /// Transitions into `state`.
    pub(crate) fn entered(&self, state: GroupState) -> Vec<SimTime> {
        self.when(|seen| matches!(seen, Observation::GroupState { to, .. } if *to == state))
    }

    /// Callbacks of `who`: when, which, how many partitions.
    pub(crate) fn callbacks(&self, who: &str) -> Vec<(SimTime, CallbackKind, Vec<u32>)> {
        let who = self.who(who);
        self.find(|seen| match seen {
            Observation::CallbackStarted {
                consumer,
                kind,
                partitions,
                ..
            } if *consumer == who => {
                let mut numbers: Vec<u32> =
                    partitions.iter().map(|place| place.partition).collect();
                numbers.sort_unstable();
                Some((*kind, numbers))
            }
            _ => None,
        })
        .into_iter()
        .map(|(at, (kind, numbers))| (at, kind, numbers))
        .collect()
    }

    /// The callbacks of `who` from `from` on, as `at:kind:[partitions]`.
    pub(crate) fn called(&self, who: &str, from: SimTime) -> Vec<String> {
        self.callbacks(who)
            .into_iter()
            .filter(|(at, ..)| *at >= from)
            .map(|(at, kind, numbers)| format!("{} {} {numbers:?}", text_of(at), kind.word()))
            .collect()
    }

    /// Removals of `who`.
    pub(crate) fn removed(&self, who: &str) -> Vec<(SimTime, RemovalReason)> {
        let who = self.who(who);
        self.find(|seen| match seen {
            Observation::MemberRemoved { consumer, why, .. } if *consumer == who => Some(*why),
            _ => None,
        })
    }

    /// When `close()` of `who` was over.
    pub(crate) fn closed(&self, who: &str) -> Vec<SimTime> {
        let who = self.who(who);
        self.when(
            |seen| matches!(seen, Observation::ConsumerClosed { consumer } if *consumer == who),
        )
    }

    /// JoinGroups that `who` sent.
    pub(crate) fn joining(&self, who: &str) -> Vec<SimTime> {
        let who = self.who(who);
        self.when(|seen| matches!(seen, Observation::Joining { consumer } if *consumer == who))
    }

    /// Who serves `partition` (of the first topic, for the first group to do so) over time: (from, to, who).
    pub(crate) fn service(&self, partition: u32) -> Vec<(SimTime, SimTime, String)> {
        let mut spans: Vec<(SimTime, SimTime, String)> = Vec::new();
        let is = |place: &TopicPartition| place.topic.index() == 0 && place.partition == partition;
        for entry in self.entries() {
            match &entry.observation {
                Observation::Serving { consumer, log_ends }
                    if log_ends.iter().any(|(place, _)| is(place)) =>
                {
                    spans.push((entry.at, SimTime::NEVER, self.name(*consumer).to_owned()));
                }
                Observation::Released {
                    consumer, log_ends, ..
                } if log_ends.iter().any(|(place, _)| is(place)) => {
                    let name = self.name(*consumer);
                    if let Some(span) = spans
                        .iter_mut()
                        .rev()
                        .find(|span| span.2 == name && span.1 == SimTime::NEVER)
                    {
                        span.1 = entry.at;
                    }
                }
                _ => {}
            }
        }
        spans
    }

    /// Spans in which nobody serves `partition`, after it was first served and until somebody does again: (from, to); instants without length left out.
    pub(crate) fn gaps(&self, partition: u32) -> Vec<(SimTime, SimTime)> {
        let mut gaps = Vec::new();
        let mut covered = None;
        let mut spans = self.service(partition);
        spans.sort_by_key(|span| span.0);
        for (from, to, _) in spans {
            match covered {
                Some(end) if end < from => {
                    gaps.push((end, from));
                    covered = Some(to);
                }
                Some(end) => covered = Some(to.max(end)),
                None => covered = Some(to),
            }
        }
        if let Some(end) = covered
            && end != SimTime::NEVER
        {
            gaps.push((end, SimTime::NEVER));
        }
        gaps
    }

    /// The partitions that `who` holds by its callbacks at `at`.
    pub(crate) fn holds(&self, who: &str, at: SimTime) -> Vec<u32> {
        let mut held: Vec<u32> = Vec::new();
        for (_, kind, numbers) in self
            .callbacks(who)
            .into_iter()
            .filter(|(when, ..)| *when <= at)
        {
            match kind {
                CallbackKind::Assigned => held.extend(numbers),
                CallbackKind::Revoked | CallbackKind::Lost => {
                    held.retain(|number| !numbers.contains(number));
                }
            }
        }
        held.sort_unstable();
        held
    }

    /// Bumps of the epoch of a consumer group, as `at epoch reason by`.
    pub(crate) fn bumps(&self) -> Vec<String> {
        self.lines(|seen| match seen {
            Observation::GroupEpoch {
                epoch, reason, by, ..
            } => {
                let by = by.map_or("-", |consumer| self.name(consumer));
                Some(format!("{epoch} {} {by}", reason.word()))
            }
            _ => None,
        })
    }

    /// Target assignments computed, as `at epoch member[partitions]…`, members by name.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.lines(|seen| match seen {
            Observation::TargetAssignment {
                epoch, assignment, ..
            } => {
                let mut shares: Vec<String> = assignment
                    .iter()
                    .map(|(consumer, share)| {
                        format!("{}{:?}", self.name(*consumer), numbers(share))
                    })
                    .collect();
                shares.sort();
                Some(format!("{epoch} {}", shares.join(" ")))
            }
            _ => None,
        })
    }

    /// Where the coordinator moved `who`, as `at epoch STATE [assigned]`, and what it has to give up, if anything.
    pub(crate) fn moved(&self, who: &str) -> Vec<String> {
        let who = self.who(who);
        self.lines(|seen| match seen {
            Observation::MemberEpoch {
                consumer,
                epoch,
                state,
                assigned,
                pending_revocation,
                ..
            } if *consumer == who => {
                let pending = match pending_revocation.is_empty() {
                    true => String::new(),
                    false => format!(" without {:?}", numbers(pending_revocation)),
                };
                let assigned = numbers(assigned);
                Some(format!("{epoch} {} {assigned:?}{pending}", state.word()))
            }
            _ => None,
        })
    }

    /// The states that the client of `who` entered, as `at STATE`.
    pub(crate) fn states(&self, who: &str) -> Vec<String> {
        let who = self.who(who);
        self.lines(|seen| match seen {
            Observation::ClientTransition { consumer, to, .. } if *consumer == who => {
                Some(to.word().to_owned())
            }
            _ => None,
        })
    }

    /// When `who` left as a static member that may come back.
    pub(crate) fn away(&self, who: &str) -> Vec<SimTime> {
        let who = self.who(who);
        self.when(
            |seen| matches!(seen, Observation::StaticMemberAway { consumer, .. } if *consumer == who),
        )
    }

    /// What killed the client of `who`, as `at exception`.
    pub(crate) fn failed(&self, who: &str) -> Vec<String> {
        let who = self.who(who);
        self.lines(|seen| match seen {
            Observation::ConsumerFailed { consumer, error } if *consumer == who => {
                Some((*error).to_owned())
            }
            _ => None,
        })
    }

    /// What `pick` makes of the entries, with the instants before.
    fn lines(&self, pick: impl Fn(&Observation) -> Option<String>) -> Vec<String> {
        self.find(pick)
            .into_iter()
            .map(|(at, line)| format!("{} {line}", text_of(at)))
            .collect()
    }

    /// A line for each entry, for people.
    pub(crate) fn tell(&self) -> String {
        self.entries()
            .iter()
            .map(|entry| format!("{:>12} {:?}\n", text_of(entry.at), entry.observation))
            .collect()
    }

    /// The whole run, when `REBSIM_TELL` is set.
    pub(crate) fn told(self) -> Self {
        if std::env::var_os("REBSIM_TELL").is_some() {
            let _ = std::io::stderr().write_all(self.tell().as_bytes());
        }
        self
    }
}
