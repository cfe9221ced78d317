//! Bins of a `HashMap` that became red-black trees (`HashMap.TreeNode`).
//!
//! Iteration still follows `next`, so of the whole tree only two things show: a new node is linked right after its
//! parent, and the root is moved to the front. Both need the tree itself, hence it is kept as OpenJDK 17 keeps it.

use std::cmp::Ordering;

use super::JavaKey;
use super::map::{Bin, JavaHashMap, NIL};

/// `TreeNode`'s links besides `next`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    prev: u32,
    parent: u32,
    /// Left, right.
    child: [u32; 2],
    red: bool,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            prev: NIL,
            parent: NIL,
            child: [NIL; 2],
            red: false,
        }
    }
}

impl<K: JavaKey, V> JavaHashMap<K, V> {
    fn links(&self, at: u32) -> &Links {
        &self.nodes[at as usize].tree
    }

    fn links_mut(&mut self, at: u32) -> &mut Links {
        &mut self.nodes[at as usize].tree
    }

    fn child(&self, at: u32, side: usize) -> u32 {
        self.links(at).child[side]
    }

    fn parent(&self, at: u32) -> u32 {
        self.links(at).parent
    }

    fn is_red(&self, at: u32) -> bool {
        at != NIL && self.links(at).red
    }

    fn paint(&mut self, at: u32, red: bool) {
        if at != NIL {
            self.links_mut(at).red = red;
        }
    }

    /// The side on which `at` hangs below its parent.
    fn side_of(&self, at: u32) -> usize {
        usize::from(self.child(self.parent(at), 0) != at)
    }

    /// Puts `new` (or nothing) where `old` hangs below `parent`; true when `old` was the root.
    fn hang(&mut self, parent: u32, old: u32, new: u32) -> bool {
        if new != NIL {
            self.links_mut(new).parent = parent;
        }
        if parent == NIL {
            return true;
        }
        let side = usize::from(self.child(parent, 0) != old);
        self.links_mut(parent).child[side] = new;
        false
    }

    fn root_of(&self, mut at: u32) -> u32 {
        while self.parent(at) != NIL {
            at = self.parent(at);
        }
        at
    }

    /// `treeify`: builds the tree from the bin's list.
    pub(super) fn treeify(&mut self, bin: usize) {
        let list: Vec<u32> = self
            .chain(self.bins[bin].head)
            .map(|at| at as u32)
            .collect();
        self.bins[bin].is_tree = true;
        let mut root = NIL;
        let mut prev = NIL;
        for &at in &list {
            *self.links_mut(at) = Links {
                prev,
                ..Links::default()
            };
            prev = at;
            root = if root == NIL {
                at
            } else {
                let (parent, side) = self.leaf_for(root, at);
                self.attach(root, parent, side, at)
            };
        }
        self.move_root_to_front(bin, root);
    }

    /// `putTreeVal` of a key that is not there.
    pub(super) fn insert_in_tree(&mut self, bin: usize, at: u32) {
        let root = self.root_of(self.bins[bin].head);
        let (parent, side) = self.leaf_for(root, at);
        let next = std::mem::replace(&mut self.nodes[parent as usize].next, at);
        self.nodes[at as usize].next = next;
        self.links_mut(at).prev = parent;
        if next != NIL {
            self.links_mut(next).prev = at;
        }
        let root = self.attach(root, parent, side, at);
        self.move_root_to_front(bin, root);
    }

    /// Where a new node goes: below which one, on which side.
    fn leaf_for(&self, root: u32, at: u32) -> (u32, usize) {
        let mut parent = root;
        loop {
            let side = usize::from(self.order(at, parent) == Ordering::Greater);
            let child = self.child(parent, side);
            if child == NIL {
                return (parent, side);
            }
            parent = child;
        }
    }

    fn order(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (&self.nodes[a as usize], &self.nodes[b as usize]);
        a.hash
            .cmp(&b.hash)
            .then_with(|| match (&a.entry, &b.entry) {
                (Some((a, _)), Some((b, _))) => a.compare_to(b),
                (None, _) | (_, None) => unreachable!("a linked node has an entry"),
            })
    }

    fn attach(&mut self, root: u32, parent: u32, side: usize, at: u32) -> u32 {
        self.links_mut(at).parent = parent;
        self.links_mut(parent).child[side] = at;
        self.balance_insertion(root, at)
    }

    fn move_root_to_front(&mut self, bin: usize, root: u32) {
        let first = self.bins[bin].head;
        if root == NIL || root == first {
            return;
        }
        let (prev, next) = (self.links(root).prev, self.nodes[root as usize].next);
        if next != NIL {
            self.links_mut(next).prev = prev;
        }
        if prev != NIL {
            self.nodes[prev as usize].next = next;
        }
        if first != NIL {
            self.links_mut(first).prev = root;
        }
        self.nodes[root as usize].next = first;
        self.links_mut(root).prev = NIL;
        self.bins[bin].head = root;
    }

    /// `rotateLeft` (side 0) and `rotateRight` (side 1): `at` sinks to `side`, its other child rises.
    fn rotate(&mut self, root: u32, at: u32, side: usize) -> u32 {
        if at == NIL || self.child(at, 1 - side) == NIL {
            return root;
        }
        let riser = self.child(at, 1 - side);
        let inner = self.child(riser, side);
        self.links_mut(at).child[1 - side] = inner;
        if inner != NIL {
            self.links_mut(inner).parent = at;
        }
        let is_root = self.hang(self.parent(at), at, riser);
        self.links_mut(riser).child[side] = at;
        self.links_mut(at).parent = riser;
        if is_root {
            self.paint(riser, false);
            return riser;
        }
        root
    }

    fn balance_insertion(&mut self, mut root: u32, mut at: u32) -> u32 {
        self.paint(at, true);
        loop {
            let mut parent = self.parent(at);
            if parent == NIL {
                self.paint(at, false);
                return at;
            }
            let mut grand = self.parent(parent);
            if !self.is_red(parent) || grand == NIL {
                return root;
            }
            let side = self.side_of(parent);
            let uncle = self.child(grand, 1 - side);
            if self.is_red(uncle) {
                self.paint(uncle, false);
                self.paint(parent, false);
                self.paint(grand, true);
                at = grand;
                continue;
            }
            if at == self.child(parent, 1 - side) {
                at = parent;
                root = self.rotate(root, at, side);
                parent = self.parent(at);
                grand = self.parent(parent);
            }
            self.paint(parent, false);
            self.paint(grand, true);
            root = self.rotate(root, grand, 1 - side);
        }
    }

    /// `removeTreeNode` as `remove` calls it; a bin that got too small becomes a list again.
    pub(super) fn remove_from_tree(&mut self, bin: usize, at: u32) {
        let root = self.root_of(self.bins[bin].head);
        let (prev, next) = (self.links(at).prev, self.nodes[at as usize].next);
        if prev == NIL {
            self.bins[bin].head = next;
        } else {
            self.nodes[prev as usize].next = next;
        }
        if next != NIL {
            self.links_mut(next).prev = prev;
        }
        let head = self.bins[bin].head;
        let left = self.child(root, 0);
        if head == NIL || self.child(root, 1) == NIL || left == NIL || self.child(left, 0) == NIL {
            self.bins[bin] = Bin {
                head,
                is_tree: false,
            };
            return;
        }
        let root = self.unlink(root, at);
        self.move_root_to_front(bin, root);
    }

    /// Takes `at` out of the tree; returns the root.
    fn unlink(&mut self, mut root: u32, at: u32) -> u32 {
        let [left, right] = self.links(at).child;
        if left != NIL && right != NIL {
            root = self.swap_with_successor(root, at);
        }
        let [left, right] = self.links(at).child;
        let replacement = match (left, right) {
            (NIL, NIL) => at,
            (NIL, only) | (only, _) => only,
        };
        if replacement != at {
            if self.hang(self.parent(at), at, replacement) {
                root = replacement;
                self.paint(root, false);
            }
            let links = self.links_mut(at);
            links.parent = NIL;
            links.child = [NIL; 2];
        }
        if !self.is_red(at) {
            root = self.balance_deletion(root, replacement);
        }
        if replacement == at && self.parent(at) != NIL {
            self.hang(self.parent(at), at, NIL);
            self.links_mut(at).parent = NIL;
        }
        root
    }

    /// Exchanges the places and colours of `at` and the next node in order, which has no left child.
    fn swap_with_successor(&mut self, mut root: u32, at: u32) -> u32 {
        let [left, right] = self.links(at).child;
        let mut successor = right;
        while self.child(successor, 0) != NIL {
            successor = self.child(successor, 0);
        }
        let (red, other) = (self.is_red(successor), self.is_red(at));
        self.paint(successor, other);
        self.paint(at, red);
        let beyond = self.child(successor, 1);
        let above = self.parent(at);
        if successor == right {
            self.links_mut(at).parent = successor;
            self.links_mut(successor).child[1] = at;
        } else {
            self.hang(self.parent(successor), successor, at);
            self.links_mut(successor).child[1] = right;
            self.links_mut(right).parent = successor;
        }
        self.links_mut(at).child = [NIL, beyond];
        if beyond != NIL {
            self.links_mut(beyond).parent = at;
        }
        self.links_mut(successor).child[0] = left;
        self.links_mut(left).parent = successor;
        if self.hang(above, at, successor) {
            root = successor;
        }
        root
    }

    fn balance_deletion(&mut self, mut root: u32, mut at: u32) -> u32 {
        loop {
            if at == NIL || at == root {
                return root;
            }
            let mut parent = self.parent(at);
            if parent == NIL {
                self.paint(at, false);
                return at;
            }
            if self.is_red(at) {
                self.paint(at, false);
                return root;
            }
            let side = self.side_of(at);
            let mut sibling = self.child(parent, 1 - side);
            if self.is_red(sibling) {
                self.paint(sibling, false);
                self.paint(parent, true);
                root = self.rotate(root, parent, side);
                parent = self.parent(at);
                sibling = self.child(parent, 1 - side);
            }
            if sibling == NIL {
                at = parent;
                continue;
            }
            let (near, far) = (self.child(sibling, side), self.child(sibling, 1 - side));
            if !self.is_red(near) && !self.is_red(far) {
                self.paint(sibling, true);
                at = parent;
                continue;
            }
            if !self.is_red(far) {
                self.paint(near, false);
                self.paint(sibling, true);
                root = self.rotate(root, sibling, 1 - side);
                parent = self.parent(at);
                sibling = self.child(parent, 1 - side);
            }
            let red = self.is_red(parent);
            self.paint(sibling, red);
            let far = self.child(sibling, 1 - side);
            self.paint(far, false);
            self.paint(parent, false);
            root = self.rotate(root, parent, side);
            at = root;
        }
    }
}
