//! A mapping against a catalogue: names become ids, columns slots, types converters.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use regex::Regex;

use super::super::ImportError;
use super::super::answers::ANSWERED;
use super::super::convert::{Converter, Style};
use super::super::date::Order;
use super::super::expression::{Expression, Filter, parse_filter};
use super::super::table::Source;
use super::{Codes, Constant, Mapping, Rule, Text};
use crate::catalogue::{Catalogue, EventId, EventKind, FeedId, Field, ListId, TableId, Type};
use crate::symbol::Symbol;
use crate::time::{TimeOfDay, Zone};

/// A mapping that fits the catalogue.
pub struct Compiled {
    pub sources: Vec<SourcePlan>,
    /// Patrons first.
    pub targets: Vec<Target>,
    pub missing: Vec<String>,
    /// Of times without offset.
    pub zone: Zone,
}

/// A source and what is read of it.
pub struct SourcePlan {
    pub name: String,
    pub source: Source,
    /// By slot.
    pub columns: Vec<String>,
    pub filters: Vec<Filter>,
    /// The slot by which others look its rows up.
    pub key: Option<usize>,
    /// Some target reads its rows one by one.
    pub is_read: bool,
}

/// What becomes of the rows of a source.
pub struct Target {
    pub name: String,
    pub source: usize,
    pub filters: Vec<Filter>,
    pub fields: Vec<FieldPlan>,
    pub kind: Kind,
}

/// Of what kind.
pub enum Kind {
    Patron {
        key: Part,
        update: bool,
    },
    Event {
        event: EventId,
        patron: Part,
        key: Option<Part>,
        at: Option<FieldPlan>,
        complete: bool,
    },
    Table {
        table: TableId,
        key: Part,
    },
    Feed {
        feed: FeedId,
        key: Option<Part>,
        complete: bool,
    },
    List {
        list: ListId,
        patron: Part,
        complete: bool,
    },
    Consent {
        patron: Part,
        purpose: Part,
        channel: Part,
        state: Option<Part>,
        kind: Option<Part>,
        said_by: Option<Part>,
        on: Box<FieldPlan>,
        until: Option<Box<FieldPlan>>,
    },
}

/// A text with the name of the column that it comes from.
pub struct Part {
    pub column: String,
    pub expression: Expression,
}

/// A field and how it is read.
pub struct FieldPlan {
    pub index: u16,
    pub name: Symbol,
    pub required: bool,
    /// Nothing is the empty set.
    pub is_set: bool,
    pub part: Part,
    pub converter: Converter,
}

/// Checks a mapping.
pub fn compile(mapping: &Mapping, catalogue: &Catalogue, library_zone: &Zone) -> Result<Compiled, ImportError> {
    let zone = match &mapping.zone {
        Some(name) => Zone::named(name).map_err(|error| wrong(error.to_string()))?,
        None => library_zone.clone(),
    };
    let style = Style {
        order: mapping.dates.unwrap_or(Order::YearMonthDay),
        zone,
        as_written: false,
        time: TimeOfDay(0),
        decimal: mapping.decimal.unwrap_or('.'),
        country: mapping.phones.clone(),
    };
    let zone = style.zone.clone();
    let mut compiler = Compiler { mapping, catalogue, style, sources: Vec::new(), at: String::new() };
    compiler.declare_sources()?;
    let targets = compiler.targets()?;
    if targets.is_empty() {
        return Err(wrong("it has no [[patron]], [[event]], [[table]], [[list]], [[consent]] or [[feed]]"));
    }
    for source in &mut compiler.sources {
        source.is_read = false;
    }
    for target in &targets {
        compiler.sources[target.source].is_read = true;
    }
    Ok(Compiled { sources: compiler.sources, targets, missing: mapping.missing.clone(), zone })
}

fn wrong(why: impl Into<String>) -> ImportError {
    ImportError::Mapping(why.into())
}

struct Compiler<'m> {
    mapping: &'m Mapping,
    catalogue: &'m Catalogue,
    style: Style,
    sources: Vec<SourcePlan>,
    /// What is being compiled, for messages.
    at: String,
}

impl Compiler<'_> {
    fn wrong(&self, why: impl std::fmt::Display) -> ImportError {
        wrong(format!("{}: {why}", self.at))
    }

    fn declare_sources(&mut self) -> Result<(), ImportError> {
        let mut declared: Vec<(String, Source)> =
            self.mapping.source.iter().map(|(name, source)| (name.clone(), source.clone())).collect();
        if declared.is_empty() {
            declared.push((String::new(), Source::default()));
        }
        for (name, source) in declared {
            self.sources.push(SourcePlan {
                name,
                source,
                columns: Vec::new(),
                filters: Vec::new(),
                key: None,
                is_read: false,
            });
        }
        for index in 0..self.sources.len() {
            self.at = format!("[source.{}]", self.sources[index].name);
            if let Some(key) = self.sources[index].source.key.clone() {
                self.sources[index].key = Some(self.slot(index, &key));
            }
            let filters = self.sources[index].source.filter.clone();
            self.sources[index].filters = self.filters(index, &filters)?;
        }
        Ok(())
    }

    fn targets(&mut self) -> Result<Vec<Target>, ImportError> {
        let mapping = self.mapping;
        let catalogue = self.catalogue;
        let mut targets = Vec::new();
        for patron in &mapping.patron {
            self.at = "[[patron]]".to_owned();
            let source = self.source(patron.from.as_deref())?;
            let mut fields = self.fields(source, &catalogue.fields, &patron.fields, !patron.update)?;
            let has_card = Symbol::find("has_card").and_then(|name| catalogue.field_named(name));
            // Whoever the library system exports has a card, unless the mapping says otherwise.
            if let Some(id) = has_card.filter(|id| !patron.update && fields.iter().all(|field| field.index != id.0)) {
                let text = Text::Constant(Constant::Truth(true));
                fields.push(self.field(source, id.0, catalogue.field(id), &text)?);
            }
            let kind = Kind::Patron { key: self.part(source, &patron.key)?, update: patron.update };
            targets.push(self.target("patron".to_owned(), source, &patron.filter, fields, kind)?);
        }
        for row in &mapping.table {
            self.at = format!("[[table]] {}", row.name);
            let found = Symbol::find(&row.name).and_then(|name| catalogue.table_named(name));
            let table = found.ok_or_else(|| self.wrong("the program declares no such table"))?;
            let source = self.source(row.from.as_deref())?;
            let fields = self.fields(source, &catalogue.tables[table.index()].fields, &row.fields, true)?;
            let key = row.key.as_ref().ok_or_else(|| self.wrong("it needs a `key`"))?;
            let kind = Kind::Table { table, key: self.part(source, key)? };
            targets.push(self.target(format!("table {}", row.name), source, &row.filter, fields, kind)?);
        }
        for row in &mapping.feed {
            self.at = format!("[[feed]] {}", row.name);
            let found = Symbol::find(&row.name).and_then(|name| catalogue.feed_named(name));
            let feed = found.ok_or_else(|| self.wrong("the program declares no such feed"))?;
            let source = self.source(row.from.as_deref())?;
            let fields = self.fields(source, &catalogue.feeds[feed.index()].fields, &row.fields, true)?;
            let kind = Kind::Feed { feed, key: self.optional(source, row.key.as_ref())?, complete: row.complete };
            targets.push(self.target(format!("feed {}", row.name), source, &row.filter, fields, kind)?);
        }
        for event in &mapping.event {
            targets.push(self.event(event)?);
        }
        for list in &mapping.list {
            self.at = format!("[[list]] {}", list.list);
            let found = Symbol::find(&list.list).and_then(|name| catalogue.list_named(name));
            let id = found.ok_or_else(|| self.wrong("the program declares no such list"))?;
            let source = self.source(list.from.as_deref())?;
            let kind = Kind::List { list: id, patron: self.part(source, &list.patron)?, complete: list.complete };
            targets.push(self.target(format!("list {}", list.list), source, &list.filter, Vec::new(), kind)?);
        }
        for consent in &mapping.consent {
            self.at = "[[consent]]".to_owned();
            let source = self.source(consent.from.as_deref())?;
            let until =
                consent.until.as_ref().map(|until| self.date(source, "until", Type::Date, until)).transpose()?;
            let kind = Kind::Consent {
                patron: self.part(source, &consent.patron)?,
                purpose: self.part(source, &consent.purpose)?,
                channel: self.part(source, &consent.channel)?,
                state: self.optional(source, consent.state.as_ref())?,
                kind: self.optional(source, consent.kind.as_ref())?,
                said_by: self.optional(source, consent.source.as_ref())?,
                on: Box::new(self.date(source, "on", Type::Instant, &consent.on)?),
                until: until.map(Box::new),
            };
            targets.push(self.target("consent".to_owned(), source, &consent.filter, Vec::new(), kind)?);
        }
        Ok(targets)
    }

    fn event(&mut self, event: &super::EventTarget) -> Result<Target, ImportError> {
        let catalogue = self.catalogue;
        self.at = format!("[[event]] {}", event.event);
        let found = Symbol::find(&event.event).and_then(|name| catalogue.event_named(name));
        let id = found.ok_or_else(|| self.wrong("the program declares no such event or record"))?;
        let declared = catalogue.event(id);
        let is_answer = event.event == ANSWERED;
        if declared.kind == EventKind::Engine && !is_answer {
            return Err(self.wrong("the engine writes it; it cannot be imported"));
        }
        if is_answer && !event.fields.contains_key("survey") {
            return Err(self.wrong("say which `survey` was answered, with a column or `{ constant = \"NAME\" }`"));
        }
        if declared.is_record() && event.key.is_none() {
            return Err(self.wrong("it is a record: say what its `key` is, so that later rows can change it"));
        }
        if !declared.is_record() && event.at.is_none() {
            return Err(self.wrong("say with `at` when it happened"));
        }
        if event.complete && !declared.is_record() {
            return Err(self.wrong("`complete` is for records; an event that happened stays"));
        }
        let source = self.source(event.from.as_deref())?;
        let fields = self.fields(source, &declared.fields, &event.fields, true)?;
        let kind = Kind::Event {
            event: id,
            patron: self.part(source, &event.patron)?,
            key: self.optional(source, event.key.as_ref())?,
            at: event.at.as_ref().map(|at| self.date(source, "at", Type::Instant, at)).transpose()?,
            complete: event.complete,
        };
        self.target(event.event.clone(), source, &event.filter, fields, kind)
    }

    fn target(
        &mut self,
        name: String,
        source: usize,
        filter: &[String],
        fields: Vec<FieldPlan>,
        kind: Kind,
    ) -> Result<Target, ImportError> {
        let filters = self.filters(source, filter)?;
        Ok(Target { name, source, filters, fields, kind })
    }

    fn source(&self, name: Option<&str>) -> Result<usize, ImportError> {
        let name = match (name, self.sources.as_slice()) {
            (Some(name), _) => name,
            (None, [_]) => return Ok(0),
            (None, _) => return Err(self.wrong("say with `from` which source it reads")),
        };
        let found = self.sources.iter().position(|source| source.name == name);
        found.ok_or_else(|| self.wrong(format!("there is no [source.{name}]")))
    }

    fn fields(
        &mut self,
        source: usize,
        declared: &[Field],
        given: &BTreeMap<String, Text>,
        all_required: bool,
    ) -> Result<Vec<FieldPlan>, ImportError> {
        let mut fields = Vec::new();
        for (name, text) in given {
            let index = declared.iter().position(|field| field.name.as_str() == name);
            let index = index.ok_or_else(|| {
                let near = declared.iter().map(|field| field.name.as_str());
                let near = near.max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
                self.wrong(format!("there is no field {name}; did you mean {}?", near.unwrap_or("another table")))
            })?;
            fields.push(self.field(source, index as u16, &declared[index], text)?);
        }
        let is_given = |name: Symbol| fields.iter().any(|field: &FieldPlan| field.name == name);
        let left_out: Vec<&str> = declared
            .iter()
            .filter(|field| {
                all_required && !field.optional && !is_given(field.name) && field.name.as_str() != "has_card"
            })
            .map(|field| field.name.as_str())
            .collect();
        if !left_out.is_empty() {
            return Err(self.wrong(format!(
                "it says nothing about {}, which the program requires; name a column or a `constant`, or declare the \
                 field `optional`",
                left_out.join(", ")
            )));
        }
        Ok(fields)
    }

    fn field(&mut self, source: usize, index: u16, field: &Field, text: &Text) -> Result<FieldPlan, ImportError> {
        let part = self.part(source, text)?;
        let style = self.style_of(text)?;
        let converter = Converter::new(field.ty, style, self.catalogue)
            .ok_or_else(|| self.wrong(format!("the field {} cannot be imported", field.name)))?;
        let is_set = matches!(field.ty, Type::Set(_));
        let plan = FieldPlan { index, name: field.name, required: !field.optional, is_set, part, converter };
        if let Expression::Constant(constant) = &plan.part.expression {
            plan.converter.value(constant).map_err(|why| self.wrong(format!("{}: {why}", field.name)))?;
        }
        Ok(plan)
    }

    fn date(&mut self, source: usize, name: &str, ty: Type, text: &Text) -> Result<FieldPlan, ImportError> {
        let field = Field { name: Symbol::new(name), ty, optional: false, private: None, doc: None, span: None };
        self.field(source, 0, &field, text)
    }

    fn style_of(&self, text: &Text) -> Result<Style, ImportError> {
        let Text::Rule(rule) = text else { return Ok(self.style.clone()) };
        let zone = match &rule.zone {
            Some(name) => Zone::named(name).map_err(|error| self.wrong(error))?,
            None => self.style.zone.clone(),
        };
        let time = match &rule.time {
            Some(text) => time_of_day(text).ok_or_else(|| self.wrong(format!("{text:?} is no time of day")))?,
            None => self.style.time,
        };
        Ok(Style {
            order: rule.dates.unwrap_or(self.style.order),
            zone,
            as_written: rule.as_written,
            time,
            decimal: rule.decimal.unwrap_or(self.style.decimal),
            country: rule.phones.clone().or_else(|| self.style.country.clone()),
        })
    }

    fn filters(&mut self, source: usize, texts: &[String]) -> Result<Vec<Filter>, ImportError> {
        let mut filters = Vec::new();
        for text in texts {
            let (column, test) = parse_filter(text).map_err(|why| self.wrong(why))?;
            filters.push(Filter { of: self.path(source, column)?, test });
        }
        Ok(filters)
    }

    fn optional(&mut self, source: usize, text: Option<&Text>) -> Result<Option<Part>, ImportError> {
        text.map(|text| self.part(source, text)).transpose()
    }

    fn part(&mut self, source: usize, text: &Text) -> Result<Part, ImportError> {
        let column = first_column(text).unwrap_or_default().to_owned();
        Ok(Part { column, expression: self.expression(source, text)? })
    }

    fn expression(&mut self, source: usize, text: &Text) -> Result<Expression, ImportError> {
        match text {
            Text::Column(path) => self.path(source, path),
            Text::Constant(constant) => Ok(Expression::Constant(constant.text())),
            Text::Rule(rule) => self.rule(source, rule),
        }
    }

    fn rule(&mut self, source: usize, rule: &Rule) -> Result<Expression, ImportError> {
        let all = |compiler: &mut Self, texts: &[Text]| -> Result<Vec<Expression>, ImportError> {
            texts.iter().map(|text| compiler.expression(source, text)).collect()
        };
        let mut expression = match (&rule.column, &rule.constant, &rule.first, &rule.concat) {
            (Some(path), None, None, None) => self.path(source, path)?,
            (None, Some(constant), None, None) => Expression::Constant(constant.text()),
            (None, None, Some(texts), None) => Expression::First(all(self, texts)?),
            (None, None, None, Some(texts)) => {
                Expression::Concat(all(self, texts)?, rule.with.clone().unwrap_or_else(|| " ".to_owned()))
            }
            _ => return Err(self.wrong("say exactly one of `column`, `constant`, `first`, `concat`")),
        };
        if rule.json {
            expression = Expression::Json(Box::new(expression));
        }
        if !rule.missing.is_empty() {
            expression = Expression::Missing { of: Box::new(expression), texts: rule.missing.clone() };
        }
        if let Some(separator) = &rule.split {
            if rule.take == Some(0) {
                return Err(self.wrong("`take` counts from 1"));
            }
            let (of, separator) = (Box::new(expression), separator.clone());
            expression = Expression::Split { of, separator, take: rule.take };
        }
        if let Some(pattern) = &rule.matches {
            let pattern = Regex::new(pattern).map_err(|error| self.wrong(error))?;
            expression = Expression::Matches { of: Box::new(expression), pattern };
        }
        if let Some(codes) = &rule.codes {
            let codes = match codes {
                Codes::Here(codes) => codes,
                Codes::Named(name) => {
                    self.mapping.codes.get(name).ok_or_else(|| self.wrong(format!("there is no [codes.{name}]")))?
                }
            };
            let codes: HashMap<String, String> =
                codes.iter().map(|(code, meaning)| (code.clone(), meaning.text())).collect();
            let otherwise = rule.otherwise.as_ref().map(Constant::text);
            expression = Expression::Codes { of: Box::new(expression), codes: Arc::new(codes), otherwise };
        } else if let Some(otherwise) = &rule.otherwise {
            expression = Expression::First(vec![expression, Expression::Constant(otherwise.text())]);
        }
        if rule.present {
            expression = Expression::Present(Box::new(expression));
        }
        Ok(expression)
    }

    /// `COLUMN`, or `COLUMN -> SOURCE.COLUMN -> ...`: the column of that source's row with this key.
    fn path(&mut self, source: usize, path: &str) -> Result<Expression, ImportError> {
        let mut parts = path.split("->").map(str::trim);
        let first = parts.next().unwrap_or_default();
        if first.is_empty() {
            return Err(self.wrong(format!("{path:?} names no column")));
        }
        let mut expression = Expression::Column(self.slot(source, first));
        for part in parts {
            let shape = || format!("{path:?}: after `->` stands SOURCE.COLUMN");
            let (name, column) = part.split_once('.').ok_or_else(|| self.wrong(shape()))?;
            let other = self.source(Some(name.trim()))?;
            if self.sources[other].source.key.is_none() {
                return Err(self.wrong(format!("[source.{name}] needs a `key`, by which its rows are found")));
            }
            let slot = self.slot(other, column.trim());
            expression = Expression::Lookup { key: Box::new(expression), source: other, slot };
        }
        Ok(expression)
    }

    fn slot(&mut self, source: usize, column: &str) -> usize {
        let columns = &mut self.sources[source].columns;
        columns.iter().position(|known| known == column).unwrap_or_else(|| {
            columns.push(column.to_owned());
            columns.len() - 1
        })
    }
}

fn first_column(text: &Text) -> Option<&str> {
    match text {
        Text::Column(path) => path.split("->").next().map(str::trim),
        Text::Constant(_) => None,
        Text::Rule(rule) => {
            let direct = rule.column.as_deref().and_then(|path| path.split("->").next()).map(str::trim);
            let nested = || rule.first.iter().chain(&rule.concat).flatten().find_map(first_column);
            direct.or_else(nested)
        }
    }
}

fn time_of_day(text: &str) -> Option<TimeOfDay> {
    let (hour, minute) = text.split_once(':')?;
    TimeOfDay::new(hour.parse().ok()?, minute.parse().ok()?, 0)
}
