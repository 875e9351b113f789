//! `{{confirm}}` and `{{unsubscribe}}`: what a link does, once, and what no link does.

use bookmobile::catalogue::Value;
use bookmobile::engine::{NotOurs, Response, Return, returned};
use bookmobile::message::link::Links;
use bookmobile::rule::{ConsentKind, ConsentState, PatronId};

use super::town::Town;

const ANA: &str = "ana@example.org";

/// Ana was asked at the desk and has the message that asks her to confirm.
fn asked() -> (Town, PatronId, String) {
    let town = Town::new();
    let ana = town.patron("ana", ANA, "2026-02-01");
    assert!(town.say(ana, ConsentState::Asked, ConsentKind::Express, "2026-02-01"));
    town.tick("2026-02-01", 9);
    town.deliver("2026-02-01", 10);
    assert_eq!(town.got(ANA, "confirm"), 1);
    let link = town.link(ANA, "k");
    (town, ana, link)
}

/// Ana agreed and has a message of news.
fn subscribed() -> (Town, PatronId, String) {
    let town = Town::new();
    let ana = town.patron("ana", ANA, "2026-02-01");
    town.give(ana, "2026-02-01");
    town.visit(ana, "2026-02-02");
    town.tick("2026-02-02", 9);
    town.deliver("2026-02-02", 10);
    assert_eq!(town.got(ANA, "news"), 1);
    let link = town.link(ANA, "u");
    (town, ana, link)
}

#[test]
fn a_question_becomes_a_consent_by_its_link_and_not_before() {
    let (town, ana, link) = asked();
    town.visit(ana, "2026-02-03");
    town.tick("2026-02-03", 9);
    town.deliver("2026-02-03", 10);
    assert_eq!(town.got(ANA, "news"), 0, "asked is not given");
    assert!(town.reason().contains("asked on 2026-02-01, not confirmed"), "{}", town.reason());
    for _ in 0..3 {
        let confirmed =
            Response::Confirmed { purposes: vec!["promotion".into()], channel: bookmobile::catalogue::Channel::Email };
        assert_eq!(town.respond(&link, "2026-02-04", 12), Ok(confirmed));
    }
    let word = town.word(ana).expect("a word");
    assert_eq!((word.state, word.kind), (ConsentState::Given, ConsentKind::Express));
    assert_eq!(word.source, "link of message confirm of campaign opt_in");
    let words = town.store().reader().kept_words(ana).expect("read");
    assert_eq!(words.len(), 2, "asked, given once: {words:?}");
    town.visit(ana, "2026-02-05");
    town.tick("2026-02-05", 9);
    town.deliver("2026-02-05", 10);
    assert_eq!(town.got(ANA, "news"), 1);
}

#[test]
fn a_confirmation_has_a_last_day_an_address_and_a_question() {
    let (town, ana, link) = asked();
    assert_eq!(town.respond(&link, "2026-03-04", 11), Ok(Response::TooLate));
    assert_eq!(town.word(ana).expect("a word").state, ConsentState::Asked);
    // Whoever reads the old address does not speak for the new one.
    let email = [(town.field("email"), Some(bookmobile::catalogue::Value::text("new@example.org")))];
    town.write(town.at("2026-02-10", 9), |writer| writer.patron("ana", None, &email));
    assert_eq!(town.respond(&link, "2026-02-10", 12), Ok(Response::AnotherAddress));
    let email = [(town.field("email"), Some(bookmobile::catalogue::Value::text("ANA@example.org")))];
    town.write(town.at("2026-02-11", 9), |writer| writer.patron("ana", None, &email));
    // A withdrawal since then is not undone by a link that was sent before.
    assert!(town.say(ana, ConsentState::Withdrawn, ConsentKind::Express, "2026-02-12"));
    assert_eq!(town.respond(&link, "2026-02-13", 12), Ok(Response::NothingAsked));
    assert_eq!(town.word(ana).expect("a word").state, ConsentState::Withdrawn);
}

#[test]
fn a_consent_is_renewed_by_the_link_of_the_message_that_asks() {
    let town = Town::new();
    let ana = town.patron("ana", ANA, "2026-02-01");
    assert!(town.say(ana, ConsentState::Given, ConsentKind::Inquiry, "2026-02-01"));
    // 31 July is the last date, 1 July thirty days before.
    town.tick("2026-07-01", 9);
    town.deliver("2026-07-01", 10);
    assert_eq!(town.got(ANA, "renew"), 1);
    assert!(matches!(town.respond(&town.link(ANA, "k"), "2026-07-02", 12), Ok(Response::Confirmed { .. })));
    let word = town.word(ana).expect("a word");
    assert_eq!((word.kind, word.on), (ConsentKind::Express, super::day("2026-07-02")));
    assert_eq!(word.end(&town.program.catalogue).map(|(last, _)| last), Some(super::day("2028-07-01")));
}

/// UNS-01: one answer for everything that is not ours, and nothing is stored.
#[test]
fn uns_01_a_link_that_is_not_ours_is_refused_alike_and_stores_nothing() {
    let (town, ana, link) = subscribed();
    let counts =
        || ["consent", "audit", "suppression", "event_unsubscribed", "change_log"].map(|table| town.count(table));
    let before = counts();
    let token = link.rsplit('/').next().expect("a token");
    let mut wrong = vec![
        String::new(),
        "https://riverside.example/".to_owned(),
        link.replace("/u/", "/k/"),
        link.replace("/u/", "/x/"),
        link[..link.len() - 1].to_owned(),
        format!("{link}A"),
    ];
    for at in 0..token.len() {
        let mut changed = token.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        wrong.push(format!("https://riverside.example/m/u/{}", String::from_utf8(changed).expect("ASCII")));
    }
    // Another library's key, for a message that exists there.
    let message = Links::new("https://riverside.example/m", b"another key").message("news_of_visit-1");
    let kind = bookmobile::message::link::LinkKind::Unsubscribe;
    let token = bookmobile::message::link::Token { kind, message, number: 0 };
    wrong.push(Links::new("https://riverside.example/m", b"another key").url(token));
    // Our key, for a message that never was.
    wrong.push(town.links().url(token));
    for link in wrong {
        assert_eq!(town.respond(&link, "2026-02-03", 9), Err(NotOurs), "{link}");
    }
    assert_eq!(counts(), before);
    assert_eq!(town.word(ana).expect("a word").state, ConsentState::Given);
}

/// UNS-04, UNS-07, UNS-09, DEL-19: the first click withdraws, the others change nothing; what is queued is not sent; a
/// link of last year is as good as one of today.
#[test]
fn uns_04_07_09_del_19_an_unsubscription_is_effective_at_the_next_delivery() {
    let (town, ana, link) = subscribed();
    town.visit(ana, "2027-03-05");
    town.tick("2027-03-05", 9);
    let queued = "SELECT count(*) FROM outbox WHERE state = 'queued' AND campaign = 'news_of_visit'";
    let count = |sql: &str| town.store().connection().query_row(sql, (), |row| row.get::<_, i64>(0)).expect("read");
    assert_eq!(count(queued), 1);
    let unsubscribed =
        Response::Unsubscribed { purpose: "promotion".into(), channel: bookmobile::catalogue::Channel::Email };
    for _ in 0..100 {
        assert_eq!(town.respond(&link, "2027-03-05", 10), Ok(unsubscribed.clone()));
    }
    assert_eq!(town.respond(&link, "2027-03-06", 10), Ok(unsubscribed.clone()), "thirteen months old, and again");
    assert_eq!((town.count("event_unsubscribed"), town.count("suppression")), (1, 1));
    town.deliver("2027-03-06", 11);
    assert_eq!((town.got(ANA, "news"), town.got(ANA, "notice")), (1, 2), "notices about the account still arrive");
    assert!(town.reason().contains("withdrawn on 2027-03-05"), "{}", town.reason());
    let word = town.word(ana).expect("a word");
    assert_eq!(word.source, "link of message news of campaign news_of_visit");
    // An express consent at the desk is a new beginning, and the same old link ends it again.
    town.give(ana, "2027-04-01");
    assert_eq!(town.respond(&link, "2027-04-02", 10), Ok(unsubscribed));
    assert_eq!(town.word(ana).expect("a word").state, ConsentState::Withdrawn);
}

/// UNS-09: an unsubscription that is committed while a delivery runs stops the messages whose gate comes after it.
#[test]
fn uns_09_an_unsubscription_during_a_delivery_stops_the_rest_of_it() {
    use bookmobile::engine::{Handed, Plan, deliver};
    let (town, ana, link) = subscribed();
    let ben = town.patron("ben", " Ana@EXAMPLE.org", "2026-02-03");
    town.give(ben, "2026-02-03");
    for patron in [ana, ben] {
        town.visit(patron, "2026-02-04");
    }
    town.tick("2026-02-04", 9);
    let mut sent = Vec::new();
    let mut hand_over = |handover: &bookmobile::engine::Handover<'_>| {
        if sent.is_empty() {
            town.respond(&link, "2026-02-04", 10).expect("a link of ours");
        }
        sent.push((handover.facts.patron, handover.campaign.name.to_string()));
        Handed::Over(Vec::new())
    };
    let plan = Plan::new(&town.program);
    deliver(&mut town.store(), &plan, town.at("2026-02-04", 10), &mut hand_over).expect("a delivery");
    let news = sent.iter().filter(|(_, campaign)| campaign == "news_of_visit").count();
    assert_eq!(news, 1, "the one that had left; not the other card with the same address: {sent:?}");
}

/// A tracked link counts once for each message that has it, and leads where the store says (UNS-08). That is how `clicked`
/// comes into the store: nothing else writes it.
#[test]
fn uns_08_a_click_is_counted_once_and_leads_where_the_message_said() {
    let (town, ana, _) = subscribed();
    let clicked = town.program.catalogue.event_named("clicked".into()).expect("built in");
    let clicks = || town.facts(ana).events(clicked).to_vec();
    let link = town.link(ANA, "c");
    for wrong in [
        format!("{link}A"),
        link.replace("/c/", "/u/"),
        format!("{link}?to=https://evil.example").replace("/c/", "/s/"),
    ] {
        assert_eq!(town.respond(&wrong, "2026-02-03", 9), Err(NotOurs), "{wrong}");
    }
    assert_eq!(clicks().len(), 0);
    let target = "https://riverside.example/more".to_owned();
    for (link, hour) in [(link.clone(), 9), (link.clone(), 10), (format!("{link}?to=https://evil.example"), 11)] {
        assert_eq!(town.respond(&link, "2026-02-03", hour), Ok(Response::Clicked { target: target.clone() }));
    }
    let [click] = clicks().try_into().expect("one click");
    assert_eq!(click.at, town.at("2026-02-03", 9), "the first");
    let fields = &town.program.catalogue.event(clicked).fields;
    let field = |name: &str| {
        let index = fields.iter().position(|field| field.name.as_str() == name).expect("a field");
        click.fields[index].as_ref().and_then(|value| value.as_name()).expect("a name").to_string()
    };
    let about = ["campaign", "message", "purpose", "channel"].map(field);
    assert_eq!(about, ["visit_notice", "notice", "essential", "email"]);
}

#[test]
fn what_comes_back_is_noted_by_the_message_s_link_once() {
    for (what, event, why) in [
        (Return::Complained, "complained", "the address for email is of somebody who complained"),
        (Return::Bounced, "bounced", "the address for email bounced"),
    ] {
        let (town, ana, link) = subscribed();
        let links = town.links();
        let note = |link: &str, hour| {
            let now = town.at("2026-02-03", hour);
            returned(&mut town.store(), &town.program, &links, link, what, now).expect("the store answers")
        };
        assert_eq!(note(&format!("{link}x"), 9), Err(NotOurs));
        assert_eq!((note(&link, 9), note(&link, 10)), (Ok(()), Ok(())));
        let id = town.program.catalogue.event_named(event.into()).expect("built in");
        let facts = town.facts(ana);
        assert_eq!(facts.events(id).len(), 1, "once");
        let listed = town.count("suppression");
        assert_eq!(listed, i64::from(what == Return::Complained), "who complains is written to under no other card");
        town.visit(ana, "2026-02-04");
        town.tick("2026-02-04", 9);
        town.deliver("2026-02-04", 10);
        assert_eq!(town.got(ANA, "news"), 1);
        assert!(town.reason().contains(why), "{}", town.reason());
    }
}

/// The same message goes to a patron and to the guardian: what comes back says whose address it was.
#[test]
fn a_bounce_is_about_the_address_that_was_written_to() {
    const PARENT: &str = "parent@example.org";
    for (bounces, own, of_parent) in [(ANA, 1, 2), (PARENT, 2, 1)] {
        let town = Town::new();
        let ana = town.patron("21", ANA, "2026-02-01");
        let (guardian, wish) = (town.field("guardian_email"), town.program.catalogue.event_named("wish".into()));
        town.write(town.at("2026-02-01", 9), |writer| {
            writer.patron("21", None, &[(guardian, Some(Value::text(PARENT)))])?;
            writer.event(
                ana,
                wish.expect("declared"),
                None,
                town.at("2026-02-02", 8),
                &[(0, Some(Value::text("a place")))],
            )
        });
        for (day, date) in ["2026-02-02", "2026-02-04", "2026-02-06"].into_iter().enumerate() {
            town.tick(date, 9);
            town.deliver(date, 10);
            if day == 1 {
                let (links, now) = (town.links(), town.at(date, 11));
                let link = town.link(bounces, "c");
                let noted = returned(&mut town.store(), &town.program, &links, &link, Return::Bounced, now);
                assert_eq!(noted.expect("the store answers"), Ok(()));
            }
        }
        assert_eq!((town.got(ANA, "notice"), town.got(PARENT, "notice")), (own, of_parent), "{bounces}");
    }
}
