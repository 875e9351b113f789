//! The program of `campaigns/`, inside the binary: what `demo` runs and `new` writes.
//!
//! Invariant: it lists every file of the folder; a test compares.

use crate::diagnostic::Sources;

macro_rules! files {
    ($($path:literal,)*) => {
        /// Path below the program's root, and text.
        pub const FILES: &[(&str, &str)] = &[
            $(($path, include_str!(concat!("../../campaigns/", $path))),)*
        ];
    };
}

files! {
    "account.campaign",
    "catalogue.campaign",
    "fines.campaign",
    "giving.campaign",
    "library.campaign",
    "loans.campaign",
    "news.campaign",
    "programmes.campaign",
    "segments.campaign",
    "survey.campaign",
    "welcome.campaign",
    "messages/birthday_13.en.md",
    "messages/birthday_13.fr.md",
    "messages/birthday_18.en.md",
    "messages/birthday_18.fr.md",
    "messages/card_expiry.en.md",
    "messages/card_expiry.fr.md",
    "messages/card_ready.en.md",
    "messages/card_ready.fr.md",
    "messages/due_soon.en.md",
    "messages/due_soon.fr.md",
    "messages/ebook_nudge.en.md",
    "messages/ebook_nudge.fr.md",
    "messages/fines_forgiven.en.md",
    "messages/fines_forgiven.fr.md",
    "messages/friends_appeal.en.md",
    "messages/friends_appeal.fr.md",
    "messages/hold_ready.en.md",
    "messages/hold_ready.fr.md",
    "messages/monthly_news.en.md",
    "messages/monthly_news.fr.md",
    "messages/moved_branch.en.md",
    "messages/moved_branch.fr.md",
    "messages/overdue_first.en.md",
    "messages/overdue_first.fr.md",
    "messages/overdue_last.en.md",
    "messages/overdue_last.fr.md",
    "messages/overdue_second.en.md",
    "messages/overdue_second.fr.md",
    "messages/programme_followup.en.md",
    "messages/programme_followup.fr.md",
    "messages/summer_bookmobile.en.md",
    "messages/summer_bookmobile.fr.md",
    "messages/summer_harbour.en.md",
    "messages/summer_harbour.fr.md",
    "messages/summer_invitation.en.md",
    "messages/summer_invitation.fr.md",
    "messages/welcome_ebooks.en.md",
    "messages/welcome_ebooks.fr.md",
    "messages/welcome_programmes.en.md",
    "messages/welcome_programmes.fr.md",
    "messages/welcome_stops.en.md",
    "messages/welcome_stops.fr.md",
    "messages/winback.en.md",
    "messages/winback.fr.md",
    "messages/winback_again.en.md",
    "messages/winback_again.fr.md",
}

/// The starter program, as if it had been read from `campaigns/`.
pub fn sources() -> Sources {
    let mut sources = Sources::default();
    for (path, text) in FILES {
        sources.add(format!("campaigns/{path}"), *text);
    }
    sources
}
