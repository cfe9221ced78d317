//! Pages under `docs` that are printed by the program: the committed ones are the printed ones.

use rebsim::metrics::registry::document;
use rebsim::report::json::schema_text;
use rebsim::scenario::document as language;

/// `UPDATE_DOCS=1 cargo test --test pages` writes them anew.
fn is_committed(page: &str, printed: &str) {
    let path = format!("{}/docs/{page}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, printed).expect("the page can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == printed,
        "docs/{page} is out of date: UPDATE_DOCS=1 cargo test --test pages"
    );
}

#[test]
fn the_committed_page_of_metrics_is_the_printed_one() {
    is_committed("metrics.md", &document());
}

#[test]
fn the_committed_page_of_the_language_is_the_printed_one() {
    is_committed("language.md", &language::document());
}

#[test]
fn the_committed_schema_of_summaries_is_the_printed_one() {
    is_committed("summary.schema.json", &schema_text());
}
