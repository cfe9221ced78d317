//! `expect`: what must hold, for every variant or for one.

use crate::scenario::Expectation;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::near::did_you_mean;
use crate::scenario::shape::{Item, Pair, Typed};

use super::Builder;

/// Whether a metric and a condition on it make sense: the one place where the metrics' own check is called.
fn check_condition(metric: &str, condition: &str) -> Result<(), String> {
    if metric.is_empty() {
        return Err("a condition on no metric".to_owned());
    }
    if condition.trim().is_empty() {
        return Err("an empty condition".to_owned());
    }
    Ok(())
}

impl Builder<'_, '_> {
    /// The expectations that concern `variant`.
    pub(super) fn expectations(
        &mut self,
        item: Option<&Item>,
        variant: &str,
        variants: &[String],
    ) -> Vec<Expectation> {
        let mut expectations = Vec::new();
        for pair in item.map_or(&[][..], Item::pairs) {
            let Typed::Map(inner) = &pair.item.value else {
                expectations.extend(self.expectation(pair, None));
                continue;
            };
            if !variants.contains(&pair.key) {
                let message = format!("there is no variant `{}`", pair.key);
                let names = variants.iter().map(String::as_str);
                self.report(
                    Diagnostic::error(Code::UnknownVariant, pair.key_span, message)
                        .maybe_help(did_you_mean(&pair.key, names)),
                );
            } else if pair.key == variant {
                for inner in inner {
                    expectations.extend(self.expectation(inner, Some(&pair.key)));
                }
            }
        }
        expectations
    }

    fn expectation(&mut self, pair: &Pair, variant: Option<&str>) -> Option<Expectation> {
        let condition = pair.item.text()?;
        if let Err(message) = check_condition(&pair.key, condition) {
            self.error(Code::Condition, &pair.item, message);
            return None;
        }
        let place = self.files.sources.place(pair.key_span);
        let pointer = match variant {
            Some(variant) => format!("/expect/{variant}/{}", pair.key),
            None => format!("/expect/{}", pair.key),
        };
        Some(Expectation {
            variant: variant.map(str::to_owned),
            metric: pair.key.clone(),
            condition: condition.to_owned(),
            pointer,
            file: place.file,
            line: place.line,
            column: place.column,
        })
    }
}
