//! Quiet members: heartbeats and automatic commits that change nothing are no events.
//!
//! A member is quiet while it flows, its group is stable and nothing is on its way between the two. Then its heartbeats, commits and
//! refreshes of metadata follow each other at known distances, and its session cannot expire, so its coordinator's timer rests. As soon as
//! anything touches the member, or its group is stable no more, what went by is made up for: when the next of each is due, what was
//! committed last, when the session would expire.

use super::beat_delay;
use crate::assignor::ConsumerId;
use crate::cluster::client::Client;
use crate::cluster::coordinators::HostedGroup;
use crate::cluster::ground::Ground;
use crate::cluster::ledger::Commits;
use crate::cluster::world::World;
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::config::{ConsumerConfig, GroupProtocol};
use crate::protocol::effect::CoordinatorTimer;
use crate::protocol::rules::Rule;
use crate::scenario::plan::CommitMode;
use crate::timeline::GroupState;

/// What is noticed by a refresh of metadata has come of it that much later.
const SLACK: SimDuration = SimDuration::from_secs(60);

/// From when a heartbeat is due to when it is sent, at the most.
const LATEST: SimDuration = SimDuration::from_millis(200);

/// Things that happen again and again.
#[derive(Clone, Copy, Debug)]
struct Beat {
    first: SimTime,
    every: SimDuration,
}

impl Beat {
    /// The last one by `at`, and the next.
    fn around(self, at: SimTime) -> (Option<SimTime>, SimTime) {
        if at < self.first || self.first == SimTime::NEVER {
            return (None, self.first);
        }
        let every = self.every.as_micros().max(1);
        let number = at.since(self.first).as_micros() / every;
        let last = self.first + SimDuration::from_micros(every * number);
        (Some(last), last + SimDuration::from_micros(every))
    }
}

/// What goes by while a member is quiet.
#[derive(Clone, Copy, Debug)]
pub(in crate::cluster) struct Quiet {
    heartbeats: Beat,
    /// From when a heartbeat is due to when it is sent.
    delay: SimDuration,
    commits: Option<Beat>,
    metadata: Beat,
    /// One way to the coordinator.
    latency: SimDuration,
    /// The session would have expired then.
    session: SimTime,
}

impl Client {
    /// True when it has nothing to say to its coordinator but that it is there, and says so often enough.
    fn has_nothing_to_say(&self, config: &ConsumerConfig) -> bool {
        let member = &self.member;
        let is_late = config.heartbeat_interval + LATEST >= config.session_timeout;
        self.flow.as_ref().is_some_and(|flow| flow.quiet.is_none())
            && self.requests.is_empty()
            && self.knows_its_topics()
            && member.is_joined()
            && !member.is_rejoining()
            && (member.modern().is_some() || (member.is_heartbeating() && !is_late))
            && member.heartbeat_due() > SimTime::ZERO
    }

    /// Falls quiet; `appends` is how long a commit takes at the broker.
    fn fall_quiet(&mut self, session: SimTime, appends: SimDuration, ground: &mut Ground<'_>) {
        let config = &ground.spec.config;
        let latency = ground.mean_latency();
        let round_trip = latency + latency;
        let Some(flow) = &self.flow else { return };
        // A busy application comes round at the end of its batches, its heartbeat thread at the end of its steps.
        let (turn, delay) = if flow.outlook.is_full {
            let turn = SimDuration::from_micros(flow.outlook.cycle.as_micros() / 2);
            let step = ground.calibration.heartbeat_thread_step.as_micros() / 2;
            let delay = match self.member.modern() {
                Some(_) => beat_delay(self, ground),
                None => SimDuration::from_micros(step),
            };
            (turn, delay)
        } else {
            (SimDuration::ZERO, beat_delay(self, ground))
        };
        // Metadata are asked for on a connection on which a fetch waits: half of the time that it does.
        let waits = config.rules.hold(Rule::AnswersBehindFetch) && !flow.outlook.is_full;
        let parked = flow.outlook.cycle.as_micros() / 2;
        let parked = SimDuration::from_micros(if waits { parked } else { 0 });
        let interval = self.member.heartbeat_interval(config);
        let commits = (ground.spec.commit == CommitMode::Auto && config.enable_auto_commit)
            .then_some(Beat {
                first: self.member.poll_due() + turn,
                every: config.auto_commit_interval + turn,
            })
            .filter(|beat| beat.first < SimTime::NEVER);
        if let Some(beat) = commits {
            let along = Commits {
                first: beat.first,
                every: beat.every,
                takes: latency + appends,
            };
            for slot in &self.fetcher.slots {
                ground.accounts[slot.index].commit_along(along);
            }
        }
        let quiet = Quiet {
            heartbeats: Beat {
                first: self.member.heartbeat_due() + delay,
                every: interval + delay,
            },
            delay,
            commits,
            metadata: Beat {
                first: self.metadata.next(),
                every: config.metadata_max_age
                    + ground.calibration.request_service
                    + round_trip
                    + parked,
            },
            latency,
            session,
        };
        if let Some(flow) = &mut self.flow {
            flow.quiet = Some(quiet);
        }
    }

    /// It is quiet no more and flows on: what it committed by itself by now is stored, and it does so no longer.
    fn commit_alone(&mut self, ground: &mut Ground<'_>) {
        let Some(flow) = &self.flow else { return };
        let (_, ended) = flow.whole_cycles(ground.now, self.next_due());
        for slot in &self.fetcher.slots {
            let log = &ground.logs[slot.index];
            ground.accounts[slot.index].commit_alone(log, ended, ground.now);
        }
    }

    /// It was quiet until `at`: when everything is due next. Returns when its coordinator heard of it last, if it has since.
    fn make_up_for(&mut self, quiet: &Quiet, at: SimTime) -> Option<SimTime> {
        let (heard, next) = quiet.heartbeats.around(at);
        let due = SimTime::from_micros(next.as_micros() - quiet.delay.as_micros());
        let answered = heard.map(|sent| sent + quiet.latency + quiet.latency);
        self.member.heartbeats_passed(due.max(at), answered);
        let committed = quiet.commits.and_then(|beat| {
            let (last, next) = beat.around(at);
            self.member.commits_passed(next);
            last
        });
        if let (Some(_), next) = quiet.metadata.around(at) {
            self.metadata.refreshes_passed(next);
        }
        // Commits are signs of life in the classic protocol alone.
        let committed = committed.filter(|_| self.member.modern().is_none());
        let heard = heard.max(committed);
        heard.map(|sent| (sent + quiet.latency).min(at))
    }
}

impl World<'_> {
    /// Whoever was touched by the event that is over flows on, if it may, and stands on the calendar.
    pub(in crate::cluster) fn settle_clients(&mut self) {
        self.wake_the_unsettled();
        while let Some(consumer) = self.touched.pop() {
            let now = self.now();
            self.processes[consumer.index()].touched = false;
            let next = self.with_client(consumer, now, |client, ground| {
                client.begin_flow(ground);
                client.next_touch(ground)
            });
            let Some(next) = next else { continue };
            if self.let_rest(consumer) {
                let process = &mut self.processes[consumer.index()];
                process.wake = SimTime::NEVER;
                let client = process.client.as_ref();
                let until = client.map_or(SimTime::NEVER, |client| client.flow_until());
                self.wake_at(consumer, until);
            } else {
                self.wake_at(consumer, next);
            }
        }
    }

    /// True while every partition that anybody ever owned keeps abreast: until something happens.
    pub(in crate::cluster) fn is_calm(&self) -> bool {
        let abreast = |host: &HostedGroup| {
            let mut owned = host.accounts.iter().zip(&host.owners);
            owned.all(|(account, owners)| owners.is_empty() || account.is_abreast())
        };
        self.groups.iter().all(abreast)
    }

    /// Groups that are stable no more have no quiet members.
    fn wake_the_unsettled(&mut self) {
        for group in 0..self.groups.len() {
            let host = &mut self.groups[group];
            let is_restful =
                host.hosting.is_active() && host.coordinator.state() == GroupState::Stable;
            if is_restful || host.quiet.is_empty() {
                continue;
            }
            for consumer in std::mem::take(&mut host.quiet) {
                self.disturb_rest(consumer);
                let now = self.now();
                self.with_client(consumer, now, |client, ground| client.commit_alone(ground));
                self.rearm(consumer);
            }
        }
    }

    /// Something is going to be noticed by a heartbeat or a refresh of metadata that nobody waits for: everybody makes them for a while.
    pub(in crate::cluster) fn keep_everybody_awake(&mut self) {
        let ages = self.processes.iter();
        let longest = ages
            .map(|process| process.spec.config.metadata_max_age)
            .max();
        let span = longest.unwrap_or_default() + SLACK;
        self.restless_until = self.now() + span;
        self.catch_up_everybody();
    }

    /// The member falls quiet if it may; true when it does.
    fn let_rest(&mut self, consumer: ConsumerId) -> bool {
        let process = &self.processes[consumer.index()];
        let group = process.group;
        let host = &self.groups[group.index()];
        let Some(client) = &process.client else {
            return false;
        };
        let id = client.member.member_id();
        let rests = client.has_nothing_to_say(&process.spec.config)
            && self.restless_until <= self.now()
            && process.connection.serving.is_none()
            && process.connection.queue.is_empty()
            && host.hosting.refusal(process.connection.broker).is_none()
            && host.coordinator.state() == GroupState::Stable
            && host.coordinator.member_epoch(id) == Some(client.member.generation());
        if !rests {
            return false;
        }
        let session = CoordinatorTimer::Session(id.clone());
        let append = &self.plan.brokers.append;
        let appends = self.options.calibration.append.as_ref().unwrap_or(append);
        let appends = appends.mean();
        let host = &mut self.groups[group.index()];
        let Some(due) = host.timers.take(&session) else {
            return false;
        };
        host.quiet.push(consumer);
        let now = self.now();
        self.with_client(consumer, now, |client, ground| {
            client.fall_quiet(due, appends, ground);
        });
        true
    }

    /// The member is about to be touched: it is quiet no more.
    pub(in crate::cluster) fn disturb_rest(&mut self, consumer: ConsumerId) {
        let now = self.now();
        let process = &mut self.processes[consumer.index()];
        let Some(client) = &mut process.client else {
            return;
        };
        let Some(quiet) = client.flow.as_mut().and_then(|flow| flow.quiet.take()) else {
            return;
        };
        let heard = client.make_up_for(&quiet, now);
        let id = client.member.member_id().clone();
        let group = process.group;
        let timeout = match process.spec.config.group_protocol {
            GroupProtocol::Classic => process.spec.config.session_timeout,
            GroupProtocol::Consumer => {
                self.plan.groups[group.index()]
                    .config
                    .consumer
                    .session_timeout
            }
        };
        let host = &mut self.groups[group.index()];
        host.quiet.retain(|&other| other != consumer);
        let is_away = !host.hosting.is_active() || host.coordinator.state() == GroupState::Dead;
        if is_away || !host.coordinator.contains(&id) {
            return; // It was removed, or the coordinator is away and will give everybody a new session.
        }
        let due = heard.map_or(quiet.session, |heard| quiet.session.max(heard + timeout));
        let timer = CoordinatorTimer::Session(id);
        let place = self.calendar.place();
        if host.timers.arm(&timer, due.max(now), place) {
            self.schedule_timer(group, timer, due.max(now), place);
        }
    }
}
