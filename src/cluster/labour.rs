//! What processing costs a process at present: its own work, slowed down or throttled, and the calls to a resource downstream.
//!
//! Where records are processed one after the other and each takes its time alone, a batch is known by its sum, and many batches at
//! once (`cycles`). Several threads, attempts that fail and quotas on work that also waits are worked out record by record (`batch`).

use std::sync::Arc;

use super::records::{UNCHANGED, slowed};
use crate::kernel::SimDuration;
use crate::scenario::plan::Processing;
use crate::workload::cpu::{CORE_M, CpuBudget};
use crate::workload::distribution::Distribution;

/// Thousandths of the processing time under no slow-down.
const USUAL: u64 = 1_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Labour {
    /// Of a record, downstream call included, where records follow each other.
    pub(super) per_record: Arc<Distribution>,
    /// Millionths of the processing time, by slow-down and throttling, where records follow each other.
    pub(super) factor: u64,
    /// Millionths of the processing time, by slow-down alone.
    pub(super) slow: u64,
    /// Core-microseconds that a record burns, where all take the same.
    pub(super) cpu_each: Option<u64>,
    /// How long a call downstream takes; zero without one.
    pub(super) call: SimDuration,
    /// What the process may burn, in thousandths of a core.
    pub(super) capacity_m: u64,
    /// Batches are worked out record by record.
    pub(super) in_detail: bool,
    /// What a slow-down makes of the processing time, in thousandths.
    slowed_to: u64,
    budget: CpuBudget,
    /// The most that its host leaves it.
    level_m: Option<u64>,
    /// Thousandths of the CPU that others leave.
    noise: u64,
}

impl Labour {
    pub(super) fn new(processing: &Processing, budget: CpuBudget, call: SimDuration) -> Self {
        let mut labour = Self {
            per_record: Arc::new(processing.per_record.clone()),
            factor: UNCHANGED,
            slow: UNCHANGED,
            cpu_each: None,
            call,
            capacity_m: u64::from(processing.threads) * CORE_M,
            in_detail: false,
            slowed_to: USUAL,
            budget,
            level_m: None,
            noise: USUAL,
        };
        labour.review(processing);
        labour
    }

    /// Batches that begin from now on take `thousandths` of their time.
    pub(super) fn set_slow(&mut self, thousandths: Option<u64>, processing: &Processing) {
        self.slowed_to = thousandths.unwrap_or(USUAL);
        self.review(processing);
    }

    /// Others leave `thousandths` of the CPU.
    pub(super) fn set_noise(&mut self, thousandths: Option<u64>, processing: &Processing) {
        self.noise = thousandths.unwrap_or(USUAL);
        self.review(processing);
    }

    /// The host leaves `level_m`, a call downstream takes `call`; true when that changes anything.
    pub(super) fn set_surroundings(
        &mut self,
        level_m: Option<u64>,
        call: SimDuration,
        processing: &Processing,
    ) -> bool {
        let changes = (self.level_m, self.call) != (level_m, call);
        if changes {
            (self.level_m, self.call) = (level_m, call);
            self.review(processing);
        }
        changes
    }

    /// Settings or surroundings are others than before.
    pub(super) fn review(&mut self, processing: &Processing) {
        let threads = u64::from(processing.threads);
        self.slow = self.slowed_to * (UNCHANGED / USUAL);
        self.capacity_m = self.budget.capacity_m(threads, self.level_m, self.noise);
        let own = processing.per_record.as_constant();
        let burns = processing.cpu_per_record.as_ref();
        let share = burns.map(Distribution::as_constant);
        // Its own time and the part that burns, where both are always the same.
        let alike = match (own, share) {
            (Some(own), None) => Some((own, own)),
            (Some(own), Some(Some(burns))) => Some((own, burns.min(own))),
            (Some(_), Some(None)) | (None, _) => None,
        };
        let calls = processing.downstream.is_some();
        let throttled = self.capacity_m < threads * CORE_M;
        let waits = calls || burns.is_some();
        self.in_detail = threads > 1
            || processing.failures.is_some()
            || (throttled && waits)
            || (calls && (alike.is_none() || self.slow != UNCHANGED))
            || (burns.is_some() && alike.is_none());
        self.factor = if throttled && !self.in_detail {
            let factor = u128::from(self.slow) * u128::from(CORE_M) / u128::from(self.capacity_m);
            u64::try_from(factor).unwrap_or(u64::MAX)
        } else {
            self.slow
        };
        self.cpu_each = alike.map(|(_, burns)| slowed(burns, self.slow).as_micros());
        let per_record = match own.filter(|_| calls) {
            Some(own) => Distribution::Constant(own + self.call),
            None => processing.per_record.clone(),
        };
        if *self.per_record != per_record {
            self.per_record = Arc::new(per_record);
        }
    }

    /// What the process would burn if nobody held it back, idle burning included.
    pub(super) fn appetite_m(&self, processing: &Processing) -> u64 {
        self.budget.appetite_m(u64::from(processing.threads))
    }

    /// Burnt by what is not processing.
    pub(super) fn idle_m(&self) -> u64 {
        self.budget.idle_m
    }
}
