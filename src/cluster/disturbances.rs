//! What befalls running processes: standing still, being cut off, paused partitions.

use super::script::Step;

use super::world::{Class, Event, World};
use crate::assignor::{ConsumerId, TopicId, TopicPartition};
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::{Observation, ReleaseReason};

impl World<'_> {
    pub(super) fn freeze(&mut self, consumer: ConsumerId, span: SimDuration) {
        let now = self.now();
        self.disturb(consumer, |_| {});
        let window = self.window;
        let Some(client) = &mut self.processes[consumer.index()].client else {
            return;
        };
        let length = client.stand_still(now, span, window);
        let incarnation = self.processes[consumer.index()].incarnation;
        let group = self.processes[consumer.index()].group;
        for (account, log) in self.groups[group.index()]
            .accounts
            .iter_mut()
            .zip(&mut self.logs)
        {
            account.settle(log, now);
            account.hold(consumer, now, length);
        }
        self.observe(Observation::ConsumerFrozen { consumer });
        self.interrupt_serving(consumer, ReleaseReason::Frozen);
        let step = Step::Thaw {
            consumer,
            incarnation,
        };
        self.schedule(now + span, Class::Script, consumer.0, Event::Script(step));
        self.rearm(consumer);
    }

    pub(super) fn thaw(&mut self, consumer: ConsumerId, incarnation: u32) {
        let now = self.now();
        let process = &self.processes[consumer.index()];
        let over = process
            .client
            .as_ref()
            .is_some_and(|client| client.frozen_until <= now);
        if process.incarnation == incarnation && over {
            self.observe(Observation::ConsumerThawed { consumer });
            self.resume_serving(consumer);
        }
    }

    /// No message passes for `span`, to or from whatever process bears this name.
    pub(super) fn disconnect(&mut self, consumer: ConsumerId, span: SimDuration) {
        let now = self.now();
        self.disturb(consumer, |_| {});
        let process = &mut self.processes[consumer.index()];
        let until = now + span;
        if process.client.is_none() || until <= process.cut_until {
            return; // A longer cut is under way.
        }
        process.cut_until = until;
        if let Some(client) = &mut process.client {
            client.fetcher.postpone(until, &process.spec.config);
        }
        self.observe(Observation::ConsumerConnected {
            consumer,
            connected: false,
        });
        self.interrupt_serving(consumer, ReleaseReason::Disconnected);
        let step = Step::Mend { consumer };
        self.schedule(until, Class::Script, consumer.0, Event::Script(step));
        self.rearm(consumer);
    }

    /// One that has just started is cut off as the one before it was.
    pub(super) fn start_cut_off(&mut self, consumer: ConsumerId) {
        let now = self.now();
        let process = &mut self.processes[consumer.index()];
        let Some(client) = process.client.as_mut().filter(|_| now < process.cut_until) else {
            return;
        };
        client.interrupted = true;
        self.observe(Observation::ConsumerConnected {
            consumer,
            connected: false,
        });
    }

    pub(super) fn mend(&mut self, consumer: ConsumerId) {
        let process = &self.processes[consumer.index()];
        if process.client.is_some() && process.cut_until <= self.now() {
            self.observe(Observation::ConsumerConnected {
                consumer,
                connected: true,
            });
            self.resume_serving(consumer);
        }
    }

    /// The partitions that the process serves are not served for a while, though it goes on owning them.
    fn interrupt_serving(&mut self, consumer: ConsumerId, why: ReleaseReason) {
        let now = self.now();
        self.with_client(consumer, now, |client, ground| {
            if !std::mem::replace(&mut client.interrupted, true) {
                let slots = client.fetcher.slots.iter();
                ground.released(slots.filter(|slot| slot.serving), why);
            }
        });
    }

    /// They are again, if it neither stands still nor is cut off any more.
    fn resume_serving(&mut self, consumer: ConsumerId) {
        let now = self.now();
        self.catch_up(consumer);
        let is_reached = self.processes[consumer.index()].cut_until <= now;
        self.with_client(consumer, now, |client, ground| {
            let resumes = is_reached && client.frozen_until <= now;
            if resumes && std::mem::take(&mut client.interrupted) {
                let slots = client.fetcher.slots.iter();
                ground.serving(slots.filter(|slot| slot.serving && !slot.suspended));
            }
        });
        self.rearm(consumer);
    }

    /// The next record of each partition of the topic, or of one, cannot be processed.
    pub(super) fn poison(&mut self, topic: TopicId, partition: Option<u32>) {
        let now = self.now();
        for consumer in self.consumers() {
            self.catch_up(consumer);
        }
        let all = 0..self.topology.partitions_of(topic);
        for partition in all.filter(|number| partition.is_none_or(|only| only == *number)) {
            let index = self.topology.index(TopicPartition { topic, partition });
            let log = &mut self.logs[index];
            let next = log.arrivals.count(now);
            if !log.poison.contains(&next) {
                log.poison.push(next);
            }
            self.poisoned = true;
        }
        for consumer in self.consumers() {
            self.rearm(consumer);
        }
    }

    /// The application pauses a topic or a partition until an instant, or goes on with what is paused no longer than now.
    pub(super) fn set_paused(
        &mut self,
        topic: TopicId,
        partition: Option<u32>,
        until: Option<SimTime>,
    ) {
        for consumer in self.consumers() {
            self.catch_up(consumer);
        }
        let all = 0..self.topology.partitions_of(topic);
        for number in all.filter(|number| partition.is_none_or(|only| only == *number)) {
            let place = TopicPartition {
                topic,
                partition: number,
            };
            let index = self.topology.index(place);
            self.paused_until[index] = self.paused_until[index].max(until.unwrap_or(SimTime::ZERO));
            let paused = self.now() < self.paused_until[index];
            self.paused[index] = paused;
            for process in &mut self.processes {
                if let Some(client) = &mut process.client {
                    client.fetcher.set_paused(index, paused);
                }
            }
        }
        for consumer in self.consumers() {
            self.rearm(consumer);
        }
    }
}
