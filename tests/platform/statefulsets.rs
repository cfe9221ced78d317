//! Vectors STS-1 and STS-2, and the rules beside them.

use rebsim::kernel::SimDuration;
use rebsim::platform::quantity::IntOrPercent::{Count, Percent};
use rebsim::platform::statefulset::{
    PodManagement, StatefulSet, StatefulSetSpec, UpdateStrategy, max_unavailable,
};

use super::world::{World, secs};

pub(crate) const fn spec(policy: PodManagement, strategy: UpdateStrategy) -> StatefulSetSpec {
    StatefulSetSpec {
        policy,
        strategy,
        min_ready: SimDuration::ZERO,
        first_ordinal: 0,
    }
}

pub(crate) const ONE: UpdateStrategy = UpdateStrategy::RollingUpdate {
    partition: 0,
    max_unavailable: None,
};

#[test]
fn sts_1_twelve_pods_one_after_the_other() {
    let patient = StatefulSetSpec {
        min_ready: SimDuration::from_secs(10),
        ..spec(PodManagement::OrderedReady, ONE)
    };
    let mut world = World::steady(StatefulSet::new(patient, 12), 12, 25, 5);
    world.settle();
    world.controller.deploy();
    let mut ended = None;
    let mut absent_most = 0;
    world.run(secs(1_000), |world| {
        let serving = world
            .pods
            .iter()
            .filter(|pod| pod.ready_since.is_some() && !pod.is_deleting);
        absent_most = absent_most.max(12 - serving.count());
        let available = world.controller.counts().available;
        if world.active(1) == 12 && available == 12 && ended.is_none() {
            ended = Some(world.now);
        }
    });
    assert_eq!((ended, absent_most), (Some(secs(480)), 1));
    // The highest ordinal first, one every 40 s; each is absent for 30 s of them.
    let expected: Vec<_> = (0..12_u32)
        .map(|nth| (11 - nth, secs(40 * u64::from(nth))))
        .collect();
    assert_eq!(world.deletions, expected);
}

#[test]
fn sts_2_shares_round_down_and_one_may_always_go() {
    assert_eq!(max_unavailable(Percent(25), 10), 2);
    assert_eq!(max_unavailable(Percent(10), 3), 1);
}

#[test]
fn several_may_be_unavailable_where_the_release_allows_it() {
    let two = UpdateStrategy::RollingUpdate {
        partition: 0,
        max_unavailable: Some(Count(2)),
    };
    for policy in [PodManagement::OrderedReady, PodManagement::Parallel] {
        let mut world = World::steady(StatefulSet::new(spec(policy, two), 6), 6, 20, 5);
        world.settle();
        world.controller.deploy();
        let mut out = 0;
        world.run(secs(500), |world| {
            let there = world
                .pods
                .iter()
                .filter(|pod| pod.ready_since.is_some() && !pod.is_deleting);
            out = out.max(6 - there.count());
        });
        assert_eq!((out, world.active(1)), (2, 6), "{policy:?}");
    }
}

#[test]
fn below_the_partition_the_older_template_stays() {
    let canary = UpdateStrategy::RollingUpdate {
        partition: 4,
        max_unavailable: None,
    };
    let policy = PodManagement::OrderedReady;
    let mut world = World::steady(StatefulSet::new(spec(policy, canary), 6), 6, 10, 5);
    world.settle();
    world.controller.deploy();
    world.run(secs(300), |_| {});
    assert_eq!((world.active(0), world.active(1)), (4, 2));
}

#[test]
fn on_delete_replaces_nobody_and_a_rollback_is_a_deploy() {
    let set = StatefulSet::new(
        spec(PodManagement::OrderedReady, UpdateStrategy::OnDelete),
        3,
    );
    let mut world = World::steady(set, 3, 10, 5);
    world.settle();
    world.controller.deploy();
    world.run(secs(100), |_| {});
    assert_eq!((world.active(0), world.deletions.len()), (3, 0));
    let set = StatefulSet::new(spec(PodManagement::OrderedReady, ONE), 3);
    let mut world = World::steady(set, 3, 10, 5);
    world.settle();
    assert_eq!(world.controller.rollback(), None);
    world.controller.deploy();
    world.run(secs(100), |_| {});
    assert_eq!(world.controller.rollback(), Some(0));
    world.run(secs(200), |_| {});
    assert_eq!((world.active(0), world.active(1)), (3, 0));
}

#[test]
fn a_scale_down_takes_the_highest_ordinals_in_turn() {
    let set = StatefulSet::new(spec(PodManagement::OrderedReady, ONE), 4);
    let mut world = World::steady(set, 4, 10, 5);
    world.settle();
    world.controller.scale(2);
    world.run(secs(60), |_| {});
    assert_eq!(world.deletions, [(3, secs(0)), (2, secs(5))]);
    world.controller.scale(4);
    world.run(secs(120), |_| {});
    let created: Vec<_> = world
        .pods
        .iter()
        .map(|pod| (pod.ordinal, pod.created))
        .collect();
    assert_eq!(created[2..], [(2, secs(60)), (3, secs(70))]);
}
