//! `expect`: what must hold, for every variant or for one. What metrics there are, and what may be asked of them, is for
//! [`crate::metrics::condition`] to say; that the groups, topics and variants in a condition exist, is said here.

use crate::metrics::Name;
use crate::metrics::condition::Condition;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::load::Expectation;
use crate::scenario::near::did_you_mean;
use crate::scenario::node::Span;
use crate::scenario::plan::Plan;
use crate::scenario::resolved;
use crate::scenario::shape::{Item, Pair, Typed};
use crate::scenario::subjects;

use super::Builder;

impl Builder<'_, '_> {
    /// The expectations that concern the variant of `plan`.
    pub(super) fn expectations(
        &mut self,
        item: Option<&Item>,
        plan: &Plan,
        variants: &[String],
    ) -> Vec<Expectation> {
        let mut expectations = Vec::new();
        for pair in item.map_or(&[][..], Item::pairs) {
            let Typed::Map(inner) = &pair.item.value else {
                expectations.extend(self.expectation(pair, None, plan, variants));
                continue;
            };
            self.variant(&pair.key, pair.key_span, variants);
            if pair.key == plan.variant {
                for inner in inner {
                    let variant = Some(pair.key.as_str());
                    expectations.extend(self.expectation(inner, variant, plan, variants));
                }
            }
        }
        expectations
    }

    fn expectation(
        &mut self,
        pair: &Pair,
        variant: Option<&str>,
        plan: &Plan,
        variants: &[String],
    ) -> Option<Expectation> {
        let text = pair.item.text()?;
        let condition = match Condition::parse(&pair.key, text) {
            Ok(condition) => condition,
            Err(error) => {
                let span = if is_metric(&pair.key) {
                    pair.item.span
                } else {
                    pair.key_span
                };
                let finding = Diagnostic::error(Code::Condition, span, error.message);
                self.report(finding.help(error.help));
                return None;
            }
        };
        if let Some(other) = condition.other_variant() {
            self.variant(other, pair.item.span, variants);
        }
        if let Some(own) = &condition.variant {
            self.variant(own, pair.key_span, variants);
        }
        let own = variant.or(condition.variant.as_deref());
        if own.is_none_or(|own| own == plan.variant) {
            self.labels(&condition.name, pair.key_span, plan);
        }
        if variant.is_some() && variant == condition.other_variant() {
            let message = format!(
                "nothing to judge: `{}` is compared with itself",
                plan.variant
            );
            let finding = Diagnostic::error(Code::Condition, pair.item.span, message);
            self.report(finding.help("name another variant, or a number"));
        }
        let place = self.files.sources.place(pair.key_span);
        let metric = resolved::token(&pair.key);
        Some(Expectation {
            pointer: match variant {
                Some(variant) => format!("/expect/{variant}/{metric}"),
                None => format!("/expect/{metric}"),
            },
            variant: variant.map(str::to_owned),
            metric: pair.key.clone(),
            condition: text.to_owned(),
            file: place.file,
            line: place.line,
            column: place.column,
        })
    }

    fn variant(&mut self, name: &str, span: Span, variants: &[String]) {
        if variants.iter().all(|variant| variant != name) {
            let message = format!("there is no variant `{name}`");
            let names = variants.iter().map(String::as_str);
            self.report(
                Diagnostic::error(Code::UnknownVariant, span, message)
                    .help(format!("variants: {}", variants.join(", ")))
                    .maybe_help(did_you_mean(name, names)),
            );
        }
    }

    /// Whether what the labels name is in the scenario.
    fn labels(&mut self, name: &Name, span: Span, plan: &Plan) {
        for unknown in subjects::unknown(&name.labels, plan, |group| self.vague.contains(&group)) {
            let finding = Diagnostic::error(unknown.code, span, unknown.message);
            self.report(finding.maybe_help(unknown.help));
        }
    }
}

/// True when `text` names a metric, with or without a variant before it: what is wrong then is the condition.
fn is_metric(text: &str) -> bool {
    let labels = text.find('{').unwrap_or(text.len());
    let name = match text[..labels].find('.') {
        Some(point) => &text[point + 1..],
        None => text,
    };
    Name::parse(name).is_ok()
}
