//! Evergreen's "concerto" data. Test names begin with the row of the README's table, or the number of the quirk.

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard};

use super::{Imported, again, data, imported, instant};
use bookmobile::catalogue::Value;
use bookmobile::engine::{self, Plan};
use bookmobile::symbol::Symbol;

const TABLES: &[&str] = &[
    "actor.usr",
    "actor.card",
    "actor.usr_address",
    "actor.org_unit",
    "actor.usr_setting",
    "action.circulation",
    "asset.copy",
    "action.hold_request",
    "action.survey_response",
    "action.survey_question",
    "action.survey_answer",
    "actor.org_unit_closed",
    "container.user_bucket",
    "container.user_bucket_item",
];

/// When the files were imported; no figure depends on it.
const IMPORTED: &str = "2026-02-07T12:00:00Z";

static STORE: LazyLock<Option<Mutex<Imported>>> =
    LazyLock::new(|| Some(Mutex::new(imported("evergreen", &files()?, IMPORTED))));

fn files() -> Option<Vec<PathBuf>> {
    let folder = data("evergreen")?.join("concerto_enhanced");
    Some(TABLES.iter().map(|table| folder.join(format!("{table}.sql"))).collect())
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
    a1_every_user_is_imported(store) {
        assert_eq!(store.landed("patron"), (378, 378, 0));
        assert_eq!(store.count("SELECT count(*) FROM patron"), 378);
    }

    a2_to_a6_who_is_live(store) {
        let sizes = store.sizes("2022-06-15T16:00:00Z");
        assert_eq!(sizes["in_good_standing"], 374, "A2");
        assert_eq!(sizes["live"], 195, "A3");
        let by_profile = ["live_patrons", "live_students", "live_restricted", "live_digital", "live_homebound"];
        assert_eq!(by_profile.map(|name| sizes[name]), [150, 12, 12, 11, 10], "A4");
        assert_eq!(sizes["live_born"], 113, "A5");
        assert_eq!(sizes["live_juvenile"], 22, "A6");
    }

    a7_teenagers(store) {
        assert_eq!(store.sizes("2022-06-15T16:00:00Z")["live_teens"], 3);
    }

    a8_cards_that_expire_in_thirty_days(store) {
        assert_eq!(store.sizes("2023-09-27T16:00:00Z")["live_expiring"], 97);
    }

    a9_expired_cards(store) {
        assert_eq!(store.sizes("2022-06-15T16:00:00Z")["live_expired"], 8);
    }

    a10_registered_in_the_last_week(store) {
        assert_eq!(store.sizes("2022-02-23T16:00:00Z")["live_new"], 73);
    }

    a11_and_a12_who_can_be_reached(store) {
        let sizes = store.sizes("2022-06-15T16:00:00Z");
        assert_eq!((sizes["with_phone"], sizes["with_email"]), (4, 0));
    }

    a13_by_home_branch(store) {
        let found = store.table("SELECT f_branch, count(*) FROM patron GROUP BY 1 ORDER BY 2 DESC, 1");
        let expected = [
            ("SPLS-BPL", 48), ("RPLS-WEPL", 47), ("RPLS-EHL", 46), ("SPLS-BKM", 43), ("RPLS-HDPL", 42),
            ("SPLS-HPL", 33), ("HHPL-HHPL", 23), ("WAKA-MAIN", 20), ("LPLS-GOD", 18), ("SMALL-SMALL", 17),
            ("LPLS-WIL", 11), ("WAKA-BZPL", 7), ("WAKA-LTL", 7), ("WAKA-LVL", 7), ("WAKA-TML", 7), ("WAKA-BKM", 2),
        ];
        assert_eq!(found, expected.map(|(branch, count)| (branch.to_owned(), count)));
    }

    b1_circulations(store) {
        assert_eq!(store.rows("loan"), (486, 81));
        assert_eq!(store.sizes("2020-10-28T16:00:00Z")["borrower"], 81);
    }

    b2_to_b5_circulations_by_rules(store) {
        let sizes = store.sizes("2020-10-28T16:00:00Z");
        assert_eq!(sizes["borrower_lately"], 80, "B2");
        assert_eq!(sizes["heavy_borrower"], 77, "B3");
        assert_eq!(sizes["live_borrower"], 50, "B4");
        assert_eq!(sizes["overdue"], 81, "B5");
        // 2020-09-28 and 2020-10-29 begin at four o'clock in UTC.
        let (from, to) = (instant("2020-09-28T04:00:00Z").0, instant("2020-10-29T04:00:00Z").0);
        let sql = format!("SELECT count(*) FROM event_loan WHERE at >= {from} AND at < {to}");
        assert_eq!(store.count(&sql), 470, "B2");
        // Days since 1970: 2020-10-28.
        let overdue = "SELECT count(*) FROM event_loan WHERE f_returned_at IS NULL AND f_due_on < 18563";
        assert_eq!(store.count(overdue), 330, "B5");
    }

    b6_by_lending_branch(store) {
        let found = store.table("SELECT f_branch, count(*) FROM event_loan GROUP BY 1 ORDER BY 2 DESC");
        let expected =
            [("RPLS-WEPL", 116), ("SPLS-HPL", 100), ("RPLS-HDPL", 98), ("SPLS-BPL", 87), ("SPLS-BKM", 85)];
        assert_eq!(found, expected.map(|(branch, count)| (branch.to_owned(), count)));
    }

    c1_holds(store) {
        // Two are of user 1, who comes with every system and is in no export.
        assert_eq!(store.landed("hold"), (265, 263, 2));
        assert_eq!(store.rejected("action.hold_request.sql", "no row of the file that it leads to has this key"), 2);
        assert_eq!(store.rows("hold"), (263, 79));
        assert_eq!(store.sizes("2020-10-28T16:00:00Z")["holder"], 79);
    }

    c2_suspended_holds(store) {
        assert_eq!(store.count("SELECT count(*) FROM event_hold WHERE f_thaws_on IS NOT NULL"), 78);
        let sizes = store.sizes("2020-10-28T16:00:00Z");
        assert_eq!(sizes["frozen_holder"], 0);
        assert!(sizes["suspended_holder"] > 0);
    }

    c3_holds_by_kind(store) {
        let found = store.table("SELECT f_kind, count(*) FROM event_hold GROUP BY 1 ORDER BY 2 DESC");
        // The README's T 235 and M 2 count the two of user 1.
        assert_eq!(found, [("T", 234), ("C", 28), ("M", 1)].map(|(kind, count)| (kind.to_owned(), count)));
    }

    d1_survey_answers(store) {
        assert_eq!(store.landed("survey_answer"), (613, 610, 3));
        assert_eq!(store.rejected("action.survey_response.sql", "no row of the file that it leads to"), 3);
        assert_eq!(store.rows("survey_answer"), (610, 204));
        assert_eq!(store.sizes("2022-06-15T16:00:00Z")["answered_survey"], 204);
    }

    f1_closings(store) {
        let id = store.program.catalogue.feed_named(Symbol::new("closings")).expect("the feed");
        let rows = store.store.reader().feed(id).expect("readable");
        let of_the_bookmobile = rows.iter().filter(|row| row[0] == Some(Value::text("SPLS-BKM"))).count();
        assert_eq!((rows.len(), of_the_bookmobile), (1091, 54));
    }

    g1_lists(store) {
        assert_eq!((store.members("knitting_club"), store.members("board_members")), (20, 13));
    }

    quirk_1_a_due_date_is_the_one_written(store) {
        // Written 02:59:59-04 and 01:59:59-05: the last second of the library's own day, which lies further west.
        let written = "2014-05-23".parse().map(bookmobile::time::Day::from_civil).expect("a date");
        let first = "SELECT f_due_on FROM event_loan WHERE key = '1'";
        assert_eq!(store.count(first), i64::from(written.0));
        let at = instant("2014-05-14T12:39:13.070326Z").0;
        assert_eq!(store.count(&format!("SELECT count(*) FROM event_loan WHERE key = '1' AND at = {at}")), 1);
    }

    quirk_2_missing_and_empty_are_both_unknown(store) {
        // 377 e-mail addresses are \N, one is empty; the booleans are digits.
        assert_eq!(store.count("SELECT count(*) FROM patron WHERE f_email IS NULL"), 378);
        assert_eq!(store.count("SELECT count(*) FROM patron WHERE f_deleted NOT IN (0, 1)"), 0);
    }

    quirk_3_names_of_any_script(store) {
        for name in ["José", "川﨑 宗則", "De Bankolé"] {
            let sql = format!("SELECT count(*) FROM patron WHERE f_first_name = '{name}' OR f_last_name = '{name}'");
            assert!(store.count(&sql) > 0, "{name}");
        }
    }

    quirk_4_letters_reach_everybody_and_email_nobody(store) {
        let sql = "SELECT count(*) FROM patron
                   WHERE f_street IS NOT NULL AND f_city IS NOT NULL AND f_postal_zone IS NOT NULL";
        assert_eq!((store.count(sql), store.sizes("2022-06-15T16:00:00Z")["with_email"]), (378, 0));
    }

    quirk_5_absurd_ages_are_found_and_do_no_harm(store) {
        assert_eq!(store.count("SELECT count(*) FROM patron WHERE f_birth_date IS NOT NULL"), 182);
        assert!(store.sizes("2022-06-15T16:00:00Z")["absurdly_old"] >= 1);
        let youngest = "SELECT max(f_birth_date) FROM patron";
        let day = bookmobile::time::Day(i32::try_from(store.count(youngest)).expect("a day"));
        assert_eq!(day.to_string(), "2023-10-27");
    }

    quirk_6_loans_before_the_registration(store) {
        assert!(store.sizes("2022-06-15T16:00:00Z")["borrowed_before_registration"] > 0);
    }

    quirk_7_everything_is_still_open(store) {
        assert_eq!(store.sizes("2026-01-01T00:00:00Z")["brought_back"], 0);
        assert_eq!(store.count("SELECT count(*) FROM event_hold WHERE f_closed_at IS NOT NULL"), 0);
    }

    quirk_9_an_unknown_format_selects_nobody(store) {
        let sizes = store.sizes("2022-06-15T16:00:00Z");
        // Who has no loan at all has no loan of a book; of the 81 others nobody can say.
        assert_eq!((sizes["borrowed_a_book"], sizes["borrowed_no_book"]), (0, 378 - 81));
    }

    quirk_10_canadian_post_codes(store) {
        assert_eq!(store.sizes("2022-06-15T16:00:00Z")["canadian_post_code"], 2);
    }

    quirk_12_no_password_is_in_the_store(store) {
        let columns = store.table("SELECT name, 1 FROM pragma_table_info('patron')");
        assert!(columns.iter().all(|(name, _)| !name.contains("passwd")));
    }
}

/// Quirk 8: the dates stay as the text has them, so the card expiry campaign finds the 97 of A8, by letter.
#[test]
fn quirk_8_the_campaign_finds_those_of_a8() {
    let Some(files) = files() else { return };
    let mut found = imported("evergreen", &files, "2023-09-01T12:00:00Z");
    let plan = Plan::new(&found.program);
    let mut tick = |at: &str| {
        let report = engine::tick(&mut found.store, &plan, instant(at), None).expect("a tick");
        report.campaigns.get("card_expiry").cloned().unwrap_or_default()
    };
    assert!(tick("2023-09-26T13:00:00Z").is_baseline);
    let due = tick("2023-09-27T13:00:00Z");
    assert_eq!((due.enrolled, due.queued, due.dropped), (97, 97, 0));
    assert_eq!(tick("2023-09-27T14:00:00Z").enrolled, 0);
}

/// IMP-08 over the whole data: the second time changes nothing.
#[test]
fn imp_08_the_same_files_twice_change_nothing() {
    let Some(files) = files() else { return };
    let mut found = imported("evergreen", &files, IMPORTED);
    let before = found.store.reader().newest_change().expect("readable");
    let (summary, _) = again(&mut found.store, &found.program, "evergreen", &files, "2026-02-08T12:00:00Z");
    assert_eq!(summary.effective(), 0, "{summary:#?}");
    assert_eq!(found.store.reader().newest_change().expect("readable"), before);
}

/// The older set is statements that need a database: refused with what to do instead.
#[test]
fn statements_are_no_data() {
    let Some(folder) = data("evergreen") else { return };
    let mapping = "[[patron]]\nkey = \"id\"\n";
    let mapping = bookmobile::store::import::Mapping::parse(mapping).expect("a mapping");
    let program = super::program("evergreen");
    let mut store = bookmobile::store::Store::in_memory().expect("memory");
    store.align(&bookmobile::catalogue::Catalogue::default()).expect("an empty catalogue");
    let options = bookmobile::store::import::Options {
        at: instant(IMPORTED),
        dry_run: false,
        confirm_removals: false,
        progress: None,
    };
    let files = [folder.join("concerto/users_patrons_100.sql")];
    let mut rejects = bookmobile::store::import::Rejects::nowhere();
    let zone = &program.library.zone;
    let error = bookmobile::store::import::import(&mut store, &mapping, zone, &files, &options, &mut rejects);
    assert!(error.is_err_and(|error| error.to_string().contains("pg_dump --data-only")));
}

/// Quirk 11: a file can hold two blocks of one table.
#[test]
fn quirk_11_two_blocks_of_one_table() {
    let Some(folder) = data("evergreen") else { return };
    let path = folder.join("concerto_enhanced/action.hold_copy_map.sql");
    let text = std::fs::read_to_string(&path).expect("the file");
    let blocks = text.lines().filter(|line| line.starts_with("COPY ")).count();
    let rows = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).count();
    assert!(blocks >= 2);
    let catalogue = super::one_feed("copy_maps");
    let mut store = bookmobile::store::Store::in_memory().expect("memory");
    store.align(&catalogue).expect("a catalogue");
    let mapping = "[[feed]]\nname = \"copy_maps\"\nkey = \"id\"\n[feed.fields]\ntitle = \"hold\"\n";
    let summary = super::import_text(&mut store, mapping, &[path]);
    assert_eq!(summary.targets[0].new, rows as u64);
}
