//! `docs/language.md`, printed from the tables: what the language is, every key, and which keys go with which verb.

use super::shape::{Presence, Record, Rule, Shape, Side};
use super::verbs::{self, EVENT, Object, VerbRow};
use super::vocabulary::SCENARIO;

const HEAD: &str = "# The language of scenarios

This page is printed from the tables in `src/scenario/vocabulary` and `src/scenario/verbs.rs` (a test compares them). A scenario is
YAML or JSON. `rebsim check` says what is wrong with one, `-v` what of it changes nothing, `--resolved` what it comes to, and
`rebsim explain CODE` what a finding means. Editors complete keys by `scenarios/scenario.schema.json`.

Kafka's settings stand under `config` and Kubernetes' under `spec`, verbatim, with bare numbers as in a real file. Everything else has a
unit: `2ms`, `1m30s`, `1200/s`, `64KiB`, `20%`. A key that is not known is an error; a key that changes nothing here is a note, which
`--strict` makes an error.

## Laying over each other

A scenario may extend a parent, a variant lies over the scenario, and the command line lies over that. Everywhere the same: maps merge,
everything else (lists too) replaces, `null` removes. Where one of several keys chooses (`uniform` or `exponential`, for instance), another
choice replaces the map. A `config` at the top of a variant is that of every group; `null` in a `config` is Kafka's own default again.

`--config KEY=VALUE` sets a Kafka key of every group, `--config GROUP:KEY=VALUE` of one. `--set PATH=VALUE` sets a place by its dotted path:
`duration=2m`, `topics.orders.partitions=24`, `events.0.at=90s`, `brokers.config.group.initial.rebalance.delay.ms=0`. A field of a thing
that is not there (a misspelt topic, say) is an error; the whole of a new thing is not: `topics.new={ partitions: 6 }`. `matrix` and
`--vary` take the same keys and paths.

## The start

Members without `at` are a stable, assigned generation at 0, with committed offsets at the end of the log (less any `backlog`):
`start_at` has nothing to say then. With `start: cold` in a group, members join, with the initial delay and all. Members with `at`
come later.

## Targets of events

`group` and `group/*` are all members, `group/2` is one by its index (from 0), `group/name` one by its name, `group/random` one of the
living, drawn anew each time. Of members that pods make, `group/2` is the third oldest of the living. Where a topic belongs, `orders-3`
is partition 3 of `orders`, unless a topic is so called. The verb decides what a name is looked up in.

`one_by_one: true` takes the targets of an entry in turn: with `spacing` that far apart, else the next when the one before is back, or
missed by the coordinator if it does not come back, and the group is stable.

## Commits

`commit` says when the application commits: `auto` (Kafka's auto-commit, the default), `after_batch`, `before_processing` (commit, then
process: a crash may lose records), `none`, or a map: `{ every: 5s }`, `{ after_records: 100, or_after: 5s }` (acknowledge, then flush).
Where `enable.auto.commit` is set too, they must agree.
";

/// The whole page.
#[must_use]
pub fn document() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## Verbs\n\nAn entry of `events` has one verb.\n\n");
    page.push_str("| verb | done to | needs | takes | meaning |\n|---|---|---|---|---|\n");
    for row in verbs::modelled() {
        page.push_str(&verb(row));
    }
    if let Rule::Verb(words) = EVENT.rule {
        let words: Vec<String> = words
            .iter()
            .map(|(other, verb)| format!("`{other}` is `{verb}`"))
            .collect();
        page.push_str(&format!("\nIn other tools: {}.\n", words.join(", ")));
    }
    page.push_str("\n## Keys\n\nKeys in **bold** must be there.\n");
    let mut open = std::collections::VecDeque::from([&SCENARIO]);
    let mut seen: Vec<&str> = Vec::new();
    while let Some(record) = open.pop_front() {
        if seen.contains(&record.what) {
            continue;
        }
        seen.push(record.what);
        page.push_str(&section(record));
        for field in modelled(record) {
            records(&field.shape, &mut open);
        }
    }
    page
}

fn modelled(record: &'static Record) -> impl Iterator<Item = &'static super::shape::Field> {
    let fields = record.fields.iter();
    fields.filter(|field| field.presence != Presence::NotModelled)
}

fn verb(row: &VerbRow) -> String {
    let object = match row.object {
        Object::Members => "members",
        Object::Group => "a group",
        Object::Topic => "a topic",
        Object::Partition => "a topic or partition",
        Object::Workload => "a Deployment or StatefulSet",
        Object::Node => "a node",
        Object::Word => "the word",
    };
    let field = EVENT.fields.iter().find(|field| field.name == row.name);
    let keys = |keys: &[&str]| {
        let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        keys.join(" ")
    };
    let needs: Vec<&str> = row.needs.iter().copied().chain(["at"]).collect();
    let timing = row.timing.iter().filter(|key| **key != "at");
    let takes: Vec<&str> = row.takes.iter().chain(timing).copied().collect();
    format!(
        "| `{}` | {object} | {} | {} | {} |\n",
        row.name,
        keys(&needs),
        keys(&takes),
        field.map_or("", |field| field.doc),
    )
}

fn section(record: &'static Record) -> String {
    let mut text = format!("\n### {}\n\n", record.what);
    match record.rule {
        Rule::Any | Rule::Verb(_) => {}
        Rule::OneOf(sets) => {
            let sets: Vec<String> = sets
                .iter()
                .map(|set| format!("`{}`", set.join(" + ")))
                .collect();
            text.push_str(&format!("One of: {}.\n\n", sets.join(", ")));
        }
        Rule::AtMostOne(keys) => {
            text.push_str(&format!("At most one of: `{}`.\n\n", keys.join("`, `")));
        }
    }
    text.push_str("| key | holds | meaning |\n|---|---|---|\n");
    for field in modelled(record) {
        let mark = match field.presence {
            Presence::Required => "**",
            Presence::Optional | Presence::NotModelled => "",
        };
        let (name, holds) = (field.name, holds(&field.shape));
        let doc = field.doc.replace('|', "\\|");
        text.push_str(&format!("| {mark}`{name}`{mark} | {holds} | {doc} |\n"));
    }
    text
}

/// The records that something of `shape` holds.
fn records(shape: &Shape, open: &mut std::collections::VecDeque<&'static Record>) {
    match shape {
        Shape::Record(record) => open.push_back(record),
        Shape::Manifest(manifest) => open.push_back(&manifest.record),
        Shape::List(of) | Shape::Named(of) => records(of, open),
        Shape::Either { scalar, list, map } => {
            for shape in [scalar, list, map].into_iter().flatten() {
                records(shape, open);
            }
        }
        Shape::Duration
        | Shape::Ago
        | Shape::Rate
        | Shape::Size
        | Shape::Share
        | Shape::Flow
        | Shape::Integer(..)
        | Shape::Number(..)
        | Shape::Factor
        | Shape::Boolean
        | Shape::Text
        | Shape::Name
        | Shape::Version
        | Shape::Word(_)
        | Shape::Kafka(_)
        | Shape::Quantity
        | Shape::IntOrPercent
        | Shape::Expectations
        | Shape::Overlay
        | Shape::Matrix => {}
    }
}

/// What stands at a place, in a few words.
fn holds(shape: &Shape) -> String {
    match shape {
        Shape::Duration => "duration".to_owned(),
        Shape::Ago => "that long ago: `-1h`".to_owned(),
        Shape::Rate => "rate".to_owned(),
        Shape::Size => "size".to_owned(),
        Shape::Share => "share".to_owned(),
        Shape::Flow => "`50MB/s` or `150000/s`".to_owned(),
        Shape::Integer(least, most) if least == most => format!("{least}"),
        Shape::Integer(least, u64::MAX) => format!("whole number from {least}"),
        Shape::Integer(least, most) => format!("whole number, {least} to {most}"),
        Shape::Number(least, most) => format!("number, {least} to {most}"),
        Shape::Factor => "factor".to_owned(),
        Shape::Boolean => "`true` or `false`".to_owned(),
        Shape::Text => "text".to_owned(),
        Shape::Name => "name".to_owned(),
        Shape::Version => "version".to_owned(),
        Shape::Word(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(", ")
        }
        Shape::List(of) => format!("list of: {}", holds(of)),
        Shape::Record(record) => link(record),
        Shape::Manifest(manifest) => link(&manifest.record),
        Shape::Named(of) => format!("by name: {}", holds(of)),
        Shape::Either { scalar, list, map } => {
            let shapes = [scalar, list, map].into_iter().flatten();
            let shapes: Vec<String> = shapes.map(|shape| holds(shape)).collect();
            shapes.join("; or ")
        }
        Shape::Kafka(Side::Consumer) => "Kafka's consumer keys".to_owned(),
        Shape::Kafka(Side::Broker) => "Kafka's broker keys".to_owned(),
        Shape::Kafka(Side::Group) => "Kafka's group keys".to_owned(),
        Shape::Quantity => "quantity of Kubernetes".to_owned(),
        Shape::IntOrPercent => "number or percentage".to_owned(),
        Shape::Expectations => "[metrics](metrics.md) to conditions".to_owned(),
        Shape::Overlay => "a part of a scenario".to_owned(),
        Shape::Matrix => "parameters to lists".to_owned(),
    }
}

fn link(record: &Record) -> String {
    let anchor = record.what.to_lowercase().replace(' ', "-");
    format!("[{}](#{anchor})", record.what)
}
