//! Where the parts of a resolved scenario stand in the texts it was made of: `file:line` by JSON pointer, two levels deep (`/events/3`,
//! `/groups/checkout`). For people only: result files hold pointers, which no layout of a text changes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::node::Span;
use super::resolved;
use super::shape::{Item, Typed};
use super::source::Sources;

/// Adds the places of the variants themselves, as the base names them.
pub(super) fn add_variants(places: &mut BTreeMap<String, String>, base: &Item, sources: &Sources) {
    let variants = base.get("variants").map_or(&[][..], Item::pairs);
    for pair in variants {
        let place = sources.place(pair.key_span);
        let name = resolved::token(&pair.key);
        places.insert(
            format!("/variants/{name}"),
            format!("{}:{}", place.file, place.line),
        );
    }
}

/// Adds the places of a variant's document.
pub(super) fn add(
    places: &mut BTreeMap<String, String>,
    (whole, variant): (&Value, &str),
    document: &Item,
    sources: &Sources,
) {
    let mut put = |pointer: &str, span: Span| {
        let place = sources.place(span);
        places.insert(
            resolved::pointer(whole, variant, pointer),
            format!("{}:{}", place.file, place.line),
        );
    };
    for pair in document.pairs() {
        let key = resolved::token(&pair.key);
        match &pair.item.value {
            Typed::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    put(&format!("/{key}/{index}"), item.span);
                }
            }
            Typed::Map(pairs) => {
                for inner in pairs {
                    let name = resolved::token(&inner.key);
                    put(&format!("/{key}/{name}"), inner.key_span);
                }
            }
            _ => {}
        }
    }
}
