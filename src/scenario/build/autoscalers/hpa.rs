//! `autoscaling/v2` HorizontalPodAutoscalerSpec: the API server's defaults, and what its validation refuses.

use crate::kernel::SimDuration;
use crate::platform::hpa::{
    Behavior, HpaSpec, Metric, Policy, PolicyKind, ResourceName, Rules, SelectPolicy, Source,
    Target,
};
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::shape::Item;

/// The minor release in which `tolerance` of a single autoscaler is on by default (KEP-4951).
const CONFIGURABLE_TOLERANCE: u32 = 35;

/// Reads specs for one release of Kubernetes.
pub(in crate::scenario) struct Reader<'f> {
    /// Minor release.
    pub(in crate::scenario) minor: u32,
    /// Findings.
    pub(in crate::scenario) found: &'f mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn error(&mut self, code: Code, item: &Item, message: impl Into<String>) {
        self.found.push(Diagnostic::error(code, item.span, message));
    }

    /// The spec at `item`; `None` when something that it cannot do without is wrong.
    pub(in crate::scenario) fn hpa(&mut self, item: &Item) -> Option<HpaSpec> {
        let replicas = |key| item.get(key).and_then(Item::integer).map(whole);
        let min_replicas = replicas("minReplicas").unwrap_or(1);
        let max_replicas = replicas("maxReplicas");
        if let Some(max) = max_replicas
            && max < min_replicas
            && let Some(place) = item.get("maxReplicas")
        {
            let message = format!("maxReplicas, {max}, is below minReplicas, {min_replicas}");
            self.error(Code::Limit, place, message);
        }
        let given = item.get("metrics").map_or(&[][..], Item::items);
        let mut metrics: Vec<Metric> = given.iter().filter_map(|item| self.metric(item)).collect();
        if given.is_empty() {
            metrics.push(Metric::DEFAULT);
        }
        let behavior = item.get("behavior").map(|item| self.behavior(item));
        (metrics.len() == given.len().max(1)).then_some(())?;
        Some(HpaSpec {
            min_replicas,
            max_replicas: max_replicas?,
            metrics,
            behavior,
        })
    }

    /// `validateMetricSpec`
    fn metric(&mut self, item: &Item) -> Option<Metric> {
        let kind = item.get("type")?.text()?;
        let key = match kind {
            "Resource" => "resource",
            "ContainerResource" => "containerResource",
            "External" => "external",
            // Refused by name, where they stand or here.
            "Pods" | "Object" => {
                if item.get("pods").or(item.get("object")).is_some() {
                    return None;
                }
                let message = format!("metrics of type {kind} are not modelled yet");
                self.error(Code::NotModelled, item.get("type")?, message);
                return None;
            }
            _ => return None,
        };
        let mut sources = item.pairs().iter().filter(|pair| pair.key != "type");
        if let Some(other) = sources.find(|pair| pair.key != key) {
            let message = format!("`{}` does not go with type {kind}", other.key);
            self.error(Code::Exclusive, &other.item, message);
            return None;
        }
        let Some(source) = item.get(key) else {
            let message = format!("a metric of type {kind} lacks `{key}`");
            self.error(Code::MissingKey, item, message);
            return None;
        };
        let target = self.target(source.get("target")?, key == "external")?;
        let resource = || match source.get("name")?.text()? {
            "cpu" => Some(ResourceName::Cpu),
            "memory" => Some(ResourceName::Memory),
            _ => None,
        };
        let source = match key {
            "resource" => Source::Resource(resource()?),
            "containerResource" => {
                let container = source.get("container")?.text()?.to_owned();
                Source::ContainerResource(resource()?, container)
            }
            _ => external(source.get("metric")?)?,
        };
        Some(Metric { source, target })
    }

    /// `validateResourceSource`, `validateExternalSource`, `validateMetricTarget`: the number that is there decides.
    fn target(&mut self, item: &Item, is_external: bool) -> Option<Target> {
        let (fits, other) = if is_external {
            (["value", "averageValue"], "averageUtilization")
        } else {
            (["averageUtilization", "averageValue"], "value")
        };
        if let Some(other) = item.pair(other) {
            let message = format!("`{}` does not go with this metric", other.key);
            self.error(Code::Exclusive, &other.item, message);
            return None;
        }
        let numbers: Vec<_> = fits.iter().filter_map(|key| item.pair(key)).collect();
        let [number] = numbers[..] else {
            let message = format!("a target has either `{}` or `{}`", fits[0], fits[1]);
            self.error(Code::Exclusive, item, message);
            return None;
        };
        let place = &number.item;
        let target = match &*number.key {
            "averageUtilization" => Target::Utilization(whole(place.integer()?)),
            key => {
                let thousandths = i64::try_from(place.quantity()?).unwrap_or(i64::MAX);
                if thousandths == 0 {
                    self.error(Code::Limit, place, format!("`{key}` must be above zero"));
                    return None;
                }
                if key == "value" {
                    Target::Value(thousandths)
                } else {
                    Target::AverageValue(thousandths)
                }
            }
        };
        let kind = match target {
            Target::Utilization(_) => "Utilization",
            Target::AverageValue(_) => "AverageValue",
            Target::Value(_) => "Value",
        };
        if let Some(said) = item.get("type").filter(|said| said.text() != Some(kind)) {
            let message =
                format!("the number that is given decides: the target is one of type {kind}");
            self.found
                .push(Diagnostic::note(Code::Ignored, said.span, message));
        }
        Some(target)
    }

    /// `SetDefaults_HorizontalPodAutoscalerBehavior`
    pub(super) fn behavior(&mut self, item: &Item) -> Behavior {
        let up = item.get("scaleUp");
        let down = item.get("scaleDown");
        Behavior {
            scale_up: self.rules(up, Rules::scale_up()),
            scale_down: self.rules(down, Rules::scale_down()),
        }
    }

    fn rules(&mut self, item: Option<&Item>, mut rules: Rules) -> Rules {
        let Some(item) = item else {
            return rules;
        };
        let seconds = |item: &Item| item.integer().map(SimDuration::from_secs);
        if let Some(window) = item.get("stabilizationWindowSeconds").and_then(seconds) {
            rules.window = Some(window);
        }
        match item.get("selectPolicy").and_then(Item::text) {
            Some("Max") => rules.select = SelectPolicy::Max,
            Some("Min") => rules.select = SelectPolicy::Min,
            Some("Disabled") => rules.select = SelectPolicy::Disabled,
            Some(_) | None => {}
        }
        if let Some(policies) = item.get("policies").filter(|policies| !policies.is_wrong()) {
            if policies.items().is_empty() {
                self.error(Code::Limit, policies, "`policies` must have at least one");
            }
            rules.policies = policies.items().iter().filter_map(policy).collect();
        }
        if let Some(tolerance) = item.get("tolerance") {
            if self.minor < CONFIGURABLE_TOLERANCE {
                let message = "`tolerance` changes nothing before Kubernetes 1.35";
                let help = "its feature gate is off by default; say `kubernetes: { version: \"1.35\" }` for it";
                let note = Diagnostic::note(Code::Ignored, tolerance.span, message);
                self.found.push(note.help(help));
            } else {
                rules.tolerance = tolerance.quantity().map(approximate);
            }
        }
        rules
    }
}

fn policy(item: &Item) -> Option<Policy> {
    Some(Policy {
        kind: match item.get("type")?.text()? {
            "Pods" => PolicyKind::Pods,
            "Percent" => PolicyKind::Percent,
            _ => return None,
        },
        value: whole(item.get("value")?.integer()?),
        period: SimDuration::from_secs(item.get("periodSeconds")?.integer()?),
    })
}

/// The identifier of an External metric, labels in order of their keys.
fn external(item: &Item) -> Option<Source> {
    let metric = item.get("name")?.text()?.to_owned();
    let labels = item
        .get("selector")
        .and_then(|selector| selector.get("matchLabels"));
    let labels = labels.map(Item::pairs_by_name).unwrap_or_default();
    let selector = labels.into_iter().filter_map(|pair| {
        let value = pair.item.text()?.to_owned();
        Some((pair.key.clone(), value))
    });
    Some(Source::External {
        metric,
        selector: selector.collect(),
    })
}

/// `Quantity.AsApproximateFloat64` of a quantity in thousandths, which the API server writes as `50m`.
#[expect(
    clippy::cast_precision_loss,
    reason = "the original rounds to the nearest double"
)]
fn approximate(thousandths: u64) -> f64 {
    thousandths as f64 * 1e-3
}

/// A number that the vocabulary holds within 32 bits.
pub(super) fn whole(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
