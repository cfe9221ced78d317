//! The function that `replay` judges is the one that the simulated loop calls: a run is given back to it.

use std::fs;

use rebsim::cluster::{Options, simulate_with_autoscalers};
use rebsim::experiment::hpa_replay;
use rebsim::import::platform::hpa;
use rebsim::kernel::Seed;
use rebsim::platform::hpa::Reconcile;
use rebsim::report::hpa_world;
use rebsim::scenario::plan::autoscaler::AutoscalerKind;
use rebsim::scenario::{LoadError, Loader, Overrides, load};

struct NoFiles;

impl Loader for NoFiles {
    fn read(&mut self, _: &str) -> Result<String, LoadError> {
        Err(LoadError::NotFound)
    }
}

#[test]
fn a_storm_that_was_played_is_replayed_without_a_difference() {
    let path = format!("{}/scenarios/hpa-storm.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).expect("the scenario is shipped");
    let scenario = load("hpa-storm.yaml", &text, &mut NoFiles, &Overrides::default())
        .unwrap_or_else(|rejected| panic!("{rejected}"));
    let plan = scenario.plans.iter().find(|plan| plan.variant == "cpu");
    let plan = plan.expect("the variant that oscillates");
    let options = Options {
        check_invariants: true,
        record_autoscalers: true,
        ..Options::default()
    };
    let (_, kept) = simulate_with_autoscalers(plan, Seed(1), &options).expect("it ends");
    let AutoscalerKind::Hpa { spec, .. } = &plan.platform.autoscalers[0].kind else {
        panic!("it is an HPA")
    };
    let steps: Vec<Reconcile> = kept.into_iter().map(|(_, step)| step).collect();
    let sizes: Vec<i32> = steps.iter().map(|step| step.outcome.desired).collect();
    assert!(steps.len() > 230, "every 15 s of an hour: {}", steps.len());
    let ups = sizes.windows(2).filter(|pair| pair[1] > pair[0]).count();
    assert!(ups >= 3, "a storm: {sizes:?}");
    let world = hpa_world::world(spec, &plan.platform.kubernetes.hpa, &steps);
    let world = hpa::read(world).unwrap_or_else(|fault| panic!("{fault}"));
    let replayed = hpa_replay::replay(0, &world);
    assert_eq!(replayed.differences, [""; 0]);
    assert_eq!(replayed.compared, steps.len());
}
