//! What waits after a delivery does so for a reason that is true, and until an instant at which it may go.

use bookmobile::program::{Program, StartKind};
use bookmobile::store::Store;
use bookmobile::symbol::Symbol;
use bookmobile::time::Instant;

use super::laws::{Laws, is_open};

/// The messages that a delivery at `now` has to look at.
pub fn waiting(store: &Store, now: Instant) -> Vec<i64> {
    let sql = "SELECT id FROM outbox WHERE state = 'queued' AND try_at <= ?1";
    let mut query = store.connection().prepare_cached(sql).expect("a table");
    let ids = query.query_map([now.0], |row| row.get(0)).expect("readable");
    ids.collect::<Result<_, _>>().expect("readable")
}

/// After a delivery at `now` that looked at the messages `tried`.
pub fn with_reason(store: &Store, program: &Program, laws: &Laws, tried: &[i64], now: Instant) -> Result<(), String> {
    let sql = "SELECT o.campaign, coalesce(p.key, ''), o.recipient, o.state, o.reason, o.try_at, o.due FROM outbox o \
               LEFT JOIN patron p ON p.id = o.patron WHERE o.id = ?1";
    let mut query = store.connection().prepare_cached(sql).expect("a table");
    for id in tried {
        let (name, key, recipient, state, reason, try_at, due): (
            String,
            String,
            String,
            String,
            Option<String>,
            i64,
            i64,
        ) = query
            .query_row([id], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
            })
            .expect("nothing is deleted");
        let (try_at, due, reason) = (Instant(try_at), Instant(due), reason.unwrap_or_default());
        let wrong = |what: &str| {
            let (now, try_at) = (now.timestamp(), try_at.timestamp());
            Err(format!("{what}: {name} for {key} is {state} at {now}, until {try_at}: {reason:?}"))
        };
        let Some(campaign) = program.campaign(Symbol::new(&name)) else { continue };
        let zone = &program.library.zone;
        let is_personal = matches!(recipient.as_str(), "patron" | "guardian");
        let may_leave = |at: Instant| is_open(program, &campaign.deliver, at);
        match state.as_str() {
            "sent" => {}
            "dropped" if reason.starts_with("expired") => {
                if now <= zone.plus(due, campaign.expires_after) {
                    return wrong("expired too early");
                }
            }
            "dropped" => {}
            "queued" if try_at <= now => return wrong("lost"),
            "queued" if reason.ends_with("outside the hours of delivery") => {
                let too_long = may_leave(now) || !may_leave(try_at) || may_leave(try_at.plus_seconds(-1));
                if is_personal && too_long {
                    return wrong("held by hours");
                }
            }
            "queued" if reason.contains("limit of") => {
                if laws.left(program, campaign, &key, zone.day(now)) > 0 || try_at != zone.next_midnight(now) {
                    return wrong("held by a limit");
                }
            }
            "queued" if reason == "the other side is busy" => {}
            // That the next tick withdraws it is a law of its own (`owed`).
            "queued" if reason.starts_with("the date of its start changed") => {
                if !matches!(
                    campaign.start.kind,
                    StartKind::EventDate { .. } | StartKind::Date { .. } | StartKind::Anniversary { .. }
                ) {
                    return wrong("no date starts it");
                }
            }
            _ => return wrong("waits for nothing"),
        }
    }
    Ok(())
}
