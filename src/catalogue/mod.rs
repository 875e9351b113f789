//! What the store knows about a patron: fields, events, records, purposes, privacy classes.
