//! CON-11: a text message that stops.

use bookmobile::catalogue::{Channel, Value};
use bookmobile::engine::{Texted, texted};
use bookmobile::rule::ConsentState;

use super::town::Town;

#[test]
fn con_11_a_word_that_stops_does_so_in_any_case_at_once_and_is_confirmed_once() {
    for word in ["STOP", "stop.", " Stop! ", "UNSUBSCRIBE", "arrêt", "ARRÊT", "Arret", "\"stop all\"", "Quit"] {
        let town = Town::new();
        let ana = town.patron("ana", "ana@example.org", "2026-02-01");
        let phone = [(town.field("phone"), Some(Value::text("+15195550100")))];
        town.write(town.at("2026-02-01", 9), |writer| {
            writer.patron("ana", None, &phone)?;
            writer.consent(ana, town.purpose("promotion"), Channel::Sms, ConsentState::Given, writer.at(), None)?;
            writer.consent(ana, town.purpose("survey"), Channel::Sms, ConsentState::Asked, writer.at(), None)
        });
        town.visit(ana, "2026-02-02");
        town.tick("2026-02-02", 9);
        let take = |hour| {
            texted(&mut town.store(), &town.program, "1 519 555-0100", word, town.at("2026-02-02", hour))
                .expect("taken")
        };
        assert_eq!(take(10), Texted::Stopped { again: false }, "{word}");
        assert_eq!(take(11), Texted::Stopped { again: true }, "{word}");
        town.deliver("2026-02-02", 12);
        assert_eq!(town.got("+15195550100", "news"), 0, "{word}: it was queued");
        let words = town.store().reader().words(ana).expect("read");
        assert_eq!(words.len(), 2);
        assert!(words.iter().all(|word| word.state == ConsentState::Withdrawn), "{words:?}");
        // Another card with the number, later.
        let hash = town.store().reader().hash_key().expect("a key").address(Channel::Sms, "+15195550100");
        assert_eq!(town.store().reader().suppressions(&hash).expect("read").len(), 1);
    }
}

#[test]
fn con_11_help_and_other_words_stop_nothing() {
    let town = Town::new();
    let ana = town.patron("ana", "ana@example.org", "2026-02-01");
    let phone = [(town.field("phone"), Some(Value::text("+15195550100")))];
    town.write(town.at("2026-02-01", 9), |writer| writer.patron("ana", None, &phone));
    let take = |word: &str| texted(&mut town.store(), &town.program, "+15195550100", word, town.at("2026-02-02", 9));
    assert_eq!(take("Help").expect("taken"), Texted::Help);
    assert_eq!(take("AIDE").expect("taken"), Texted::Help);
    for word in ["please do not stop", "yes", ""] {
        assert_eq!(take(word).expect("taken"), Texted::Word, "{word}");
    }
    assert_eq!(town.count("suppression"), 0);
    let event = town.program.catalogue.event_named("texted".into()).expect("built in");
    assert!(town.facts(ana).events(event).len() >= 4);
}
