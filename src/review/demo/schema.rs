//! Where the starter's catalogue keeps what the demo invents.
//!
//! Invariant: [`Schema::new`] is given the catalogue of the starter program, which declares all of this; a test
//! makes a store with it.

use crate::catalogue::{Catalogue, EventId, Field, ListId, PurposeId, TableId, Value};
use crate::symbol::Symbol;
use crate::time::{Day, Instant, TimeOfDay, Zone};

/// A row of fields, `None` where nothing is known.
pub type Fields = Vec<Option<Value>>;

macro_rules! columns {
    ($name:ident { $($field:ident)* }) => {
        pub struct $name { $(pub $field: usize,)* }
        impl $name {
            fn of(fields: &[Field]) -> $name {
                $name { $($field: position(fields, stringify!($field)),)* }
            }
        }
    };
}

columns!(PatronColumns {
    first_name last_name birth_date branch patron_type language registered_on expires_on last_active street city
    postal_zone fines email phone guardian_email interests history_opt_in has_card
});
columns!(LoanColumns { item title format branch due_on renewals returned_at });
columns!(HoldColumns { title branch ready_at shelf_until closed_at });
columns!(RegistrationColumns { program branch starts_at state });

/// The starter's catalogue, resolved.
pub struct Schema<'a> {
    pub catalogue: &'a Catalogue,
    pub zone: &'a Zone,
    pub patron: PatronColumns,
    pub checkout: EventId,
    pub ebook_loan: EventId,
    pub program_visit: EventId,
    pub reading_log: EventId,
    pub donation: EventId,
    pub loan: (EventId, LoanColumns),
    pub hold: (EventId, HoldColumns),
    pub registration: (EventId, RegistrationColumns),
    pub promotion: PurposeId,
    pub feedback: PurposeId,
    pub fundraising: PurposeId,
    pub friends: ListId,
    pub do_not_disturb: ListId,
    pub branch_info: TableId,
}

impl<'a> Schema<'a> {
    /// Finds everything in the starter's catalogue.
    pub fn new(catalogue: &'a Catalogue, zone: &'a Zone) -> Schema<'a> {
        let event = |name| declared(catalogue.event_named(Symbol::new(name)), name);
        let purpose = |name| declared(catalogue.purpose_named(Symbol::new(name)), name);
        let list = |name| declared(catalogue.list_named(Symbol::new(name)), name);
        let fields = |id: EventId| &*catalogue.event(id).fields;
        let (loan, hold, registration) = (event("loan"), event("hold"), event("registration"));
        Schema {
            catalogue,
            zone,
            patron: PatronColumns::of(&catalogue.fields),
            checkout: event("checkout"),
            ebook_loan: event("ebook_loan"),
            program_visit: event("program_visit"),
            reading_log: event("reading_log"),
            donation: event("donation"),
            loan: (loan, LoanColumns::of(fields(loan))),
            hold: (hold, HoldColumns::of(fields(hold))),
            registration: (registration, RegistrationColumns::of(fields(registration))),
            promotion: purpose("promotion"),
            feedback: purpose("feedback"),
            fundraising: purpose("fundraising"),
            friends: list("friends"),
            do_not_disturb: list("do_not_disturb"),
            branch_info: declared(catalogue.table_named(Symbol::new("branch_info")), "branch_info"),
        }
    }

    /// An empty row of the event or record.
    pub fn row(&self, event: EventId) -> Fields {
        vec![None; self.catalogue.event(event).fields.len()]
    }

    /// A row of the event or record with its fields in the order of the catalogue.
    pub fn event<const N: usize>(&self, event: EventId, fields: [Value; N]) -> (EventId, Fields) {
        debug_assert_eq!(self.catalogue.event(event).fields.len(), N, "every field has a value");
        (event, fields.into_iter().map(Some).collect())
    }

    /// `minutes` after the local midnight.
    pub fn at(&self, day: Day, minutes: i64) -> Instant {
        self.zone.at(day, TimeOfDay(minutes as u32 * 60))
    }
}

/// A value of an enumeration.
pub fn symbol(word: &str) -> Value {
    Value::Symbol(Symbol::new(word))
}

fn position(fields: &[Field], name: &str) -> usize {
    let found = fields.iter().position(|field| field.name.as_str() == name);
    declared(found, name)
}

fn declared<T>(found: Option<T>, name: &str) -> T {
    found.unwrap_or_else(|| panic!("the starter's catalogue declares `{name}`"))
}
