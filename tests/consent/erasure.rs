//! Erasure: no byte stays, and what must outlive a patron does.

use bookmobile::catalogue::{Channel, Value};
use bookmobile::engine::{NotOurs, Response};
use bookmobile::rule::PatronId;
use bookmobile::store::{Cleaned, Suppression, ledger_line, read_ledger_line};

use super::town::Town;

/// Texts that stand nowhere else.
const NAME: &str = "Zyxqabelle";
const MAIL: &str = "Canary.Qwx@Example.org";
const PHONE: &str = "+15195550187";
const KEY: &str = "29999000123456";

/// Ana with everything: events, consents, lists, a history of fields, an enrolment, messages sent and queued.
fn everything(town: &Town) -> PatronId {
    let ana = town.patron(KEY, "before.Qwx@Example.org", "2026-02-01");
    let fields = [
        (town.field("first_name"), Some(Value::text(NAME))),
        (town.field("email"), Some(Value::text(MAIL))),
        (town.field("phone"), Some(Value::text(PHONE))),
    ];
    town.write(town.at("2026-02-01", 9), |writer| {
        writer.patron(KEY, None, &fields)?;
        writer.member(ana, town.program.catalogue.list_named("friends".into()).expect("a list"), true)?;
        let wish = town.program.catalogue.event_named("wish".into()).expect("an event");
        writer.event(ana, wish, None, writer.at(), &[(0, Some(Value::text(&format!("says {NAME}"))))])
    });
    town.give(ana, "2026-02-01");
    town.visit(ana, "2026-02-02");
    town.tick("2026-02-02", 9);
    town.deliver("2026-02-02", 10);
    assert_eq!(town.got(MAIL, "news"), 1);
    town.visit(ana, "2026-02-03");
    town.tick("2026-02-03", 9);
    ana
}

/// PRV-01: in no file of the store is a byte of a name, an address, a number or the key.
fn found(town: &Town) -> Vec<String> {
    let mut found = Vec::new();
    for entry in town.folder.path().read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a file");
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        for canary in [NAME, MAIL, PHONE, KEY, "before.qwx"] {
            if text.contains(&canary.to_lowercase()) {
                found.push(format!("{canary} in {}", path.display()));
            }
        }
    }
    found
}

fn erase(town: &Town, patron: PatronId, never_again: bool) {
    town.write(town.at("2026-02-04", 9), |writer| writer.erase_patron(patron, never_again));
    assert_eq!(town.store().wipe().expect("wiped"), Cleaned::Clean);
}

#[test]
fn prv_01_no_byte_of_an_erased_patron_stays() {
    let town = Town::new();
    // Others around, so that pages are shared and rearranged.
    for n in 0..200 {
        let other = town.patron(&format!("other {n}"), &format!("o{n}@example.org"), "2026-02-01");
        town.visit(other, "2026-02-01");
    }
    let ana = everything(&town);
    // The link is of a message that was sent; it names nobody itself.
    let link = town.link(MAIL, "u");
    assert!(!found(&town).is_empty(), "the canaries are there before");
    // While the store is open elsewhere, the files beside it exist and are searched too.
    let open = town.store();
    erase(&town, ana, false);
    assert_eq!(found(&town), Vec::<String>::new());
    drop(open);
    assert_eq!(found(&town), Vec::<String>::new());
    assert_eq!(town.count("patron"), 200);
    let sql =
        "SELECT (SELECT count(*) FROM outbox WHERE patron = ?1) + (SELECT count(*) FROM enrolment WHERE patron = ?1) \
               + (SELECT count(*) FROM consent WHERE patron = ?1) + (SELECT count(*) FROM audit WHERE patron = ?1)
               + (SELECT count(*) FROM occurrence WHERE patron = ?1) + (SELECT count(*) FROM standing WHERE patron = ?1)
               + (SELECT count(*) FROM standing_lately WHERE patron = ?1)
               + (SELECT count(*) FROM change_log WHERE patron = ?1)";
    let left: i64 = town.store().connection().query_row(sql, [ana.0], |row| row.get(0)).expect("read");
    assert_eq!(left, 0);
    // The next tick and delivery go on without them, and the link of an erased patron is nobody's.
    town.tick("2026-02-05", 9);
    town.deliver("2026-02-05", 10);
    assert_eq!(town.got(MAIL, "news"), 1);
    assert_eq!(town.respond(&link, "2026-02-05", 11), Err(NotOurs));
}

/// Who unsubscribed stays unwritten when the library system exports them again, under whatever key.
#[test]
fn prv_01_a_suppression_survives_the_erasure_and_a_new_card() {
    for by_link in [true, false] {
        let town = Town::new();
        let ana = everything(&town);
        if by_link {
            assert!(matches!(town.respond(&town.link(MAIL, "u"), "2026-02-03", 11), Ok(Response::Unsubscribed { .. })));
        } else {
            let at = town.at("2026-02-03", 11);
            town.write(at, |writer| writer.withdraw(ana, town.purpose("promotion"), Channel::Email, at));
        }
        erase(&town, ana, false);
        assert_eq!(found(&town), Vec::<String>::new());
        let again = town.patron("new card", &MAIL.to_uppercase(), "2026-02-05");
        assert!(again > ana);
        town.give(again, "2026-02-05");
        town.visit(again, "2026-02-06");
        town.tick("2026-02-06", 9);
        town.deliver("2026-02-06", 10);
        assert_eq!(town.got(&MAIL.to_uppercase(), "news"), 0);
        assert!(town.reason().contains("suppressed for email"), "{}", town.reason());
    }
}

#[test]
fn a_complaint_and_never_again_survive_for_all_that_needs_consent() {
    for never_again in [false, true] {
        let town = Town::new();
        let ana = everything(&town);
        if !never_again {
            let complained = town.program.catalogue.event_named("complained".into()).expect("built in");
            let now = town.at("2026-02-03", 12);
            let channel = town.program.catalogue.event(complained).field("channel".into()).expect("a field");
            let fields = [(channel, Some(Value::Symbol("email".into())))];
            town.write(now, |writer| writer.event(ana, complained, Some("c"), now, &fields));
        }
        erase(&town, ana, never_again);
        let store = town.store();
        let key = store.reader().hash_key().expect("a key");
        let entries = store.reader().suppressions(&key.address(Channel::Email, MAIL)).expect("read");
        let reason = if never_again { Suppression::Asked } else { Suppression::Complained };
        assert_eq!(
            entries.iter().map(|entry| (entry.purpose.clone(), entry.reason)).collect::<Vec<_>>(),
            [(None, reason)]
        );
        let phones = store.reader().suppressions(&key.address(Channel::Sms, PHONE)).expect("read");
        assert_eq!(phones.len(), usize::from(never_again));
    }
}

/// PRV-02: the ledger names nobody, and finds the patron again in an older backup of the same store.
#[test]
fn prv_02_the_ledger_finds_the_erased_in_an_older_backup() {
    let town = Town::new();
    let ana = everything(&town);
    let backup = town.folder.path().join("backup.db");
    let sql = format!("VACUUM INTO '{}'", backup.display());
    town.store().connection().execute_batch(&sql).expect("a backup");
    erase(&town, ana, false);
    let lines: Vec<String> = town.store().reader().erasures().expect("read").iter().map(ledger_line).collect();
    assert_eq!(lines.len(), 1);
    let ledger: Vec<_> = lines.iter().map(|line| read_ledger_line(line).expect("a line")).collect();
    let older = bookmobile::store::Store::open(&backup).expect("the backup");
    let again = older.reader().erased_among(&ledger, PatronId(0)).expect("read");
    assert_eq!(again, [(ana, KEY.to_owned())]);
    assert!(town.store().reader().erased_among(&ledger, PatronId(0)).expect("read").is_empty());
    for wrong in ["", "abc 1", "zz 1", &lines[0][1..], &lines[0].replace(' ', "")] {
        assert_eq!(read_ledger_line(wrong), None, "{wrong}");
    }
}
