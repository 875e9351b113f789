//! Drains the outbox: tries consent, limits and hours once more, renders, hands over.
