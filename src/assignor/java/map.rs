//! `java.util.HashMap`: the table, its growth and its plain bins.

use super::{JavaKey, tree};

/// Where an entry lives in its map; stays the same as long as the entry is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u32);

/// No node.
pub(super) const NIL: u32 = u32::MAX;
/// `DEFAULT_INITIAL_CAPACITY`
const DEFAULT_CAPACITY: usize = 16;
/// `TREEIFY_THRESHOLD`
const TREEIFY: usize = 8;
/// `UNTREEIFY_THRESHOLD`
const UNTREEIFY: usize = 6;
/// `MIN_TREEIFY_CAPACITY`
const TREEIFY_CAPACITY: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Node<K, V> {
    /// `hashCode` with its upper half folded in (`HashMap.hash`).
    pub(super) hash: i32,
    pub(super) next: u32,
    /// Links of a tree bin; unused in a plain one.
    pub(super) tree: tree::Links,
    /// `None` when the slot is free.
    pub(super) entry: Option<(K, V)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Bin {
    pub(super) head: u32,
    pub(super) is_tree: bool,
}

/// `java.util.HashMap` with Java's iteration order: bins in ascending order, within a bin as linked.
#[derive(Clone, Debug)]
pub struct JavaHashMap<K, V> {
    /// The table; empty until the first insertion.
    pub(super) bins: Vec<Bin>,
    pub(super) nodes: Vec<Node<K, V>>,
    free: Vec<u32>,
    len: usize,
    /// Capacity of the first table.
    initial: usize,
}

impl<K: JavaKey, V> Default for JavaHashMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: JavaKey, V> JavaHashMap<K, V> {
    /// `new HashMap<>()`: 16 bins.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bins: Vec::new(),
            nodes: Vec::new(),
            free: Vec::new(),
            len: 0,
            initial: DEFAULT_CAPACITY,
        }
    }

    /// `new HashMap<>(capacity)`: the next power of two (`tableSizeFor`).
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            initial: capacity.max(1).next_power_of_two(),
            ..Self::new()
        }
    }

    /// `new HashMap<>(map)`: room for `entries / 0.75 + 1`, entries put in their order.
    #[must_use]
    pub fn copy_of_map(entries: impl ExactSizeIterator<Item = (K, V)>) -> Self {
        if entries.len() == 0 {
            return Self::new();
        }
        let mut copy = Self::with_capacity(entries.len() * 4 / 3 + 1);
        copy.extend(entries);
        copy
    }

    /// The table of `new HashSet<>(collection)` for a collection of `size`: `max(size / 0.75 + 1, 16)`. The elements are
    /// added in their order.
    #[must_use]
    pub fn sized_for_collection(size: usize) -> Self {
        Self::with_capacity((size * 4 / 3 + 1).max(DEFAULT_CAPACITY))
    }

    /// `size()`
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// `isEmpty()`
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entries in Java's iteration order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.places()
            .filter_map(|place| self.nodes[place.0 as usize].entry.as_ref())
            .map(|(key, value)| (key, value))
    }

    /// The keys in Java's iteration order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// The values in Java's iteration order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// `containsKey`
    #[must_use]
    pub fn contains_key(&self, key: &K) -> bool {
        self.find(key).is_some()
    }

    /// `get`
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        let (_, value) = self.nodes[self.find(key)?].entry.as_ref()?;
        Some(value)
    }

    /// `get`, to change the value in place (no effect on the order).
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.find(key)?;
        let (_, value) = self.nodes[at].entry.as_mut()?;
        Some(value)
    }

    /// Where the entry of `key` lives.
    #[must_use]
    pub fn place(&self, key: &K) -> Option<Place> {
        self.find(key).map(|at| Place(at as u32))
    }

    /// Where the entries live, in Java's iteration order.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        let heads = self.bins.iter().map(|bin| bin.head);
        heads
            .flat_map(|head| self.chain(head))
            .map(|at| Place(at as u32))
    }

    /// The value that lives at `place`.
    ///
    /// # Panics
    /// When no entry lives there.
    #[must_use]
    pub fn at(&self, place: Place) -> &V {
        match &self.nodes[place.0 as usize].entry {
            Some((_, value)) => value,
            None => panic!("no entry lives at {place:?}"),
        }
    }

    /// The value that lives at `place`, to change it (no effect on the order).
    ///
    /// # Panics
    /// When no entry lives there.
    pub fn at_mut(&mut self, place: Place) -> &mut V {
        match &mut self.nodes[place.0 as usize].entry {
            Some((_, value)) => value,
            None => panic!("no entry lives at {place:?}"),
        }
    }

    /// `put`: a new key goes to the end of its bin; a known one keeps its place. Returns the value before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(present) = self.get_mut(&key) {
            return Some(std::mem::replace(present, value));
        }
        if self.bins.is_empty() {
            self.grow();
        }
        let hash = spread(key.hash_code());
        let bin = self.bin_of(hash);
        let at = self.allocate(hash, key, value);
        if self.bins[bin].is_tree {
            self.insert_in_tree(bin, at);
        } else {
            let (last, before) = self
                .chain(self.bins[bin].head)
                .fold((None, 0), |(_, count), node| (Some(node), count + 1));
            match last {
                None => self.bins[bin].head = at,
                Some(last) => self.nodes[last].next = at,
            }
            if before >= TREEIFY {
                self.treeify_or_grow(bin);
            }
        }
        self.len += 1;
        if self.len > self.threshold() {
            self.grow();
        }
        None
    }

    /// `computeIfAbsent`: a new key goes to the head of its bin, and the table grows only at the next insertion.
    pub fn compute_if_absent(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        if self.bins.is_empty() || self.len > self.threshold() {
            self.grow();
        }
        let at = match self.find(&key) {
            Some(at) => at,
            None => self.insert_at_head(key, value()),
        };
        self.at_mut(Place(at as u32))
    }

    /// `remove`. Returns the value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.find(key)?;
        let bin = self.bin_of(self.nodes[at].hash);
        if self.bins[bin].is_tree {
            self.remove_from_tree(bin, at as u32);
        } else {
            let next = self.nodes[at].next;
            let before = self
                .chain(self.bins[bin].head)
                .take_while(|&node| node != at)
                .last();
            match before {
                None => self.bins[bin].head = next,
                Some(before) => self.nodes[before].next = next,
            }
        }
        self.len -= 1;
        self.free.push(at as u32);
        self.nodes[at].entry.take().map(|(_, value)| value)
    }

    /// `clear`: the table keeps its size.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.free.clear();
        self.len = 0;
        self.bins.fill(EMPTY);
    }

    fn insert_at_head(&mut self, key: K, value: V) -> usize {
        let hash = spread(key.hash_code());
        let bin = self.bin_of(hash);
        let at = self.allocate(hash, key, value);
        if self.bins[bin].is_tree {
            self.insert_in_tree(bin, at);
        } else {
            let before = self.chain(self.bins[bin].head).count();
            self.nodes[at as usize].next = self.bins[bin].head;
            self.bins[bin].head = at;
            if before >= TREEIFY - 1 {
                self.treeify_or_grow(bin);
            }
        }
        self.len += 1;
        at as usize
    }

    fn allocate(&mut self, hash: i32, key: K, value: V) -> u32 {
        let node = Node {
            hash,
            next: NIL,
            tree: tree::Links::default(),
            entry: Some((key, value)),
        };
        if let Some(at) = self.free.pop() {
            self.nodes[at as usize] = node;
            return at;
        }
        self.nodes.push(node);
        (self.nodes.len() - 1) as u32
    }

    fn find(&self, key: &K) -> Option<usize> {
        if self.bins.is_empty() {
            return None;
        }
        let hash = spread(key.hash_code());
        self.chain(self.bins[self.bin_of(hash)].head).find(|&at| {
            let node = &self.nodes[at];
            node.hash == hash && node.entry.as_ref().is_some_and(|(found, _)| found == key)
        })
    }

    /// The nodes of a bin from `head` on.
    pub(super) fn chain(&self, head: u32) -> impl Iterator<Item = usize> {
        let linked = |at: u32| (at != NIL).then_some(at as usize);
        std::iter::successors(linked(head), move |&at| linked(self.nodes[at].next))
    }

    const fn bin_of(&self, hash: i32) -> usize {
        hash as u32 as usize & (self.bins.len() - 1)
    }

    /// Entries above which the table doubles: 0.75 of the capacity.
    const fn threshold(&self) -> usize {
        self.bins.len() * 3 / 4
    }

    fn treeify_or_grow(&mut self, bin: usize) {
        if self.bins.len() < TREEIFY_CAPACITY {
            self.grow();
        } else {
            self.treeify(bin);
        }
    }

    /// `resize`: allocates the first table or doubles it; each bin splits in two, keeping its order.
    fn grow(&mut self) {
        let old = self.bins.len();
        if old == 0 {
            self.bins = vec![EMPTY; self.initial];
            return;
        }
        self.bins.resize(old * 2, EMPTY);
        for bin in 0..old {
            let was = std::mem::replace(&mut self.bins[bin], EMPTY);
            let (mut low, mut high) = (Vec::new(), Vec::new());
            for at in self.chain(was.head) {
                let split = if self.nodes[at].hash as u32 as usize & old == 0 {
                    &mut low
                } else {
                    &mut high
                };
                split.push(at as u32);
            }
            let parted = !low.is_empty() && !high.is_empty();
            for (target, part) in [(bin, low), (bin + old, high)] {
                self.link(target, &part);
                if was.is_tree && part.len() > UNTREEIFY {
                    self.bins[target].is_tree = true;
                    if parted {
                        self.treeify(target);
                    }
                }
            }
        }
    }

    /// Makes `part` the content of `bin`, in this order.
    fn link(&mut self, bin: usize, part: &[u32]) {
        self.bins[bin] = Bin {
            head: part.first().copied().unwrap_or(NIL),
            is_tree: false,
        };
        for (position, &at) in part.iter().enumerate() {
            self.nodes[at as usize].next = part.get(position + 1).copied().unwrap_or(NIL);
        }
    }
}

impl<K: JavaKey, V> Extend<(K, V)> for JavaHashMap<K, V> {
    /// `put` of each entry in turn.
    fn extend<T: IntoIterator<Item = (K, V)>>(&mut self, entries: T) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: JavaKey, V> FromIterator<(K, V)> for JavaHashMap<K, V> {
    /// `new HashMap<>()` and `put` of each entry in turn.
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

const EMPTY: Bin = Bin {
    head: NIL,
    is_tree: false,
};

/// `HashMap.hash`
const fn spread(hash: i32) -> i32 {
    hash ^ ((hash as u32 >> 16) as i32)
}
