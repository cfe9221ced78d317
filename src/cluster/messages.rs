//! Requests on their way to the coordinator, answers on their way back.

use super::world::Class;
use super::world::Event;
use super::world::World;

use super::answers::Answer;
use super::coordinators::{Connection, Inbound, ReturnAddress};
use super::ground::Packet;
use super::hosting::refused;
use super::process::Process;
use crate::assignor::{ConsumerId, GroupId, MemberId};
use crate::kernel::SimDuration;
use crate::protocol::config::GroupProtocol;
use crate::protocol::message::{JOIN_EPOCH, Request, RequestToken};

/// So many ids of members are known without anybody looking whose they are.
pub(super) const FEW_IDS: usize = 256;

impl Process {
    /// What has this token was sent on a connection that its life has closed since.
    fn has_closed(&self, incarnation: u32, token: RequestToken) -> bool {
        let mut all = self.former_connections.iter().chain([&self.connection]);
        let lost = |connection: &Connection| {
            connection.incarnation == incarnation && token <= connection.lost
        };
        all.any(lost)
    }

    /// Former lives on whose connections nothing waits any more are over for the broker, too.
    fn forget_idle_connections(&mut self) {
        let waits = |former: &Connection| former.serving.is_some();
        self.former_connections.retain(waits);
    }
}

impl World<'_> {
    pub(super) fn on_arrival(&mut self, consumer: ConsumerId, incarnation: u32, inbound: Inbound) {
        let process = &mut self.processes[consumer.index()];
        let group = process.group;
        if matches!(inbound.packet, Packet::FindCoordinator) {
            let answer = Answer::Coordinator(self.groups[group.index()].hosting.leader());
            let at = self.now() + inbound.back;
            let event = Event::Deliver {
                consumer,
                incarnation,
                token: Some(inbound.token),
                answer,
            };
            return self.schedule(at, Class::Message, consumer.0, event);
        }
        if process.has_closed(incarnation, inbound.token) {
            return;
        }
        let connection = process.connection_of(incarnation);
        if connection.serving.is_some() {
            connection.queue.push_back(inbound);
            return;
        }
        self.serve(consumer, incarnation, inbound);
    }

    pub(super) fn serve(&mut self, consumer: ConsumerId, incarnation: u32, inbound: Inbound) {
        let process = &mut self.processes[consumer.index()];
        let group = process.group;
        let hosting = &self.groups[group.index()].hosting;
        if hosting.is_gone(inbound.broker) {
            return self.fail_to_connect(consumer, incarnation, inbound.back);
        }
        process.connection_of(incarnation).serving = Some(inbound.token);
        let Inbound {
            token,
            packet,
            back,
            broker,
        } = inbound;
        let purpose = match &packet {
            Packet::Commit(purpose, _) => Some(*purpose),
            Packet::Group(_) | Packet::OffsetFetch(_) | Packet::FindCoordinator => None,
        };
        let host = &mut self.groups[group.index()];
        let refusal = host.hosting.refusal(broker);
        host.unanswered.insert(
            token,
            ReturnAddress {
                consumer,
                incarnation,
                back,
                purpose,
            },
        );
        if let Some(error) = refusal {
            return self.answer(group, token, refused(&packet, error));
        }
        match packet {
            Packet::Group(mut request) => {
                self.hear_of_member(group, consumer, &mut request);
                self.serve_group(group, token, request);
            }
            Packet::Commit(_, commit) => {
                self.serve_group(group, token, Request::OffsetCommit(commit));
            }
            Packet::OffsetFetch(_) => self.read_behind_writes(group, token, packet),
            Packet::FindCoordinator => {}
        }
    }

    /// The broker that the client takes for its coordinator is not there.
    fn fail_to_connect(&mut self, consumer: ConsumerId, incarnation: u32, back: SimDuration) {
        let process = &mut self.processes[consumer.index()];
        let connection = process.connection_of(incarnation);
        connection.serving = None;
        connection.queue.clear();
        process.forget_idle_connections();
        let event = Event::Deliver {
            consumer,
            incarnation,
            token: None,
            answer: Answer::Disconnected,
        };
        self.schedule(self.now() + back, Class::Message, consumer.0, event);
    }

    /// The id of a member that comes without one. The coordinator of a consumer group gives a Uuid to classic members too (`classicGroupJoinToConsumerGroup`).
    pub(super) fn next_member_id(&mut self, consumer: ConsumerId) -> MemberId {
        let process = &self.processes[consumer.index()];
        let config = &process.spec.config;
        let is_consumer = self.groups[process.group.index()].coordinator.is_consumer();
        let prefix = config.group_instance_id.as_deref();
        let prefix = prefix.unwrap_or(&process.spec.name);
        let id = match config.group_protocol {
            GroupProtocol::Classic if is_consumer => self.naming.uuid(&process.name, prefix),
            GroupProtocol::Classic => self.naming.member(&process.name, prefix),
            GroupProtocol::Consumer => self.naming.uuid(&process.name, &process.spec.name),
        };
        self.groups[process.group.index()]
            .processes
            .insert(id.clone(), consumer);
        id
    }

    /// Ids of members come with lives and with joins that are refused. Those of nobody are forgotten when there are many of them.
    fn forget_ids_of_nobody(&mut self, group: GroupId) {
        let processes = &self.processes;
        let host = &mut self.groups[group.index()];
        if host.processes.len() <= host.room_for_ids {
            return;
        }
        let coordinator = &host.coordinator;
        host.processes.retain(|known, owner| {
            let client = processes[owner.index()].client.as_ref();
            let is_own = client.is_some_and(|client| client.member.member_id() == known);
            is_own || coordinator.contains(known)
        });
        host.room_for_ids = FEW_IDS.max(host.processes.len() * 2);
    }

    /// The request may be the first by which the coordinator hears of that member: it knows whose it is from now on.
    fn hear_of_member(&mut self, group: GroupId, consumer: ConsumerId, request: &mut Request) {
        match request {
            Request::JoinGroup(join) => {
                self.forget_ids_of_nobody(group);
                if join.member_id.is_unknown() {
                    join.proposed_member_id = self.next_member_id(consumer);
                } else {
                    let known = &mut self.groups[group.index()].processes;
                    known.insert(join.member_id.clone(), consumer);
                }
            }
            Request::ConsumerGroupHeartbeat(beat) if beat.member_epoch == JOIN_EPOCH => {
                self.forget_ids_of_nobody(group);
                let known = &mut self.groups[group.index()].processes;
                known.insert(beat.member_id.clone(), consumer);
            }
            Request::SyncGroup(_)
            | Request::Heartbeat(_)
            | Request::LeaveGroup(_)
            | Request::OffsetCommit(_)
            | Request::ConsumerGroupHeartbeat(_) => {}
        }
    }

    /// The answer to `token` leaves; the connection goes on with what waits behind it.
    pub(super) fn answer(&mut self, group: GroupId, token: RequestToken, answer: Answer) {
        let Some(address) = self.groups[group.index()].unanswered.remove(&token) else {
            return;
        };
        let ReturnAddress {
            consumer,
            incarnation,
            back,
            ..
        } = address;
        let now = self.now();
        let process = &mut self.processes[consumer.index()];
        let connection = process.connection_of(incarnation);
        let at = (now + back).max(connection.last_answer);
        connection.last_answer = at;
        let event = Event::Deliver {
            consumer,
            incarnation,
            token: Some(token),
            answer,
        };
        self.schedule(at, Class::Message, consumer.0, event);
        let process = &mut self.processes[consumer.index()];
        let connection = process.connection_of(incarnation);
        if connection.serving != Some(token) {
            return;
        }
        let next = connection.queue.pop_front();
        connection.serving = next.as_ref().map(|next| next.token);
        if let Some(next) = next {
            self.unmuted.push_back((consumer, incarnation, next));
            self.serve_unmuted();
        } else {
            process.forget_idle_connections();
        }
    }

    /// What waited behind requests that are answered now is served after everything that those did, one after the other: there may be thousands.
    pub(super) fn serve_unmuted(&mut self) {
        if self.applying > 0 {
            return;
        }
        self.applying += 1;
        while let Some((consumer, incarnation, next)) = self.unmuted.pop_front() {
            self.serve(consumer, incarnation, next);
        }
        self.applying -= 1;
    }

    pub(super) fn on_delivery(
        &mut self,
        consumer: ConsumerId,
        incarnation: u32,
        token: Option<RequestToken>,
        answer: Answer,
    ) {
        let now = self.now();
        let process = &self.processes[consumer.index()];
        if process.incarnation != incarnation || process.client.is_none() {
            return;
        }
        if process.cut_until > now {
            let event = Event::Deliver {
                consumer,
                incarnation,
                token,
                answer,
            };
            let at = process.cut_until;
            return self.schedule(at, Class::Message, consumer.0, event);
        }
        if let Answer::Coordinator(Some(broker)) = answer {
            self.processes[consumer.index()].connection.broker = broker;
        }
        self.hand_over(consumer, token, answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Options;
    use crate::kernel::Seed;
    use crate::scenario::{NoFiles, Overrides, load};

    const TEXT: &str = "{ version: 1, name: n, duration: 1m, topics: { t: { partitions: 1 } }, groups: { g: { topics: [t], members: 1 } } }";

    #[test]
    fn ids_and_connections_of_former_lives_do_not_pile_up() {
        let scenario = load("n.yaml", TEXT, &mut NoFiles, &Overrides::default())
            .unwrap_or_else(|rejected| panic!("{rejected}"));
        let options = Options::default();
        let mut world = World::new(&scenario.plans[0], Seed(1), &options);
        let (group, consumer) = (GroupId(0), ConsumerId(0));
        for life in 1..5_000 {
            world.next_member_id(consumer);
            world.forget_ids_of_nobody(group);
            world.fail_to_connect(consumer, life, SimDuration::ZERO);
        }
        assert!(world.groups[0].processes.len() <= FEW_IDS + 1);
        assert!(world.processes[0].former_connections.is_empty());
    }
}
