//! Kubernetes specs that stand alone, outside a scenario: recorded worlds carry them. The tables and the reader are those of
//! scenarios, so that there is one place that knows what a spec means.

use super::build::autoscalers::hpa::Reader;
use super::check::Checker;
use super::diagnostic::{Diagnostic, Severity};
use super::files;
use super::shape::{Item, Shape};
use super::vocabulary::autoscaler::HPA;
use crate::platform::hpa::HpaSpec;

/// The HorizontalPodAutoscalerSpec that `text` (JSON or YAML) is for the release 1.`minor`.
///
/// # Errors
/// What is wrong with it, a line each.
pub fn hpa(text: &str, minor: u32) -> Result<HpaSpec, Vec<String>> {
    let mut found = Vec::new();
    let item = checked(text, &Shape::Manifest(&HPA), &mut found);
    let spec = item.and_then(|item| {
        let mut reader = Reader {
            minor,
            found: &mut found,
        };
        reader.hpa(&item)
    });
    let is_error = |finding: &Diagnostic| finding.severity == Severity::Error;
    match spec.filter(|_| !found.iter().any(is_error)) {
        Some(spec) => Ok(spec),
        None => Err(found
            .into_iter()
            .filter(is_error)
            .map(|finding| match finding.help {
                Some(help) => format!("{} ({help})", finding.message),
                None => finding.message,
            })
            .collect()),
    }
}

/// `text` by its shape, nothing missing.
fn checked(text: &str, shape: &Shape, found: &mut Vec<Diagnostic>) -> Option<Item> {
    let node = files::tree(text, 0, found)?;
    let mut checker = Checker {
        found: std::mem::take(found),
        complete: true,
    };
    let item = checker.check(&node, shape);
    *found = checker.found;
    item
}
