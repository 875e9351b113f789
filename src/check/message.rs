//! Messages (section 9): what they compute, their channels, and their texts in each language.
//!
//! The templates themselves are read by [`message::template`](crate::message::template); here is what stands around
//! them. Every text is checked against all campaigns that send the message.

use std::collections::{BTreeSet, HashMap};

use crate::catalogue::{Channel, FeedId, Type};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::message::template::{self, BuiltIn, Membership, NEEDS_DEFAULT, Sender, StartScope, Template, text_of_file};
use crate::message::{Block, Let, Message, Part, PartKind, Pick};
use crate::rule::{Expr, Kind};
use crate::symbol::Symbol;
use crate::syntax::ast::{self, PartSource, PreludeKind};

use super::campaign::Messages;
use super::context::Declaration;
use super::expr::unknown;
use super::{Context, Scope, StartEvent, lint};

const NO_BLOCK: Code = Code("E0501");
const MISSING: Code = Code("E0502");
const NOT_A_PART: Code = Code("E0503");
const TWICE: Code = Code("E0504");
const NO_FILE: Code = Code("E0506");
const WHICH_BLOCK: Code = Code("E0507");
const TAKEN: Code = Code("E0508");
const UNKNOWN_FEED: Code = Code("E0509");
const NO_ORDER: Code = Code("E0510");
const UNKNOWN_PICK: Code = Code("E0511");

/// Names that every message has besides those of `BuiltIn`.
const RESERVED: [&str; 4] = ["event", "events", "patron", "this"];

/// All messages of the program, in the order of their declaration.
///
/// Besides, what is to be reported once the campaigns are checked: a `default` that is missing, unless the value must
/// not stand there at all.
pub(super) fn check_all(
    context: &mut Context<'_>,
    senders: &HashMap<Symbol, Vec<Sender>>,
) -> (Messages, Vec<Diagnostic>) {
    let mut groups: Vec<Symbol> = context.declared.segments.keys().copied().collect();
    groups.extend(context.catalogue.lists.iter().map(|list| list.name));
    groups.sort();
    let declared = context.declared.all_messages.clone();
    let mut defaults = Vec::new();
    let check = |declaration: Declaration<'_, ast::Message>| {
        let senders = senders.get(&declaration.what.name.symbol).map_or(&[][..], Vec::as_slice);
        Checker { context, senders, groups: &groups, declaration, defaults: &mut defaults }.message()
    };
    let messages = declared.into_iter().map(check).collect();
    (messages, defaults)
}

/// What `member` asks for: a segment with its defaults, or a list.
fn membership(context: &Context<'_>, name: Symbol) -> Option<Membership> {
    let span = Span::new(crate::diagnostic::FileId(0), 0..0);
    let kind = match context.default_instance(name) {
        Some(segment) => Kind::Segment(segment),
        None => Kind::Member(context.catalogue.list_named(name)?),
    };
    let condition = Expr { kind, ty: Type::Bool, span };
    let classes = context.classes_of(&condition);
    Some(Membership { condition, classes })
}

struct Checker<'c, 'a, 's> {
    context: &'c mut Context<'a>,
    senders: &'s [Sender],
    /// Names of segments and lists.
    groups: &'s [Symbol],
    declaration: Declaration<'s, ast::Message>,
    /// Findings of a missing `default`.
    defaults: &'s mut Vec<Diagnostic>,
}

impl Checker<'_, '_, '_> {
    fn message(mut self) -> Message {
        let declared = self.declaration.what;
        let before = self.context.errors();
        let label = self.context.checked_label(declared.label.as_ref());
        let (mut lets, mut picks, mut needs) = (Vec::new(), Vec::new(), Vec::new());
        for prelude in &declared.preludes {
            match &prelude.kind {
                PreludeKind::Let { name, value } => {
                    self.free(*name, &lets, &picks);
                    let value = self.value(value);
                    lets.extend(value.map(|value| {
                        let classes = self.context.classes_of(&value);
                        Let { name: name.symbol, value, classes }
                    }));
                }
                PreludeKind::Pick { name, feed, condition, first, by, descending } => {
                    self.free(*name, &lets, &picks);
                    let pick = self.pick(*name, *feed, condition.as_deref(), first.value, *by, *descending);
                    picks.extend(pick);
                }
                PreludeKind::Needs(name) => needs.push(*name),
            }
        }
        for name in &needs {
            let known: Vec<Symbol> = picks.iter().map(|pick: &Pick| pick.name).collect();
            let was_declared = declared.preludes.iter().any(
                |prelude| matches!(&prelude.kind, PreludeKind::Pick { name: pick, .. } if pick.symbol == name.symbol),
            );
            if !was_declared {
                let message = format!("`needs` names a `pick` of the message, and there is no `{}`", name.symbol);
                self.context.report(unknown(UNKNOWN_PICK, *name, &message, known, "there are"));
            }
        }
        if declared.blocks.is_empty() && !self.declaration.item.broken {
            self.context.report(
                Diagnostic::new(
                    NO_BLOCK,
                    declared.name.span,
                    format!("`{}` says nothing: it has no channel", declared.name.symbol),
                )
                .label("no `email`, `sms`, `print` or other block")
                .help("add a block such as `email { subject \"…\"  body \"…\" }`"),
            );
        }
        self.conditions_are_decided();
        // A `let` or `pick` that is wrong is missing from the names that templates know: nothing is said about them.
        let complete = self.context.errors() == before;
        let blocks = declared.blocks.iter().filter_map(|block| self.block(block, &lets, &picks, complete)).collect();
        if self.context.errors() == before {
            lint::languages::check(self.context, declared);
        }
        Message {
            name: declared.name.symbol,
            label,
            doc: self.declaration.item.doc.clone(),
            lets,
            picks,
            needs: needs.iter().map(|name| name.symbol).collect(),
            blocks,
            span: self.declaration.item.span,
        }
    }

    /// The scopes in which values of this message stand: one for each kind of start of those that send it.
    fn scopes(&self) -> Vec<Scope<'static>> {
        let mut scopes: Vec<Option<StartEvent>> = Vec::new();
        for sender in self.senders {
            let start = match sender.start {
                StartScope::None => None,
                StartScope::Event(event) => Some(StartEvent { event, together: false }),
                StartScope::Events(event) => Some(StartEvent { event, together: true }),
            };
            if !scopes.contains(&start) {
                scopes.push(start);
            }
        }
        if scopes.is_empty() {
            scopes.push(None);
        }
        let scope = |start_event| Scope { start_event, in_campaign: !self.senders.is_empty(), ..Scope::default() };
        scopes.into_iter().map(scope).collect()
    }

    /// Checks something for each kind of start; what it then is for the first.
    fn each_start<T>(&mut self, mut check: impl FnMut(&mut Context<'_>, Scope<'_>) -> Option<T>) -> Option<T> {
        let checked: Vec<Option<T>> = self.scopes().into_iter().map(|scope| check(self.context, scope)).collect();
        checked.into_iter().collect::<Option<Vec<T>>>()?.into_iter().next()
    }

    fn value(&mut self, value: &ast::Expr) -> Option<Expr> {
        self.each_start(|context, scope| context.value(value, None, &scope))
    }

    fn pick(
        &mut self,
        name: ast::Name,
        feed: ast::Name,
        condition: Option<&ast::Expr>,
        first: i64,
        by: ast::Name,
        descending: bool,
    ) -> Option<Pick> {
        let id = self.feed(feed)?;
        let condition = match condition {
            None => Some(None),
            Some(condition) => {
                let in_feed = |context: &mut Context<'_>, scope: Scope<'_>| {
                    context.condition(condition, &Scope { feed_row: Some(id), ..scope })
                };
                self.each_start(in_feed).map(Some)
            }
        };
        let fields = &self.context.catalogue.feeds[id.index()].fields;
        let Some(index) = fields.iter().position(|field| field.name == by.symbol) else {
            let known: Vec<Symbol> = fields.iter().map(|field| field.name).collect();
            let message = format!("the feed `{}` has no field `{}`", feed.symbol, by.symbol);
            self.context.report(unknown(UNKNOWN_FEED, by, &message, known, "its fields are"));
            return None;
        };
        let ty = fields[index].ty;
        if !ty.is_ordered() {
            let found = self.context.describe(ty);
            self.context.report(
                Diagnostic::new(NO_ORDER, by.span, format!("`{}` is {found}, which has no order", by.symbol))
                    .label("first by what?")
                    .help("order by a number, money, a date or an instant"),
            );
            return None;
        }
        let condition = condition?;
        let classes = condition.as_ref().map(|condition| self.context.classes_of(condition)).unwrap_or_default();
        Some(Pick { name: name.symbol, feed: id, condition, first, by: index as u16, descending, classes })
    }

    fn feed(&mut self, name: ast::Name) -> Option<FeedId> {
        let found = self.context.catalogue.feed_named(name.symbol);
        if found.is_some() {
            self.context.used.insert(name.symbol);
        } else if !self.context.declared.broken.contains(&name.symbol) {
            let known: Vec<Symbol> = self.context.catalogue.feeds.iter().map(|feed| feed.name).collect();
            let message = format!("there is no feed `{}`", name.symbol);
            self.context.report(unknown(UNKNOWN_FEED, name, &message, known, "feeds are"));
        }
        found
    }

    /// A `let` or `pick` has a name of its own.
    fn free(&mut self, name: ast::Name, lets: &[Let], picks: &[Pick]) {
        let word = name.symbol.as_str();
        let field = self.context.catalogue.field_named(name.symbol);
        let of_event = self.scopes().into_iter().filter_map(|scope| scope.start_event).find_map(|start| {
            let event = self.context.catalogue.event(start.event);
            let is_built_in = word == "at" || word == "open" && event.is_record();
            (is_built_in || event.field(name.symbol).is_some()).then_some(event.name)
        });
        let taken = if lets.iter().any(|one| one.name == name.symbol) || picks.iter().any(|one| one.name == name.symbol)
        {
            "a `let` or `pick` above it".to_owned()
        } else if field.is_some() {
            "a field of the patron".to_owned()
        } else if let Some(event) = of_event {
            format!("a field of `{event}`")
        } else if RESERVED.contains(&word) || BuiltIn::ALL.iter().any(|built_in| built_in.word() == word) {
            "a name that every message has".to_owned()
        } else {
            return;
        };
        let mut diagnostic = Diagnostic::new(TAKEN, name.span, format!("`{word}` is already {taken}"))
            .label("which of the two would a placeholder mean?")
            .help(format!("choose another name, such as `my_{word}`"));
        if let Some(span) = field.and_then(|field| self.context.catalogue.field(field).span) {
            diagnostic = diagnostic.also(span, "the field");
        }
        self.context.report(diagnostic);
    }

    /// Of several blocks of one channel the first whose condition is true is used: the last one has no condition, all
    /// others have one.
    fn conditions_are_decided(&mut self) {
        let blocks = &self.declaration.what.blocks;
        for (index, block) in blocks.iter().enumerate() {
            let later = blocks[index + 1..].iter().find(|later| later.channel.symbol == block.channel.symbol);
            let word = block.channel.symbol;
            let diagnostic = match (&block.condition, later) {
                (None, Some(later)) => {
                    Diagnostic::new(WHICH_BLOCK, later.channel.span, format!("this `{word}` block is never used"))
                        .label("the one above it is always taken")
                        .also(block.channel.span, "has no condition")
                        .help(format!("give the first one a condition: `{word} if … {{`"))
                }
                (Some(condition), None) if !self.declaration.item.broken => Diagnostic::new(
                    WHICH_BLOCK,
                    block.channel.span,
                    format!("nothing is said for those for whom the condition of `{word}` does not hold"),
                )
                .label("the last block of a channel has no condition")
                .also(condition.span, "the condition")
                .help(format!(
                    "add a block `{word} {{ … }}` below it; to write to some patrons only, use `send … only if`"
                )),
                _ => continue,
            };
            self.context.report(diagnostic);
        }
    }

    /// `None`: nothing of it can be said. Texts with errors are missing from it.
    fn block(&mut self, block: &ast::ChannelBlock, lets: &[Let], picks: &[Pick], complete: bool) -> Option<Block> {
        // Another word has been reported by the parser.
        let channel = Channel::from_word(block.channel.symbol.as_str())?;
        let condition = match &block.condition {
            None => Some(None),
            Some(condition) => self.each_start(|context, scope| context.condition(condition, &scope)).map(Some),
        };
        let mut parts: Vec<Part> = Vec::new();
        let mut written: Vec<(PartKind, Symbol, &ast::Part)> = Vec::new();
        let mut whole = true;
        for part in &block.parts {
            let Some(kind) = self.part_kind(channel, block, part) else {
                whole = false;
                continue;
            };
            let Some(language) = self.language(part) else {
                whole = false;
                continue;
            };
            if let Some((.., first)) = written.iter().find(|(what, code, _)| (*what, *code) == (kind, language)) {
                self.context.report(
                    Diagnostic::new(
                        TWICE,
                        part.span,
                        format!("`{}` in `{language}` is written twice", part.what.symbol),
                    )
                    .label("again")
                    .also(first.span, "the first time")
                    .help("keep one of the two"),
                );
                whole = false;
                continue;
            }
            written.push((kind, language, part));
            let Some(text) = self.text(part) else {
                whole = false;
                continue;
            };
            if !complete {
                continue;
            }
            let template = self.template(&text, lets, picks, channel, kind, language);
            parts.extend(template.map(|template| Part { what: kind, language, template }));
        }
        if whole || block.parts.len() == written.len() {
            self.languages_are_complete(channel, block, &written);
        }
        Some(Block { channel, condition: condition?, parts, span: block.span })
    }

    fn part_kind(&mut self, channel: Channel, block: &ast::ChannelBlock, part: &ast::Part) -> Option<PartKind> {
        let (kind, _) = KINDS.into_iter().find(|(_, word)| *word == part.what.symbol.as_str())?;
        let takes = required(channel);
        if takes.contains(&kind) {
            return Some(kind);
        }
        let words: Vec<String> = takes.iter().map(|kind| format!("`{}`", word(*kind))).collect();
        let instead = match (channel, kind) {
            (Channel::Sms, PartKind::Body) => "text",
            (_, PartKind::Text) => "body",
            (Channel::Email, PartKind::Title) => "subject",
            (_, PartKind::Subject) if takes.contains(&PartKind::Title) => "title",
            _ => "",
        };
        let mut diagnostic = Diagnostic::new(
            NOT_A_PART,
            part.what.span,
            format!("`{}` has no `{}`", block.channel.symbol, part.what.symbol),
        )
        .label(format!("expected {}", words.join(", ")))
        .also(block.channel.span, "in this block");
        diagnostic = match instead {
            "" => diagnostic.help(format!("take it away; `{}` has {}", block.channel.symbol, words.join(", "))),
            _ => diagnostic.help(format!("write `{instead}`")).fix(part.what.span, instead),
        };
        self.context.report(diagnostic);
        None
    }

    fn language(&mut self, part: &ast::Part) -> Option<Symbol> {
        let Some(name) = part.language else { return Some(self.context.library.default_language()) };
        self.context.known_language(name).then_some(name.symbol)
    }

    fn text(&mut self, part: &ast::Part) -> Option<ast::Text> {
        let path = match &part.source {
            PartSource::Text(text) => return Some(text.clone()),
            PartSource::File(path) => path,
        };
        match self.context.template_file(path.span.file, &path.value) {
            Some((file, _)) => Some(text_of_file(self.context.sources, file)),
            None => {
                let here = self.context.sources.path(path.span.file).file_name();
                let here = here.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                self.context.report(
                    Diagnostic::new(NO_FILE, path.span, format!("there is no file \"{}\" in the program", path.value))
                        .label("not found")
                        .note(format!("the path is read from the folder of {here}, and stays inside the program"))
                        .help("write the file, or correct the path"),
                );
                None
            }
        }
    }

    fn template(
        &mut self,
        text: &ast::Text,
        lets: &[Let],
        picks: &[Pick],
        channel: Channel,
        part: PartKind,
        language: Symbol,
    ) -> Option<Template> {
        let membership = |name: Symbol| membership(self.context, name);
        let scope = template::Scope {
            catalogue: &self.context.catalogue,
            library: &self.context.library,
            lets,
            picks,
            membership: &membership,
            groups: self.groups,
            senders: self.senders,
            channel,
            part,
            language,
        };
        let (template, findings) = Template::check(text, &scope);
        for finding in findings {
            if finding.code == NEEDS_DEFAULT && template.is_some() {
                self.defaults.push(finding);
            } else {
                self.context.report(finding);
            }
        }
        let template = template?;
        for used in template.variants.iter().flat_map(|variant| &variant.uses) {
            if let template::Used::Group(name) = used.what {
                self.context.used.insert(name);
            }
        }
        Some(template)
    }

    /// A language that one text of a block has, all its texts have; the default one is always there.
    fn languages_are_complete(
        &mut self,
        channel: Channel,
        block: &ast::ChannelBlock,
        written: &[(PartKind, Symbol, &ast::Part)],
    ) {
        if self.declaration.item.broken || !self.context.has_languages {
            return;
        }
        let default = self.context.library.default_language();
        let mut languages: BTreeSet<Symbol> = written.iter().map(|(_, language, _)| *language).collect();
        languages.insert(default);
        for language in languages {
            let has = |kind: PartKind| written.iter().any(|(what, code, _)| (*what, *code) == (kind, language));
            let missing: Vec<&str> =
                required(channel).iter().filter(|kind| !has(**kind)).map(|kind| word(*kind)).collect();
            if missing.is_empty() {
                continue;
            }
            let names = missing.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" and ");
            let example = match language == default {
                true => format!("`{} \"…\"`", missing[0]),
                false => format!("`{} {language} \"…\"`", missing[0]),
            };
            let where_ = if language == default { String::new() } else { format!(" in `{language}`") };
            let message = format!("this `{}` has no {names}{where_}", block.channel.symbol);
            let mut diagnostic =
                Diagnostic::new(MISSING, block.channel.span, message).label(format!("lacks {names}{where_}"));
            if let Some((.., other)) =
                written.iter().find(|(_, code, _)| *code == language).filter(|_| language != default)
            {
                diagnostic = diagnostic.also(other.span, format!("is written in `{language}`")).note(
                    "a block is written in a language as a whole, so that nobody reads two languages in one message",
                );
            }
            self.context.report(diagnostic.help(format!("add {example}")));
        }
    }
}

const KINDS: [(PartKind, &str); 5] = [
    (PartKind::Subject, "subject"),
    (PartKind::Body, "body"),
    (PartKind::Text, "text"),
    (PartKind::Title, "title"),
    (PartKind::Link, "link"),
];

fn word(kind: PartKind) -> &'static str {
    KINDS.into_iter().find(|(known, _)| *known == kind).map_or("", |(_, word)| word)
}

/// The texts of a block of a channel.
fn required(channel: Channel) -> &'static [PartKind] {
    match channel {
        Channel::Email => &[PartKind::Subject, PartKind::Body],
        Channel::Sms => &[PartKind::Text],
        Channel::Print => &[PartKind::Body],
        Channel::Web | Channel::Feed | Channel::Social | Channel::Hook => {
            &[PartKind::Title, PartKind::Body, PartKind::Link]
        }
    }
}
