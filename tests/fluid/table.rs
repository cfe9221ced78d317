//! `docs/fidelity.md` says how far the fluid mode is off on the shipped scenarios: `UPDATE_FIDELITY=1 cargo test --test fluid` writes its table.

use std::fs;
use std::path::Path;

use rebsim::cluster::{Fidelity, Options, simulate};
use rebsim::kernel::Seed;
use rebsim::metrics::{RunMetrics, evaluate};
use rebsim::report::table::{Align, Table};
use rebsim::scenario::{NoFiles, Overrides, examples, fluid, load};

/// Shipped scenarios that are played elsewhere: record by record they take too long for this table.
const LONG: [&str; 0] = [];

/// What the table has: metric, what it is.
const METRICS: [&str; 14] = [
    "rebalances",
    "rebalance_s",
    "downtime_partition_s",
    "longest_downtime_s",
    "stalled_records",
    "lag_records",
    "lag_records_mean",
    "committed_lag_records_mean",
    "latency_mean_s",
    "latency_p50_s",
    "latency_p99_s",
    "records_processed",
    "records_duplicated",
    "utilization_mean",
];

/// One metric in both modes, by variant.
#[derive(Default)]
struct Row {
    errors: Vec<f64>,
    totals: (f64, f64),
    worst: (f64, String),
}

impl Row {
    fn add(&mut self, variant: &str, exact: f64, fluid: f64) {
        self.totals = (self.totals.0 + exact, self.totals.1 + fluid);
        if exact == 0.0 {
            return;
        }
        let error = (fluid - exact).abs() / exact;
        if error > self.worst.0 {
            self.worst = (error, variant.to_owned());
        }
        self.errors.push(error);
    }

    fn cells(mut self, name: &str) -> Vec<String> {
        self.errors.sort_by(f64::total_cmp);
        let last = self.errors.len() - 1;
        let at = |percent: usize| {
            let error = self.errors[(self.errors.len() * percent / 100).min(last)];
            format!("{:.2} %", 100.0 * error)
        };
        vec![
            name.to_owned(),
            self.errors.len().to_string(),
            at(50),
            at(90),
            format!("{:.3}", self.totals.1 / self.totals.0),
            format!("{:.0} % {}", 100.0 * self.worst.0, self.worst.1),
        ]
    }
}

fn number(metrics: &RunMetrics, name: &str) -> Option<f64> {
    metrics
        .value(name)
        .and_then(|value| value.number())
        .map(|value| value.to_f64())
}

/// The table, and how many scenarios and variants are in it.
fn table() -> String {
    let mut rows: Vec<Row> = METRICS.iter().map(|_| Row::default()).collect();
    let (mut scenarios, mut variants) = (0, 0);
    for example in examples::EXAMPLES
        .iter()
        .filter(|example| !LONG.contains(&example.name))
    {
        let loaded = load(
            example.name,
            example.text,
            &mut NoFiles,
            &Overrides::default(),
        );
        let Ok(scenario) = loaded else { continue };
        if !fluid::refused(&scenario).is_empty() {
            continue;
        }
        scenarios += 1;
        for plan in &scenario.plans {
            variants += 1;
            let [exact, fluid] = [Fidelity::Exact, Fidelity::Fluid].map(|fidelity| {
                let options = Options {
                    fidelity,
                    ..Options::default()
                };
                let timeline = simulate(plan, Seed(scenario.seed), &options);
                evaluate(&timeline.expect("the run ends")).without_series()
            });
            for (row, name) in rows.iter_mut().zip(METRICS) {
                if let (Some(exact), Some(fluid)) = (number(&exact, name), number(&fluid, name)) {
                    row.add(&format!("{}/{}", scenario.name, plan.variant), exact, fluid);
                }
            }
        }
    }
    let mut table = Table::new(&[
        ("metric", Align::Left),
        ("variants", Align::Right),
        ("median error", Align::Right),
        ("90th percentile", Align::Right),
        ("totals, fluid / exact", Align::Right),
        ("worst", Align::Left),
    ]);
    for (row, name) in rows.into_iter().zip(METRICS) {
        table.row(row.cells(name));
    }
    format!(
        "{scenarios} scenarios, {variants} variants, first seed.\n\n{}",
        table.markdown()
    )
}

#[test]
fn the_page_says_how_far_the_fluid_mode_is_off() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/fidelity.md");
    let page = fs::read_to_string(&path).expect("the page can be read");
    let open = "<!-- generated: fluid -->\n";
    let (before, rest) = page.split_once(open).expect("the page has the block");
    let (_, after) = rest.split_once("<!-- end -->").expect("the block ends");
    let real = format!("{before}{open}\n{}\n<!-- end -->{after}", table());
    if std::env::var_os("UPDATE_FIDELITY").is_some() {
        fs::write(&path, real).expect("the page can be written");
        return;
    }
    for (number, (written, real)) in page.lines().zip(real.lines()).enumerate() {
        let place = format!("docs/fidelity.md:{}", number + 1);
        assert_eq!(written, real, "{place}; UPDATE_FIDELITY=1 rewrites it");
    }
    assert_eq!(page, real, "UPDATE_FIDELITY=1 rewrites it");
}
