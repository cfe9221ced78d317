//! Requests on their way to the coordinator, answers on their way back.

use super::world::Class;
use super::world::Event;
use super::world::World;

use super::answers::Answer;
use super::coordinators::{Connection, Inbound, ReturnAddress};
use super::ground::Packet;
use super::hosting::refused;
use crate::assignor::{ConsumerId, GroupId, MemberId};
use crate::kernel::SimDuration;
use crate::protocol::config::GroupProtocol;
use crate::protocol::message::{Request, RequestToken};

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
        let connection = process.connection_of(incarnation);
        if inbound.token <= connection.lost {
            return;
        }
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
                if let Request::JoinGroup(join) = &mut request
                    && join.member_id.is_unknown()
                {
                    join.proposed_member_id = self.next_member_id(consumer);
                }
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
        let connection = self.processes[consumer.index()].connection_of(incarnation);
        connection.serving = None;
        connection.queue.clear();
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
            let others = |former: &Connection| former.incarnation != incarnation;
            process.former_connections.retain(others);
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
