//! Vectors DEP-1 to DEP-5, and what a Deployment does when deploys, rollbacks and changes of size meet.

use rebsim::kernel::{SimDuration, SimTime};
use rebsim::platform::deployment::{Deployment, DeploymentSpec, Progress, Strategy};
use rebsim::platform::deployment_step::{Rollout, SetSize, fenceposts};
use rebsim::platform::quantity::IntOrPercent::{self, Count, Percent};

use super::world::{World, secs};

pub(crate) fn spec(max_surge: IntOrPercent, max_unavailable: IntOrPercent) -> DeploymentSpec {
    DeploymentSpec {
        strategy: Strategy::RollingUpdate {
            max_surge,
            max_unavailable,
        },
        min_ready: SimDuration::ZERO,
        progress_deadline: SimDuration::from_secs(600),
    }
}

fn steady(spec: DeploymentSpec, replicas: u32, ready_in: u64, gone_in: u64) -> World<Deployment> {
    let mut world = World::steady(Deployment::new(spec, replicas), replicas, ready_in, gone_in);
    world.settle();
    world
}

#[test]
fn dep_1_a_quarter_of_several_sizes() {
    let sizes = [1, 2, 3, 4, 5, 6, 8, 10, 20, 100];
    let expected = [
        (1, 0),
        (1, 0),
        (1, 0),
        (1, 1),
        (2, 1),
        (2, 1),
        (2, 2),
        (3, 2),
        (5, 5),
        (25, 25),
    ];
    assert_eq!(
        sizes.map(|size| fenceposts(Percent(25), Percent(25), size)),
        expected
    );
}

#[test]
fn dep_2_one_may_always_be_unavailable() {
    assert_eq!(fenceposts(Count(0), Percent(1), 2), (0, 1));
}

#[test]
fn dep_3_ten_in_a_minute() {
    let mut world = steady(spec(Count(3), Count(2)), 10, 30, 0);
    world.controller.deploy();
    let mut seen: Vec<(SimTime, usize, usize)> = Vec::new();
    world.run(secs(300), |world| {
        seen.push((world.now, world.active(1), world.active(0)))
    });
    seen.dedup();
    assert_eq!(seen[0], (secs(0), 5, 8));
    assert!(seen.contains(&(secs(30), 10, 3)), "{seen:?}");
    assert!(seen.contains(&(secs(60), 10, 0)), "{seen:?}");
    assert_eq!(world.controller.progress(), Progress::Complete);
}

#[test]
fn dep_4_one_at_a_time() {
    let mut world = steady(spec(Count(1), Count(0)), 3, 30, 0);
    world.controller.deploy();
    let mut old = Vec::new();
    world.run(secs(300), |world| old.push((world.now, world.active(0))));
    for (at, left) in [(0, 3), (30, 2), (60, 1), (90, 0)] {
        let last = old.iter().rfind(|(now, _)| *now <= secs(at));
        assert_eq!(
            last.map(|(_, left)| *left),
            Some(left),
            "at {at} s: {old:?}"
        );
    }
}

#[test]
fn dep_5_a_change_of_size_is_shared() {
    let set = |replicas| SetSize {
        replicas,
        available: replicas,
        desired: 10,
        most: 13,
    };
    let mut sets = [set(8), set(5)];
    let mut rollout = Rollout {
        replicas: 15,
        strategy: spec(Percent(25), Percent(25)).strategy,
        sets: &mut sets,
        new: Some(1),
    };
    assert!(rollout.is_scaling() && rollout.scale());
    assert_eq!(sets.map(|set| set.replicas), [12, 7]);
    assert_eq!(sets.map(|set| (set.desired, set.most)), [(15, 19); 2]);
}

#[test]
fn a_deploy_in_the_middle_of_a_deploy_leaves_the_first_behind() {
    let mut world = steady(spec(Count(3), Count(2)), 10, 30, 0);
    world.controller.deploy();
    world.run(secs(10), |_| {});
    assert_eq!((world.active(0), world.active(1)), (8, 5));
    world.controller.deploy();
    world.settle();
    // The five that are not available yet go first, and as many of the newest take their place.
    assert_eq!([0, 1, 2].map(|template| world.active(template)), [8, 0, 5]);
    world.run(secs(300), |_| {});
    assert_eq!([0, 1, 2].map(|template| world.active(template)), [0, 0, 10]);
}

#[test]
fn a_rollback_returns_to_the_old_set_and_toggles() {
    let mut world = steady(spec(Percent(25), Percent(25)), 8, 20, 5);
    assert_eq!(world.controller.rollback(), None);
    world.controller.deploy();
    world.run(secs(5), |_| {});
    assert_eq!(world.controller.rollback(), Some(0));
    world.run(secs(200), |_| {});
    assert_eq!((world.active(0), world.active(1)), (8, 0));
    assert_eq!(world.controller.rollback(), Some(1));
    world.run(secs(400), |_| {});
    assert_eq!((world.active(0), world.active(1)), (0, 8));
}

#[test]
fn recreate_waits_until_the_last_old_pod_is_gone() {
    let recreate = DeploymentSpec {
        strategy: Strategy::Recreate,
        ..spec(Count(0), Count(0))
    };
    let mut world = steady(recreate, 4, 10, 7);
    world.controller.deploy();
    let mut seen = Vec::new();
    world.run(secs(60), |world| {
        seen.push((world.now, world.active(0), world.active(1)))
    });
    assert_eq!(seen[0], (secs(0), 0, 0));
    assert!(
        seen.iter()
            .all(|(now, _, new)| *new == 0 || *now >= secs(7))
    );
    assert_eq!(world.active(1), 4);
    world.controller.scale(6);
    world.run(secs(90), |_| {});
    assert_eq!(world.active(1), 6);
}

#[test]
fn who_must_stay_ready_a_while_is_waited_for() {
    let patient = DeploymentSpec {
        min_ready: SimDuration::from_secs(10),
        ..spec(Count(1), Count(0))
    };
    let mut world = steady(patient, 3, 30, 0);
    world.controller.deploy();
    let mut ended = None;
    world.run(secs(300), |world| {
        if world.active(0) == 0 && ended.is_none() {
            ended = Some(world.now);
        }
    });
    assert_eq!(ended, Some(secs(120)));
}

#[test]
fn without_progress_the_deadline_passes_and_nothing_is_rolled_back() {
    let mut world = steady(spec(Count(1), Count(0)), 3, 100_000, 0);
    world.controller.deploy();
    world.run(secs(599), |_| {});
    assert_eq!(world.controller.progress(), Progress::Since(secs(0)));
    world.run(secs(700), |_| {});
    assert_eq!(world.controller.progress(), Progress::DeadlineExceeded);
    assert_eq!((world.active(0), world.active(1)), (3, 1));
}
