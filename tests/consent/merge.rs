//! DEL-14: two cards of one person become one.

use bookmobile::catalogue::Value;
use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Plan, merge};
use bookmobile::program::Program;
use bookmobile::rule::PatronId;
use bookmobile::store::Store;
use bookmobile::time::Instant;

use super::town::Town;

const ANA: &str = "ana@example.org";

fn two_cards() -> (Town, PatronId, PatronId) {
    let town = Town::new();
    let kept = town.patron("kept", ANA, "2026-02-01");
    let double = town.patron("double", ANA, "2026-02-01");
    for patron in [kept, double] {
        town.give(patron, "2026-02-01");
    }
    (town, kept, double)
}

/// Between the tick and the delivery the cards become one: the message of the double reaches the patron that stays, once,
/// however often the engine looks again.
#[test]
fn del_14_what_was_planned_for_the_double_reaches_the_one_that_stays_once() {
    let (town, kept, double) = two_cards();
    town.visit(double, "2026-02-02");
    town.tick("2026-02-02", 9);
    let merged = merge(&mut town.store(), &town.program, kept, double, town.at("2026-02-02", 10)).expect("merged");
    assert_eq!(merged, 0);
    for (date, hour) in [("2026-02-02", 11), ("2026-02-03", 9)] {
        town.tick(date, hour);
        town.deliver(date, hour + 1);
    }
    assert_eq!((town.got(ANA, "news"), town.got(ANA, "notice")), (1, 1));
    assert_eq!(town.count("patron"), 1);
    let visit = town.program.catalogue.event_named("visit".into()).expect("an event");
    let sent = town.program.catalogue.event_named("sent".into()).expect("an event");
    let facts = town.facts(kept);
    assert_eq!((facts.events(visit).len(), facts.events(sent).len()), (1, 2));
}

/// A consent that both are about to lose is asked for once: the same occurrence of both cards is one.
#[test]
fn del_14_of_an_occurrence_that_both_have_one_message_is_left() {
    for double_first in [false, true] {
        let town = Town::new();
        let kept = town.patron("kept", ANA, "2024-02-15");
        let double = town.patron("double", ANA, "2024-02-15");
        for patron in [kept, double] {
            town.give(patron, "2024-02-15");
        }
        // The last date is 14 February 2026, so 15 January is thirty days before.
        town.tick("2026-01-15", 9);
        let queued = "SELECT count(*) FROM outbox WHERE campaign = 'go_on' AND state = 'queued'";
        let count = |sql: &str| town.store().connection().query_row(sql, (), |row| row.get::<_, i64>(0)).expect("read");
        assert_eq!(count(queued), 2);
        if double_first {
            // Only the double's message has left.
            let hold = "UPDATE outbox SET try_at = 9000000000000000 WHERE patron = ?1";
            town.store().connection().execute(hold, [kept.0]).expect("held");
            assert_eq!(town.deliver("2026-01-15", 10), 1);
            let free = "UPDATE outbox SET try_at = due WHERE patron = ?1";
            town.store().connection().execute(free, [kept.0]).expect("free");
        }
        let merged = merge(&mut town.store(), &town.program, kept, double, town.at("2026-01-15", 11)).expect("merged");
        assert_eq!(merged, 1);
        for date in ["2026-01-15", "2026-01-16"] {
            town.tick(date, 12);
            town.deliver(date, 13);
        }
        assert_eq!(town.got(ANA, "renew"), 1, "double first: {double_first}");
        let word = town.word(kept).expect("a word");
        assert_eq!(word.on, super::day("2024-02-15"));
    }
}

#[test]
fn a_withdrawal_of_either_card_is_one_of_the_person() {
    let (town, kept, double) = two_cards();
    let at = town.at("2026-02-05", 9);
    town.write(at, |writer| {
        writer.withdraw(double, town.purpose("promotion"), bookmobile::catalogue::Channel::Email, at)?;
        writer.member(double, town.program.catalogue.list_named("friends".into()).expect("a list"), true)?;
        let wish = town.program.catalogue.event_named("wish".into()).expect("an event");
        // The same event of both cards, without a key, is one.
        for patron in [kept, double] {
            writer.event(patron, wish, None, at, &[(0, Some(Value::text("a garden")))])?;
        }
        Ok(())
    });
    merge(&mut town.store(), &town.program, kept, double, town.at("2026-02-06", 9)).expect("merged");
    let facts = town.facts(kept);
    let wish = town.program.catalogue.event_named("wish".into()).expect("an event");
    assert_eq!((facts.lists.len(), facts.events(wish).len()), (1, 1));
    assert_eq!(town.word(kept).expect("a word").state, bookmobile::rule::ConsentState::Withdrawn);
    town.visit(kept, "2026-02-07");
    town.tick("2026-02-07", 9);
    town.deliver("2026-02-07", 10);
    assert_eq!((town.got(ANA, "news"), town.got(ANA, "notice")), (0, 1));
}

/// A program over visits, and cards of one person with whom it ticks.
struct Cards {
    program: Program,
    store: Store,
}

impl Cards {
    fn new(campaigns: &str) -> Cards {
        const TOWN: &str = r#"
library "T" { timezone "America/Toronto"  languages en  sender "T" <news@library.example>  quiet none }
purpose essential "Notices" without consent
patron { email email optional  level int }
event visit { }
message note { email { subject "A" body "B" } }
"#;
        let mut sources = Sources::default();
        sources.add("program.campaign", TOWN.to_owned() + campaigns);
        let program = check::compile(sources).program.expect("no errors");
        let mut store = Store::in_memory().expect("memory");
        store.align(&program.catalogue).expect("columns");
        Cards { program, store }
    }

    /// So many hours after the day began.
    fn at(&self, hour: i64) -> Instant {
        self.program.library.zone.start_of(super::day("2026-11-20")).plus_seconds(hour * 3_600)
    }

    /// Writes a card with its level, and visits.
    fn card(&mut self, key: &str, level: i64, visits: &[i64]) -> PatronId {
        let catalogue = &self.program.catalogue;
        let field = |name: &str| catalogue.field_named(name.into()).expect("declared");
        let visit = catalogue.event_named("visit".into()).expect("declared");
        let visits: Vec<Instant> = visits.iter().map(|hour| self.at(*hour)).collect();
        let transaction = self.store.begin().expect("nobody else writes");
        let mut writer = transaction
            .writer(&self.program.library.zone, self.program.library.zone.start_of(super::day("2026-11-20")));
        let fields = [(field("email"), Some(Value::text(ANA))), (field("level"), Some(Value::Int(level)))];
        let patron = writer.patron(key, None, &fields).expect("written");
        for at in visits {
            writer.event(patron, visit, None, at, &[]).expect("written");
        }
        drop(writer);
        transaction.commit().expect("written");
        patron
    }

    fn tick(&mut self, hour: i64) {
        let at = self.at(hour);
        engine::tick(&mut self.store, &Plan::new(&self.program), at, None).expect("a tick");
    }

    /// How many journeys end.
    fn merge(&mut self, kept: PatronId, double: PatronId, hour: i64) -> usize {
        let at = self.at(hour);
        merge(&mut self.store, &self.program, kept, double, at).expect("merged")
    }

    /// Campaigns, and how many messages each has queued.
    fn queued(&self) -> Vec<(String, i64)> {
        let sql = "SELECT campaign, count(*) FROM outbox WHERE state = 'queued' GROUP BY campaign ORDER BY campaign";
        let mut query = self.store.connection().prepare(sql).expect("a table");
        let queued = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).expect("readable");
        queued.collect::<Result<_, _>>().expect("readable")
    }
}

/// Both cards are under way in campaigns of which one patron has one journey; of those on rows each goes on.
#[test]
fn del_14_of_a_campaign_that_starts_nobody_again_one_journey_is_left() {
    let mut cards = Cards::new(
        "campaign once   { purpose essential  audience everyone  start on visit  again never  wait 1 day  send note }
         campaign climbs { purpose essential  audience everyone  start when level > 2  wait 1 day  send note }
         campaign visits { purpose essential  audience everyone  start on visit  wait 1 day  send note }",
    );
    for key in ["kept", "double"] {
        cards.card(key, 1, &[]);
    }
    cards.tick(2);
    let [kept, double] = ["kept", "double"].map(|key| cards.card(key, 5, &[3]));
    cards.tick(4);
    assert_eq!(cards.merge(kept, double, 5), 2);
    cards.tick(40);
    assert_eq!(cards.queued(), [("climbs".into(), 1), ("once".into(), 1), ("visits".into(), 2)]);
}

/// Each of a person's cards has entered, at another time: what the one was told is not said again, and what runs goes on.
#[test]
fn entries_of_two_cards_are_one_only_if_both_are_in_since() {
    const JOINS: &str = "segment active { has visit in the last 2 days }
        campaign joins { purpose essential  audience everyone  start on entering active  again after 3 days  send note  wait 2 days  send note }";
    for double_is_kept in [false, true] {
        let mut cards = Cards::new(JOINS);
        for key in ["kept", "double"] {
            cards.card(key, 1, &[]);
        }
        cards.tick(1);
        let kept = cards.card("kept", 1, &[3]);
        for hour in [4, 60, 90] {
            cards.tick(hour);
        }
        let double = cards.card("double", 1, &[100]);
        cards.tick(101);
        assert_eq!(cards.queued(), [("joins".into(), 3)]);
        let (kept, double) = if double_is_kept { (double, kept) } else { (kept, double) };
        assert_eq!(cards.merge(kept, double, 102), 0);
        for hour in [103, 150, 170] {
            cards.tick(hour);
        }
        assert_eq!(cards.queued(), [("joins".into(), 4)], "the journey of the second card goes on, and none begins");
        // They come in once more.
        let key = if double_is_kept { "double" } else { "kept" };
        cards.card(key, 1, &[200]);
        cards.tick(201);
        assert_eq!(cards.queued(), [("joins".into(), 5)]);
    }
    // Both are in since: the later journey ends.
    let mut cards = Cards::new(JOINS);
    for key in ["kept", "double"] {
        cards.card(key, 1, &[]);
    }
    cards.tick(1);
    let kept = cards.card("kept", 1, &[3]);
    cards.tick(4);
    let double = cards.card("double", 1, &[20]);
    cards.tick(21);
    assert_eq!(cards.merge(kept, double, 22), 1);
    cards.tick(80);
    assert_eq!(cards.queued(), [("joins".into(), 2)]);
}

/// Both cards have left, and what is queued for both is said once; only one has left, and nobody leaves by the merge.
#[test]
fn exits_of_two_cards_are_one_if_both_are_out() {
    for (visit_of_double, before, after) in [(5, 2, 1), (70, 1, 1)] {
        let mut cards = Cards::new(
            "segment active { has visit in the last 2 days }
             campaign leaves { purpose essential  audience everyone  start on leaving active  send note }",
        );
        cards.card("kept", 1, &[]);
        cards.card("double", 1, &[]);
        cards.tick(1);
        let kept = cards.card("kept", 1, &[3]);
        let double = cards.card("double", 1, &[visit_of_double]);
        for hour in [6, 75, 100] {
            cards.tick(hour);
        }
        assert_eq!(cards.queued(), [("leaves".into(), before)]);
        cards.merge(kept, double, 101);
        cards.tick(102);
        assert_eq!(cards.queued(), [("leaves".into(), after)]);
    }
}

/// What both gather is one gathering, up to the time of the first of all; what comes after it is another.
#[test]
fn what_both_cards_gather_is_gathered_as_one() {
    for (visits_of_double, gatherings) in [([4, 9], 1), ([4, 20], 2), ([2, 9], 1)] {
        for double_is_kept in [false, true] {
            let mut cards = Cards::new(
                "campaign visits { purpose essential  audience everyone  start on visit together for 12 hours  send note }",
            );
            for key in ["kept", "double"] {
                cards.card(key, 1, &[]);
            }
            cards.tick(1);
            let kept = cards.card("kept", 1, &[3]);
            let double = cards.card("double", 1, &visits_of_double[..1]);
            cards.tick(5);
            cards.card("double", 1, &visits_of_double[1..]);
            let (kept, double) = if double_is_kept { (double, kept) } else { (kept, double) };
            cards.tick(10);
            assert_eq!(cards.merge(kept, double, 11), 1);
            for hour in [13, 16, 21, 24, 33, 50] {
                cards.tick(hour);
            }
            assert_eq!(cards.queued(), [("visits".into(), gatherings)], "{visits_of_double:?}");
        }
    }
}
