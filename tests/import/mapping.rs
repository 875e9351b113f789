//! What a mapping can say.

use super::world::{Files, LIBRARY, attempt, column, noon, one, program, run};
use bookmobile::catalogue::{Channel, Value};
use bookmobile::engine;
use bookmobile::program::Program;
use bookmobile::rule::ConsentState;
use bookmobile::store::import::{Summary, suggest};
use bookmobile::store::{Needs, Store};
use bookmobile::symbol::Symbol;

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| (!value.is_empty()).then(|| (*value).to_owned())).collect()
}

#[test]
fn constants_codes_first_of_parts_and_conditions() {
    let mapping = r#"
        missing = ["-"]
        decimal = ","
        dates   = "DMY"
        [[patron]]
        where = ["kind in (P, Q)", "gone is empty", "name != Test"]
        key   = "id"
        [patron.fields]
        first_name     = { first = ["nick", { concat = ["name", "second"], with = " " }] }
        branch         = { column = "home", codes = { 1 = "central", 2 = "J-FIC" }, otherwise = "central" }
        fines          = "owed"
        birth_date     = "born"
        interests      = { column = "likes", split = "|" }
        history_opt_in = { column = "since", present = true }
    "#;
    let rows = "id;kind;gone;nick;name;second;home;owed;born;likes;since\n\
                1;P;;Annie;Ana;Maria;1;1.234,50;31.12.1999;games | history|games;2020\n\
                2;Q;;-;Ben;;2;0;;;\n\
                3;S;;;Cem;;1;0;;;\n\
                4;P;yes;;Dee;;1;0;;;\n\
                5;P;;;Test;;1;0;;;\n\
                6;P;;;Eve;Lou;9;-;;;\n";
    let found = one("people.csv", rows.as_bytes(), mapping);
    let summary = &found.summary.targets[0];
    assert_eq!((summary.rows, summary.new, summary.left_out, summary.rejected), (6, 3, 3, 0), "{:?}", found.findings);
    assert_eq!(column(&found.store, "f_first_name"), some(&["Annie", "Ben", "Eve Lou"]));
    assert_eq!(column(&found.store, "f_branch"), some(&["central", "J-FIC", "central"]));
    assert_eq!(column(&found.store, "f_fines"), some(&["123450", "0", ""]));
    assert_eq!(column(&found.store, "f_birth_date"), some(&["10956", "", ""]));
    assert_eq!(column(&found.store, "f_interests"), some(&["[\"games\",\"history\"]", "", ""]));
    assert_eq!(column(&found.store, "f_history_opt_in"), some(&["1", "0", "0"]));
}

#[test]
fn consents_lists_tables_feeds_and_events_in_one_run() {
    let mapping = r#"
        [source.people]
        file = "people.csv"
        [source.visits]
        file = "visits.tsv"
        [source.zones]
        file = "zones.csv"
        [source.calendar]
        file = "calendar.jsonl"
        [[patron]]
        from = "people"
        key  = "id"
        [patron.fields]
        history_opt_in = false
        [[consent]]
        from    = "people"
        where   = ["news is not empty"]
        patron  = "id"
        purpose = { constant = "promotion" }
        channel = { constant = "email" }
        on      = "news"
        [[list]]
        list   = "friends"
        from   = "people"
        where  = ["friend = yes"]
        patron = "id"
        [[event]]
        event  = "visit"
        from   = "visits"
        patron = "id"
        at     = { concat = ["day", "time"] }
        [event.fields]
        program = "what"
        people  = "n"
        [[table]]
        name = "zone"
        from = "zones"
        key  = "zip"
        [table.fields]
        households = "n"
        [[feed]]
        name = "programs"
        from = "calendar"
        key  = "uid"
        [feed.fields]
        title     = "title"
        starts_at = "when.start"
    "#;
    let files = Files::of(&[
        ("people.csv", b"id,news,friend\n1,2026-01-05,yes\n2,,no\n"),
        ("visits.tsv", b"id\tday\ttime\twhat\tn\n1\t2026-03-08\t02:30\tChess\t3\n1\t2026-03-08\t02:30\tChess\t3\n"),
        ("zones.csv", b"zip,n\nM5V 1A1,\"1,200\"\n"),
        ("calendar.jsonl", b"{\"uid\":\"a\",\"title\":\"Chess\",\"when\":{\"start\":\"2026-07-01T18:00:00-04:00\"}}\n"),
    ]);
    let library = program(LIBRARY);
    let found = run(&library, mapping, &files.paths);
    let news: Vec<(String, u64)> =
        found.summary.targets.iter().map(|target| (target.target.clone(), target.new)).collect();
    let expected =
        [("patron", 2), ("table zone", 1), ("feed programs", 1), ("visit", 1), ("list friends", 1), ("consent", 1)];
    assert_eq!(news, expected.map(|(name, count)| (name.to_owned(), count)));

    let reader = found.store.reader();
    let patron = reader.patron_by_key("1").expect("readable").expect("a patron");
    let facts = reader.facts(patron, &Needs::everything(&library.catalogue)).expect("readable").expect("a patron");
    let consent = &facts.consents[0];
    assert_eq!(
        (consent.channel, consent.state, consent.on.to_string()),
        (Channel::Email, ConsentState::Given, "2026-01-05".to_owned())
    );
    let visit = library.catalogue.event_named(Symbol::new("visit")).expect("the event");
    // Half past two does not exist on that day in Toronto: it is half past three.
    assert_eq!(facts.events(visit)[0].at.timestamp().to_string(), "2026-03-08T07:30:00Z");
    assert_eq!(facts.events(visit)[0].fields, [Some(Value::text("Chess")), Some(Value::Int(3))]);
    let tables = reader.tables().expect("readable");
    assert!(tables.rows.iter().any(|table| table.get("m5v 1a1") == Some(&vec![Some(Value::Int(1200))])));
}

#[test]
fn who_comes_later_is_new_and_what_changes_is_dated() {
    let library = program(LIBRARY);
    let mapping = "[[patron]]\nkey = \"id\"\n[patron.fields]\nbranch = \"b\"\nhistory_opt_in = false\n";
    let mut store = Store::in_memory().expect("memory");
    store.align(&library.catalogue).expect("a catalogue");
    for (rows, day) in [("id,b\n1,central\n", 1), ("id,b\n1,j-fic\n2,central\n", 2)] {
        let files = Files::of(&[("people.csv", rows.as_bytes())]);
        attempt(&mut store, &library, mapping, &files.paths, noon(6, day)).expect("imported");
    }
    let needs = Needs::everything(&library.catalogue);
    let mut all = Vec::new();
    store.reader().scan(&needs, |facts| all.push((facts.since, facts.changed.clone()))).expect("readable");
    let branch = library.catalogue.field_named(Symbol::new("branch")).expect("the field");
    assert_eq!(all, [(None, vec![(branch, noon(6, 2))]), (Some(noon(6, 2)), Vec::new())]);
}

#[test]
fn a_mapping_that_does_not_fit_says_why() {
    let library = program(LIBRARY);
    let files = Files::of(&[("people.csv", b"id\n1\n")]);
    for (mapping, why) in [
        ("[[patron]]\nkey = \"id\"\n", "it says nothing about history_opt_in, which the program requires"),
        (
            "[[patron]]\nkey = \"id\"\n[patron.fields]\nbrnch = \"id\"\n",
            "there is no field brnch; did you mean branch?",
        ),
        ("[[patron]]\nkey = \"id\"\n[patron.fields]\nhistory_opt_in = \"maybe -> x.y\"\n", "there is no [source.x]"),
        (
            "[[patron]]\nkey = \"id\"\n[patron.fields]\nhistory_opt_in = { constant = \"perhaps\" }\n",
            "neither true nor false",
        ),
        ("[[event]]\nevent = \"loan\"\npatron = \"id\"\n", "say what its `key` is"),
        ("[[event]]\nevent = \"visit\"\npatron = \"id\"\n", "say with `at` when it happened"),
        ("[[event]]\nevent = \"sent\"\npatron = \"id\"\nat = \"id\"\n", "the engine writes it"),
        ("[[list]]\nlist = \"enemies\"\npatron = \"id\"\n", "no such list"),
        ("[[list]]\nlist = \"friends\"\npatron = \"id\"\nwhere = [\"id ~ 1\"]\n", "is no condition"),
        ("[[patron]]\nkey = \"id\"\nfeilds = 1\n", "unknown field `feilds`"),
        ("zone = \"Mars/Olympus\"\n[[list]]\nlist = \"friends\"\npatron = \"id\"\n", "no time zone is called"),
        ("", "it has no [[patron]]"),
    ] {
        let mut store = Store::in_memory().expect("memory");
        store.align(&library.catalogue).expect("a catalogue");
        let error = attempt(&mut store, &library, mapping, &files.paths, noon(6, 1)).expect_err(mapping);
        assert!(error.to_string().contains(why), "{mapping}\n{error}");
    }
}

#[test]
fn a_patron_block_is_guessed_from_an_export() {
    let rows: String = (0..40)
        .map(|n| {
            format!(
                "{:05},Ana {n},{},{}-01-15,ana{n}@example.org,{}.50,{}\n",
                n,
                ["Adult", "Child"][n % 2],
                1960 + n,
                n % 7,
                ["True", "False"][n % 2]
            )
        })
        .collect();
    let header = "Patron Barcode,firstName,P TYPE,dateOfBirth,Email,owed,active\n";
    let files = Files::of(&[("people.csv", format!("{header}{rows}").as_bytes())]);
    let text = suggest(&files.paths).expect("a suggestion");
    for line in [
        "  first_name     text\n",
        "  p_type         one of \"Adult\", \"Child\"\n",
        "  date_of_birth  date\n",
        "  email          email\n",
        "  owed           money\n",
        "  active         bool\n",
        "#   key = \"Patron Barcode\"\n",
        "#   p_type = \"P TYPE\"\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    // What is guessed is a program.
    program(&format!("library \"L\" {{ timezone \"UTC\"  languages en }}\n{text}"));
}

/// The first rows of a kind are gathered and sorted, later ones written one by one: both come to the same.
#[test]
fn a_first_import_is_the_same_as_a_later_one() {
    let library = program(LIBRARY);
    let mapping = |key: &str| {
        format!(
            "[source.people]\nfile = \"people.csv\"\n[source.visits]\nfile = \"visits.csv\"\n\
             [[patron]]\nfrom = \"people\"\nkey = \"id\"\n[patron.fields]\nhistory_opt_in = true\n\
             [[event]]\nevent = \"visit\"\nfrom = \"visits\"\npatron = \"id\"\nat = \"at\"\n{key}\
             [event.fields]\nprogram = \"what\"\n"
        )
    };
    let people = b"id\n1\n2\n3\n";
    let visits: String = (0..300)
        .map(|n| format!("{},2026-0{}-01,Chess {},k{}\n", n * 7 % 3 + 1, n % 5 + 1, n % 4, n * 11 % 90))
        .collect();
    let visits = format!("id,at,what,key\n{visits}");
    let before = b"id,at,what,key\n1,2025-01-01,Before,before\n";
    for key in ["", "key = \"key\"\n"] {
        let read = |store: &Store| -> Vec<String> {
            let sql = "SELECT patron || ' ' || at || ' ' || f_program || ' ' || coalesce(key, '') FROM event_visit
                       WHERE f_program <> 'Before' ORDER BY 1";
            let mut statement = store.connection().prepare(sql).expect("a statement");
            let rows = statement.query_map((), |row| row.get(0)).expect("rows");
            rows.map(|row| row.expect("a row")).collect()
        };
        let mut found = Vec::new();
        for first in [None, Some(&before[..])] {
            let mut store = Store::in_memory().expect("memory");
            store.align(&library.catalogue).expect("a catalogue");
            let mut summary = None;
            for visits in first.into_iter().chain([visits.as_bytes()]) {
                let files = Files::of(&[("people.csv", people), ("visits.csv", visits)]);
                let done = attempt(&mut store, &library, &mapping(key), &files.paths, noon(6, 1)).expect("imported");
                summary = done.0.target("visit").cloned();
            }
            let summary = summary.expect("the target");
            assert_eq!(summary.new as usize, read(&store).len());
            assert_eq!(summary.new + summary.changed + summary.unchanged, 300);
            found.push((summary.new, read(&store)));
        }
        assert_eq!(found[0], found[1], "with {key:?}");
        assert!(found[0].0 < 300);
    }
}

/// The kind of a consent is a word of a column or of the mapping; the file is its source where the mapping names none.
#[test]
fn consents_are_express_or_implied_and_have_a_source() {
    let mapping = r#"
        [[patron]]
        key = "id"
        [patron.fields]
        history_opt_in = false
        [[consent]]
        where   = ["joined is not empty"]
        patron  = "id"
        purpose = { constant = "promotion" }
        channel = { constant = "email" }
        kind    = { column = "why", codes = { M = "implied by relationship", Q = "implied by inquiry", Y = "express" } }
        source  = "form"
        on      = "joined"
    "#;
    let text = "id,joined,why,form\n1,2026-01-15,M,\n2,2026-01-15,Q,web form\n3,2026-01-15,Y,\n4,2026-01-15,Z,\n5,,,\n";
    let files = Files::of(&[("people.csv", text.as_bytes())]);
    let library = program(LIBRARY);
    let mut store = Store::in_memory().expect("memory");
    store.align(&library.catalogue).expect("a new store takes any catalogue");
    for (round, new) in [(1, 3), (2, 0)] {
        let (summary, findings) =
            attempt(&mut store, &library, mapping, &files.paths, noon(6, round)).expect("imported");
        let target = summary.target("consent").expect("the target");
        assert_eq!((target.new, target.rejected, target.left_out), (new, 1, 1), "{findings:?}");
        assert!(findings[0].reason.contains("the code \"Z\" is not in the table"), "{findings:?}");
    }
    let word = |key: &str| {
        let patron = store.reader().patron_by_key(key).expect("readable").expect("a patron");
        let facts = store.reader().facts(patron, &Needs::everything(&library.catalogue)).expect("readable");
        let until = facts.expect("a patron").consents[0].until.map(|day| day.to_string());
        let word = store.reader().words(patron).expect("readable").remove(0);
        (word.kind, word.source, until)
    };
    use bookmobile::rule::ConsentKind::{Express, Inquiry, Relationship};
    assert_eq!(word("1"), (Relationship, "import people.csv".to_owned(), Some("2028-01-14".to_owned())));
    assert_eq!(word("2"), (Inquiry, "web form".to_owned(), Some("2026-07-14".to_owned())));
    assert_eq!(word("3"), (Express, "import people.csv".to_owned(), None));
}

/// What three imports of the same two patrons say, between the first two of which something happens to the second.
fn brought_back(happens: impl Fn(&mut Store, &Program)) -> Vec<Summary> {
    let mapping = "[[patron]]\nkey = \"id\"\n[patron.fields]\nhistory_opt_in = false\n";
    let files = Files::of(&[("people.csv", b"id\n1\n2\n")]);
    let library = program(LIBRARY);
    let mut store = Store::in_memory().expect("memory");
    store.align(&library.catalogue).expect("a new store takes any catalogue");
    let import =
        |store: &mut Store, round| attempt(store, &library, mapping, &files.paths, noon(6, round)).expect("imported").0;
    let first = import(&mut store, 1);
    happens(&mut store, &library);
    vec![first, import(&mut store, 2), import(&mut store, 3)]
}

/// An erased patron whom the export brings back is noticed.
#[test]
fn whoever_was_erased_and_comes_back_is_noticed() {
    let said = brought_back(|store, library| {
        let patron = store.reader().patron_by_key("2").expect("readable").expect("a patron");
        let transaction = store.begin().expect("a transaction");
        transaction.writer(&library.library.zone, noon(6, 1)).erase_patron(patron, false).expect("erased");
        transaction.commit().expect("committed");
    });
    let erased: Vec<Vec<String>> = said.into_iter().map(|summary| summary.erased).collect();
    assert_eq!(erased, [vec![], vec!["2".to_owned()], vec![]]);
}

/// So is a card that was merged into another.
#[test]
fn whoever_was_merged_and_comes_back_is_noticed() {
    let said = brought_back(|store, library| {
        let [kept, double] = ["1", "2"].map(|key| store.reader().patron_by_key(key).expect("readable").expect("there"));
        engine::merge(store, library, kept, double, noon(6, 1)).expect("merged");
    });
    let merged: Vec<Vec<String>> = said.into_iter().map(|summary| summary.merged).collect();
    assert_eq!(merged, [vec![], vec!["2".to_owned()], vec![]]);
}
