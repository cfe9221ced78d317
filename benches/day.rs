//! How long a quiet day takes: 24 h, 25 members on 25 partitions of 100 records/s, by the number of polls. `cargo bench`.

use criterion::{Criterion, criterion_group, criterion_main};
use rebsim::cluster::{Options, simulate};
use rebsim::kernel::Seed;
use rebsim::scenario::{NoFiles, Overrides, load};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn day(criterion: &mut Criterion) {
    let text = include_str!("day.yaml");
    let scenario = load("day.yaml", text, &mut NoFiles, &Overrides::default());
    let scenario = scenario.expect("the scenario is valid");
    let mut group = criterion.benchmark_group("day");
    group.sample_size(10);
    for plan in &scenario.plans {
        group.bench_function(&plan.variant, |bencher| {
            bencher.iter(|| {
                simulate(plan, Seed(1), &Options::default())
                    .map(|timeline| timeline.control_events)
                    .expect("a day is below the event limit")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, day);
criterion_main!(benches);
