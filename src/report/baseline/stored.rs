//! A `summary.json` read back.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{Cell, Content, Results};
use crate::metrics::{Decimal, NO_DATA, NOT_DRAINED, Name, Value};
use crate::report::json;

/// What a results folder says was measured: by variant, then seed, then name.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    content: Content,
    pub(super) measured: Vec<Vec<BTreeMap<String, Value>>>,
}

impl Stored {
    /// Reads a `summary.json`.
    ///
    /// # Errors
    /// When it is none, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let json: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if json["schema"] != "rebsim/summary/1" {
            return Err(format!(
                "its schema is {}, not rebsim/summary/1",
                json["schema"]
            ));
        }
        let scenario = json["scenario"].as_str().ok_or("it names no scenario")?;
        let fidelity = json::fidelity_of(&json["fidelity"]).ok_or("it has no proper `fidelity`")?;
        let (mut cells, mut measured) = (Vec::new(), Vec::new());
        for variant in json["variants"].as_array().into_iter().flatten() {
            let name = variant["name"].as_str().ok_or("a variant has no name")?;
            let (mut seeds, mut by_seed) = (Vec::new(), Vec::new());
            for one in variant["seeds"].as_array().into_iter().flatten() {
                seeds.push(one["seed"].as_u64().ok_or("a run has no seed")?);
                let metrics = one["metrics"].as_object().ok_or("a run has no metrics")?;
                let metrics = metrics.iter();
                by_seed.push(
                    metrics
                        .map(|(name, one)| (name.clone(), value(one)))
                        .collect(),
                );
            }
            cells.push(Cell::variant(name, seeds));
            measured.push(by_seed);
        }
        Ok(Self {
            content: Content {
                scenario: scenario.to_owned(),
                fidelity,
                cells,
            },
            measured,
        })
    }
}

impl Results for Stored {
    fn content(&self) -> Content {
        self.content.clone()
    }

    fn values(&self, cell: usize, name: &Name) -> Option<Vec<Value>> {
        let column = name.to_string();
        let by_seed = self.measured.get(cell)?.iter();
        by_seed
            .map(|metrics| metrics.get(&column).copied())
            .collect()
    }
}

/// A number with its six decimals; words but that for an undrained lag say nothing here.
fn value(json: &Json) -> Value {
    match json {
        Json::Bool(flag) => Value::Flag(*flag),
        Json::String(word) if word == NOT_DRAINED => Value::Word(NOT_DRAINED),
        Json::Number(number) => {
            let whole = number.as_i64().map(|number| number.to_string());
            let text = whole.or_else(|| Some(format!("{:.6}", number.as_f64()?)));
            Value::or_no_data(text.and_then(|text| Decimal::parse(&text)))
        }
        Json::Null | Json::String(_) | Json::Array(_) | Json::Object(_) => Value::Word(NO_DATA),
    }
}
