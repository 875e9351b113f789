//! Interned names: fields, enum values, campaigns, messages. Comparing two is comparing two integers.
//!
//! The table lives as long as the process and holds only names that a program or a catalogue declares;
//! texts from patron data are never interned.

use std::fmt;
use std::sync::{LazyLock, RwLock};

use crate::map::Map;

/// An interned name. Two symbols are equal exactly if their texts are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Symbol(u32);

#[derive(Default)]
struct Table {
    by_text: Map<&'static str, u32>,
    texts: Vec<&'static str>,
}

static TABLE: LazyLock<RwLock<Table>> = LazyLock::new(RwLock::default);

impl Symbol {
    /// Interns `text`.
    pub fn new(text: &str) -> Symbol {
        if let Some(found) = Symbol::find(text) {
            return found;
        }
        let mut table = TABLE.write().expect("no thread panics while it holds the table");
        if let Some(&id) = table.by_text.get(text) {
            return Symbol(id);
        }
        let id = u32::try_from(table.texts.len()).expect("fewer than 2^32 names");
        let text: &'static str = Box::leak(text.into());
        table.texts.push(text);
        table.by_text.insert(text, id);
        Symbol(id)
    }

    /// The symbol of `text` if something interned it before. Looks data up without growing the table.
    pub fn find(text: &str) -> Option<Symbol> {
        let table = TABLE.read().expect("no thread panics while it holds the table");
        table.by_text.get(text).map(|&id| Symbol(id))
    }

    /// The text.
    pub fn as_str(self) -> &'static str {
        TABLE.read().expect("no thread panics while it holds the table").texts[self.0 as usize]
    }
}

impl From<&str> for Symbol {
    fn from(text: &str) -> Symbol {
        Symbol::new(text)
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.as_str())
    }
}

/// By text, so that whatever is sorted by name reads in alphabetical order.
impl Ord for Symbol {
    fn cmp(&self, other: &Symbol) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Symbol) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
