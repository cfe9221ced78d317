//! `nodes`: servers that pods are placed on.

use crate::platform::node::NodeSpec;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::plan::platform::Workload;
use crate::scenario::shape::Item;

use super::Builder;

impl Builder<'_, '_> {
    /// The nodes, by name.
    pub(super) fn nodes(&mut self, item: Option<&Item>) -> Vec<NodeSpec> {
        let pairs = item.map_or_else(Vec::new, Item::pairs_by_name);
        let mut nodes = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let cores = pair.item.get("cores");
            if let Some(at) = cores.filter(|cores| cores.quantity() == Some(0)) {
                self.error(Code::Limit, at, "a node has some part of a core");
            }
            let rack = pair.item.get("rack").and_then(Item::text);
            nodes.push(NodeSpec {
                name: pair.key.clone(),
                cores_m: cores.and_then(Item::quantity).unwrap_or(1),
                rack: rack.map(str::to_owned),
            });
        }
        nodes
    }

    /// Refuses requests that no node could ever meet: such pods would wait for ever.
    pub(super) fn pods_fit(&mut self, root: &Item, workloads: &[Workload], nodes: &[NodeSpec]) {
        let Some(largest) = nodes.iter().max_by_key(|node| node.cores_m) else {
            return;
        };
        let kinds = ["deployments", "statefulsets"].into_iter();
        let pairs =
            kinds.flat_map(|kind| root.get(kind).map_or_else(Vec::new, Item::pairs_by_name));
        for pair in pairs {
            let workload = workloads.iter().find(|workload| workload.name == pair.key);
            let request = workload.and_then(|workload| workload.pod.cpu?.request_m);
            if request.is_none_or(|request| request <= largest.cores_m) {
                continue;
            }
            let own = pair
                .item
                .get("pod")
                .and_then(|pod| pod.get("cpu")?.get("request"));
            let pods = pair
                .item
                .get("spec")
                .and_then(|spec| spec.get("template")?.get("spec"));
            let listed = pods.and_then(|pods| pods.get("containers"));
            let at = own.or(listed).unwrap_or(&pair.item);
            let message = format!(
                "no node has so many cores: pods of `{}` would wait for ever",
                pair.key
            );
            let finding = Diagnostic::error(Code::Limit, at.span, message);
            self.report(finding.help(format!(
                "the largest is `{}` with {}m",
                largest.name, largest.cores_m
            )));
        }
    }
}
