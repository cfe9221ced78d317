//! `nodes`: servers that pods are placed on.

use crate::platform::node::NodeSpec;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
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
    pub(super) fn pods_fit(&mut self, root: &Item, nodes: &[NodeSpec]) {
        let Some(largest) = nodes.iter().max_by_key(|node| node.cores_m) else {
            return;
        };
        for kind in ["deployments", "statefulsets"] {
            for pair in root.get(kind).map_or_else(Vec::new, Item::pairs_by_name) {
                let cpu = pair.item.get("pod").and_then(|pod| pod.get("cpu"));
                let request = cpu.and_then(|cpu| cpu.get("request"));
                let too_much = request
                    .filter(|request| request.quantity().is_some_and(|m| m > largest.cores_m));
                if let Some(at) = too_much {
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
    }
}
