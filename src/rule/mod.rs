//! The typed intermediate representation of expressions and its one documented semantics
//! (`docs/reference/semantics.md`).
//!
//! [`expr`] is what the checker builds; [`function`] the registry of everything that is not a special form;
//! [`facts`] the data that a rule is asked about. Knows no SQLite and no syntax but spans.

pub mod columns;
pub mod consent;
pub mod expr;
pub mod facts;
pub mod function;
pub mod text;
pub mod visit;

pub use consent::{ConsentKind, EndRule};
pub use expr::{CountTest, EventRead, Expr, Kind, Read, SegmentId, Selection, Window};
pub use facts::{Consent, ConsentState, EventRow, Facts, PatronId, RowId, Tables};
