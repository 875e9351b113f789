//! The suppression list at the gate.

use bookmobile::catalogue::{Channel, Value};
use bookmobile::engine::Response;
use bookmobile::rule::{ConsentKind, ConsentState};
use bookmobile::store::{Suppressed, Suppression};

use super::town::Town;

fn entry(town: &Town, purpose: Option<&str>, reason: Suppression) -> Suppressed {
    let at = town.at("2026-02-02", 9);
    Suppressed { purpose: purpose.map(str::to_owned), reason, at, note: "by letter".to_owned() }
}

fn put(town: &Town, address: &str, entry: &Suppressed) {
    let hash = town.store().reader().hash_key().expect("a key").address(Channel::Email, address);
    assert!(town.write(entry.at, |writer| writer.suppress(&hash, entry)));
}

/// ADR-04: the list compares folded addresses; the message goes to the address as it is kept.
#[test]
fn adr_04_an_address_is_suppressed_in_any_case_under_any_card() {
    let town = Town::new();
    put(&town, "foo@x.org", &entry(&town, Some("promotion"), Suppression::Unsubscribed));
    let one = town.patron("1", "Foo@X.org", "2026-02-03");
    let two = town.patron("2", "Other@X.org", "2026-02-03");
    for patron in [one, two] {
        town.give(patron, "2026-02-03");
        town.visit(patron, "2026-02-04");
    }
    town.tick("2026-02-04", 9);
    town.deliver("2026-02-04", 10);
    assert_eq!((town.got("Foo@X.org", "news"), town.got("Other@X.org", "news")), (0, 1));
    assert_eq!(town.got("Foo@X.org", "notice"), 1, "essential notices need no consent");
    let sql = "SELECT reason FROM outbox WHERE campaign = 'news_of_visit' AND patron = ?1";
    let reason: String = town.store().connection().query_row(sql, [one.0], |row| row.get(0)).expect("kept");
    assert_eq!(
        reason,
        "unreachable: suppressed for email: the address unsubscribed from promotion, no address for sms"
    );
}

/// DEL-19: an address that comes on the list after the tick is not written to; another channel takes its place.
#[test]
fn del_19_a_suppression_after_the_tick_is_effective_at_the_gate() {
    let town = Town::new();
    let ana = town.patron("ana", "ana@example.org", "2026-02-01");
    town.give(ana, "2026-02-01");
    let phone = [(town.field("phone"), Some(Value::text("+15195550100")))];
    town.write(town.at("2026-02-01", 9), |writer| {
        writer.patron("ana", None, &phone)?;
        writer.consent(ana, town.purpose("promotion"), Channel::Sms, ConsentState::Given, writer.at(), None)
    });
    town.visit(ana, "2026-02-02");
    town.tick("2026-02-02", 9);
    put(&town, "ana@example.org", &entry(&town, None, Suppression::Complained));
    town.deliver("2026-02-02", 10);
    assert_eq!((town.got("ana@example.org", "news"), town.got("+15195550100", "news")), (0, 1));
}

/// CON-07: a minor is reached through the guardian or not at all, and the guardian's address may be on the list too.
#[test]
fn con_07_a_minor_is_reached_through_a_guardian_who_may_unsubscribe() {
    let town = Town::new();
    let tia = town.patron("tia", "tia@example.org", "2026-02-01");
    let born = [(town.field("birth_date"), Some(Value::Date(super::day("2016-05-01"))))];
    town.write(town.at("2026-02-01", 9), |writer| writer.patron("tia", None, &born));
    town.give(tia, "2026-02-01");
    town.visit(tia, "2026-02-02");
    town.tick("2026-02-02", 9);
    town.deliver("2026-02-02", 10);
    assert_eq!(town.got("tia@example.org", "news"), 0);
    let guardian = [(town.field("guardian_email"), Some(Value::text("Mum@example.org")))];
    town.write(town.at("2026-02-03", 7), |writer| writer.patron("tia", None, &guardian));
    town.visit(tia, "2026-02-03");
    town.tick("2026-02-03", 9);
    town.deliver("2026-02-03", 10);
    assert_eq!((town.got("tia@example.org", "news"), town.got("Mum@example.org", "news")), (0, 1));
    let link = town.link("Mum@example.org", "u");
    assert!(matches!(town.respond(&link, "2026-02-03", 11), Ok(Response::Unsubscribed { .. })));
    assert!(town.word(tia).expect("a word").source.ends_with("by the guardian"));
    // Another child of the same guardian, with a consent of its own.
    let tom = town.patron("tom", "tom@example.org", "2026-02-04");
    let fields = [
        (town.field("birth_date"), Some(Value::Date(super::day("2018-05-01")))),
        (town.field("guardian_email"), Some(Value::text("mum@example.org"))),
    ];
    town.write(town.at("2026-02-04", 9), |writer| writer.patron("tom", None, &fields));
    assert!(town.say(tom, ConsentState::Given, ConsentKind::Express, "2026-02-04"));
    town.visit(tom, "2026-02-05");
    town.tick("2026-02-05", 9);
    town.deliver("2026-02-05", 10);
    assert_eq!(town.got("mum@example.org", "news"), 0);
    assert!(town.reason().contains("suppressed for email"), "{}", town.reason());
}

#[test]
fn a_confirmation_lifts_the_unsubscription_of_its_purpose_and_no_complaint() {
    for (reason, purpose, arrives) in
        [(Suppression::Unsubscribed, Some("promotion"), 1), (Suppression::Complained, None, 0)]
    {
        let town = Town::new();
        put(&town, "ana@example.org", &entry(&town, purpose, reason));
        let ana = town.patron("ana", "ana@example.org", "2026-02-03");
        assert!(town.say(ana, ConsentState::Asked, ConsentKind::Express, "2026-02-03"));
        town.tick("2026-02-03", 9);
        town.deliver("2026-02-03", 10);
        let link = town.link("ana@example.org", "k");
        assert!(matches!(town.respond(&link, "2026-02-03", 11), Ok(Response::Confirmed { .. })));
        town.visit(ana, "2026-02-04");
        town.tick("2026-02-04", 9);
        town.deliver("2026-02-04", 10);
        assert_eq!(town.got("ana@example.org", "news"), arrives, "{reason:?}");
    }
}
