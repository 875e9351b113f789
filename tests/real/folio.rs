//! FOLIO: one JSON object a file, and the migration example's rows that were made to be wrong.

use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard};

use super::{Imported, data, imported};

/// The day of the README's figures.
const NOW: &str = "2019-06-15T12:00:00Z";

static STORE: LazyLock<Option<Mutex<Imported>>> =
    LazyLock::new(|| Some(Mutex::new(imported("folio", &files()?, "2026-01-01T12:00:00Z"))));

fn files() -> Option<Vec<PathBuf>> {
    let folder = data("folio")?;
    let parts = [
        "mod-users/src/main/resources/sample-data/users-15.4.0",
        "mod-users/src/main/resources/ref-data/groups-17.3.0",
        "mod-circulation-storage/sample-data/loans",
        "mod-inventory-storage/sample-data/items",
        "mod-inventory-storage/reference-data/material-types",
    ];
    Some(parts.iter().flat_map(|part| files_in(&folder.join(part))).collect())
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn store() -> Option<MutexGuard<'static, Imported>> {
    Some(STORE.as_ref()?.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// A test over the imported data, skipped where it is not.
macro_rules! figures {
    ($($(#[$doc:meta])* $name:ident($store:ident) $body:block)*) => {$(
        $(#[$doc])*
        #[test]
        fn $name() {
            let Some($store) = store() else { return };
            $body
        }
    )*};
}

figures! {
    users_barcodes_and_emails(store) {
        assert_eq!(store.landed("patron"), (152, 152, 0));
        assert_eq!(store.count("SELECT count(DISTINCT key) FROM patron"), 152);
        assert_eq!(store.count("SELECT count(DISTINCT lower(f_email)) FROM patron"), 152);
    }

    active_or_not(store) {
        let sizes = store.sizes(NOW);
        assert_eq!((sizes["is_active"], sizes["is_inactive"]), (97, 55));
    }

    groups(store) {
        let sizes = store.sizes(NOW);
        assert_eq!(["staff", "faculty", "undergrad", "graduate"].map(|name| sizes[name]), [42, 38, 37, 35]);
    }

    phones_and_mobiles(store) {
        let sizes = store.sizes(NOW);
        assert_eq!((sizes["with_phone"], sizes["with_mobile"]), (152, 105));
    }

    birth_dates(store) {
        assert_eq!(store.sizes(NOW)["born_since_2000"], 34);
        let day = |sql: &str| bookmobile::time::Day(i32::try_from(store.count(sql)).expect("a day")).to_string();
        let range = [day("SELECT min(f_birth_date) FROM patron"), day("SELECT max(f_birth_date) FROM patron")];
        assert_eq!(range, ["1946-11-11", "2016-05-09"]);
    }

    enrolled(store) {
        assert_eq!(store.sizes(NOW)["enrolled_in_2018"], 33);
        let day = |sql: &str| bookmobile::time::Day(i32::try_from(store.count(sql)).expect("a day")).to_string();
        let range = [day("SELECT min(f_registered_on) FROM patron"), day("SELECT max(f_registered_on) FROM patron")];
        assert_eq!(range, ["2015-03-15", "2019-03-01"]);
    }

    expires(store) {
        let sizes = store.sizes(NOW);
        assert_eq!((sizes["expired"], sizes["expires_soon"]), (16, 6));
    }

    preferred_contact(store) {
        let sizes = store.sizes(NOW);
        let names = ["by_mail", "by_email", "by_text", "by_phone", "by_mobile"];
        assert_eq!(names.map(|name| sizes[name]), [33, 37, 23, 31, 28]);
    }

    addresses(store) {
        assert_eq!(store.count("SELECT count(*) FROM patron WHERE f_street IS NULL"), 0);
    }

    loans(store) {
        assert_eq!(store.landed("loan"), (5, 5, 0));
        assert_eq!(store.rows("loan"), (5, 4));
        let open = "SELECT count(*) FROM event_loan WHERE f_state = 'Open'";
        assert_eq!((store.count(open), store.sizes("2017-03-10T12:00:00Z")["borrower"]), (3, 4));
        assert_eq!(store.count("SELECT count(*) FROM event_loan WHERE f_format IS NULL"), 0);
    }

    quirk_1_a_preference_is_an_array_or_one(store) {
        assert_eq!(store.count("SELECT count(*) FROM patron WHERE f_contact_by IS NULL"), 0);
    }

    quirk_2_a_number_with_an_extension_gets_no_message(store) {
        assert_eq!(store.count("SELECT count(*) FROM patron WHERE f_phone NOT GLOB '+[1-9]*'"), 0);
        let refused = store.rejects.iter().filter(|reject| reject.reason.ends_with("it has an extension")).count();
        assert_eq!(store.sizes(NOW)["can_get_texts"] + store.rejects.len(), 152);
        assert!(refused > 0 && store.rejects.iter().all(|reject| reject.effect == "field left unknown"));
    }

    quirk_3_the_first_five_of_a_postal_code(store) {
        assert_eq!(store.sizes(NOW)["five_digits"], 152);
    }

    quirk_4_inactive_is_not_expired(store) {
        assert!(store.sizes(NOW)["inactive_and_not_expired"] > 0);
    }

    quirk_5_a_loan_is_the_sponsors(store) {
        assert_eq!(store.sizes("2017-01-10T12:00:00Z")["hold_on_a_loan"], 1);
        let sql = "SELECT count(*) FROM event_loan e JOIN patron p ON p.id = e.patron
                   WHERE e.key = '0bab56e5-1ab6-4ac2-afdf-8b2df0434378' AND p.key = '508444097915063'";
        assert_eq!(store.count(sql), 1);
    }
}

/// Quirk 6 and the last row of the table: the migration example's fees, of which two of six are right.
#[test]
fn quirk_6_fees_of_the_migration_example() {
    let Some(folder) = data("folio") else { return };
    let source = folder.join("migration_example/iterations/test_run/source_data");
    let beside = tempfile::tempdir().expect("a folder");
    let people = beside.path().join("people.csv");
    std::fs::write(&people, "barcode\n333444555\n").expect("written");
    let items = beside.path().join("items.csv");
    std::fs::write(&items, "barcode,title\n950-10,Faust\n").expect("written");
    let fees = source.join("fees_fines/test_feefines.tsv");
    let mapping = r#"
        [source.people]
        file = "people.csv"
        [source.items]
        file = "items.csv"
        key  = "barcode"
        [source.fees]
        file = "test_feefines.tsv"
        [[patron]]
        from = "people"
        key  = "barcode"
        [[event]]
        event  = "fee"
        from   = "fees"
        patron = "patron_barcode"
        at     = "billed_date"
        [event.fields]
        amount = "amount"
        item   = "item_barcode -> items.title"
    "#;
    let program = crate::import::world::program(
        "library \"Migration\" { timezone \"UTC\"  languages en }\nevent fee { amount money  item text }\n",
    );
    let run = crate::import::world::run(&program, mapping, &[people, items, fees]);
    let fees = run.summary.target("fee").expect("the target");
    assert_eq!((fees.rows, fees.new, fees.rejected), (6, 2, 4), "{:#?}", run.summary);
    let reasons: Vec<(u64, &str, &str)> =
        run.findings.iter().map(|found| (found.line, found.column.as_str(), found.reason.as_str())).collect();
    assert_eq!(
        reasons,
        [
            (4, "billed_date", "at: \"yesterday\" is no date"),
            (5, "amount", "amount: \"too much money\" is no number"),
            (6, "patron_barcode", "there is no patron with this key"),
            (7, "item_barcode", "no row of the file that it leads to has this key"),
        ]
    );
}

/// Quirk 7: the user import writes names where the users of the system have identifiers; the second mapping.
#[test]
fn quirk_7_an_export_with_names_instead_of_identifiers() {
    let Some(folder) = data("folio") else { return };
    let page = std::fs::read_to_string(folder.join("mod-user-import/README.md")).expect("the page");
    let example = page.split("<pre><code>").find(|part| part.contains("\"users\"")).expect("the example request");
    let json = example.split("</code>").next().expect("split yields at least one part");
    let beside = tempfile::tempdir().expect("a folder");
    let users = beside.path().join("users.json");
    std::fs::write(&users, json).expect("written");
    let mapping = r#"
        [source.users]
        file = "users.json"
        path = "users"
        [[patron]]
        from = "users"
        key  = "barcode"
        [patron.fields]
        group      = "patronGroup"
        contact_by = { column = "personal.preferredContactTypeId", codes = { mail = "001", email = "002", text = "003" } }
        expires_on = "expirationDate"
    "#;
    let program = crate::import::world::program(
        "library \"Import\" { timezone \"UTC\"  languages en }\n\
         patron { group one of staff, faculty, undergrad, graduate  contact_by text  expires_on date }\n",
    );
    let run = crate::import::world::run(&program, mapping, &[users]);
    assert_eq!(run.summary.target("patron").expect("the target").new, 1, "{:#?}", run.findings);
    let sql = "SELECT f_group || ' ' || f_contact_by || ' ' || f_expires_on FROM patron WHERE key = '1234567'";
    let found: String = run.store.connection().query_row(sql, (), |row| row.get(0)).expect("the patron");
    // 2019-01-01 is day 17,897 since 1970.
    assert_eq!(found, "staff 001 17897");
}
