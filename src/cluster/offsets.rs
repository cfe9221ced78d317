//! Committed offsets on their way from the coordinator to a client: OffsetFetch, its answer, its refusal.
//!
//! Clients ask for stable offsets (`requireStable`), which makes OffsetFetch a write without records: its answer waits until the writes before it are committed
//! (`GroupCoordinatorService.fetchOffsets`, `CoordinatorRuntime.waitForPendingWrites`), unless it is a refusal. One that is refused is sent again after a back-off: by a
//! classic client while there is time in `poll()`, which it holds up, and at once by the next `poll()` (`ConsumerCoordinator.fetchCommittedOffsets`); by the background thread
//! until it succeeds or cannot any more (`CommitRequestManager.fetchOffsetsWithRetries`). What a partition without position waits for beside that is in `positions`.

use super::answers::Answer;
use super::client::{App, Client};
use super::ground::{Ground, Packet};
use super::hosting::refused;
use super::world::{Class, Event, FIRST_COORDINATOR, World};
use crate::assignor::{GroupId, TopicPartition};
use crate::kernel::SimTime;
use crate::protocol::backoff::Backoff;
use crate::protocol::effect::MemberEffect;
use crate::protocol::message::{ErrorCode, OffsetFetchRequest, RequestToken};

impl World<'_> {
    /// Serves an OffsetFetch when the writes before it are committed, or refuses it at once.
    pub(super) fn read_behind_writes(
        &mut self,
        group: GroupId,
        token: RequestToken,
        packet: Packet,
    ) {
        let host = &mut self.groups[group.index()];
        if let Packet::OffsetFetch(request) = &packet
            && let Err(error) = host.coordinator.validate_offset_fetch(request)
        {
            return self.answer(group, token, refused(&packet, error));
        }
        if host.pending_appends.is_empty() {
            return self.read_offsets(group, token, &packet);
        }
        host.waiting_reads.push((token, packet));
        let (at, entity) = (host.last_append, FIRST_COORDINATOR + group.0);
        let event = Event::OffsetsRead { group, token };
        self.schedule(at, Class::Message, entity, event);
    }

    /// The writes are committed, unless the coordinator has gone away meanwhile.
    pub(super) fn on_offsets_read(&mut self, group: GroupId, token: RequestToken) {
        let waiting = &mut self.groups[group.index()].waiting_reads;
        if let Some(place) = waiting.iter().position(|(waits, _)| *waits == token) {
            let (_, packet) = waiting.remove(place);
            self.read_offsets(group, token, &packet);
        }
    }

    fn read_offsets(&mut self, group: GroupId, token: RequestToken, packet: &Packet) {
        let Packet::OffsetFetch(OffsetFetchRequest { partitions, .. }) = packet else {
            return;
        };
        let host = &self.groups[group.index()];
        let committed = |&partition: &TopicPartition| {
            let index = self.topology.index(partition);
            let offset = host.accounts[index].committed(&self.logs[index], self.now());
            (partition, offset)
        };
        let offsets = partitions.iter().map(committed).collect();
        self.answer(group, token, Answer::Offsets(offsets));
    }
}

/// What a client has asked its coordinator for in vain so far.
#[derive(Debug)]
pub(super) struct OffsetFetches {
    /// `poll()` of a classic client was refused an OffsetFetch and sends it again then; never: none was refused.
    due: SimTime,
    /// How often in a row.
    failures: Backoff,
    /// Those of the background thread, when it speaks the consumer protocol.
    repeated: Vec<OffsetFetchState>,
}

impl OffsetFetches {
    pub(super) fn new() -> Self {
        Self {
            due: SimTime::NEVER,
            failures: Backoff::default(),
            repeated: Vec::new(),
        }
    }

    /// No refusal counts any more.
    fn begin_anew(&mut self) {
        self.failures.succeed();
        self.due = SimTime::NEVER;
    }

    /// Which of the background thread's for these partitions is on its way.
    fn on_its_way<'p>(
        &self,
        partitions: impl Iterator<Item = &'p TopicPartition> + Clone,
    ) -> Option<usize> {
        let mut fetches = self.repeated.iter();
        fetches.position(|fetch| {
            fetch.due == SimTime::NEVER && fetch.partitions.iter().eq(partitions.clone())
        })
    }
}

/// An OffsetFetch of the background thread, until it has succeeded (`CommitRequestManager.OffsetFetchRequestState`): each is repeated by itself.
#[derive(Debug)]
struct OffsetFetchState {
    partitions: Vec<TopicPartition>,
    failures: Backoff,
    /// When it is sent again; never while it is on its way.
    due: SimTime,
}

impl Client {
    /// The committed offsets have come.
    pub(super) fn on_offsets(
        &mut self,
        offsets: &[(TopicPartition, Option<u64>)],
        ground: &mut Ground<'_>,
    ) {
        let fetches = &mut self.offset_fetches;
        fetches.begin_anew();
        let partitions = offsets.iter().map(|(partition, _)| partition);
        if let Some(place) = fetches.on_its_way(partitions) {
            fetches.repeated.remove(place);
        }
        let later = self.member.modern().is_some();
        self.fetcher.on_committed(offsets, later, ground);
        if later {
            self.on_positions(ground);
        }
    }

    /// The coordinator did not give them.
    pub(super) fn on_offsets_refused(
        &mut self,
        partitions: &[TopicPartition],
        error: ErrorCode,
        effects: &mut Vec<MemberEffect>,
        ground: &mut Ground<'_>,
    ) {
        let (now, fetches) = (ground.now, &mut self.offset_fetches);
        let place = fetches.on_its_way(partitions.iter());
        let repeated = place.and_then(|place| fetches.repeated.get_mut(place));
        let is_repeated = repeated.is_some();
        let (failures, due) = match repeated {
            Some(fetch) => (&mut fetch.failures, &mut fetch.due),
            None => (&mut fetches.failures, &mut fetches.due),
        };
        let member = &mut self.member;
        let wait = member.on_offsets_refused(now, error, failures, &self.fetcher, effects);
        *due = wait.map_or(SimTime::NEVER, |wait| now + wait);
        if !is_repeated {
            self.fetcher.forget_asked_offsets();
        }
    }

    /// The connection on which it was sent is gone. Who was to send it again does so when its time has come.
    pub(super) fn lose_offset_fetch(&mut self, now: SimTime) {
        if self.member.modern().is_none() {
            self.fetcher.forget_asked_offsets();
            self.offset_fetches.due = SimTime::NEVER;
        }
        for fetch in &mut self.offset_fetches.repeated {
            if fetch.due == SimTime::NEVER {
                let wait = self.member.on_offsets_lost(&mut fetch.failures);
                fetch.due = wait.map_or(SimTime::NEVER, |wait| now + wait);
            }
        }
    }

    /// A call of `poll()` begins, which tries anew.
    pub(super) fn begin_asking_offsets(&mut self) {
        if self.member.modern().is_none() {
            self.offset_fetches.begin_anew();
        }
    }

    /// When `poll()` of a classic client, which waits for that, sends the OffsetFetch again.
    pub(super) fn next_offset_retry(&self, now: SimTime) -> SimTime {
        if self.holds_for_offsets(now) {
            self.offset_fetches.due
        } else {
            SimTime::NEVER
        }
    }

    /// `poll()` of a classic client sleeps before it asks again.
    pub(super) fn holds_for_offsets(&self, now: SimTime) -> bool {
        self.member.modern().is_none() && now < self.offset_fetches.due && self.asks_offsets_again()
    }

    /// An OffsetFetch was refused, and somebody still wants to know.
    pub(super) fn asks_offsets_again(&self) -> bool {
        self.offset_fetches.due != SimTime::NEVER && self.fetcher.needs_offsets()
    }

    /// When the background thread sends an OffsetFetch again: not before it knows whom to ask.
    pub(super) fn next_offset_fetch(&self) -> SimTime {
        if self.member.knows_coordinator() && self.closing.is_none() && self.app != App::Dead {
            let due = self.offset_fetches.repeated.iter().map(|fetch| fetch.due);
            due.min().unwrap_or(SimTime::NEVER)
        } else {
            SimTime::NEVER
        }
    }

    /// Asks for the committed offsets that are missing: the coordinator that is known, and nobody else (`refreshCommittedOffsetsIfNeeded`).
    pub(super) fn ask_offsets(&mut self, ground: &mut Ground<'_>) {
        if !self.member.knows_coordinator() || self.holds_for_offsets(ground.now) {
            return;
        }
        self.offset_fetches.due = SimTime::NEVER;
        let partitions = self.fetcher.ask_offsets();
        if partitions.is_empty() {
            return;
        }
        if self.member.modern().is_some() {
            self.offset_fetches.repeated.push(OffsetFetchState {
                partitions: partitions.clone(),
                failures: Backoff::default(),
                due: SimTime::NEVER,
            });
        }
        self.send_offset_fetch(partitions, ground);
    }

    /// It asks again for what is due; what nobody waits for any more is forgotten.
    pub(super) fn retry_offsets(&mut self, ground: &mut Ground<'_>) {
        if self.next_offset_fetch() > ground.now {
            return;
        }
        let asked = self.fetcher.asked_offsets();
        self.offset_fetches.repeated.retain(|fetch| {
            let mut partitions = fetch.partitions.iter();
            fetch.due == SimTime::NEVER || partitions.any(|partition| asked.contains(partition))
        });
        let mut again = Vec::new();
        for fetch in &mut self.offset_fetches.repeated {
            if fetch.due <= ground.now {
                fetch.due = SimTime::NEVER;
                again.push(fetch.partitions.clone());
            }
        }
        for partitions in again {
            self.send_offset_fetch(partitions, ground);
        }
    }

    /// Sends OffsetFetch in its own name.
    fn send_offset_fetch(&mut self, partitions: Vec<TopicPartition>, ground: &mut Ground<'_>) {
        let member = self.member.modern().and_then(|member| member.asks_as());
        let request = OffsetFetchRequest { member, partitions };
        self.send(Packet::OffsetFetch(request), ground);
    }
}
