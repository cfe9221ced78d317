//! What is promised about metrics from outside: the page that documents them.

use rebsim::metrics::registry::document;

/// `UPDATE_DOCS=1 cargo test --test metrics` writes the page anew.
#[test]
fn the_committed_page_of_metrics_is_the_printed_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, document()).expect("the page can be written");
    }
    let committed = std::fs::read_to_string(path).expect("the page is there");
    assert!(
        committed == document(),
        "docs/metrics.md is out of date: UPDATE_DOCS=1 cargo test --test metrics"
    );
}
