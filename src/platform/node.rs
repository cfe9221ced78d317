//! Nodes: which pod runs where, and what the loss of a node does.

use crate::kernel::{SimDuration, SimTime};

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// Name.
    pub name: String,
    /// Cores that its pods share, in thousandths.
    pub cores_m: u64,
    /// Rack (`topology.kubernetes.io/zone`): `client.rack` of the consumers that run here.
    pub rack: Option<String>,
}

/// How long pods stay bound to a node that does not answer (`tolerationSeconds` of `node.kubernetes.io/unreachable`).
const TOLERATION: SimDuration = SimDuration::from_secs(300);

/// What follows the loss of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Its pods are called not Ready.
    pub not_ready: SimTime,
    /// Its pods are marked for deletion. They are never gone: a StatefulSet waits for them for ever, a Deployment does not.
    pub deleted: SimTime,
}

impl Loss {
    /// Of a node that is lost at `at` under Kubernetes 1.`minor` (`node-monitor-grace-period`: 40 s, 50 s since 1.32).
    #[must_use]
    pub fn of(at: SimTime, minor: u32) -> Self {
        let grace = SimDuration::from_secs(if minor >= 32 { 50 } else { 40 });
        let not_ready = at + grace;
        Self {
            not_ready,
            deleted: not_ready + TOLERATION,
        }
    }
}

/// A node as the scheduler sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Cores that no pod has asked for, in thousandths.
    pub free_m: u64,
    /// Pods on it.
    pub pods: u32,
    /// Takes pods: it is there and not cordoned.
    pub is_open: bool,
}

/// Where a pod goes that asks for `request_m`: of the open nodes with room the one with the most free cores, of equals the one with the fewest
/// pods, of equals the first by name (`nodes` are in that order). `None`: it stays Pending. The scheduler weighs more than that; this
/// rule spreads pods as its default scores do when nodes differ in nothing else.
#[must_use]
pub fn place(nodes: &[Room], request_m: u64) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (index, room) in nodes.iter().enumerate() {
        let better = |other: usize| {
            let other = nodes[other];
            (room.free_m, other.pods) > (other.free_m, room.pods)
        };
        if room.is_open && room.free_m >= request_m && best.is_none_or(better) {
            best = Some(index);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(free_m: u64, pods: u32) -> Room {
        Room {
            free_m,
            pods,
            is_open: true,
        }
    }

    #[test]
    fn most_free_cores_then_fewest_pods_then_name() {
        assert_eq!(place(&[room(2_000, 0), room(3_000, 5)], 500), Some(1));
        assert_eq!(place(&[room(2_000, 3), room(2_000, 2)], 500), Some(1));
        assert_eq!(place(&[room(2_000, 2), room(2_000, 2)], 500), Some(0));
    }

    #[test]
    fn without_room_a_pod_waits() {
        let closed = Room {
            is_open: false,
            ..room(9_000, 0)
        };
        assert_eq!(place(&[room(400, 0), closed], 500), None);
        assert_eq!(place(&[], 0), None);
    }

    #[test]
    fn a_lost_node_is_noticed_and_given_up() {
        let at = SimTime::from_millis(100_000);
        let seconds = |minor| {
            let loss = Loss::of(at, minor);
            [loss.not_ready, loss.deleted].map(|time| time.since(at).as_micros() / 1_000_000)
        };
        assert_eq!((seconds(31), seconds(32)), ([40, 340], [50, 350]));
    }
}
