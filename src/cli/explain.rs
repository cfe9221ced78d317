//! `rebsim explain`: the chain of causes of a stall, or what a code means.

use std::fs;

use super::args::{Explain, LookFormat};
use super::exit::Failure;
use super::generate;
use super::source::{self, nearest};
use super::streams::Streams;
use super::subject::{self, Subject};
use crate::assignor::{GroupId, TopicId, TopicPartition};
use crate::kernel::SimTime;
use crate::kernel::words::ordinal;
use crate::metrics::RunMetrics;
use crate::metrics::stall::{Stall, stalls};
use crate::report::explain::{self, Played, instant, length, member, partition};
use crate::report::figures::Style;
use crate::scenario::examples;
use crate::scenario::plan::Plan;
use crate::timeline::{Cast, Timeline};

/// `rebsim explain`
pub(crate) fn explain(args: &Explain, streams: &mut Streams) -> Result<(), Failure> {
    let Some(what) = &args.what else {
        return streams.result(&generate::codes(args.format));
    };
    let asks_for_results =
        args.worst || args.partition.is_some() || args.at.is_some() || args.group.is_some();
    let is_absent = || fs::metadata(what).is_err_and(|error| source::is_absent(&error));
    if asks_for_results {
        if generate::meaning(what, args.format).is_some() && is_absent() {
            return Err(Failure::usage(
                format!("{what} is a code: there is no stall to choose"),
                Some(format!("rebsim explain {what} says what it means")),
            ));
        }
    } else {
        if let Some(meaning) = generate::meaning(what, args.format) {
            return streams.result(&meaning);
        }
        if what != "-" && is_absent() && examples::find(what).is_none() {
            return Err(generate::no_code(what));
        }
    }
    let subject = subject::open(what, &args.which, streams)?;
    let look = Look {
        format: args.format,
        style: Style {
            ascii: streams.ascii,
        },
    };
    let text = if args.at.is_some() {
        at(&subject, args, look)?
    } else {
        worst(&subject, args, look)?
    };
    streams.result(&text)
}

/// How the answer is to look.
#[derive(Clone, Copy)]
struct Look {
    format: LookFormat,
    style: Style,
}

impl Look {
    fn chain(self, subject: &Subject, plan: &Plan, timeline: &Timeline, stall: &Stall) -> String {
        let played = Played {
            plan,
            seed: subject.seed.0,
            timeline,
            places: &subject.places,
        };
        match self.format {
            LookFormat::Text => explain::chain(played, stall, self.style),
            LookFormat::Json => explain::document(Some((played, stall))),
        }
    }

    /// There is no stall to tell of.
    fn nothing(self, when: &str) -> String {
        match self.format {
            LookFormat::Text => format!("nothing was down {when}\n"),
            LookFormat::Json => explain::document(None),
        }
    }
}

/// The longest downtime of all variants, of those that are meant.
fn worst(subject: &Subject, args: &Explain, look: Look) -> Result<String, Failure> {
    let mut longest: Option<(u64, &Plan, Timeline, Stall)> = None;
    for plan in &subject.scenario.plans {
        let (timeline, measured) = subject.play(plan, None)?;
        let meant = Meant::of(&timeline.cast, args)?;
        let worst = measured
            .availability
            .longest(|group, partition| meant.includes(group, partition));
        let Some(worst) = worst.filter(|worst| {
            let known = longest.as_ref().map_or(0, |(micros, ..)| *micros);
            worst.micros() > known
        }) else {
            continue;
        };
        let micros = worst.micros();
        let all = stalls(&timeline, worst.group, worst.partition).unwrap_or_default();
        let stall = all
            .into_iter()
            .find(|stall| stall.from <= worst.from && worst.from < stall.to);
        if let Some(stall) = stall {
            longest = Some((micros, plan, timeline, stall));
        }
    }
    Ok(match longest {
        Some((_, plan, timeline, stall)) => look.chain(subject, plan, &timeline, &stall),
        None => look.nothing("in the measured time"),
    })
}

/// The downtime at an instant: of the partition that is named, else the longest then.
fn at(subject: &Subject, args: &Explain, look: Look) -> Result<String, Failure> {
    let plan = subject.plan()?;
    let at = subject.instant(plan, args.at)?;
    let (timeline, measured) = subject.play(plan, None)?;
    let meant = Meant::of(&timeline.cast, args)?;
    // Spans end before their end: what was so last is so at the end of the run.
    let last = (SimTime::ZERO + plan.duration)
        .as_micros()
        .saturating_sub(1);
    let within = at.min(SimTime::from_micros(last));
    let mut longest: Option<Stall> = None;
    let mut shown = Vec::new();
    for ((group, partition), _) in &measured.availability.partitions {
        if !meant.includes(*group, *partition) {
            continue;
        }
        shown.push((*group, *partition));
        let mut spans = measured.availability.spans.of((*group, *partition));
        let is_down = spans
            .any(|span| span.state.cause().is_some() && span.from <= within && within < span.to);
        if !is_down {
            continue;
        }
        let all = stalls(&timeline, *group, *partition).unwrap_or_default();
        let then = all
            .into_iter()
            .find(|stall| stall.from <= within && within < stall.to);
        if then.as_ref().map(Stall::micros) > longest.as_ref().map(Stall::micros) {
            longest = then;
        }
    }
    Ok(match longest {
        Some(stall) => look.chain(subject, plan, &timeline, &stall),
        None => match &shown[..] {
            [one] => served(&timeline, &measured, *one, (at, within), look.format),
            _ => look.nothing(&format!("at {}", instant(at))),
        },
    })
}

/// Who served the partition at an instant, the last one `within` the run, and when it was down.
fn served(
    timeline: &Timeline,
    measured: &RunMetrics,
    which: (GroupId, TopicPartition),
    (at, within): (SimTime, SimTime),
    format: LookFormat,
) -> String {
    const SHOWN: usize = 10;
    let name = partition(&timeline.cast, which.1);
    let mut spans = measured.availability.spans.of(which);
    let server = spans.find(|span| span.from <= within && within < span.to);
    let by = server.and_then(|span| span.member);
    let all = stalls(timeline, which.0, which.1).unwrap_or_default();
    if format == LookFormat::Json {
        return explain::served(&timeline.cast, which.1, at, by, &all);
    }
    let mut text = match by {
        Some(who) => format!(
            "{name} was served by {} at {}\n",
            member(&timeline.cast, who),
            instant(at)
        ),
        None => format!("{name} was not there at {}\n", instant(at)),
    };
    for stall in all.iter().take(SHOWN) {
        text.push_str(&format!(
            "it was down {} from {}\n",
            length(stall.micros()),
            instant(stall.from)
        ));
    }
    if all.len() > SHOWN {
        text.push_str(&format!("and {} more times\n", all.len() - SHOWN));
    }
    text
}

/// Which partitions are meant.
struct Meant {
    group: Option<GroupId>,
    partition: Option<TopicPartition>,
}

impl Meant {
    fn of(cast: &Cast, args: &Explain) -> Result<Self, Failure> {
        let group = args
            .group
            .as_ref()
            .map(|name| group_named(cast, name))
            .transpose()?;
        let partition = args
            .partition
            .as_ref()
            .map(|name| partition_named(cast, name))
            .transpose()?;
        Ok(Self { group, partition })
    }

    fn includes(&self, group: GroupId, partition: TopicPartition) -> bool {
        self.group.is_none_or(|only| only == group)
            && self.partition.is_none_or(|only| only == partition)
    }
}

/// The group of that name.
pub(crate) fn group_named(cast: &Cast, name: &str) -> Result<GroupId, Failure> {
    let found = cast.groups.iter().position(|group| group.name == name);
    found
        .and_then(|at| u32::try_from(at).ok())
        .map(GroupId)
        .ok_or_else(|| {
            let names: Vec<&str> = cast.groups.iter().map(|group| &*group.name).collect();
            unknown("group", name, &names)
        })
}

fn partition_named(cast: &Cast, name: &str) -> Result<TopicPartition, Failure> {
    let topics: Vec<&str> = cast.topics.iter().map(|topic| &*topic.0).collect();
    let parts = name.rsplit_once('-');
    let Some((topic, Some(number))) = parts.map(|(topic, number)| (topic, ordinal::<u32>(number)))
    else {
        return Err(Failure::usage(
            format!("`{name}` is no partition"),
            Some("write topic and number, such as orders-3".to_owned()),
        ));
    };
    let Some(at) = topics.iter().position(|known| *known == topic) else {
        return Err(unknown("topic", topic, &topics));
    };
    let partitions = cast.topics[at].1;
    if number >= partitions {
        return Err(Failure::usage(
            format!("there is no partition `{name}`: {topic} has {partitions}"),
            Some(format!(
                "from {topic}-0 to {topic}-{}",
                partitions.saturating_sub(1)
            )),
        ));
    }
    Ok(TopicPartition {
        topic: TopicId(u32::try_from(at).unwrap_or(u32::MAX)),
        partition: number,
    })
}

fn unknown(what: &str, name: &str, known: &[&str]) -> Failure {
    let list = format!("there are: {}", known.join(", "));
    let help = nearest(name, known).map_or_else(
        || list.clone(),
        |near| format!("did you mean `{near}`? {list}"),
    );
    Failure::usage(format!("there is no {what} `{name}`"), Some(help))
}
