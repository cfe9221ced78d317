//! `nodes`: servers that pods are placed on.

use crate::platform::node::NodeSpec;
use crate::scenario::code::Code;
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
}
