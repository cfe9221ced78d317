//! Who kept a join phase waiting, and what for.

use super::world::Life;
use crate::assignor::{ConsumerId, GroupId};
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::{Observation, RemovalReason};

/// What a member did while the others waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// It had not heard of the rebalance: its next heartbeat was not due, or its answer under way.
    Heartbeat,
    /// It knew, but was processing its batch (or waiting for the commit before the join).
    Batch,
    /// It was in a callback of the rebalance listener.
    Callback,
    /// Its poll loop, or the whole process, stood still.
    Stall,
    /// It was dead or cut off; the coordinator waited for its session to expire.
    Session,
    /// Its JoinGroup was under way.
    Join,
    /// Everybody had joined; the coordinator waited for the initial delay or another timer.
    Timer,
}

impl Wait {
    /// Every wait.
    pub const ALL: [Self; 7] = [
        Self::Heartbeat,
        Self::Batch,
        Self::Callback,
        Self::Stall,
        Self::Session,
        Self::Join,
        Self::Timer,
    ];

    /// The words in results.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat wait",
            Self::Batch => "batch in progress",
            Self::Callback => "callback",
            Self::Stall => "stall",
            Self::Session => "session expiry",
            Self::Join => "join under way",
            Self::Timer => "timer",
        }
    }
}

/// The member that came last to a join phase (or had to be removed for it to end).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastJoiner {
    /// Who.
    pub consumer: ConsumerId,
    /// Why it was removed instead of joining.
    pub removed: Option<RemovalReason>,
    /// Microseconds by [`Wait`], in the order of [`Wait::ALL`]; they add up to the join phase.
    pub waits: [u64; 7],
}

impl LastJoiner {
    /// Length of the join phase in microseconds.
    #[must_use]
    pub fn micros(&self) -> u64 {
        self.waits.iter().sum()
    }

    /// What took longest; the earliest kind of equals.
    #[must_use]
    pub fn why(&self) -> Wait {
        let longest = self.waits.iter().max().copied().unwrap_or_default();
        Wait::ALL
            .into_iter()
            .find(|wait| self.waits[*wait as usize] == longest)
            .unwrap_or(Wait::Heartbeat)
    }
}

/// What an observation changes of what a process does.
type Change = fn(&mut Doing);

/// What one life of a process is doing: a killed process that runs again is another member, and the coordinator waits for both until the
/// session of the first one expires.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doing {
    dead: bool,
    still: bool,
    callback: bool,
    joining: bool,
    asked: bool,
    /// Since when it does that, and what it did in the phase that it last counted for.
    since: SimTime,
    phase: u64,
    waits: [u64; 7],
}

impl Doing {
    /// What others wait for while they wait for it.
    pub(super) const fn wait(&self) -> Wait {
        if self.dead {
            Wait::Session
        } else if self.still {
            Wait::Stall
        } else if self.callback {
            Wait::Callback
        } else if self.joining {
            Wait::Join
        } else if self.asked {
            Wait::Batch
        } else {
            Wait::Heartbeat
        }
    }

    /// Its JoinGroup has come, or it is no member any more: nobody waits for it.
    pub(super) const fn came(&mut self) {
        self.asked = false;
        self.joining = false;
    }

    /// Of whom an observation tells, and what it changes of what that one does.
    pub(super) fn change(observation: &Observation) -> Option<(ConsumerId, Change)> {
        let change: (ConsumerId, Change) = match observation {
            Observation::ConsumerCrashed { consumer }
            | Observation::ConsumerClosed { consumer }
            | Observation::ConsumerFailed { consumer, .. }
            | Observation::ConsumerConnected {
                consumer,
                connected: false,
            } => (*consumer, |doing| doing.dead = true),
            Observation::ConsumerConnected {
                consumer,
                connected: true,
            } => (*consumer, |doing| doing.dead = false),
            Observation::ConsumerFrozen { consumer }
            | Observation::ConsumerStalled { consumer } => (*consumer, |doing| doing.still = true),
            Observation::ConsumerThawed { consumer }
            | Observation::ConsumerResumed { consumer } => (*consumer, |doing| doing.still = false),
            Observation::RejoinRequested { consumer, .. } => {
                (*consumer, |doing| doing.asked = true)
            }
            Observation::Joining { consumer } => (*consumer, |doing| doing.joining = true),
            Observation::Joined { consumer, .. } => (*consumer, |doing| doing.joining = false),
            Observation::MemberAdded { consumer, .. }
            | Observation::StaticMemberReplaced { consumer, .. } => (*consumer, |doing| {
                doing.asked = false;
                doing.joining = false;
            }),
            Observation::CallbackStarted { consumer, .. } => {
                (*consumer, |doing| doing.callback = true)
            }
            Observation::CallbackEnded { consumer, .. } => {
                (*consumer, |doing| doing.callback = false)
            }
            _ => return None,
        };
        Some(change)
    }
}

/// What every life of every process is doing.
#[derive(Debug)]
pub(super) struct Doings {
    /// By process and by the number of its starts.
    lives: Vec<Vec<Doing>>,
}

impl Doings {
    pub(super) fn new(consumers: usize) -> Self {
        Self {
            lives: vec![vec![Doing::default()]; consumers],
        }
    }

    /// What a life is doing; `None` before it begins.
    pub(super) fn of(&self, life: Life) -> Option<&Doing> {
        self.lives
            .get(life.consumer.index())?
            .get(life.start as usize)
    }

    pub(super) fn of_mut(&mut self, life: Life) -> Option<&mut Doing> {
        let lives = self.lives.get_mut(life.consumer.index())?;
        lives.get_mut(life.start as usize)
    }

    /// The present life of a process.
    pub(super) fn present(&self, consumer: ConsumerId) -> Life {
        let starts = self.lives.get(consumer.index()).map_or(0, Vec::len);
        Life {
            consumer,
            start: u32::try_from(starts.saturating_sub(1)).unwrap_or(u32::MAX),
        }
    }

    /// The process starts: the life before is over, whatever it was doing. The new one takes over what had been waited for in the join
    /// phase under way, for its own waits have to add up to it.
    pub(super) fn start(&mut self, consumer: ConsumerId) {
        let Some(lives) = self.lives.get_mut(consumer.index()) else {
            return;
        };
        let mut next = Doing {
            joining: true,
            ..Doing::default()
        };
        if let Some(before) = lives.last_mut() {
            before.dead = true;
            (next.since, next.phase, next.waits) = (before.since, before.phase, before.waits);
        }
        lives.push(next);
    }
}

/// A join phase under way.
#[derive(Clone, Debug, Default)]
struct Phase {
    number: u64,
    since: Option<SimTime>,
    last: Option<(SimTime, LastJoiner)>,
}

/// Watches all processes and the join phases of all groups.
#[derive(Debug)]
pub(super) struct Watch {
    doings: Doings,
    phases: Vec<Phase>,
    begun: u64,
}

impl Watch {
    pub(super) fn new(groups: usize, consumers: usize) -> Self {
        Self {
            doings: Doings::new(consumers),
            phases: vec![Phase::default(); groups],
            begun: 0,
        }
    }

    /// The group began to wait for joins.
    pub(super) fn begin(&mut self, at: SimTime, group: GroupId) {
        self.begun += 1;
        self.phases[group.index()] = Phase {
            number: self.begun,
            since: Some(at),
            last: None,
        };
    }

    /// The member joined, or was removed.
    pub(super) fn came(
        &mut self,
        at: SimTime,
        group: GroupId,
        life: Life,
        removed: Option<RemovalReason>,
    ) {
        self.count(at, group, life);
        let Some(doing) = self.doings.of_mut(life) else {
            return;
        };
        doing.came();
        let phase = &mut self.phases[group.index()];
        if phase.since.is_some() {
            phase.last = Some((
                at,
                LastJoiner {
                    consumer: life.consumer,
                    removed,
                    waits: doing.waits,
                },
            ));
        }
    }

    /// The group waits for joins no more, whether they came or not.
    pub(super) fn abandon(&mut self, group: GroupId) {
        self.phases[group.index()] = Phase::default();
    }

    /// The join phase ended: who came last.
    pub(super) fn complete(&mut self, at: SimTime, group: GroupId) -> Option<LastJoiner> {
        let phase = std::mem::take(&mut self.phases[group.index()]);
        let (came, mut last) = phase.last?;
        phase.since?;
        last.waits[Wait::Timer as usize] += at.since(came).as_micros();
        Some(last)
    }

    /// Takes in what a process does.
    pub(super) fn observe(
        &mut self,
        at: SimTime,
        observation: &Observation,
        group_of: impl Fn(ConsumerId) -> GroupId,
    ) {
        if let Observation::ConsumerStarted { consumer } = observation {
            self.count(at, group_of(*consumer), self.doings.present(*consumer));
            self.doings.start(*consumer);
            return;
        }
        let Some((consumer, change)) = Doing::change(observation) else {
            return;
        };
        let life = self.doings.present(consumer);
        self.count(at, group_of(consumer), life);
        if let Some(doing) = self.doings.of_mut(life) {
            change(doing);
        }
    }

    /// Books the time since the last change.
    fn count(&mut self, at: SimTime, group: GroupId, life: Life) {
        let phase = &self.phases[group.index()];
        let Some(doing) = self.doings.of_mut(life) else {
            return;
        };
        if let Some(since) = phase.since {
            if doing.phase != phase.number {
                doing.phase = phase.number;
                doing.waits = [0; 7];
            }
            let span: SimDuration = at.since(since.max(doing.since));
            doing.waits[doing.wait() as usize] += span.as_micros();
        }
        doing.since = at;
    }
}

const _: () = {
    let mut index = 0;
    while index < Wait::ALL.len() {
        assert!(Wait::ALL[index] as usize == index);
        index += 1;
    }
};
