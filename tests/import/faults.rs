//! Rows of the table of faults that touch the import.

use super::world::{Files, LIBRARY, attempt, column, noon, one, program, reasons, run};
use bookmobile::store::Store;
use bookmobile::store::import::{ImportError, Mapping, Options, Rejects, import};

const NAMES: &str = "[[patron]]\nkey = \"id\"\n[patron.fields]\nfirst_name = \"name\"\nhistory_opt_in = false\n";

fn text(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}

/// IMP-01: cells that a spreadsheet would run are stored as they stand, and leave us with an apostrophe before them,
/// which the next import takes off.
#[test]
fn imp_01_formulas_are_text() {
    let cells = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)"];
    let rows: String = cells.iter().enumerate().map(|(n, cell)| format!("{n},\"{cell}\"\n")).collect();
    let found = one("people.csv", format!("id,name\n{rows}").as_bytes(), NAMES);
    assert_eq!(column(&found.store, "f_first_name"), text(&cells));

    let guarded: String = cells.iter().enumerate().map(|(n, cell)| format!("{n},\"'{cell}\"\n")).collect();
    let found = one("people.csv", format!("id,name\n{guarded}").as_bytes(), NAMES);
    assert_eq!(column(&found.store, "f_first_name"), text(&cells));

    let bad = "id,name,dob\n1,A,=1+1\n";
    let mapping = format!("{NAMES}birth_date = \"dob\"\n");
    let files = Files::of(&[("people.csv", bad.as_bytes())]);
    let path = files.folder().join("out.csv");
    let library = program(LIBRARY);
    let mut store = Store::in_memory().expect("memory");
    store.align(&library.catalogue).expect("a catalogue");
    let options = Options { at: noon(6, 1), dry_run: false, confirm_removals: false, progress: None };
    let mapping = Mapping::parse(&mapping).expect("a mapping");
    let mut rejects = Rejects::into_file(&path);
    import(&mut store, &mapping, &library.library.zone, &files.paths, &options, &mut rejects).expect("an import");
    let written = std::fs::read_to_string(path).expect("the rejects");
    assert!(written.contains(",'=1+1,"), "{written}");
}

/// IMP-03: an archive is refused, whatever is in it.
#[test]
fn imp_03_archives_are_refused() {
    for (head, what) in [(&b"PK\x03\x04../../etc/passwd"[..], "ZIP archive"), (b"\x1f\x8b\x08", "gunzip")] {
        let files = Files::of(&[("people.csv", head)]);
        let library = program(LIBRARY);
        let mut store = Store::in_memory().expect("memory");
        store.align(&library.catalogue).expect("a catalogue");
        let error = attempt(&mut store, &library, NAMES, &files.paths, noon(6, 1)).expect_err("refused");
        assert!(error.to_string().contains(what), "{error}");
    }
}

/// IMP-04: ragged rows and missing keys are rejected by line, the others land; a header that names a column twice, or
/// has ten thousand, is refused.
#[test]
fn imp_04_ragged_rows_duplicate_headers_missing_keys() {
    let found = one("people.csv", b"id,name\n1,Ana\n2\n3,Cem,extra\n,Dee\n\n5,Eve\n", NAMES);
    assert_eq!(column(&found.store, "key"), text(&["1", "5"]));
    let expected =
        [(3, "the row has 1 cells, the header 2"), (4, "the row has 3 cells, the header 2"), (5, "it is empty")];
    assert_eq!(reasons(&found), expected);

    let library = program(LIBRARY);
    for (bytes, what) in [
        (b"id,name,name\n1,a,b\n".to_vec(), "the header has the column name twice"),
        (b"id,nom\n1,a\n".to_vec(), "there is no column name; there are id, nom"),
        (vec![b','; 1_000_000], "this is no table"),
        (Vec::new(), "the file is empty"),
    ] {
        let files = Files::of(&[("people.csv", &bytes)]);
        let mut store = Store::in_memory().expect("memory");
        store.align(&library.catalogue).expect("a catalogue");
        let error = attempt(&mut store, &library, NAMES, &files.paths, noon(6, 1)).expect_err("refused");
        assert!(error.to_string().contains(what), "{error}");
    }
}

/// IMP-05: no mojibake: UTF-16 is refused, a row that is not UTF-8 is rejected with a hint, and Windows-1252 is read
/// where the mapping says so.
#[test]
fn imp_05_encodings() {
    let library = program(LIBRARY);
    let utf16: Vec<u8> = "id,name\n1,Zoë\n2,Ana\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked: Vec<u8> = [0xFF, 0xFE].into_iter().chain(utf16.iter().copied()).collect();
    for bytes in [utf16, marked] {
        let files = Files::of(&[("people.csv", &bytes)]);
        let mut store = Store::in_memory().expect("memory");
        store.align(&library.catalogue).expect("a catalogue");
        let error = attempt(&mut store, &library, NAMES, &files.paths, noon(6, 1)).expect_err("refused");
        assert!(error.to_string().contains("save it as UTF-8"), "{error}");
    }

    let latin = b"id,name\n1,Zo\xeb\n2,Ana \x80\n3,Bo\n";
    let found = one("people.csv", latin, NAMES);
    assert_eq!(column(&found.store, "f_first_name"), text(&["Bo"]));
    assert!(found.findings[0].reason.contains("windows-1252"), "{:?}", found.findings);
    let found = one("people.csv", latin, &format!("encoding = \"windows-1252\"\n{NAMES}"));
    assert_eq!(column(&found.store, "f_first_name"), text(&["Zoë", "Ana €", "Bo"]));

    let found = one("people.csv", "\u{feff}id;name\r\n1;Zoë\r\n".as_bytes(), NAMES);
    assert_eq!(column(&found.store, "f_first_name"), text(&["Zoë"]));
}

/// IMP-07: patrons whom a truncated export lacks stay as they are; an import takes nobody out, whatever is confirmed.
#[test]
fn imp_07_patrons_that_an_export_lacks_stay() {
    let library = program(LIBRARY);
    let people = |count: usize| -> String {
        let rows = (0..count).map(|n| format!("{n:02},Reader {n:02}\n"));
        std::iter::once("id,name\n".to_owned()).chain(rows).collect()
    };
    let mut store = Store::in_memory().expect("memory");
    store.align(&library.catalogue).expect("a catalogue");
    let mut import_some = |count: usize, confirm_removals: bool| {
        let files = Files::of(&[("people.csv", people(count).as_bytes())]);
        let options = Options { at: noon(6, 1), dry_run: false, confirm_removals, progress: None };
        let mapping = Mapping::parse(NAMES).expect("a mapping");
        let zone = &library.library.zone;
        let summary = import(&mut store, &mapping, zone, &files.paths, &options, &mut Rejects::nowhere());
        let target = summary.expect("imported").target("patron").expect("the target").clone();
        (target.new, target.changed, target.removed, column(&store, "f_first_name"))
    };
    let all: Vec<Option<String>> = (0..100).map(|n| Some(format!("Reader {n:02}"))).collect();
    assert_eq!(import_some(100, false), (100, 0, 0, all.clone()));
    for confirm_removals in [false, true] {
        assert_eq!(import_some(60, confirm_removals), (0, 0, 0, all.clone()));
    }
}

/// IMP-07: what an export is said to hold whole (records, lists, feeds) and lacks is removed; not if it lost 40 percent,
/// unless somebody confirms it.
#[test]
fn imp_07_a_truncated_export_removes_nothing() {
    let library = program(LIBRARY);
    let mapping = r#"
        [source.people]
        file = "people.csv"
        [source.loans]
        file = "loans.csv"
        optional = true
        [[patron]]
        from = "people"
        key  = "id"
        [patron.fields]
        history_opt_in = true
        [[event]]
        event    = "loan"
        from     = "loans"
        patron   = "patron"
        key      = "loan"
        complete = true
        [event.fields]
        title  = "title"
        due_on = "due"
    "#;
    let loans = |count: usize| -> String {
        let rows = (0..count).map(|n| format!("1,L{n},Emma,2026-07-01\n"));
        std::iter::once("patron,loan,title,due\n".to_owned()).chain(rows).collect()
    };
    let mut store = Store::in_memory().expect("memory");
    store.align(&library.catalogue).expect("a catalogue");
    let mut import_some = |count: Option<usize>, confirm_removals: bool| {
        let loans = count.map(loans);
        let mut files = vec![("people.csv", &b"id\n1\n"[..])];
        files.extend(loans.as_ref().map(|loans| ("loans.csv", loans.as_bytes())));
        let files = Files::of(&files);
        let options = Options { at: noon(6, 1), dry_run: false, confirm_removals, progress: None };
        let mapping = Mapping::parse(mapping).expect("a mapping");
        let zone = &library.library.zone;
        let summary = import(&mut store, &mapping, zone, &files.paths, &options, &mut Rejects::nowhere())?;
        let sql = "SELECT count(*) FROM event_loan WHERE removed IS NULL";
        let present: i64 = store.connection().query_row(sql, (), |row| row.get(0)).expect("a number");
        Ok::<_, ImportError>((summary.target("loan").expect("the target").removed, present))
    };
    assert_eq!(import_some(Some(100), false).expect("imported"), (0, 100));
    assert_eq!(import_some(Some(80), false).expect("imported"), (20, 80));
    let error = import_some(Some(48), false).expect_err("refused, at 40 percent");
    assert!(matches!(error, ImportError::Guard { removed: 32, of: 80, .. }), "{error}");
    let error = import_some(Some(40), false).expect_err("refused");
    assert!(matches!(error, ImportError::Guard { removed: 40, of: 80, .. }), "{error}");
    assert_eq!(import_some(Some(40), true).expect("confirmed"), (40, 40));
    // What comes back is open again.
    assert_eq!(import_some(Some(80), false).expect("imported"), (0, 80));
    // A file that is missing says nothing.
    assert_eq!(import_some(None, true).expect("imported"), (0, 80));
}

/// IMP-09: a birth date that is none stays unknown, with the reason; the patron lands.
#[test]
fn imp_09_a_birth_date_that_is_none_stays_unknown() {
    let dates = ["0000-00-00", "9999-12-31", "2010-02-31", "31/12/99", "1984-05-06"];
    let rows: String = dates.iter().enumerate().map(|(n, date)| format!("{n},Ana,{date}\n")).collect();
    let mapping = format!("{NAMES}birth_date = \"dob\"\n");
    let found = one("people.csv", format!("id,name,dob\n{rows}").as_bytes(), &mapping);
    assert_eq!(found.summary.targets[0].new, 5);
    assert_eq!(found.summary.targets[0].unknown, 4);
    let born = column(&found.store, "f_birth_date");
    assert_eq!(born.iter().filter(|date| date.is_none()).count(), 4);
    assert!(found.findings.iter().all(|finding| finding.column == "dob" && !finding.rejected));
}

/// STO-12: a NUL, a lone surrogate and broken UTF-8 are rejected with their line; the others are loaded.
#[test]
fn sto_12_texts_that_are_none_are_rejected() {
    let rows = b"id,name\n1,Ana\n2,B\xff\n3,C\xed\xa0\x80\n\x00,Zero\n4,Eve\n";
    let found = one("people.csv", rows, NAMES);
    assert_eq!(column(&found.store, "key"), text(&["1", "4"]));
    let lines: Vec<u64> = found.findings.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [3, 4, 5]);

    let found = one("people.csv", b"id,name\n1,A\x00na\n2,Bo\n", NAMES);
    assert_eq!(column(&found.store, "f_first_name"), [None, Some("Bo".to_owned())]);
    assert_eq!(found.findings[0].reason, "first_name: it holds a NUL character");
}

/// ADR-01, ADR-02 and ADR-05 at the import: no such address reaches the store, and the patron still does.
#[test]
fn adr_01_02_05_bad_addresses_stay_out() {
    let rows = "id,name,mail,tel\n1,A,\"a@x.org\r\nRCPT TO:<z@z>\",555-0100\n2,B,\"a@x.org,b@x.org\",1-900-555-0100\n\
                3,C,c@x.org,+1-519-555-0100\n";
    let mapping = format!("phones = \"1\"\n{NAMES}email = \"mail\"\nphone = \"tel\"\n");
    let found = one("people.csv", rows.as_bytes(), &mapping);
    assert_eq!(column(&found.store, "f_email"), [None, None, Some("c@x.org".to_owned())]);
    assert_eq!(column(&found.store, "f_phone"), [None, None, Some("+15195550100".to_owned())]);
    assert_eq!((found.summary.targets[0].new, found.summary.targets[0].unknown), (3, 4));
    // The row after the cell with a line break is on line 4.
    assert_eq!(found.findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2, 2, 4, 4]);
}

/// A run that fails leaves nothing behind: here the second file is missing a column.
#[test]
fn a_run_is_one_transaction() {
    let library = program(LIBRARY);
    let files = Files::of(&[("a.csv", b"id,name\n1,Ana\n"), ("b.csv", b"id,other\n2,Bo\n")]);
    let mut store = Store::in_memory().expect("memory");
    store.align(&library.catalogue).expect("a catalogue");
    attempt(&mut store, &library, NAMES, &files.paths, noon(6, 1)).expect_err("the column is missing");
    assert_eq!(store.reader().counts().expect("readable").patrons, 0);
    assert_eq!(store.reader().newest_change().expect("readable"), 0);
}

/// What a privacy class requires decides what is kept, and what is not is counted.
#[test]
fn history_without_agreement_is_counted_and_thrown_away() {
    let mapping = r#"
        [source.people]
        file = "people.csv"
        [source.loans]
        file = "loans.csv"
        [[patron]]
        from = "people"
        key  = "id"
        [patron.fields]
        history_opt_in = "agrees"
        [[event]]
        event  = "loan"
        from   = "loans"
        patron = "patron"
        key    = "loan"
        at     = "out"
        [event.fields]
        title       = "title"
        due_on      = "due"
        returned_at = "back"
    "#;
    let people = b"id,agrees\n1,yes\n2,no\n";
    let loans = b"patron,loan,out,title,due,back\n1,a,2026-05-01,Emma,2026-05-20,2026-05-10\n\
                  2,b,2026-05-01,Emma,2026-05-20,2026-05-10\n2,c,2026-05-01,Emma,2026-06-20,\n3,d,2026-05-01,E,2026-06-20,\n";
    let files = Files::of(&[("people.csv", people), ("loans.csv", loans)]);
    let found = run(&program(LIBRARY), mapping, &files.paths);
    let loan = found.summary.target("loan").expect("the target");
    assert_eq!((loan.rows, loan.new, loan.rejected), (4, 2, 1));
    assert_eq!(loan.not_stored.get("borrowing"), Some(&1));
    assert_eq!(reasons(&found), [(5, "there is no patron with this key")]);
}
