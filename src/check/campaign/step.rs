//! The steps `send` and `publish`.

use crate::catalogue::{Channel, Type};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::program::{Recipient, StepKind};
use crate::rule::{Expr, Kind};
use crate::symbol::Symbol;
use crate::syntax::ast;
use crate::time::Day;

use super::super::Context;
use super::super::expr::unknown;
use super::channels_of;
use super::journey::Journey;

/// A message that is not declared; tests name messages too.
pub(in crate::check) const UNKNOWN_MESSAGE: Code = Code("E0415");
const NOT_IN_THE_MESSAGE: Code = Code("E0418");
const WRONG_STEP: Code = Code("E0421");

/// `send M …`.
pub fn send(
    journey: &mut Journey<'_, '_, '_>,
    span: Span,
    message: ast::Name,
    to: Option<&ast::Recipient>,
    by: &[ast::Name],
    condition: Option<&(bool, ast::Expr)>,
) -> Option<StepKind> {
    let to = recipient(journey, to);
    let condition = match condition {
        None => Some(None),
        Some((negated, condition)) => journey.condition(condition).map(|condition| {
            // `unless E` is the step's; `E` keeps its place.
            let negate = |condition| Expr { kind: Kind::Not(Box::new(condition)), ty: Type::Bool, span };
            Some(if *negated { negate(condition) } else { condition })
        }),
    };
    let wants = match to {
        // The guardian's address and the staff's are e-mail addresses.
        Some(Recipient::Guardian | Recipient::Staff(_)) => Reach::Mail,
        _ => Reach::Patron,
    };
    let channels = channels(journey, span, message, by, wants);
    let index = message_index(journey, message);
    Some(StepKind::Send { message: index?, to: to?, channels: channels?, condition: condition? })
}

/// `publish M by …`.
pub fn publish(
    journey: &mut Journey<'_, '_, '_>,
    span: Span,
    message: ast::Name,
    by: &[ast::Name],
    until: Option<(Day, Span)>,
) -> Option<StepKind> {
    let channels = channels(journey, span, message, by, Reach::Public);
    let index = message_index(journey, message);
    Some(StepKind::Publish { message: index?, channels: channels?, until: until.map(|(until, _)| until) })
}

fn recipient(journey: &mut Journey<'_, '_, '_>, to: Option<&ast::Recipient>) -> Option<Recipient> {
    match to {
        None => Some(Recipient::Patron),
        // The built-in catalogue has a guardian's address.
        Some(ast::Recipient::Guardian(_)) => Some(Recipient::Guardian),
        Some(ast::Recipient::Staff(value)) => {
            let value = journey.context.value(value, Some(Type::Email), &journey.scope)?;
            Some(Recipient::Staff(value))
        }
    }
}

/// What the channels of a step have to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Reach the patron.
    Patron,
    /// Reach an e-mail address.
    Mail,
    /// Publish.
    Public,
}

impl Reach {
    fn takes(self, channel: Channel) -> bool {
        match self {
            Reach::Patron => channel.is_personal(),
            Reach::Mail => channel == Channel::Email,
            Reach::Public => !channel.is_personal(),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Reach::Patron => "`email`, `sms` or `print`",
            Reach::Mail => "`email`",
            Reach::Public => "`web`, `feed`, `social` or `hook`",
        }
    }
}

/// The channels in order of preference: those of `by`, or else of the message.
fn channels(
    journey: &mut Journey<'_, '_, '_>,
    span: Span,
    message: ast::Name,
    by: &[ast::Name],
    wants: Reach,
) -> Option<Vec<Channel>> {
    let declared = journey.context.declared.messages.get(&message.symbol).copied();
    let has = declared.map(|declared| channels_of(declared.what));
    // A block whose channel is misspelt has been reported, and may be the one that is meant.
    let unclear = |message: &ast::Message| {
        message.blocks.is_empty()
            || message.blocks.iter().any(|block| Channel::from_word(block.channel.symbol.as_str()).is_none())
    };
    let is_broken = declared.is_some_and(|declared| declared.item.broken || unclear(declared.what));
    if by.is_empty() {
        let usable: Vec<Channel> = has?.into_iter().filter(|channel| wants.takes(*channel)).collect();
        if usable.is_empty() && !is_broken {
            journey.context.report(
                Diagnostic::new(
                    NOT_IN_THE_MESSAGE,
                    message.span,
                    format!("`{}` has no block that could be used here", message.symbol),
                )
                .label(format!("has none of {}", wants.words()))
                .also(declared?.what.name.span, "declared here")
                .help(match wants {
                    Reach::Public => "give it a block such as `web { title \"…\"  body \"…\"  link \"…\" }`",
                    _ => "give it a block such as `email { subject \"…\"  body \"…\" }`",
                }),
            );
            return None;
        }
        return Some(usable);
    }
    let mut channels = Vec::new();
    let mut whole = true;
    for name in by {
        let Some(channel) = journey.context.channel_named(*name) else {
            whole = false;
            continue;
        };
        if !wants.takes(channel) {
            wrong_channel(journey, span, *name, wants);
            whole = false;
            continue;
        }
        if has.as_ref().is_some_and(|has| !has.contains(&channel)) && !is_broken {
            missing_channel(journey.context, *name, message, declared.map(|declared| declared.what));
            whole = false;
        }
        if !channels.contains(&channel) {
            channels.push(channel);
        }
    }
    whole.then_some(channels)
}

fn wrong_channel(journey: &mut Journey<'_, '_, '_>, span: Span, name: ast::Name, wants: Reach) {
    let help = match wants {
        Reach::Patron => {
            "what is on the web, a feed or social media is published: `publish` in a campaign with `audience public`"
        }
        Reach::Mail => "guardians and staff are written to by e-mail only: take `by` away",
        Reach::Public => "e-mail, text messages and letters go to patrons: `send` in a campaign with an audience",
    };
    let step = super::first_word(journey.context, span);
    journey.context.report(
        Diagnostic::new(WRONG_STEP, name.span, format!("this step does not go by `{}`", name.symbol))
            .label(format!("expected {}", wants.words()))
            .also(step, "of this step")
            .help(help),
    );
}

fn missing_channel(context: &mut Context<'_>, name: ast::Name, message: ast::Name, declared: Option<&ast::Message>) {
    let Some(declared) = declared else { return };
    let has: Vec<String> = channels_of(declared).iter().map(|channel| format!("`{}`", channel.word())).collect();
    context.report(
        Diagnostic::new(NOT_IN_THE_MESSAGE, name.span, format!("`{}` has no block `{}`", message.symbol, name.symbol))
            .label("the message lacks it")
            .also(declared.name.span, format!("has {}", has.join(", ")))
            .help(format!("add `{} {{ … }}` to the message, or take it out of `by`", name.symbol)),
    );
}

/// The place of a message in the program; its absence is reported here.
fn message_index(journey: &mut Journey<'_, '_, '_>, name: ast::Name) -> Option<usize> {
    let found = journey.messages.iter().position(|known| known.name == name.symbol);
    if found.is_none() && !journey.context.declared.broken.contains(&name.symbol) {
        let known: Vec<Symbol> = journey.messages.iter().map(|known| known.name).collect();
        let mut diagnostic =
            unknown(UNKNOWN_MESSAGE, name, &format!("there is no message `{}`", name.symbol), known, "messages are");
        diagnostic.help.get_or_insert_with(|| {
            format!("declare it: `message {} {{ email {{ subject \"…\"  body \"…\" }} }}`", name.symbol)
        });
        journey.context.report(diagnostic);
    }
    found
}
