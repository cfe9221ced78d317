//! Nodes: which pod runs where, and what the loss of a node does.

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
