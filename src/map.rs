//! Maps and sets that are quick for short keys: names, ids, nodes. The compiler makes thousands of them.
//!
//! As with the standard ones, the order is another in each process. What comes from patron data stays in those.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

/// A map of short keys.
pub type Map<K, V> = HashMap<K, V, RandomState>;

/// A set of short keys.
pub type Set<K> = HashSet<K, RandomState>;
