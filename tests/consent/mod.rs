//! Consents, the links that change them, the suppression list, erasure.

mod command;
mod erasure;
mod links;
mod list;
mod merge;
mod texted;
mod town;

use proptest::prelude::*;

use bookmobile::catalogue::Channel;
use bookmobile::rule::{ConsentKind, ConsentState};
use bookmobile::store::Said;
use bookmobile::time::{Day, TimeOfDay};

use town::{Town, day};

/// CON-02, CON-03: the day before the end, the day of it and the day after, through the whole path.
#[test]
fn con_02_03_an_implied_consent_ends_on_its_date_and_says_why() {
    for (kind, given, last, rule) in [
        (ConsentKind::Inquiry, "2026-01-15", "2026-07-14", "6 months"),
        (ConsentKind::Inquiry, "2026-08-31", "2027-02-27", "6 months"),
        (ConsentKind::Relationship, "2026-01-15", "2028-01-14", "24 months"),
        // 24 months after 29 February have passed on 28 February: the day before is the last date.
        (ConsentKind::Relationship, "2024-02-29", "2026-02-27", "24 months"),
    ] {
        let town = Town::new();
        let ana = town.patron("ana", "ana@example.org", given);
        assert!(town.say(ana, ConsentState::Given, kind, given));
        let last = day(last);
        for (offset, arrives) in [(-1, true), (0, true), (1, false)] {
            let date = last.plus_days(offset).to_string();
            town.visit(ana, &date);
            town.tick(&date, 9);
            let before = town.got("ana@example.org", "news");
            town.deliver(&date, 10);
            assert_eq!(town.got("ana@example.org", "news") > before, arrives, "{kind:?} of {given} on {date}");
        }
        let word = town.word(ana).expect("a consent");
        let (end, why) = word.end(&town.program.catalogue).expect("it ends");
        assert_eq!(end, last);
        assert!(why.to_string().contains(rule), "{why}");
        let after = town.at(&last.plus_days(1).to_string(), 10);
        let told = bookmobile::review::consent::sentence(&word, &town.program, after);
        assert!(told.contains(kind.described()) && told.contains("(desk)"), "{told}");
        assert!(told.contains(given) && told.contains(&last.to_string()) && told.contains(rule), "{told}");
        assert!(town.reason().contains(&format!("ended on {last}")), "{}", town.reason());
    }
}

/// What the law implies never takes the place of what somebody said, in whichever order the store learns it.
#[test]
fn implied_consent_undoes_no_withdrawal_and_no_express_consent() {
    type Step = (ConsentState, ConsentKind, &'static str);
    const GIVEN: ConsentState = ConsentState::Given;
    let express: Step = (GIVEN, ConsentKind::Express, "2026-02-01");
    let withdrawn: Step = (ConsentState::Withdrawn, ConsentKind::Express, "2026-02-01");
    let asked: Step = (ConsentState::Asked, ConsentKind::Express, "2026-03-01");
    let member: Step = (GIVEN, ConsentKind::Relationship, "2026-03-01");
    let inquiry: Step = (GIVEN, ConsentKind::Inquiry, "2026-04-01");
    for (one, other, stands) in [
        (express, member, express),
        (withdrawn, member, withdrawn),
        (member, inquiry, member),
        (asked, inquiry, inquiry),
    ] {
        for order in [[one, other], [other, one]] {
            let town = Town::new();
            let ana = town.patron("ana", "ana@example.org", "2026-01-02");
            for (state, kind, date) in order {
                town.say(ana, state, kind, date);
            }
            let word = town.word(ana).expect("a word");
            assert_eq!((word.state, word.kind, word.on), (stands.0, stands.1, day(stands.2)), "{order:?}");
        }
    }
    // An express consent that has run out before leaves the place to a later relationship.
    let town = Town::new();
    let ana = town.patron("ana", "ana@example.org", "2026-01-02");
    town.say(ana, GIVEN, ConsentKind::Express, "2023-01-01");
    assert!(town.say(ana, GIVEN, ConsentKind::Relationship, "2026-03-01"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    /// CON-03: whatever the date and the time of day, the rules find a consent in force on its last local date to the
    /// last second, and not in the first of the next; daylight saving time and leap days included.
    #[test]
    fn con_03_the_end_is_the_end_of_a_local_day(offset in 0..3_000i64, second in 0..86_400u32, which in 0..3usize) {
        let town = Town::new();
        let zone = &town.program.library.zone;
        let given = day("2019-01-01").plus_days(offset);
        let said_at = zone.at(given, TimeOfDay(second));
        let kind = ConsentKind::ALL[which];
        let ana = town.patron("ana", "ana@example.org", "2026-01-02");
        let (purpose, channel, state) = (town.purpose("promotion"), Channel::Email, ConsentState::Given);
        let said = Said { purpose, channel, state, at: said_at, until: None, kind, source: "desk" };
        town.write(town.at("2026-01-02", 9), |writer| writer.say(ana, &said));
        let word = town.word(ana).expect("a word");
        let (last, _) = word.end(&town.program.catalogue).expect("promotion ends");
        let ends = zone.start_of(last.plus_days(1));
        let agrees = |at| {
            let text = bookmobile::review::consent::sentence(&word, &town.program, at);
            text.contains(": in force")
        };
        prop_assert!(agrees(bookmobile::time::Instant(ends.0 - 1)));
        prop_assert!(!agrees(ends));
        prop_assert!(holds(&town, ana, bookmobile::time::Instant(ends.0 - 1)));
        prop_assert!(!holds(&town, ana, ends));
        prop_assert!(zone.day(said_at) == given && last >= Day(given.0));
    }
}

/// Whether `agrees to promotion by email` is true, as the engine asks.
fn holds(town: &Town, patron: bookmobile::rule::PatronId, at: bookmobile::time::Instant) -> bool {
    use bookmobile::engine::{Ask, Plan, Scope};
    use bookmobile::eval::{Interpreter, World};
    let plan = Plan::new(&town.program);
    let store = town.store();
    let tables = store.reader().tables().expect("read");
    let suppressed = store.reader().suppression_list().expect("read");
    let library = &town.program.library;
    let world = World {
        catalogue: &town.program.catalogue,
        tables: &tables,
        zone: &library.zone,
        week_starts: library.week_starts,
    };
    let interpreter = std::cell::RefCell::new(Interpreter::new(&plan.rules, &world));
    let facts = town.facts(patron);
    let ask = Ask { interpreter: &interpreter, facts: &facts, suppressed: &suppressed, now: at };
    ask.holds(plan.agrees(town.purpose("promotion"), Channel::Email), &Scope::NONE)
}
