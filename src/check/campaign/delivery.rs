//! What delivery needs: hours that are left, a layout, a sender, an address.

use crate::catalogue::{Channel, TimeWindow};
use crate::diagnostic::{Code, Diagnostic};
use crate::message::layout::Layout;
use crate::message::template::text_of_file;
use crate::program::{Campaign, Deliver, Step, StepKind};
use crate::symbol::Symbol;
use crate::syntax::ast::{self, ClauseKind};
use crate::time::TimeOfDay;

use super::super::expr::unknown;
use super::super::{Context, compile};
use super::clause::clause;
use super::head::Head;

const ANY_HOUR: Code = Code("E0404");
const NO_HOUR: Code = Code("E0419");
const UNKNOWN_LAYOUT: Code = Code("E0424");
const NO_SENDER: Code = Code("E0426");
const NO_ADDRESS: Code = Code("E0427");

/// The clause `deliver`.
pub fn hours(context: &mut Context<'_>, head: &Head<'_>) -> Option<Deliver> {
    let Some((deliver, span)) = clause!(head.clauses, ClauseKind::Deliver(deliver) => deliver) else {
        return Some(Deliver::Default);
    };
    match deliver {
        ast::Deliver::AnyHour => {
            if let Some(purpose) = head.purpose.map(|purpose| context.catalogue.purpose(purpose).clone())
                && purpose.needs_consent
            {
                let mut diagnostic = Diagnostic::new(
                    ANY_HOUR,
                    span,
                    format!("`{}` needs consent, so quiet hours hold for it", purpose.name),
                )
                .label("only for purposes without consent")
                .note("news at three in the morning is no service, whoever agreed to it")
                .help("take the clause away, or narrow the hours: `deliver between 10:00 and 18:00`");
                if let Some((name, _)) = head.clauses.purpose() {
                    diagnostic = diagnostic.also(name.span, "the purpose");
                }
                context.report(diagnostic);
                return None;
            }
            Some(Deliver::AnyHour)
        }
        ast::Deliver::Narrow { on, between } => {
            let window = between.map(|between| TimeWindow { from: between.from.time, to: between.to.time });
            let quiet = context.library.quiet;
            let is_open = |second: u32| {
                let time = TimeOfDay(second);
                window.is_none_or(|window| window.contains(time)) && quiet.is_none_or(|quiet| !quiet.contains(time))
            };
            if let Some(between) = between
                && !(0..86_400).step_by(60).any(is_open)
            {
                let place = between.from.span.to(between.to.span);
                let mut diagnostic =
                    Diagnostic::new(NO_HOUR, place, "no hour is left in which anything could be delivered")
                        .label(if between.from.time == between.to.time { "empty" } else { "all of it is quiet" })
                        .help("choose hours outside the library's quiet ones");
                if let Some(quiet) = quiet {
                    diagnostic = diagnostic.note(format!("the library is quiet from {} to {}", quiet.from, quiet.to));
                }
                context.report(diagnostic);
                return None;
            }
            Some(Deliver::Narrow { on: on.iter().map(|(day, _)| *day).collect(), between: window })
        }
    }
}

/// The clause `layout`; without it, a `layouts/default.hbs` is used where there is one.
pub fn layout(context: &mut Context<'_>, head: &Head<'_>, layouts: &Layouts) -> Option<Option<Symbol>> {
    let needs_consent = head.purpose.is_some_and(|purpose| context.catalogue.purpose(purpose).needs_consent);
    let find = |name: Symbol| layouts.iter().find(|(layout, _)| *layout == name);
    let lacks = |layout: &Option<Layout>, span| {
        layout.as_ref().filter(|_| needs_consent).and_then(|layout| layout.check_for_promotion(span))
    };
    let Some((name, _)) = clause!(head.clauses, ClauseKind::Layout(name) => *name) else {
        let campaign = head.declaration.what.name.span;
        let found = find(Symbol::new("default")).and_then(|(_, layout)| lacks(layout, campaign));
        found.into_iter().for_each(|found| context.report(found));
        return Some(None);
    };
    if let Some((_, layout)) = find(name.symbol) {
        lacks(layout, name.span).into_iter().for_each(|lacks| context.report(lacks));
        return Some(Some(name.symbol));
    }
    let known: Vec<Symbol> = layouts.iter().map(|(layout, _)| *layout).collect();
    let message = format!("there is no layout `{}`", name.symbol);
    let mut diagnostic = unknown(UNKNOWN_LAYOUT, name, &message, known, "layouts are");
    diagnostic.help.get_or_insert_with(|| format!("write it: `layouts/{}.hbs`, beside the program", name.symbol));
    context.report(diagnostic);
    None
}

/// The layouts beside the program by name; `None`: has errors, which are reported.
pub type Layouts = Vec<(Symbol, Option<Layout>)>;

/// Reads the layouts beside the program.
pub fn layouts(context: &mut Context<'_>) -> Layouts {
    let sources = context.sources;
    let files = sources.iter().filter_map(|(id, file)| Some((compile::layout_name(&file.path)?, id)));
    let check = |(name, file)| {
        let (layout, findings) = Layout::check(name, &text_of_file(sources, file));
        findings.into_iter().for_each(|finding| context.report(finding));
        (name, layout)
    };
    files.map(check).collect()
}

/// The library's sender with the first e-mail, its address with the first that needs consent.
pub fn requirements(context: &mut Context<'_>, head: &Head<'_>, campaign: &Campaign) {
    if !context.has_library {
        return;
    }
    let Some(step) = first_mail(&campaign.steps) else { return };
    let place = super::first_word(context, step.span);
    let library = context.library.span;
    if campaign.sender.is_none() && context.library.sender.is_none() {
        context.report(
            Diagnostic::new(NO_SENDER, library, "the library has no `sender`, and a campaign sends e-mail")
                .label("who writes?")
                .also(place, "sends e-mail")
                .help("add a line such as `sender \"My Library\" <news@library.example>`"),
        );
    }
    let purpose = context.catalogue.purpose(campaign.purpose);
    if purpose.needs_consent && context.library.address.is_none() {
        let mut diagnostic = Diagnostic::new(
            NO_ADDRESS,
            library,
            format!("the library has no postal `address`, and `{}` needs consent", purpose.name),
        )
        .label("where is the library?")
        .also(place, "sends promotional e-mail")
        .note("the law of many countries asks for it: the address is printed under every message of such a purpose")
        .help("add a line such as `address \"1 Main Street, Riverside\"`");
        if let Some((name, _)) = head.clauses.purpose() {
            diagnostic = diagnostic.also(name.span, "the purpose");
        }
        context.report(diagnostic);
    }
}

/// The first step that may send an e-mail.
fn first_mail(steps: &[Step]) -> Option<&Step> {
    steps.iter().find_map(|step| match &step.kind {
        StepKind::Send { channels, .. } => channels.contains(&Channel::Email).then_some(step),
        StepKind::WaitUpTo { then, otherwise, .. } => first_mail(then).or_else(|| first_mail(otherwise)),
        StepKind::If { branches, otherwise } => {
            branches.iter().find_map(|(_, steps)| first_mail(steps)).or_else(|| first_mail(otherwise))
        }
        StepKind::Split(arms) => arms.iter().find_map(|(_, steps)| first_mail(steps)),
        StepKind::Repeat { body, .. } => first_mail(body),
        _ => None,
    })
}
