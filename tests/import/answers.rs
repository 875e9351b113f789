//! Answers to surveys from a file.

use super::world::{Files, attempt, program, reasons, run};
use bookmobile::catalogue::Value;
use bookmobile::store::{Needs, Store};
use bookmobile::symbol::Symbol;

const SURVEYS: &str = r#"
library "Riverside" { timezone "America/Toronto"  languages en }
patron { name text optional }
survey service "How did we do?" { question score "How?" scale 0 to 10  question why "Why?" text }
survey courses "How was it?"    { question score "How?" scale 1 to 5   question mood "You?" one of glad, bored }
segment unhappy { has answered where (survey is service and score < 5) }
"#;

const MAPPING: &str = r#"
[source.people]
file = "people.csv"
[source.answers]
file = "answers.csv"

[[patron]]
from = "people"
key  = "card"

[[event]]
event  = "answered"
from   = "answers"
where  = ["card is not empty"]
patron = "card"
key    = "response"
at     = "submitted"
[event.fields]
survey = "form"
score  = "q1"
why    = "q2"
mood   = "q3"
"#;

#[test]
fn answers_fill_the_event() {
    let library = program(SURVEYS);
    let answers = "response,card,submitted,form,q1,q2,q3\n\
                   r1,1,2026-05-01 10:00,service,3,\"Too cold, but kind\",\n\
                   r2,2,2026-05-02 10:00,Courses,5,,glad\n\
                   r3,,2026-05-02 10:00,service,1,,\n\
                   r4,1,2026-05-03 10:00,service,11,,\n\
                   r5,2,2026-05-03 10:00,courses,0,no such question,\n\
                   r6,2,2026-05-03 10:00,service,,,\n\
                   r7,9,2026-05-03 10:00,service,4,,\n\
                   r8,2,2026-05-03 10:00,other,4,,\n";
    let files = Files::of(&[("people.csv", b"card\n1\n2\n"), ("answers.csv", answers.as_bytes())]);
    let found = run(&library, MAPPING, &files.paths);
    let target = found.summary.target("answered").expect("the target");
    assert_eq!((target.rows, target.left_out, target.new, target.rejected, target.unknown), (8, 1, 6, 1, 4));
    assert_eq!(
        reasons(&found),
        [
            (5, "score: 11 is not on the scale from 0 to 10"),
            (6, "score: 0 is not on the scale from 1 to 5"),
            (6, "why: the survey courses does not ask that"),
            (8, "there is no patron with this key"),
            (9, "survey: \"other\" is none of service, courses"),
        ]
    );
    let read = |store: &Store, key: &str| -> Vec<Vec<Option<Value>>> {
        let reader = store.reader();
        let patron = reader.patron_by_key(key).expect("readable").expect("a patron");
        let facts = reader.facts(patron, &Needs::everything(&library.catalogue)).expect("readable").expect("a patron");
        let answered = library.catalogue.event_named(Symbol::new("answered")).expect("built in");
        facts.events(answered).iter().map(|event| event.fields.to_vec()).collect()
    };
    let service = Some(Value::Symbol(Symbol::new("service")));
    let ana = read(&found.store, "1");
    assert_eq!(ana[0], [service.clone(), Some(Value::Int(3)), Some(Value::text("Too cold, but kind")), None]);
    assert_eq!(ana[1], [service, None, None, None]);
    assert_eq!(read(&found.store, "2")[0][3], Some(Value::Symbol(Symbol::new("glad"))));

    // The same again changes nothing.
    let mut store = found.store;
    let again = attempt(&mut store, &library, MAPPING, &files.paths, super::world::noon(6, 2)).expect("imported");
    assert_eq!(again.0.effective(), 0, "{:?}", again.0);
}

#[test]
fn a_mapping_says_which_survey_and_of_the_engine_s_events_only_this() {
    let library = program(SURVEYS);
    let files = Files::of(&[("people.csv", b"card\n1\n"), ("answers.csv", b"card\n1\n")]);
    for (from, to, why) in [
        ("survey = \"form\"\n", "", "say which `survey` was answered"),
        ("survey = \"form\"", "survey = { constant = \"sevice\" }", "none of service, courses"),
        ("event  = \"answered\"", "event  = \"clicked\"", "the engine writes it"),
    ] {
        let mut store = Store::in_memory().expect("memory");
        store.align(&library.catalogue).expect("a catalogue");
        let mapping = MAPPING.replace(from, to);
        let error = attempt(&mut store, &library, &mapping, &files.paths, super::world::noon(6, 1)).expect_err(why);
        assert!(error.to_string().contains(why), "{error}");
    }
}
