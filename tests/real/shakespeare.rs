//! Shakespeare and Company: the members of a real library and what they borrowed, 1919 to 1962.

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard};

use super::{Imported, again, data, imported};

/// Noon in Paris on the day of the README's figures.
const NOW: &str = "1936-06-15T12:00:00Z";

static STORE: LazyLock<Option<Mutex<Imported>>> =
    LazyLock::new(|| Some(Mutex::new(imported("shakespeare", &files("v1.3-beta")?, "2026-01-01T12:00:00Z"))));

fn files(version: &str) -> Option<Vec<PathBuf>> {
    let folder = data("shakespeare-and-company")?;
    Some(vec![folder.join(format!("members_{version}.csv")), folder.join("extract/borrows.csv")])
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
    members_organisations_birth_years_and_genders(store) {
        assert_eq!(store.landed("patron"), (2534, 2534, 0));
        let sizes = store.sizes(NOW);
        let names = ["organisation", "with_birth_year", "female", "male", "gender_unknown"];
        assert_eq!(names.map(|name| sizes[name]), [9, 526, 1221, 726, 587]);
    }

    addresses_cards_and_years(store) {
        let sizes = store.sizes(NOW);
        let names = ["with_address", "with_postal_code", "with_card", "without_years"];
        assert_eq!(names.map(|name| sizes[name]), [1338, 1314, 299, 26]);
    }

    postal_codes(store) {
        let sizes = store.sizes(NOW);
        assert_eq!(["at_75006", "at_75005", "at_75007"].map(|name| sizes[name]), [397, 163, 121]);
    }

    membership_in_1936(store) {
        assert_eq!(store.sizes(NOW)["member_in_1936"], 139);
    }

    importable_borrowings(store) {
        assert_eq!(store.landed("checkout"), (9137, 8773, 364));
        assert_eq!(store.rows("checkout"), (8773, 260));
        assert_eq!(store.sizes("1970-01-01T00:00:00Z")["borrower"], 260);
    }

    rejected_borrowings_by_reason(store) {
        assert_eq!(store.rejected("borrows.csv", "is not a whole date") + store.rejected("borrows.csv", "is required"), 123);
        assert_eq!(store.rejected("borrows.csv", "there is no patron with this key"), 241);
    }

    borrowings_of_the_last_ninety_days(store) {
        let sizes = store.sizes(NOW);
        assert_eq!((sizes["borrower_lately"], sizes["heavy_borrower"]), (17, 4));
        let days = "date(at / 1000000, 'unixepoch')";
        let sql = format!("SELECT count(*) FROM event_checkout WHERE {days} BETWEEN '1936-03-17' AND '1936-06-15'");
        assert_eq!(store.count(&sql), 140);
    }

    lapsed_in_june_1936(store) {
        assert_eq!(store.sizes(NOW)["lapsed"], 133);
    }

    borrowings_of_1936(store) {
        assert_eq!(store.sizes("1970-01-01T00:00:00Z")["borrower_in_1936"], 28);
        let sql = "SELECT count(*) FROM event_checkout WHERE strftime('%Y', at / 1000000, 'unixepoch') = '1936'";
        assert_eq!(store.count(sql), 442);
    }

    the_most_active(store) {
        let sql = "SELECT p.key, count(*) FROM event_checkout e JOIN patron p ON p.id = e.patron
                   GROUP BY 1 ORDER BY 2 DESC LIMIT 3";
        let found = store.table(sql);
        let names: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(names, ["kittredge-eleanor-hayden", "marcilly", "morgan-b-h"]);
        // Those of the README also count rows without a whole date.
        assert!(found[0].1 <= 575 && found[0].1 > 540, "{found:?}");
    }

    quirk_1_lines_are_counted_as_an_editor_does(store) {
        // CRLF, and a header: the first borrowing is on line 2.
        let first = store.rejects.first().expect("rejects");
        assert_eq!((first.line, first.column.as_str()), (2, "start_date"));
        assert_eq!(first.reason, "at: \"1923\" is not a whole date");
    }

    quirk_2_several_values_in_a_cell(store) {
        let sql = "SELECT f_membership_years, 1 FROM patron WHERE key = 'ernst-abel'";
        assert_eq!(store.table(sql), [("[\"1931\",\"1932\"]".to_owned(), 1)]);
    }

    quirk_3_an_end_that_is_not_whole_stays_unknown(store) {
        let unknown = store.rejects.iter().filter(|reject| reject.effect == "field left unknown").count();
        let summary = store.summary.target("checkout").expect("the target");
        assert_eq!(unknown as u64, summary.unknown);
        assert!(unknown > 0 && store.rejects.iter().all(|reject| reject.effect == "row rejected" || reject.column == "end_date"));
    }

    quirk_4_nobody_gets_a_birthday_from_a_year(store) {
        assert_eq!(store.sizes(NOW)["with_birth_year"], 526);
        assert_eq!(store.count("SELECT count(*) FROM patron WHERE f_birth_date IS NOT NULL"), 0);
    }

    quirk_7_only_letters_reach_them(store) {
        assert_eq!(store.count("SELECT count(*) FROM patron WHERE f_email IS NOT NULL OR f_phone IS NOT NULL"), 0);
        assert_eq!(store.count("SELECT count(*) FROM patron WHERE f_street IS NOT NULL"), 1338);
    }

    quirk_8_heavy_tails_and_long_loans(store) {
        let none = "SELECT count(*) FROM patron WHERE id NOT IN (SELECT patron FROM event_checkout)";
        assert_eq!(store.count(none), 2534 - 260);
        // Days since 1970, all before it; noon in Paris is on the same date in UTC.
        let days = "f_returned_on - (at - 86399999999) / 86400000000";
        assert_eq!(store.count(&format!("SELECT count(*) FROM event_checkout WHERE {days} < 0")), 0);
        assert_eq!(store.count(&format!("SELECT max({days}) FROM event_checkout")), 3411);
    }

    quirk_5_and_6_a_card_in_the_archive_is_no_card(store) {
        assert_eq!(store.sizes(NOW)["with_card"], 299);
        assert_eq!(store.count("SELECT count(*) FROM patron WHERE f_last_name IS NULL"), 0);
        assert_eq!(store.count("SELECT count(*) FROM patron WHERE f_last_name LIKE '%,%'"), 0);
    }

    quirk_9_noon_is_on_its_day_in_every_zone_that_paris_had(store) {
        let zone = &store.program.library.zone;
        let sql = "SELECT f_title, at FROM event_checkout";
        for (title, at) in store.table(&format!("{sql} WHERE f_title IS NOT NULL")) {
            let local = zone.civil(bookmobile::time::Instant(at));
            assert_eq!(local.hour(), 12, "{title} at {local}");
        }
    }
}

/// Quirk 10: borrowings of members who are not in this state of the database are rejected, and made to nobody.
#[test]
fn quirk_10_unknown_members_become_no_people() {
    let Some(store) = store() else { return };
    for slug in ["francs", "hiler", "lecoeur", "pouree", "saur", "vogue-de", "zogheb"] {
        assert_eq!(store.count(&format!("SELECT count(*) FROM patron WHERE key = '{slug}'")), 0, "{slug}");
    }
}

/// The three states of one database: a member who is gone stays, one who is new arrives, and what changed is dated.
#[test]
fn a_later_state_of_the_database_changes_and_adds() {
    let Some(old) = files("v1.2_2022-01") else { return };
    let mut found = imported("shakespeare", &old, "2022-01-01T12:00:00Z");
    let patrons = found.count("SELECT count(*) FROM patron");
    assert_eq!(patrons, 2569);
    let new = files("v1.3-beta").expect("the same folder");
    let (summary, _) = again(&mut found.store, &found.program, "shakespeare", &new, "2023-01-01T12:00:00Z");
    let members = summary.target("patron").expect("the target");
    assert_eq!(members.rows, 2534);
    assert_eq!(found.count("SELECT count(*) FROM patron"), patrons + members.new as i64);
    let arrived = "SELECT count(*) FROM patron WHERE since IS NOT NULL";
    assert_eq!(found.count(arrived), members.new as i64);
    assert!(members.changed > 0 && found.count("SELECT count(DISTINCT patron) FROM field_change") > 0);
}
