//! The JSON Schema (draft-07) of the language, written from the same tables that the checker reads. What needs two places
//! to be looked at is beyond a schema: of a whole document the checker asks more, never less.

use serde_json::{Map, Value, json};

use crate::metrics::registry::METRICS;

use super::kafka::{self, Kind, Model};
use super::overlay::FIXED;
use super::shape::{Field, Presence, Record, Rule, Shape, Side};
use super::verbs;
use super::vocabulary::SCENARIO;

/// A decimal number without sign, exponent or leading zero.
const NUMBER: &str = r"(0|[1-9][0-9]*)(\.[0-9]+)?";

/// The schema of a scenario.
#[must_use]
pub fn schema() -> Value {
    let mut definitions = Map::new();
    let root = object(&SCENARIO, &mut definitions);
    // A child may leave to its parent whatever it needs, also of a topic or group.
    let named = |field: &Field| match field.shape {
        Shape::Named(Shape::Record(record)) => {
            let inner = json!({ "required": required(record) });
            Some((
                field.name.to_owned(),
                json!({ "additionalProperties": inner }),
            ))
        }
        _ => None,
    };
    let named: Map<String, Value> = SCENARIO.fields.iter().filter_map(named).collect();
    let mut schema = Map::new();
    schema.insert(
        "$schema".into(),
        json!("http://json-schema.org/draft-07/schema#"),
    );
    schema.insert("title".into(), json!("rebsim scenario"));
    schema.extend(root);
    schema.remove("required");
    schema.insert("if".into(), json!({ "required": ["extends"] }));
    schema.insert("then".into(), json!({}));
    schema.insert(
        "else".into(),
        json!({ "required": required(&SCENARIO), "properties": named }),
    );
    schema.insert("definitions".into(), Value::Object(definitions));
    Value::Object(schema)
}

/// The keys that a record must have.
fn required(record: &Record) -> Vec<&'static str> {
    let must = |field: &&Field| field.presence == Presence::Required;
    record
        .fields
        .iter()
        .filter(must)
        .map(|field| field.name)
        .collect()
}

/// The schema of a value that null may take away, where documents are laid over each other.
fn nullable(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

/// The schema as the file that editors read.
#[must_use]
pub fn text() -> String {
    let mut text = format!("{:#}", schema());
    text.push('\n');
    text
}

fn object(record: &Record, definitions: &mut Map<String, Value>) -> Map<String, Value> {
    let mut properties = Map::new();
    let there = |field: &&Field| field.presence != Presence::NotModelled;
    for field in record.fields.iter().filter(there) {
        let mut value = nullable(of(&field.shape, definitions));
        if let Value::Object(map) = &mut value {
            map.insert("description".into(), json!(field.doc));
        }
        properties.insert(field.name.into(), value);
    }
    let required = required(record);
    let mut schema = Map::new();
    schema.insert("type".into(), json!("object"));
    schema.insert("properties".into(), Value::Object(properties));
    schema.insert("additionalProperties".into(), json!(false));
    if !required.is_empty() {
        schema.insert("required".into(), json!(required));
    }
    match record.rule {
        Rule::Any => {}
        Rule::Verb(_) => {
            let verbs: Vec<Value> = verbs::modelled()
                .map(|row| {
                    let needs: Vec<&str> = [row.name]
                        .into_iter()
                        .chain(row.needs.iter().copied())
                        .collect();
                    json!({ "required": needs })
                })
                .collect();
            schema.insert("oneOf".into(), json!(verbs));
        }
        Rule::OneOf(sets) => {
            let mut exact: Vec<Value> = Vec::new();
            for set in sets {
                exact.push(json!({ "required": set, "maxProperties": set.len() }));
            }
            schema.insert("oneOf".into(), json!(exact));
        }
        Rule::AtMostOne(names) => {
            let pairs = names.iter().enumerate().flat_map(|(index, first)| {
                names[index + 1..]
                    .iter()
                    .map(move |second| json!({ "not": { "required": [first, second] } }))
            });
            schema.insert("allOf".into(), pairs.collect());
        }
    }
    schema
}

fn of(shape: &Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Duration => json!({ "type": "string", "pattern": duration_pattern("") }),
        Shape::Ago => json!({ "type": "string", "pattern": duration_pattern("-") }),
        Shape::Rate => json!({ "type": "string", "pattern": format!("^{NUMBER}/[smh]$") }),
        Shape::Size => {
            json!({ "type": "string", "pattern": format!("^{NUMBER}(B|kB|MB|GB|KiB|MiB|GiB)$") })
        }
        Shape::Flow => {
            json!({ "type": "string", "pattern": format!("^{NUMBER}((B|kB|MB|GB|KiB|MiB|GiB)/s|/[smh])$") })
        }
        Shape::Share => json!({ "type": "string", "pattern": format!("^{NUMBER}%$") }),
        Shape::Integer(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Shape::Number(least, most) => {
            json!({ "type": "number", "minimum": least, "maximum": most })
        }
        Shape::Factor => {
            json!({ "type": "number", "minimum": 0, "maximum": 1_000, "multipleOf": 0.001 })
        }
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Text => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Name => json!({ "type": ["string", "integer"], "pattern": NAME }),
        Shape::Version => {
            json!({ "type": ["string", "number"], "pattern": r"^[0-9]+\.[0-9]+(\.[0-9]+)?$" })
        }
        Shape::Quantity => json!({
            "type": ["string", "number"],
            "pattern": r"^\+?([0-9]+\.?[0-9]*|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$",
            "minimum": 0,
        }),
        Shape::IntOrPercent => {
            json!({ "type": ["string", "integer"], "pattern": "^(0|[1-9][0-9]*)%$", "minimum": 0 })
        }
        Shape::Word(words) => json!({ "enum": words }),
        Shape::List(inner) => list(inner, definitions),
        Shape::Record(record) => reference(record, true, definitions),
        Shape::Manifest(manifest) => reference(&manifest.record, false, definitions),
        Shape::Named(inner) => {
            let value = match inner {
                Shape::Record(record) => {
                    let mut partial = object(record, definitions);
                    partial.remove("required");
                    Value::Object(partial)
                }
                other => of(other, definitions),
            };
            json!({
                "type": "object",
                "propertyNames": { "pattern": NAME },
                "additionalProperties": nullable(value),
            })
        }
        Shape::Either { scalar, list, map } => {
            let shapes = [scalar, list, map].into_iter().flatten();
            let any: Vec<Value> = shapes.map(|shape| of(shape, definitions)).collect();
            json!({ "anyOf": any })
        }
        Shape::Kafka(side) => {
            let name = side_name(*side);
            if !definitions.contains_key(name) {
                definitions.insert(name.into(), kafka_keys(*side));
            }
            json!({ "$ref": format!("#/definitions/{name}") })
        }
        Shape::Expectations => {
            let condition = json!({ "type": ["string", "boolean", "null"] });
            let inner = json!({ "type": "object", "additionalProperties": condition });
            let either = json!({ "anyOf": [condition, inner] });
            // Aggregates, labels and variants make more names than these, which editors offer. A variant may be called
            // like a metric.
            let mut metrics = Map::new();
            for metric in METRICS {
                let mut value = either.clone();
                value["description"] = json!(metric.definition);
                metrics.insert(metric.base.into(), value);
            }
            json!({ "type": "object", "properties": metrics, "additionalProperties": either })
        }
        Shape::Overlay => overlay(),
        Shape::Matrix => matrix(),
    }
}

const NAME: &str = "^[A-Za-z0-9._-]{1,249}$";

fn duration_pattern(sign: &str) -> String {
    let units = ["d", "h", "m", "s", "ms", "us"];
    let parts: String = units
        .iter()
        .map(|unit| format!("({NUMBER}{unit})?"))
        .collect();
    format!("^{sign}(?=[0-9]){parts}$")
}

fn list(inner: &Shape, definitions: &mut Map<String, Value>) -> Value {
    let item = of(inner, definitions);
    let list = json!({ "type": "array", "items": item });
    if matches!(inner, Shape::Name | Shape::Word(_)) {
        return json!({ "anyOf": [item, list] });
    }
    list
}

/// A record by its name; one that is not `closed` may hold more keys than these.
fn reference(record: &Record, closed: bool, definitions: &mut Map<String, Value>) -> Value {
    let name = record.what.replace(' ', "_");
    if !definitions.contains_key(&name) {
        definitions.insert(name.clone(), Value::Null);
        let mut schema = object(record, definitions);
        if !closed {
            schema.remove("additionalProperties");
        }
        definitions.insert(name.clone(), Value::Object(schema));
    }
    json!({ "$ref": format!("#/definitions/{name}") })
}

const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Consumer => "kafka_consumer",
        Side::Broker => "kafka_broker",
        Side::Group => "kafka_group",
    }
}

fn kafka_keys(side: Side) -> Value {
    let mut properties = Map::new();
    for key in kafka::keys(side) {
        // Kafka takes numbers as texts too; editors should offer numbers. Null takes back what a layer below says.
        let mut schema = match key.kind {
            Kind::Integer(least, most) => {
                json!({ "type": ["integer", "string", "null"], "minimum": least, "maximum": most })
            }
            Kind::Double => json!({ "type": ["number", "string", "null"] }),
            Kind::Boolean => json!({ "type": ["boolean", "string", "null"] }),
            Kind::Text => json!({ "type": ["string", "number", "boolean", "null"] }),
            Kind::Word(words) => {
                let words = words.iter().map(|word| json!(word));
                json!({ "enum": words.chain([Value::Null]).collect::<Vec<_>>() })
            }
            Kind::List => {
                json!({ "type": ["string", "array", "null"], "items": { "type": "string" } })
            }
        };
        let note = match key.model {
            Model::Modelled => "Kafka's.",
            Model::Ignored => "Kafka's; accepted, but changes nothing here.",
        };
        if let Value::Object(map) = &mut schema {
            map.insert("description".into(), json!(note));
        }
        properties.insert(key.name.into(), schema);
    }
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn overlay() -> Value {
    let names = SCENARIO
        .fields
        .iter()
        .filter(|field| field.presence != Presence::NotModelled && !FIXED.contains(&field.name))
        .map(|field| field.name)
        .chain(["config"]);
    json!({
        "type": ["object", "null"],
        "propertyNames": { "enum": names.collect::<Vec<_>>() },
        "properties": { "config": { "$ref": "#/definitions/kafka_consumer" } },
    })
}

fn matrix() -> Value {
    let combinations =
        json!({ "type": "array", "items": { "type": "object", "minProperties": 1 } });
    json!({
        "type": "object",
        "properties": { "exclude": combinations, "include": combinations },
        "additionalProperties": { "type": "array", "minItems": 1, "uniqueItems": true },
    })
}
