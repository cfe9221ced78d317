//! `pod` of a workload, and events that are done to workloads and nodes.

use crate::assignor::GroupId;
use crate::kernel::words::ordinal;
use crate::kernel::{SimDuration, SimTime};
use crate::platform::pod::{PodSpec, Shutdown};
use crate::scenario::check::duration_or;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::near::did_you_mean;
use crate::scenario::plan::platform::{Controller, Workload};
use crate::scenario::plan::{Event, NodeId, Plan, Target, Verb, WorkloadId};
use crate::scenario::scalar::{self, Problem};
use crate::scenario::shape::Item;
use crate::scenario::verbs::VerbRow;
use crate::workload::distribution::Distribution;

use super::Builder;
use super::groups::count;
use super::workloads::{number, seconds, word};

/// Scheduling and the controller's answer 0.5 s, sandbox and container 2 s, runtime and framework 8 s; the image is there.
const STARTUP: SimDuration = SimDuration::from_millis(10_500);

/// The whole number at `to`, which takes other things with other verbs.
pub(super) fn number_at(to: &Item, least: u64, most: u64) -> Result<u64, Problem> {
    let Some(text) = to.text() else {
        let problem = Problem::new(Code::NotANumber, "a number belongs here".to_owned());
        return Err(problem.help(format!(
            "from {least} to {most}; a time goes with `reset_offsets`"
        )));
    };
    scalar::integer(text, least, most)
}

impl Builder<'_, '_> {
    /// What the pods of a workload are, by its `pod` and its manifest.
    pub(super) fn pod(&mut self, item: Option<&Item>, spec: Option<&Item>) -> PodSpec {
        let get = |key: &str| item.and_then(|item| item.get(key));
        let template = spec.and_then(|spec| spec.get("template")?.get("spec"));
        let containers = self.containers(template.and_then(|template| template.get("containers")));
        PodSpec {
            grace: seconds(number(template, "terminationGracePeriodSeconds", 30)),
            startup: match get("startup") {
                Some(startup) => self.distribution(startup),
                None => Distribution::Constant(STARTUP),
            },
            ready_after: self.distribution_or_zero(get("ready_after")),
            pre_stop: duration_or(get("pre_stop"), SimDuration::ZERO),
            shutdown: match word(item, "shutdown") {
                Some("kill") => Shutdown::Kill,
                Some("graceful_without_leave") => Shutdown::GracefulWithoutLeave,
                Some(_) | None => Shutdown::Graceful,
            },
            cpu: self.cpu(get("cpu"), &containers),
            memory: self.memory(get("memory"), &containers),
            containers: containers.into_iter().map(|one| one.name).collect(),
        }
    }

    /// `deploy`, `rollback`, `scale`.
    pub(super) fn workload_verb(
        &mut self,
        row: &VerbRow,
        item: &Item,
        entry: &Item,
        plan: &Plan,
    ) -> Option<Verb> {
        let workload = self.workload_named(item, &plan.platform.workloads)?;
        match row.name {
            "deploy" => Some(Verb::Deploy(workload)),
            "rollback" => Some(Verb::Rollback(workload)),
            _ => {
                let to = entry.get("to")?;
                match number_at(to, 0, 100_000) {
                    Ok(number) => Some(Verb::Scale(workload, u32::try_from(number).unwrap_or(0))),
                    Err(problem) => {
                        self.report(problem.at(to.span));
                        None
                    }
                }
            }
        }
    }

    /// Each rollback comes after a deploy of the same workload.
    pub(super) fn have_earlier_revisions(
        &mut self,
        rollbacks: &[(WorkloadId, SimTime, &Item)],
        events: &[Event],
    ) {
        for (workload, at, item) in rollbacks {
            let deploys = |event: &Event| event.verb == Verb::Deploy(*workload) && event.at < *at;
            if !events.iter().any(deploys) {
                let name = item.text().unwrap_or("");
                let message = format!("`{name}` has no earlier revision at {at}");
                self.report(
                    Diagnostic::error(Code::NoRevision, item.span, message)
                        .help(format!("it needs a `deploy: {name}` before")),
                );
            }
        }
    }

    /// `drain`, `kill_node`.
    pub(super) fn node_verb(&mut self, row: &VerbRow, item: &Item, plan: &Plan) -> Option<Verb> {
        let names = plan.platform.nodes.iter().map(|node| &*node.name);
        let node = NodeId(self.position_named(item, "node", names)?);
        Some(match row.name {
            "drain" => Verb::Drain(node),
            _ => Verb::KillNode(node),
        })
    }

    /// Refuses what needs to know members beforehand where pods make them; `None` when it does.
    pub(super) fn only_listed_members(
        &mut self,
        item: &Item,
        group: GroupId,
        plan: &Plan,
    ) -> Option<()> {
        let Some(maker) = plan.platform.maker_of(group) else {
            return Some(());
        };
        let name = &plan.groups[group.index()].name;
        let message = format!(
            "the members of `{name}` are pods of `{}`: this is not modelled for them yet",
            maker.name
        );
        self.report(
            Diagnostic::error(Code::NotModelled, item.span, message)
                .help("for pods there are deploy, rollback, scale, drain, kill_node, crash, restart, freeze, stall, slow, disconnect"),
        );
        None
    }

    /// Members that come and go with pods: all of the living, one by lot, by place, or (of a StatefulSet) by name.
    pub(super) fn target_in_pods(
        &mut self,
        item: &Item,
        (group, member): (GroupId, &str),
        maker: &Workload,
    ) -> Option<Target> {
        let is_name = matches!(maker.controller, Controller::StatefulSet(_))
            && member
                .strip_prefix(&*maker.name)
                .and_then(|rest| rest.strip_prefix('-'))
                .is_some_and(|rest| rest.split('-').all(|part| ordinal::<u32>(part).is_some()));
        match member {
            "*" => Some(Target::Living(group)),
            "random" => Some(Target::Random(group)),
            _ if is_name => Some(Target::Named(group, member.to_owned())),
            _ => {
                if let Some(place) = ordinal(member) {
                    return Some(Target::LivingAt(group, place));
                }
                let message = format!("no pod of `{}` is ever called `{member}`", maker.name);
                let help = match maker.controller {
                    Controller::StatefulSet(_) => format!("{}-0 and so on, or a place: 0 is the oldest of the living", maker.name),
                    Controller::Deployment(_) => "its pods get names of their own: give a place (0 is the oldest of the living), * or random".to_owned(),
                };
                self.report(Diagnostic::error(Code::UnknownMember, item.span, message).help(help));
                None
            }
        }
    }

    /// The workload that `item` names, or a finding.
    pub(super) fn workload_named(
        &mut self,
        item: &Item,
        workloads: &[Workload],
    ) -> Option<WorkloadId> {
        let names = workloads.iter().map(|workload| &*workload.name);
        let what = "Deployment or StatefulSet";
        self.position_named(item, what, names).map(WorkloadId)
    }

    fn position_named<'n>(
        &mut self,
        item: &Item,
        what: &str,
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> Option<u32> {
        let name = item.text()?;
        let position = names.clone().position(|other| other == name);
        if position.is_none() {
            let known: Vec<&str> = names.clone().collect();
            let message = format!("there is no {what} `{name}`");
            let known = match known.len() {
                0 => format!("the scenario has no {what}"),
                _ => format!("known: {}", known.join(", ")),
            };
            self.report(
                Diagnostic::error(Code::UnknownWorkload, item.span, message)
                    .help(known)
                    .maybe_help(did_you_mean(name, names)),
            );
        }
        position.map(count)
    }
}
