//! What must hold whatever is asked: budgets are kept, the surge is kept, and in the end all is as wanted.

use proptest::prelude::*;
use rebsim::platform::deployment::{self, Deployment, DeploymentSpec};
use rebsim::platform::quantity::IntOrPercent::{self, Count, Percent};
use rebsim::platform::statefulset::{PodManagement, StatefulSet};

use super::world::{World, secs};
use super::{deployments, statefulsets};

fn limit() -> impl Strategy<Value = IntOrPercent> {
    prop_oneof![(0..6_u32).prop_map(Count), (0..101_u32).prop_map(Percent)]
}

fn rollout() -> impl Strategy<Value = deployment::Strategy> {
    (limit(), limit()).prop_map(|(max_surge, max_unavailable)| {
        deployment::Strategy::RollingUpdate {
            max_surge,
            max_unavailable,
        }
    })
}

/// What is asked of a Deployment.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Deploy,
    Rollback,
    Scale(u32),
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        Just(Wish::Deploy),
        Just(Wish::Rollback),
        (0..15_u32).prop_map(Wish::Scale),
    ]
}

fn fulfil(deployment: &mut Deployment, wish: Wish) {
    match wish {
        Wish::Deploy => {
            deployment.deploy();
        }
        Wish::Rollback => {
            deployment.rollback();
        }
        Wish::Scale(replicas) => deployment.scale(replicas),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// While pods are healthy, deploys and rollbacks never leave fewer available than the budget, nor more pods than the surge.
    #[test]
    fn rollouts_keep_their_budget(
        strategy in rollout(),
        replicas in 1..20_u32,
        ready_in in 1..40_u64,
        gone_in in 0..30_u64,
        times in prop::collection::vec((1..100_u64, any::<bool>()), 1..5),
    ) {
        let spec = DeploymentSpec { strategy, ..deployments::spec(Count(1), Count(0)) };
        let mut world = World::steady(Deployment::new(spec, replicas), replicas, ready_in, gone_in);
        world.settle();
        let least = replicas - strategy.unavailable(replicas);
        let most = replicas + strategy.surge(replicas);
        let mut end = 0;
        for (gap, back) in times {
            fulfil(&mut world.controller, if back { Wish::Rollback } else { Wish::Deploy });
            end += gap;
            world.run(secs(end), |world| {
                let counts = world.controller.counts();
                assert!(counts.available >= least, "{counts:?} below {least}");
                assert!(counts.replicas <= most, "{counts:?} above {most}");
            });
        }
    }

    /// Whatever is asked and however fast, a Deployment ends with all pods of the wanted template, available.
    #[test]
    fn deployments_converge(
        strategy in prop_oneof![4 => rollout(), 1 => Just(deployment::Strategy::Recreate)],
        replicas in 0..15_u32,
        ready_in in 0..40_u64,
        wishes in prop::collection::vec((0..60_u64, wish()), 1..8),
    ) {
        let spec = DeploymentSpec { strategy, ..deployments::spec(Count(1), Count(0)) };
        let mut world = World::steady(Deployment::new(spec, replicas), replicas, ready_in, 3);
        world.settle();
        let mut end = 0;
        for (gap, wish) in wishes {
            fulfil(&mut world.controller, wish);
            end += gap;
            world.run(secs(end), |world| {
                let wanted = world.controller.replicas();
                let most = wanted + strategy.surge(wanted);
                let counts = world.controller.counts();
                assert!(counts.replicas <= most, "{counts:?} above {most}");
            });
        }
        world.run(secs(end + 4_000), |_| {});
        let wanted = world.controller.replicas();
        let counts = world.controller.counts();
        prop_assert_eq!(counts.replicas, wanted);
        prop_assert_eq!((counts.updated, counts.available), (wanted, wanted));
        prop_assert_eq!(world.pods.len(), wanted as usize);
    }

    /// A StatefulSet in order is never without more than one pod for a rollout, and converges.
    #[test]
    fn statefulsets_replace_one_at_a_time(
        replicas in 1..8_u32,
        ready_in in 1..30_u64,
        gone_in in 0..20_u64,
        deploys in prop::collection::vec(1..200_u64, 1..4),
    ) {
        let spec = statefulsets::spec(PodManagement::OrderedReady, statefulsets::ONE);
        let mut world = World::steady(StatefulSet::new(spec, replicas), replicas, ready_in, gone_in);
        world.settle();
        let (mut end, mut template) = (0, 0);
        let watch = |world: &World<StatefulSet>| {
            let there = world.pods.iter().filter(|pod| pod.ready_since.is_some() && !pod.is_deleting);
            assert!(there.count() + 1 >= replicas as usize);
        };
        for gap in deploys {
            template = world.controller.deploy();
            end += gap;
            world.run(secs(end), watch);
        }
        world.run(secs(end + 2_000), watch);
        prop_assert_eq!(world.active(template), replicas as usize);
    }
}
