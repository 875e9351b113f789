//! `to_date`.

use super::Function;

/// The local date of an instant.
pub static TO_DATE: Function =
    Function { name: "to_date", summary: "The local date of an instant.", kernel: |_, _| None };
