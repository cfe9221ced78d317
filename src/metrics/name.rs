//! Names of numbers: `base[_aggregate][{label=value,…}]`, parsed and printed in one place.

use std::fmt;
use std::sync::Arc;

use super::registry::{self, Label, Metric};
use crate::kernel::words::ordinal;
use crate::timeline::RebalanceReason;

/// How many values over time or over things become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aggregate {
    /// Total.
    Sum,
    /// Mean (over time for levels, over things for durations).
    Mean,
    /// Largest.
    Max,
    /// Median.
    P50,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// At the end of the measured time.
    End,
    /// Integral over the measured time.
    Integral,
}

impl Aggregate {
    /// Every aggregate.
    pub const ALL: [Self; 8] = [
        Self::Sum,
        Self::Mean,
        Self::Max,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::End,
        Self::Integral,
    ];

    /// The suffix, without its underscore.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Max => "max",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::End => "end",
            Self::Integral => "integral",
        }
    }
}

/// What a number is about; nothing: everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels {
    /// `group.id`
    pub group: Option<String>,
    /// Topic name.
    pub topic: Option<String>,
    /// Partition number.
    pub partition: Option<u32>,
    /// Reason of rebalances.
    pub reason: Option<String>,
}

impl Labels {
    fn pairs(&self) -> Vec<(Label, String)> {
        let mut pairs = Vec::new();
        let mut push = |label, value: Option<String>| {
            if let Some(value) = value {
                pairs.push((label, value));
            }
        };
        push(Label::Group, self.group.clone());
        push(Label::Topic, self.topic.clone());
        push(
            Label::Partition,
            self.partition.map(|number| number.to_string()),
        );
        push(Label::Reason, self.reason.clone());
        pairs
    }
}

/// The full name of a number.
#[derive(Clone, Debug)]
pub struct Name {
    /// What is measured.
    pub metric: &'static Metric,
    /// `None` for the bare base, whose meaning the metric states.
    pub aggregate: Option<Aggregate>,
    /// About what; all names about one partition share it.
    pub labels: Arc<Labels>,
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.aggregate == other.aggregate
            && (std::ptr::eq(self.metric, other.metric) || self.metric.base == other.metric.base)
            && self.labels == other.labels
    }
}

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl Name {
    /// The bare name of `metric` over everything.
    #[must_use]
    pub fn bare(metric: &'static Metric) -> Self {
        Self {
            metric,
            aggregate: None,
            labels: Arc::default(),
        }
    }

    /// The same name with `labels`.
    #[must_use]
    pub fn with(mut self, labels: impl Into<Arc<Labels>>) -> Self {
        self.labels = labels.into();
        self
    }

    /// The name without its labels.
    #[must_use]
    pub fn column(&self) -> String {
        match self.aggregate {
            None => self.metric.base.to_owned(),
            Some(aggregate) => format!("{}_{}", self.metric.base, aggregate.word()),
        }
    }

    /// Reads a name; an alias (`rebalance_s_max`, `downtime_partition_s{cause=detect}`) becomes the one canonical name.
    ///
    /// # Errors
    /// When the base, the aggregate or a label does not exist; the error names the nearest that does.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        let (column, labels) = match text.split_once('{') {
            None => (text, ""),
            Some((column, rest)) => match rest.strip_suffix('}') {
                Some(labels) => (column.trim_end(), labels),
                None => {
                    return Err(NameError {
                        message: format!("the labels of `{text}` are not closed"),
                        help: "write name{group=checkout,topic=orders}".to_owned(),
                    });
                }
            },
        };
        let mut labels = parse_labels(labels)?;
        let column = match labels.iter().position(|(label, _)| label == "cause") {
            None => column.to_owned(),
            Some(at) => {
                let (_, cause) = labels.remove(at);
                by_cause(column, &cause)?
            }
        };
        let (metric, aggregate) = resolve(&column)?;
        let labels = check_labels(metric, labels)?;
        Ok(Self {
            metric,
            aggregate,
            labels: Arc::new(labels),
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.column())?;
        let pairs = self.labels.pairs();
        if pairs.is_empty() {
            return Ok(());
        }
        let texts: Vec<String> = pairs
            .iter()
            .map(|(label, value)| format!("{}={value}", label.word()))
            .collect();
        write!(f, "{{{}}}", texts.join(","))
    }
}

/// `downtime_partition_s` with a cause is `downtime_<cause>_partition_s`.
fn by_cause(column: &str, cause: &str) -> Result<String, NameError> {
    if column == "downtime_partition_s" {
        Ok(format!("downtime_{cause}_partition_s"))
    } else {
        Err(NameError {
            message: format!("`{column}` has no label `cause`"),
            help: "only downtime_partition_s is split by cause".to_owned(),
        })
    }
}

/// The metric and aggregate that `column` names.
fn resolve(column: &str) -> Result<(&'static Metric, Option<Aggregate>), NameError> {
    if let Some(metric) = registry::find(column) {
        return Ok((metric, None));
    }
    for aggregate in Aggregate::ALL {
        let Some(base) = column
            .strip_suffix(aggregate.word())
            .and_then(|rest| rest.strip_suffix('_'))
        else {
            continue;
        };
        let Some(metric) = registry::find(base) else {
            continue;
        };
        if metric.bare == Some(aggregate) {
            return Ok((metric, None));
        }
        if metric.aggregates.contains(&aggregate) {
            return Ok((metric, Some(aggregate)));
        }
        let has: Vec<String> = metric
            .aggregates
            .iter()
            .map(|aggregate| format!("{base}_{}", aggregate.word()))
            .collect();
        return Err(NameError {
            message: format!("`{base}` has no aggregate `{}`", aggregate.word()),
            help: if has.is_empty() {
                format!("write {base}")
            } else {
                format!("write {base} or one of {}", has.join(", "))
            },
        });
    }
    let nearest = registry::nearest(column);
    Err(NameError {
        message: format!("no metric is called `{column}`"),
        help: format!("did you mean `{nearest}`? `rebsim generate metrics` lists them all"),
    })
}

fn parse_labels(text: &str) -> Result<Vec<(String, String)>, NameError> {
    let mut labels: Vec<(String, String)> = Vec::new();
    for part in text.split(',') {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        let Some((label, value)) = part.split_once('=') else {
            return Err(NameError {
                message: format!("the label `{part}` has no value"),
                help: "write label=value, for instance group=checkout".to_owned(),
            });
        };
        let label = label.trim().to_owned();
        if labels.iter().any(|(known, _)| *known == label) {
            return Err(NameError {
                message: format!("the label `{label}` stands twice"),
                help: "give each label once".to_owned(),
            });
        }
        labels.push((label, value.trim().trim_matches('"').to_owned()));
    }
    Ok(labels)
}

fn known_reason(word: String) -> Result<String, NameError> {
    let known = || RebalanceReason::ALL.iter().map(|reason| reason.word());
    if known().any(|reason| reason == word) {
        return Ok(word);
    }
    let nearest = registry::nearest_of(&word, known());
    let all: Vec<&str> = known().collect();
    Err(NameError {
        message: format!("`{word}` is no reason of a rebalance"),
        help: format!("did you mean `{nearest}`? reasons: {}", all.join(", ")),
    })
}

fn check_labels(
    metric: &'static Metric,
    given: Vec<(String, String)>,
) -> Result<Labels, NameError> {
    let mut labels = Labels::default();
    for (label, value) in given {
        let known = metric
            .labels
            .iter()
            .copied()
            .find(|known| known.word() == label);
        let refused = |message: String| {
            let all: Vec<&str> = metric.labels.iter().map(|label| label.word()).collect();
            NameError {
                message,
                help: format!("labels of {}: {}", metric.base, all.join(", ")),
            }
        };
        match known {
            Some(Label::Group) => labels.group = Some(value),
            Some(Label::Topic) => labels.topic = Some(value),
            Some(Label::Partition) => match ordinal(&value) {
                Some(number) => labels.partition = Some(number),
                None => return Err(refused(format!("`{value}` is not a partition number"))),
            },
            Some(Label::Reason) => labels.reason = Some(known_reason(value)?),
            None => {
                return Err(refused(format!("`{}` has no label `{label}`", metric.base)));
            }
        }
    }
    Ok(labels)
}
