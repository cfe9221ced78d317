//! `resources`, `faults`, and what a member's `processing` and `listener` say of its surroundings.

use crate::assignor::GroupId;
use crate::kernel::SimDuration;
use crate::scenario::check::duration_or;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::near::did_you_mean;
use crate::scenario::plan::{
    Fault, FaultKind, FaultTarget, NodeId, Plan, Resource, ResourceId, Target,
};
use crate::scenario::shape::{Item, Pair, Typed};
use crate::workload::arrivals::Rate;
use crate::workload::distribution::Distribution;
use crate::workload::downstream::ResourceSpec;
use crate::workload::failures::{Failures, OnPoison};
use crate::workload::restore::{RestoreSpec, State};

use super::Builder;
use super::groups::count;

impl Builder<'_, '_> {
    /// The resources, by name.
    pub(super) fn resources(&mut self, item: Option<&Item>) -> Vec<Resource> {
        let pairs = item.map_or_else(Vec::new, Item::pairs_by_name);
        pairs
            .into_iter()
            .map(|pair| Resource {
                name: pair.key.clone(),
                spec: ResourceSpec {
                    capacity: self.some_rate(pair.item.get("capacity")),
                    contention: share(pair.item.get("contention")),
                    latency: self.some_time(pair.item.get("latency")),
                },
            })
            .collect()
    }

    fn some_rate(&mut self, item: Option<&Item>) -> Rate {
        let rate = item.and_then(Item::rate);
        if let (Some(item), Some(0)) = (item, rate.map(|rate| rate.records)) {
            self.error(Code::Limit, item, "nothing would ever be done at this rate");
        }
        rate.filter(|rate| rate.records > 0).unwrap_or(Rate {
            records: 1,
            per_micros: 1,
        })
    }

    fn some_time(&mut self, item: Option<&Item>) -> SimDuration {
        let span = duration_or(item, SimDuration::from_micros(1));
        if let Some(item) = item.filter(|_| span.is_zero()) {
            self.error(
                Code::Limit,
                item,
                "this must take longer than no time at all",
            );
        }
        span.max(SimDuration::from_micros(1))
    }

    /// `downstream`
    pub(super) fn downstream(
        &mut self,
        item: Option<&Item>,
        resources: &[Resource],
    ) -> Option<ResourceId> {
        let item = item?;
        let name = item.text()?;
        let position = resources.iter().position(|resource| resource.name == name);
        if position.is_none() && self.resources_known {
            let names = resources.iter().map(|resource| &*resource.name);
            self.report(
                Diagnostic::error(
                    Code::UnknownResource,
                    item.span,
                    format!("there is no resource `{name}`"),
                )
                .maybe_help(did_you_mean(name, names)),
            );
        }
        if position.is_some() {
            self.used.resources.insert(name.to_owned());
        }
        position.map(|position| ResourceId(count(position)))
    }

    /// `cpu_per_record`, which is a part of `per_record`.
    pub(super) fn cpu_per_record(
        &mut self,
        item: Option<&Item>,
        per_record: &Distribution,
    ) -> Option<Distribution> {
        let item = item?;
        let burns = self.distribution(item);
        let more = burns
            .as_constant()
            .zip(per_record.as_constant())
            .is_some_and(|(burns, all)| burns > all);
        if more {
            let message = format!(
                "`cpu_per_record` is a part of `per_record`, which is {} only",
                per_record.mean()
            );
            self.error(Code::Limit, item, message);
        }
        Some(burns)
    }

    /// `restore` and the keys beside it.
    pub(super) fn restore(&mut self, on_assigned: Option<&Item>) -> Option<RestoreSpec> {
        let key = |key: &str| on_assigned.and_then(|item| item.get(key));
        let (standbys, resume) = (key("standbys"), key("resume_after_restart"));
        let Some(item) = key("restore") else {
            for at in [standbys, resume].into_iter().flatten() {
                let message = "this changes nothing without `restore`";
                self.error(Code::Modifier, at, message);
            }
            return None;
        };
        let rate = item.get("rate");
        let bytes = match item.get("bytes_per_partition").map(|bytes| &bytes.value) {
            Some(Typed::Size(bytes)) => Some(*bytes),
            _ => None,
        };
        let flow = match rate.map(|rate| &rate.value) {
            Some(Typed::Flow(bytes)) => Some(*bytes),
            _ => None,
        };
        let records = item.get("records").and_then(Item::integer);
        let state = match (item.duration(), bytes, records) {
            (Some(time), _, _) => State::Time(time),
            (None, Some(bytes), _) => {
                if let Some(rate) =
                    rate.filter(|rate| !rate.is_wrong() && flow.is_none_or(|f| f == 0))
                {
                    self.unfit_rate(rate, "bytes are read at a rate such as 50MB/s");
                }
                State::Bytes {
                    bytes,
                    per_second: flow.unwrap_or(1),
                }
            }
            (None, None, Some(records)) => {
                let fits = rate.and_then(Item::rate).filter(|rate| rate.records > 0);
                if let Some(rate) = rate.filter(|rate| !rate.is_wrong() && fits.is_none()) {
                    self.unfit_rate(rate, "records are applied at a rate such as 150000/s");
                }
                State::Records {
                    records,
                    rate: fits.unwrap_or(Rate {
                        records: 1,
                        per_micros: 1,
                    }),
                }
            }
            (None, None, None) => return None,
        };
        Some(RestoreSpec {
            state,
            standbys: standbys
                .and_then(Item::integer)
                .and_then(|number| u32::try_from(number).ok())
                .unwrap_or(0),
            resume_after_restart: resume.is_some_and(Item::is_true),
        })
    }

    fn unfit_rate(&mut self, rate: &Item, message: &str) {
        self.error(Code::BadUnit, rate, message);
    }

    /// The sources of faults, in the scenario's order.
    pub(super) fn faults(&mut self, item: Option<&Item>, plan: &Plan) -> Vec<Fault> {
        let mut faults: Vec<Fault> = Vec::new();
        let entries = item.map_or(&[][..], Item::items).iter();
        for (index, entry) in entries.enumerate() {
            let Some((verb, pair)) = ["crash", "freeze", "noisy"]
                .into_iter()
                .find_map(|verb| Some((verb, entry.pair(verb)?)))
            else {
                continue;
            };
            let Some(target) = self.fault_target(verb, pair, plan) else {
                continue;
            };
            let Some(kind) = self.fault_kind(verb, entry) else {
                continue;
            };
            let stream = format!("{verb}:{}", pair.item.text().unwrap_or(""));
            let alike = |fault: &&Fault| {
                let name = fault.stream.rsplit_once('#');
                name.map_or(&*fault.stream, |(name, _)| name) == stream
            };
            let nth = faults.iter().filter(alike).count();
            faults.push(Fault {
                verb,
                target,
                kind,
                stream: format!("{stream}#{nth}"),
                pointer: format!("/faults/{index}"),
            });
        }
        faults
    }

    fn fault_target(&mut self, verb: &str, pair: &Pair, plan: &Plan) -> Option<FaultTarget> {
        let text = pair.item.text()?;
        let nodes = &plan.platform.nodes;
        let node = nodes.iter().position(|node| node.name == text);
        if let Some(node) = node.filter(|_| verb == "noisy") {
            return Some(FaultTarget::Node(NodeId(count(node))));
        }
        let group = text.strip_suffix("/*").unwrap_or(text);
        if let Some(group) = plan.groups.iter().position(|known| known.name == group) {
            return Some(FaultTarget::Group(GroupId(count(group))));
        }
        let target = self.target(&pair.item, plan)?;
        if verb == "noisy" && matches!(target, Target::Random(_)) {
            self.error(
                Code::Modifier,
                &pair.item,
                "a neighbour is noisy to a node or to members, not to one of them by lot",
            );
            return None;
        }
        if matches!(target, Target::LivingAt(..) | Target::Named(..)) {
            self.error(
                Code::Modifier,
                &pair.item,
                "a fault befalls all pods (`group` or `group/*`), or one by lot (`group/random`)",
            );
            return None;
        }
        Some(FaultTarget::Members(target))
    }

    fn fault_kind(&mut self, verb: &str, entry: &Item) -> Option<FaultKind> {
        if verb == "crash" {
            let mean = self.some_time(entry.get("mtbf"));
            return Some(FaultKind::Crash {
                uptime: Distribution::exponential(mean).ok()?,
                repair: entry.get("repair").map(|item| self.distribution(item)),
            });
        }
        let item = entry.get("every")?;
        let every = self.distribution(item);
        if every.mean().is_zero() {
            self.error(Code::Limit, item, "`every` must be longer than nothing");
            return None;
        }
        let length = self.distribution(entry.get("for")?);
        if verb == "freeze" {
            return Some(FaultKind::Freeze { every, length });
        }
        let leaves = entry.get("leaves")?;
        let factors: Vec<u64> = match leaves.factor() {
            Some(factor) => vec![factor, factor],
            None => leaves.items().iter().filter_map(Item::factor).collect(),
        };
        match factors[..] {
            [from, to] if 0 < from && from <= to && to <= 1_000 => Some(FaultKind::Noise {
                every,
                length,
                leaves: (from, to),
            }),
            _ => {
                let message = "what is left of the CPU is a number above 0 and at most 1, or two of them: [0.5, 1]";
                self.error(Code::Limit, leaves, message);
                None
            }
        }
    }
}

/// `failures`
pub(super) fn failures(item: Option<&Item>) -> Option<Failures> {
    let item = item?;
    let retries = item.get("retries").and_then(Item::integer)?;
    Some(Failures {
        share: share(item.get("share")),
        retries: u32::try_from(retries).unwrap_or(u32::MAX),
        backoff: duration_or(item.get("backoff"), SimDuration::ZERO),
    })
}

/// `on_poison`
pub(super) fn on_poison(item: Option<&Item>) -> OnPoison {
    match item.and_then(Item::text) {
        Some("skip") => OnPoison::Skip,
        Some("retry") => OnPoison::Retry,
        _ => OnPoison::Crash,
    }
}

/// A share in thousandths of a percent.
fn share(item: Option<&Item>) -> u64 {
    match item.map(|item| &item.value) {
        Some(Typed::Share(share)) => *share,
        _ => 0,
    }
}
