//! The library block: exactly one, with at least a time zone and a language (section 3).

use std::mem::{Discriminant, discriminant};

use crate::catalogue::{Library, MailAddress, MessageLimit, TimeWindow};
use crate::check::context::Declaration;
use crate::diagnostic::{Code, Diagnostic, FileId, Span};
use crate::symbol::Symbol;
use crate::syntax::ast::{self, LibraryClauseKind};
use crate::time::{Duration, TimeOfDay, Unit, Weekday, Zone};

const NO_LIBRARY: Code = Code("E0140");
const TWO_LIBRARIES: Code = Code("E0141");
const MISSING_CLAUSE: Code = Code("E0142");
const CLAUSE_TWICE: Code = Code("E0135");
const UNKNOWN_ZONE: Code = Code("E0143");
const LANGUAGE_TWICE: Code = Code("E0130");
const LIMIT_IN_HOURS: Code = Code("E0144");
const BREAK_IN_HEADER: Code = Code("E0145");

/// 21:00 to 08:00.
const QUIET: TimeWindow = TimeWindow { from: TimeOfDay(21 * 3600), to: TimeOfDay(8 * 3600) };
/// Counts below this leave no report.
const SUPPRESS_UNDER: i64 = 10;

/// The library of a program, and what could be said of it.
pub(in crate::check) struct Resolved {
    pub library: Library,
    /// There is a block that could be read.
    pub is_there: bool,
    /// Its languages are known.
    pub has_languages: bool,
    pub diagnostics: Vec<Diagnostic>,
}

/// Resolves the library block; without one a stand-in keeps the other passes going.
pub(in crate::check) fn resolve(blocks: &[Declaration<'_, ast::Library>], first_file: Option<FileId>) -> Resolved {
    let mut diagnostics = Vec::new();
    let Some((first, others)) = blocks.split_first() else {
        if let Some(file) = first_file {
            diagnostics.push(
                Diagnostic::new(NO_LIBRARY, Span::new(file, 0..0), "the program has no library block")
                    .label("every program says for which library it speaks")
                    .help("add `library \"NAME\" { timezone \"America/Toronto\"  languages en }`"),
            );
        }
        let library = stand_in(Span { file: first_file.unwrap_or(FileId(0)), start: 0, end: 0 });
        return Resolved { library, is_there: false, has_languages: false, diagnostics };
    };
    for other in others {
        diagnostics.push(
            Diagnostic::new(
                TWO_LIBRARIES,
                other.what.head,
                "a program has exactly one library block, and this is the second",
            )
            .label("a second library")
            .also(first.what.head, "the first one")
            .help("join the two, or make two programs of them"),
        );
    }
    let block = first.what;
    let mut library = Library { name: block.name.value.clone(), ..stand_in(block.head) };
    let mut written: Vec<(Discriminant<LibraryClauseKind>, Span)> = Vec::new();
    let (mut has_zone, mut has_languages) = (first.item.broken, false);
    for clause in &block.clauses {
        let kind = discriminant(&clause.kind);
        if let Some((_, before)) = written.iter().find(|(before, _)| *before == kind) {
            diagnostics.push(
                Diagnostic::new(CLAUSE_TWICE, clause.span, "this clause of the library block is written twice")
                    .label("again here")
                    .also(*before, "first here")
                    .help("remove one of the two"),
            );
            continue;
        }
        written.push((kind, clause.span));
        match &clause.kind {
            LibraryClauseKind::Timezone(_) => has_zone = true,
            LibraryClauseKind::Languages(languages) => has_languages = !languages.is_empty(),
            _ => {}
        }
        apply(&mut library, &clause.kind, &mut diagnostics);
    }
    for (there, word, example) in [
        (has_zone, "timezone", "timezone \"America/Toronto\""),
        (has_languages || first.item.broken, "languages", "languages en"),
    ] {
        if !there {
            diagnostics.push(
                Diagnostic::new(MISSING_CLAUSE, block.head, format!("the library block has no `{word}`"))
                    .label(format!("`{word}` is required"))
                    .help(format!("add `{example}`")),
            );
        }
    }
    Resolved { library, is_there: !first.item.broken, has_languages, diagnostics }
}

fn stand_in(span: Span) -> Library {
    Library {
        name: "".into(),
        zone: Zone::utc(),
        languages: vec![Symbol::new("en")],
        sender: None,
        reply_to: None,
        address: None,
        policy: None,
        week_starts: Weekday::Monday,
        adult_at: None,
        quiet: Some(QUIET),
        limit: None,
        suppress_under: SUPPRESS_UNDER,
        currency: None,
        span,
    }
}

fn apply(library: &mut Library, clause: &LibraryClauseKind, diagnostics: &mut Vec<Diagnostic>) {
    match clause {
        LibraryClauseKind::Timezone(name) => match Zone::named(&name.value) {
            Ok(zone) => library.zone = zone,
            Err(error) => diagnostics.push(
                Diagnostic::new(UNKNOWN_ZONE, name.span, error.to_string())
                    .label("not in the time zone database")
                    .help("write an IANA name: a continent and a city, such as \"America/Toronto\""),
            ),
        },
        LibraryClauseKind::Languages(languages) => {
            let mut known: Vec<ast::Name> = Vec::new();
            for language in languages {
                match known.iter().find(|first| first.symbol == language.symbol) {
                    Some(first) => diagnostics.push(
                        Diagnostic::new(
                            LANGUAGE_TWICE,
                            language.span,
                            format!("the language `{}` is written twice", language.symbol),
                        )
                        .label("again here")
                        .also(first.span, "first here")
                        .help("remove one of the two"),
                    ),
                    None => known.push(*language),
                }
            }
            if !known.is_empty() {
                library.languages = known.iter().map(|language| language.symbol).collect();
            }
        }
        LibraryClauseKind::Sender(address) => library.sender = Some(mailbox(address, diagnostics)),
        LibraryClauseKind::ReplyTo(address) => library.reply_to = Some(mailbox(address, diagnostics)),
        LibraryClauseKind::Address(text) => library.address = Some(text.value.clone()),
        LibraryClauseKind::Policy(text) => library.policy = Some(text.value.clone()),
        LibraryClauseKind::WeekStarts(weekday) => library.week_starts = *weekday,
        LibraryClauseKind::AdultAt(age) => library.adult_at = Some(age.value),
        LibraryClauseKind::Quiet(range) => {
            library.quiet = range.map(|range| TimeWindow { from: range.from.time, to: range.to.time });
        }
        LibraryClauseKind::Limit(limit) => library.limit = message_limit(limit, diagnostics),
        LibraryClauseKind::SuppressUnder(number) => library.suppress_under = number.value,
        LibraryClauseKind::Currency(name) => library.currency = Some(name.symbol),
    }
}

/// The name stands in a header of every mail, where a line break would begin another header.
fn mailbox(address: &ast::Address, diagnostics: &mut Vec<Diagnostic>) -> MailAddress {
    if let Some(name) = address.name.as_ref().filter(|name| name.value.chars().any(char::is_control)) {
        diagnostics.push(
            Diagnostic::new(
                BREAK_IN_HEADER,
                name.span,
                "a sender's name has no line breaks or other control characters",
            )
            .label("it stands in one line of every mail")
            .help("write the name alone, such as \"Riverside Public Library\""),
        );
    }
    MailAddress { name: address.name.as_ref().map(|name| name.value.clone()), address: address.address.clone() }
}

fn message_limit(limit: &ast::Limit, diagnostics: &mut Vec<Diagnostic>) -> Option<MessageLimit> {
    let ast::QuantityKind::Literal { count, unit, .. } = limit.per.kind else {
        diagnostics.push(
            Diagnostic::new(LIMIT_IN_HOURS, limit.per.span, "the period of a limit is written out")
                .label("a duration is wanted")
                .help("write `limit 3 messages per 7 days`"),
        );
        return None;
    };
    if matches!(unit, Unit::Minute | Unit::Hour) || count < 1 {
        diagnostics.push(
            Diagnostic::new(
                LIMIT_IN_HOURS,
                limit.per.span,
                "a limit counts local dates: its period is at least one day",
            )
            .label("too short")
            .help("write `limit 3 messages per 7 days`"),
        );
        return None;
    }
    Some(MessageLimit { messages: limit.messages.value, per: Duration { count, unit } })
}
