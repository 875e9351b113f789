//! What is kept of a message that was handed over.

use rusqlite::{Connection, params};

use super::{Claimed, Gate, Handed};
use crate::engine::outbox::{About, RecipientKind};
use crate::message::link::Target;
use crate::store::{StoreError, Transaction};
use crate::symbol::Symbol;
use crate::time::Instant;

impl Gate<'_, '_> {
    /// What came of a handover, and the `sent` event that belongs to it.
    pub(super) fn record(
        &mut self,
        transaction: &Transaction<'_>,
        claimed: &Claimed,
        handed: &Handed,
    ) -> Result<(), StoreError> {
        let db = transaction.connection();
        let id = claimed.queued.id;
        match handed {
            Handed::Later(until, reason) => return self.hold(db, id, (*until).max(Instant(self.now.0 + 1)), reason),
            Handed::Not(reason) => return self.drop(db, id, reason),
            Handed::Over(links) => write_links(db, id, links)?,
        }
        self.report.sent += 1;
        let way = &claimed.way;
        db.prepare_cached("UPDATE outbox SET state = 'sent', sent_at = ?2 WHERE id = ?1")?
            .execute(params![id, self.now.0])?;
        match way.recipient {
            RecipientKind::Patron | RecipientKind::Guardian => self.write_sent(transaction, claimed),
            RecipientKind::Staff | RecipientKind::Public => Ok(()),
        }
    }

    fn write_sent(&self, transaction: &Transaction<'_>, claimed: &Claimed) -> Result<(), StoreError> {
        let catalogue = &self.plan.program.catalogue;
        let campaign = self.plan.campaigns[claimed.index].campaign;
        let Some(sent) = catalogue.event_named(Symbol::new("sent")) else { return Ok(()) };
        let about = About {
            campaign: campaign.name,
            message: self.plan.program.messages[claimed.message].name,
            purpose: catalogue.purpose(campaign.purpose).name,
            channel: claimed.way.channel,
        };
        let fields = about.fields(catalogue, sent);
        // The key makes it one event however often it is written.
        let key = format!("outbox {}", claimed.queued.id);
        let mut writer = transaction.writer(&self.plan.program.library.zone, self.now);
        writer.event(claimed.facts.patron, sent, Some(&key), self.now, &fields)?;
        Ok(())
    }
}

/// Where the links of a message lead, once for each.
fn write_links(db: &Connection, id: i64, links: &[Target]) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(
        "INSERT OR IGNORE INTO message_link (name, number, outbox, kind, target) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for link in links {
        statement.execute(params![link.message.hex(), link.number, id, link.kind.word(), &*link.target])?;
    }
    Ok(())
}
