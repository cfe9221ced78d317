//! `deployments`, `statefulsets`, `disruption_budgets`: who makes the members, and what protects them.

use crate::assignor::GroupId;
use crate::kernel::SimDuration;
use crate::platform::deployment::{DeploymentSpec, Strategy};
use crate::platform::disruption::{BudgetLimit, BudgetSpec, UnhealthyEviction};
use crate::platform::quantity::IntOrPercent;
use crate::platform::statefulset::{PodManagement, StatefulSetSpec, UpdateStrategy};
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::near::did_you_mean;
use crate::scenario::plan::platform::{Budget, Controller, Kubernetes, Platform, Workload};
use crate::scenario::resolved;
use crate::scenario::shape::{Item, Pair};

use super::Builder;
use super::groups::{Context, Draft, World, count};
use super::{brokers::Release, settings};

/// `maxSurge` and `maxUnavailable` (`SetDefaults_Deployment`).
const QUARTER: IntOrPercent = IntOrPercent::Percent(25);
/// No progress deadline (`HasProgressDeadline`).
const NO_DEADLINE: u64 = 2_147_483_647;
/// The release in which `MaxUnavailableStatefulSet` is on by default.
const MAX_UNAVAILABLE_SINCE: u32 = 35;

impl Builder<'_, '_> {
    /// Workloads, budgets and nodes; every group gets its members from one side. A draft of each workload's members is added to `drafts`.
    pub(super) fn platform<'i>(
        &mut self,
        root: &'i Item,
        kubernetes: Kubernetes,
        (world, release): (World<'_>, Release),
        drafts: &mut Vec<Draft<'i>>,
    ) -> Platform {
        let mut workloads: Vec<Workload> = Vec::new();
        for kind in ["deployments", "statefulsets"] {
            for pair in root.get(kind).map_or_else(Vec::new, Item::pairs_by_name) {
                if workloads.iter().any(|other| other.name == pair.key) {
                    let message = format!("a Deployment is called `{}` too", pair.key);
                    let finding = Diagnostic::error(Code::Exclusive, pair.key_span, message);
                    self.report(finding.help("events and budgets know both by their names"));
                    continue;
                }
                let Some(group) = self.pods_group(&pair.item, root) else {
                    continue;
                };
                let spec = pair.item.get("spec");
                let controller = match kind {
                    "deployments" => Controller::Deployment(self.deployment_spec(spec)),
                    _ => Controller::StatefulSet(self.statefulset_spec(spec, kubernetes)),
                };
                let pointer = format!("/{kind}/{}", resolved::token(&pair.key));
                let whole = (world, release);
                let (workload, draft) = self.workload(pair, group, controller, pointer, whole);
                workloads.push(workload);
                drafts.push(draft);
            }
        }
        self.members_come_from_one_side(root, &workloads);
        let nodes = self.nodes(root.get("nodes"));
        self.pods_fit(root, &workloads, &nodes);
        Platform {
            kubernetes,
            budgets: self.budgets(root.get("disruption_budgets"), &workloads),
            workloads,
            autoscalers: Vec::new(),
            nodes,
        }
    }

    /// The group that a workload names.
    fn pods_group<'i>(&mut self, item: &Item, root: &'i Item) -> Option<(GroupId, &'i Pair)> {
        let at = item.get("group")?;
        let name = at.text()?;
        let groups = root.get("groups")?;
        let pairs = groups.pairs_by_name();
        let position = pairs.iter().position(|pair| pair.key == name);
        let Some(position) = position else {
            let names = || pairs.iter().map(|pair| &*pair.key);
            let known: Vec<&str> = names().collect();
            let message = format!("there is no group `{name}`");
            self.report(
                Diagnostic::error(Code::UnknownGroup, at.span, message)
                    .help(format!("groups: {}", known.join(", ")))
                    .maybe_help(did_you_mean(name, names())),
            );
            return None;
        };
        Some((GroupId(count(position)), pairs[position]))
    }

    fn workload<'i>(
        &mut self,
        pair: &Pair,
        (id, group): (GroupId, &'i Pair),
        controller: Controller,
        pointer: String,
        (world, release): (World<'_>, Release),
    ) -> (Workload, Draft<'i>) {
        let context = Context {
            id,
            name: &group.key,
            item: &group.item,
            place: group.key_span,
            release: self.release(group.item.get("client_version"), release),
            topics: world.topics,
            brokers: world.brokers,
            resources: world.resources,
        };
        let keys = settings::keys(&[group.item.get("config")]);
        self.shared_instance(&keys, &context, None, usize::MAX);
        let member = self.consumer(&context, None, &keys);
        let consumers = pair.item.get("consumers_per_pod").and_then(Item::integer);
        let consumers_per_pod = u32::try_from(consumers.unwrap_or(1)).unwrap_or(1);
        let spec = pair.item.get("spec");
        let replicas = number(spec, "replicas", 1);
        let members = replicas as usize * consumers_per_pod as usize;
        if members > self.room.members {
            let message = "more than 1000000 members in all variants together";
            self.error(Code::Limit, &pair.item, message);
        } else {
            self.room.members -= members;
        }
        let fixed = group.item.get("static_membership");
        let workload = Workload {
            name: pair.key.clone(),
            group: id,
            consumers_per_pod,
            replicas,
            controller,
            pod: self.pod(pair.item.get("pod"), spec),
            member,
            static_membership: fixed.is_some_and(Item::is_true),
            pointer,
        };
        let draft = Draft {
            release: context.release,
            operation: context.item.get("group_membership_operation"),
            keys,
            instance: None,
            rack: None,
        };
        (workload, draft)
    }

    fn deployment_spec(&mut self, spec: Option<&Item>) -> DeploymentSpec {
        let strategy = spec.and_then(|spec| spec.get("strategy"));
        let rolling = strategy.and_then(|strategy| strategy.get("rollingUpdate"));
        let min_ready = number(spec, "minReadySeconds", 0);
        let deadline = number(spec, "progressDeadlineSeconds", 600);
        let at = spec.and_then(|spec| {
            spec.get("progressDeadlineSeconds")
                .or(spec.get("minReadySeconds"))
        });
        if let Some(at) = at.filter(|_| deadline <= min_ready) {
            let message = "`progressDeadlineSeconds` must be greater than `minReadySeconds`";
            self.error(Code::Limit, at, message);
        }
        if let Some(at) = spec.and_then(|spec| spec.get("progressDeadlineSeconds")) {
            let message = "`progressDeadlineSeconds` only marks a rollout as failed: nothing here looks at the mark";
            self.report(Diagnostic::note(Code::Ignored, at.span, message));
        }
        let strategy = match word(strategy, "type") {
            Some("Recreate") => {
                if let Some(rolling) = rolling {
                    let message = "`rollingUpdate` does not go with `type: Recreate`";
                    self.error(Code::Exclusive, rolling, message);
                }
                Strategy::Recreate
            }
            Some(_) | None => self.rolling_deployment(rolling),
        };
        DeploymentSpec {
            strategy,
            min_ready: seconds(min_ready),
            progress_deadline: match u64::from(deadline) {
                NO_DEADLINE => SimDuration::MAX,
                deadline => SimDuration::from_secs(deadline),
            },
        }
    }

    fn rolling_deployment(&mut self, rolling: Option<&Item>) -> Strategy {
        let get = |key| rolling.and_then(|rolling| rolling.get(key));
        let value = |key| get(key).and_then(Item::int_or_percent).unwrap_or(QUARTER);
        let (max_surge, max_unavailable) = (value("maxSurge"), value("maxUnavailable"));
        if let Some(at) = get("maxUnavailable") {
            self.at_most_all(at, max_unavailable);
            if is_none(max_surge) && is_none(max_unavailable) {
                let message = "`maxUnavailable` cannot be 0 when `maxSurge` is 0";
                self.error(Code::Limit, at, message);
            }
        }
        Strategy::RollingUpdate {
            max_surge,
            max_unavailable,
        }
    }

    fn at_most_all(&mut self, at: &Item, limit: IntOrPercent) {
        if matches!(limit, IntOrPercent::Percent(percent) if percent > 100) {
            self.error(Code::Limit, at, "no more than 100% can be unavailable");
        }
    }

    fn statefulset_spec(&mut self, spec: Option<&Item>, kubernetes: Kubernetes) -> StatefulSetSpec {
        let update = spec.and_then(|spec| spec.get("updateStrategy"));
        let rolling = update.and_then(|update| update.get("rollingUpdate"));
        let limit = rolling.and_then(|rolling| rolling.get("maxUnavailable"));
        let strategy = match word(update, "type") {
            Some("OnDelete") => {
                if let Some(rolling) = rolling {
                    let message = "`rollingUpdate` does not go with `type: OnDelete`";
                    self.error(Code::Exclusive, rolling, message);
                }
                UpdateStrategy::OnDelete
            }
            Some(_) | None => UpdateStrategy::RollingUpdate {
                partition: number(rolling, "partition", 0),
                max_unavailable: self.statefulset_limit(limit, kubernetes),
            },
        };
        let ordinals = spec.and_then(|spec| spec.get("ordinals"));
        StatefulSetSpec {
            policy: match word(spec, "podManagementPolicy") {
                Some("Parallel") => PodManagement::Parallel,
                Some(_) | None => PodManagement::OrderedReady,
            },
            strategy,
            min_ready: seconds(number(spec, "minReadySeconds", 0)),
            first_ordinal: number(ordinals, "start", 0),
        }
    }

    /// `maxUnavailable` where the release knows it: others drop the key.
    fn statefulset_limit(
        &mut self,
        item: Option<&Item>,
        kubernetes: Kubernetes,
    ) -> Option<IntOrPercent> {
        let known = kubernetes.minor >= MAX_UNAVAILABLE_SINCE;
        let limit = item.and_then(Item::int_or_percent);
        if let (Some(at), Some(limit)) = (item, limit) {
            self.at_most_all(at, limit);
            if is_none(limit) {
                self.error(
                    Code::Limit,
                    at,
                    "`maxUnavailable` of a StatefulSet cannot be 0",
                );
            }
            if !known {
                let message = format!(
                    "`maxUnavailable` of a StatefulSet came with Kubernetes 1.{MAX_UNAVAILABLE_SINCE}: 1.{} replaces one pod at a time",
                    kubernetes.minor
                );
                self.report(Diagnostic::note(Code::Ignored, at.span, message));
            }
        }
        known.then(|| limit.unwrap_or(IntOrPercent::Count(1)))
    }

    /// A group's members are listed or made by pods, and by somebody.
    fn members_come_from_one_side(&mut self, root: &Item, workloads: &[Workload]) {
        let pairs = root
            .get("groups")
            .map_or_else(Vec::new, Item::pairs_by_name);
        let understood = ["deployments", "statefulsets"].iter().all(|kind| {
            let of_kind = root.get(kind).map_or(&[][..], Item::pairs);
            let clear = |pair: &Pair| {
                pair.item
                    .get("group")
                    .is_some_and(|group| !group.is_wrong())
            };
            root.get(kind).is_none_or(|item| !item.is_wrong()) && of_kind.iter().all(clear)
        });
        for (index, pair) in pairs.into_iter().enumerate() {
            let id = GroupId(count(index));
            let maker = workloads.iter().find(|workload| workload.group == id);
            match (pair.item.pair("members"), maker) {
                (Some(members), Some(maker)) => {
                    let message =
                        format!("the members of `{}` are listed, and made by pods", pair.key);
                    self.report(
                        Diagnostic::error(Code::Exclusive, members.key_span, message).help(
                            format!(
                                "leave `members` out: the pods of `{}` are the members",
                                maker.name
                            ),
                        ),
                    );
                }
                (None, None) if understood && !pair.item.is_wrong() => {
                    self.report(
                        Diagnostic::error(Code::MissingKey, pair.item.span, "a group lacks `members`")
                            .help("members: how many, or a list of entries; or let a Deployment or StatefulSet make them"),
                    );
                }
                (None, Some(_)) => {
                    self.vague.insert(id);
                }
                (None, None) | (Some(_), None) => {}
            }
        }
    }

    fn budgets(&mut self, item: Option<&Item>, workloads: &[Workload]) -> Vec<Budget> {
        let mut budgets: Vec<Budget> = Vec::new();
        for pair in item.map_or_else(Vec::new, Item::pairs_by_name) {
            let target = pair.item.get("target");
            let workload = target.and_then(|at| self.workload_named(at, workloads));
            let limit = pair
                .item
                .get("spec")
                .and_then(|spec| self.budget_limit(spec));
            let (Some(workload), Some(limit), Some(at)) = (workload, limit, target) else {
                continue;
            };
            if budgets.iter().any(|other| other.workload == workload) {
                let message =
                    "two budgets for the same pods: the Eviction API refuses every eviction";
                self.error(Code::Exclusive, at, message);
            }
            budgets.push(Budget {
                name: pair.key.clone(),
                workload,
                spec: BudgetSpec {
                    limit,
                    unhealthy: match word(pair.item.get("spec"), "unhealthyPodEvictionPolicy") {
                        Some("AlwaysAllow") => UnhealthyEviction::AlwaysAllow,
                        Some(_) | None => UnhealthyEviction::IfHealthyBudget,
                    },
                },
            });
        }
        budgets
    }

    fn budget_limit(&mut self, spec: &Item) -> Option<BudgetLimit> {
        for key in ["minAvailable", "maxUnavailable"] {
            let Some(at) = spec.get(key) else { continue };
            let value = at.int_or_percent()?;
            if matches!(value, IntOrPercent::Percent(percent) if percent > 100) {
                self.error(Code::Limit, at, "a share of the pods is at most 100%");
            }
            return Some(match key {
                "minAvailable" => BudgetLimit::MinAvailable(value),
                _ => BudgetLimit::MaxUnavailable(value),
            });
        }
        if !spec.is_wrong() {
            let message =
                "a disruption budget without `minAvailable` or `maxUnavailable` protects nothing";
            self.error(Code::MissingKey, spec, message);
        }
        None
    }
}

fn is_none(limit: IntOrPercent) -> bool {
    matches!(limit, IntOrPercent::Count(0) | IntOrPercent::Percent(0))
}

/// The whole number of `key`, or `default`.
pub(super) fn number(item: Option<&Item>, key: &str, default: u32) -> u32 {
    let number = item.and_then(|item| item.get(key)).and_then(Item::integer);
    number.map_or(default, |number| u32::try_from(number).unwrap_or(u32::MAX))
}

pub(super) fn word<'i>(item: Option<&'i Item>, key: &str) -> Option<&'i str> {
    item?.get(key)?.text()
}

pub(super) fn seconds(seconds: u32) -> SimDuration {
    SimDuration::from_secs(u64::from(seconds))
}
