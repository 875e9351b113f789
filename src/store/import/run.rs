//! One run of an import: every target over its files, in one transaction.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::json;

use super::answers;
use super::expression::Context;
use super::mapping::{Compiled, FieldPlan, Kind, Part, SourcePlan, Target, compile};
use super::record::{Record, Step};
use super::reject::{Finding, Rejects};
use super::summary::{Summary, TargetSummary};
use super::table::{Reading, Table};
use super::{ImportError, Mapping};
use crate::catalogue::{Channel, EventId, FeedId, FieldId, ListId, Value};
use crate::rule::{ConsentKind, ConsentState, PatronId};
use crate::store::{Outcome, Reader, Said, Store, StoreError, Writer};
use crate::symbol::Symbol;
use crate::time::{Instant, Zone};

/// A removal of so many percent is doubted.
const DOUBTED_PERCENT: usize = 40;
/// Fewer are never doubted.
const FEW: usize = 10;
/// Rows between two words about the progress.
const ROWS_A_WORD: u64 = 4096;

/// How to run.
pub struct Options<'o> {
    /// When the store learns it.
    pub at: Instant,
    /// Leave the store as it is.
    pub dry_run: bool,
    /// Remove however many records a complete export no longer has.
    pub confirm_removals: bool,
    /// Is told how many bytes of how many have been read.
    pub progress: Option<&'o dyn Fn(u64, u64)>,
}

/// Imports files by a mapping.
///
/// # Errors
/// If the mapping does not fit the catalogue, a file cannot be read at all, or SQLite fails; the store is then as it
/// was. Rows that cannot be read are no error: they are counted, and written to `rejects`.
pub fn import(
    store: &mut Store,
    mapping: &Mapping,
    library_zone: &Zone,
    files: &[PathBuf],
    options: &Options<'_>,
    rejects: &mut Rejects,
) -> Result<Summary, ImportError> {
    let layout = store.layout().clone();
    let plan = compile(mapping, layout.catalogue(), library_zone)?;
    let inputs = assign(&plan, files)?;
    let reading = Reading { encoding: mapping.encoding, at: options.at, zone: plan.zone.clone() };
    let context = Rc::new(join(&plan, &inputs, &reading)?);
    let total = plan.targets.iter().flat_map(|target| &inputs[target.source]).map(|path| size(path)).sum();
    let transaction = store.begin()?;
    let is_first = transaction.reader().counts()?.patrons == 0;
    let newest = transaction.reader().newest_patron()?;
    let mut run = Run {
        writer: transaction.writer(library_zone, options.at),
        reader: transaction.reader(),
        context,
        is_first,
        rejects,
        patrons: HashMap::new(),
        source: String::new(),
        progress: options.progress,
        total,
        done: 0,
        confirm_removals: options.confirm_removals,
    };
    let mut summary = Summary { dry_run: options.dry_run, ..Summary::default() };
    for target in &plan.targets {
        let source = &plan.sources[target.source];
        summary.targets.push(run.target(target, source, &inputs[target.source], &reading)?);
    }
    run.rejects.finish()?;
    let ledger = run.reader.erasures()?;
    summary.erased = run.reader.erased_among(&ledger, newest)?.into_iter().map(|(_, key)| key).collect();
    summary.merged = run.reader.absorbed_among(newest)?.into_iter().map(|(_, key)| key).collect();
    summary.findings = run.rejects.shown.clone();
    summary.rejects = run.rejects.written.iter().map(|path| path.display().to_string()).collect();
    if summary.effective() > 0 {
        let names: Vec<String> = files.iter().map(|path| name_of(path)).collect();
        run.writer.audit("import", None, &json!({ "files": names, "targets": summary.targets }))?;
    }
    drop(run);
    if !options.dry_run {
        transaction.commit()?;
    }
    Ok(summary)
}

/// Which files each source reads.
fn assign(plan: &Compiled, files: &[PathBuf]) -> Result<Vec<Vec<PathBuf>>, ImportError> {
    let mut inputs = vec![Vec::new(); plan.sources.len()];
    for path in files {
        let mut taken = false;
        for (source, inputs) in plan.sources.iter().zip(&mut inputs) {
            let matches = source.source.file.match_file(path).unwrap_or(plan.sources.len() == 1);
            if matches {
                inputs.push(path.clone());
                taken = true;
            }
        }
        if !taken {
            return Err(ImportError::file(path, "no [source] of the mapping names this file"));
        }
    }
    for (source, inputs) in plan.sources.iter().zip(&inputs) {
        let is_needed = source.is_read || source.key.is_some();
        if inputs.is_empty() && is_needed && !source.source.optional {
            let pattern = source.source.file.describe();
            return Err(ImportError::Mapping(format!("[source.{}]: {pattern} is not among the files", source.name)));
        }
    }
    Ok(inputs)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}

/// Reads the sources that others look rows up in.
fn join(plan: &Compiled, inputs: &[Vec<PathBuf>], reading: &Reading) -> Result<Context, ImportError> {
    let mut context = Context { joined: Vec::new(), missing: plan.missing.clone() };
    context.joined.resize_with(plan.sources.len(), HashMap::new);
    for (index, source) in plan.sources.iter().enumerate() {
        let Some(key) = source.key else { continue };
        let mut rows = HashMap::new();
        let mut record = Record::default();
        for path in &inputs[index] {
            let mut table = Table::open(path, &source.source, reading, &source.columns)?;
            loop {
                match table.read(&mut record).map_err(|why| ImportError::file(path, why))? {
                    Step::End => break,
                    // Whoever looks for it finds nothing, and says so.
                    Step::Bad { .. } => continue,
                    Step::Row => {}
                }
                let counts = source.filters.iter().all(|filter| filter.holds(&record, &context) == Ok(true));
                if let Some(key) = record.cell(key).filter(|_| counts) {
                    let cells = (0..source.columns.len()).map(|slot| record.cell(slot).map(Box::from)).collect();
                    rows.insert(Box::from(key), cells);
                }
            }
        }
        context.joined[index] = rows;
    }
    Ok(context)
}

struct Run<'r> {
    writer: Writer<'r>,
    reader: Reader<'r>,
    context: Rc<Context>,
    /// The store had no patrons: what comes now has been there since before.
    is_first: bool,
    rejects: &'r mut Rejects,
    /// Keys that were looked up.
    patrons: HashMap<String, Option<PatronId>>,
    /// Of consents whose mapping names none: the file at hand.
    source: String,
    progress: Option<&'r dyn Fn(u64, u64)>,
    total: u64,
    done: u64,
    confirm_removals: bool,
}

/// Why a row, or a field of it, could not be read.
struct Refused {
    column: String,
    value: String,
    reason: String,
}

/// What became of a row.
enum Landed {
    LeftOut,
    Removed,
    Outcome(Outcome),
    Rejected(Refused),
}

impl Run<'_> {
    fn target(
        &mut self,
        target: &Target,
        source: &SourcePlan,
        inputs: &[PathBuf],
        reading: &Reading,
    ) -> Result<TargetSummary, ImportError> {
        let mut summary = TargetSummary { target: target.name.clone(), ..TargetSummary::default() };
        let mut seen = HashSet::new();
        let mut record = Record::default();
        if let Kind::Event { event, complete: false, .. } = target.kind {
            self.writer.gather(event)?;
        }
        for path in inputs {
            self.source = format!("import {}", name_of(path));
            let mut table = Table::open(path, &source.source, reading, &source.columns)?;
            loop {
                match table.read(&mut record).map_err(|why| ImportError::file(path, why))? {
                    Step::End => break,
                    Step::Bad { line, reason } => {
                        summary.rows += 1;
                        summary.rejected += 1;
                        self.report(path, line, Refused { column: String::new(), value: String::new(), reason }, true)?;
                        continue;
                    }
                    Step::Row => summary.rows += 1,
                }
                if summary.rows.is_multiple_of(ROWS_A_WORD) {
                    self.tell(table.bytes());
                }
                let mut unknown = Vec::new();
                let landed = self.row(target, source, &record, &mut unknown, &mut seen)?;
                if matches!(landed, Landed::Rejected(_)) {
                    unknown.clear();
                }
                for refused in unknown {
                    summary.unknown += 1;
                    self.report(path, record.line, refused, false)?;
                }
                match landed {
                    Landed::LeftOut => summary.left_out += 1,
                    Landed::Removed => summary.removed += 1,
                    Landed::Outcome(Outcome::Inserted) => summary.new += 1,
                    Landed::Outcome(Outcome::Replaced) => summary.changed += 1,
                    Landed::Outcome(Outcome::Unchanged) => summary.unchanged += 1,
                    Landed::Outcome(Outcome::NotStored(class)) => {
                        let name = self.writer.layout().catalogue().class(class).name.to_string();
                        *summary.not_stored.entry(name).or_default() += 1;
                    }
                    Landed::Rejected(refused) => {
                        summary.rejected += 1;
                        self.report(path, record.line, refused, true)?;
                    }
                }
            }
            self.done += size(path);
            self.tell(0);
        }
        let gathered = self.writer.settle_gathered()?;
        summary.new -= gathered.repeated + gathered.replaced;
        summary.unchanged += gathered.repeated;
        summary.changed += gathered.replaced;
        // Where there is no file nothing is said of what is there.
        if !inputs.is_empty() {
            summary.removed += self.complete(target, &seen)?;
        }
        Ok(summary)
    }

    fn tell(&self, bytes: u64) {
        if let Some(progress) = self.progress {
            progress(self.done + bytes, self.total);
        }
    }

    fn report(&mut self, path: &Path, line: u64, refused: Refused, rejected: bool) -> Result<(), ImportError> {
        let Refused { column, value, reason } = refused;
        self.rejects.add(path, Finding { file: name_of(path), line, column, reason, value, rejected })
    }

    /// Writes a row. What could be left unknown stands in `unknown`, the key of a row in `seen`.
    fn row(
        &mut self,
        target: &Target,
        source: &SourcePlan,
        record: &Record,
        unknown: &mut Vec<Refused>,
        seen: &mut HashSet<String>,
    ) -> Result<Landed, ImportError> {
        let rejected = |refused| Ok(Landed::Rejected(refused));
        let context = self.context.clone();
        if record.is_removed {
            return self.gone(target, record);
        }
        for filter in source.filters.iter().chain(&target.filters) {
            match filter.holds(record, &context) {
                Ok(true) => {}
                Ok(false) => return Ok(Landed::LeftOut),
                Err(reason) => return rejected(Refused { column: String::new(), value: String::new(), reason }),
            }
        }
        // The key first: a row of a complete export that is rejected is there all the same.
        let key = match &target.kind {
            Kind::Patron { key, .. } | Kind::Table { key, .. } => Some(key),
            Kind::Event { key, .. } | Kind::Feed { key, .. } => key.as_ref(),
            Kind::List { patron, .. } | Kind::Consent { patron, .. } => Some(patron),
        };
        let key = match key.map(|part| key_of(part, record, &context)).transpose() {
            Ok(key) => key,
            Err(refused) => return rejected(refused),
        };
        if let (
            Some(key),
            Kind::Event { complete: true, .. } | Kind::List { complete: true, .. } | Kind::Feed { complete: true, .. },
        ) = (&key, &target.kind)
        {
            seen.insert(key.clone().into_owned());
        }
        let mut fields = match fields_of(&target.fields, record, &context, unknown) {
            Ok(fields) => fields,
            Err(refused) => return rejected(refused),
        };
        let outcome = match &target.kind {
            Kind::Patron { key: part, update } => {
                let key = key.expect("a patron has a key").into_owned();
                if *update && self.patron(&key)?.is_none() {
                    return rejected(unknown_patron(part, &key));
                }
                let fields: Vec<(FieldId, Option<Value>)> =
                    fields.into_iter().map(|(index, value)| (FieldId(index), value)).collect();
                let since = (!self.is_first).then(|| self.writer.at());
                let (patron, outcome) = self.writer.put_patron(&key, since, &fields)?;
                self.patrons.insert(key, Some(patron));
                outcome
            }
            Kind::Table { table, .. } => {
                let key = key.expect("a table row has a key");
                self.writer.table_row(*table, &key, &fields)?
            }
            Kind::Feed { feed, complete, .. } => {
                let key = key.unwrap_or_else(|| self.writer.feed_mark(*feed, &fields).into());
                let landed = self.writer.feed_row(*feed, Some(&key), &fields)?;
                if *complete {
                    seen.insert(key.into_owned());
                }
                landed
            }
            Kind::Event { event, patron, at, .. } => {
                for (index, why) in answers::misfits(self.writer.layout().catalogue(), *event, &fields) {
                    let plan = target.fields.iter().find(|plan| plan.index == index).expect("it was read");
                    let value = plan.part.expression.text(record, &context).ok().flatten().unwrap_or_default();
                    unknown.push(refused(&plan.part, &value, &why));
                    fields.iter_mut().filter(|(other, _)| *other == index).for_each(|(_, value)| *value = None);
                }
                let (patron, at) = match self.whose_and_when(patron, at.as_ref(), record)? {
                    Ok(found) => found,
                    Err(refused) => return rejected(refused),
                };
                self.writer.event(patron, *event, key.as_deref(), at, &fields)?.outcome
            }
            Kind::List { list, patron: part, .. } => {
                let key = key.expect("a member has a key");
                match self.patron(&key)? {
                    Some(patron) => changed(self.writer.member(patron, *list, true)?),
                    None => return rejected(unknown_patron(part, &key)),
                }
            }
            Kind::Consent { patron: part, .. } => {
                let key = key.expect("a consent has a patron");
                match self.patron(&key)? {
                    Some(patron) => match self.consent(patron, &target.kind, record)? {
                        Ok(is_new) => changed(is_new),
                        Err(refused) => return rejected(refused),
                    },
                    None => return rejected(unknown_patron(part, &key)),
                }
            }
        };
        Ok(Landed::Outcome(outcome))
    }

    /// A row that says that what has its key is no more: a cancelled event.
    fn gone(&mut self, target: &Target, record: &Record) -> Result<Landed, ImportError> {
        let context = self.context.clone();
        let (Kind::Feed { key: Some(part), .. } | Kind::Event { key: Some(part), .. }) = &target.kind else {
            return Ok(Landed::LeftOut);
        };
        let key = match key_of(part, record, &context) {
            Ok(key) => key,
            Err(refused) => return Ok(Landed::Rejected(refused)),
        };
        let was_there = match target.kind {
            Kind::Feed { feed, .. } => self.writer.remove_feed_row(feed, &key)?,
            Kind::Event { event, .. } => self.writer.remove_record(event, &key, self.writer.at())?,
            _ => false,
        };
        Ok(if was_there { Landed::Removed } else { Landed::LeftOut })
    }

    fn whose_and_when(
        &mut self,
        patron: &Part,
        at: Option<&FieldPlan>,
        record: &Record,
    ) -> Result<Result<(PatronId, Instant), Refused>, ImportError> {
        let context = self.context.clone();
        let at = match at.map(|at| (at, field_of(at, record, &context))) {
            None => self.writer.at(),
            Some((_, Ok(Some(Value::Instant(instant))))) => instant,
            Some((at, Ok(_))) => return Ok(Err(empty(&at.part, Some("when it happened"), record, &context))),
            Some((_, Err(refused))) => return Ok(Err(refused)),
        };
        let key = match key_of(patron, record, &context) {
            Ok(key) => key,
            Err(refused) => return Ok(Err(refused)),
        };
        Ok(match self.patron(&key)? {
            Some(found) => Ok((found, at)),
            None => Err(unknown_patron(patron, &key)),
        })
    }

    fn consent(
        &mut self,
        patron: PatronId,
        kind: &Kind,
        record: &Record,
    ) -> Result<Result<bool, Refused>, ImportError> {
        let Kind::Consent { purpose, channel, state, kind, said_by, on, until, .. } = kind else {
            unreachable!("only consents come here")
        };
        let context = self.context.clone();
        let read = || -> Result<_, Refused> {
            let catalogue = self.writer.layout().catalogue();
            let name = key_of(purpose, record, &context)?;
            let id = Symbol::find(name.trim()).and_then(|name| catalogue.purpose_named(name));
            let id = id.ok_or_else(|| refused(purpose, &name, "the program has no such purpose"))?;
            let word = key_of(channel, record, &context)?;
            let by = Channel::from_word(word.trim()).filter(|channel| channel.is_personal());
            let by = by.ok_or_else(|| refused(channel, &word, "a channel is email, sms or print"))?;
            let said = match state {
                Some(part) => {
                    let word = key_of(part, record, &context)?;
                    let state = ConsentState::from_word(word.trim());
                    state.ok_or_else(|| refused(part, &word, "a consent is given, asked or withdrawn"))?
                }
                None => ConsentState::Given,
            };
            let kind = match kind {
                Some(part) => {
                    let word = key_of(part, record, &context)?;
                    let known = ConsentKind::from_word(&word);
                    let kinds = "a consent is express, implied by relationship or implied by inquiry";
                    known.ok_or_else(|| refused(part, &word, kinds))?
                }
                None => ConsentKind::Express,
            };
            let said_by = match said_by.as_ref().map(|part| part.expression.text(record, &context)) {
                Some(Ok(Some(text))) if !text.trim().is_empty() => Some(text.trim().to_owned()),
                _ => None,
            };
            let on = match field_of(on, record, &context)? {
                Some(Value::Instant(instant)) => instant,
                _ => return Err(empty(&on.part, Some("when it was said"), record, &context)),
            };
            let until = match until.as_ref().map(|until| field_of(until, record, &context)).transpose()?.flatten() {
                Some(Value::Date(day)) => Some(day),
                _ => None,
            };
            Ok((id, by, said, kind, said_by, on, until))
        };
        match read() {
            Ok((purpose, channel, state, kind, said_by, at, until)) => {
                let source = said_by.as_deref().unwrap_or(&self.source);
                let said = Said { purpose, channel, state, at, until, kind, source };
                Ok(Ok(self.writer.say(patron, &said)?))
            }
            Err(refused) => Ok(Err(refused)),
        }
    }

    fn patron(&mut self, key: &str) -> Result<Option<PatronId>, StoreError> {
        if let Some(known) = self.patrons.get(key) {
            return Ok(*known);
        }
        let found = self.writer.patron_by_key(key)?;
        self.patrons.insert(key.to_owned(), found);
        Ok(found)
    }

    /// Removes what a complete export no longer has.
    fn complete(&mut self, target: &Target, seen: &HashSet<String>) -> Result<u64, ImportError> {
        match target.kind {
            Kind::Event { event, complete: true, .. } => self.remove_records(event, &target.name, seen),
            Kind::List { list, complete: true, .. } => self.remove_members(list, &target.name, seen),
            Kind::Feed { feed, complete: true, .. } => self.remove_feed_rows(feed, &target.name, seen),
            _ => Ok(0),
        }
    }

    fn remove_records(&mut self, event: EventId, name: &str, seen: &HashSet<String>) -> Result<u64, ImportError> {
        let present = self.reader.record_keys(event)?;
        let gone: Vec<&String> = present.iter().filter(|key| !seen.contains(*key)).collect();
        self.doubt(name, gone.len(), present.len())?;
        for key in &gone {
            self.writer.remove_record(event, key, self.writer.at())?;
        }
        Ok(gone.len() as u64)
    }

    fn remove_members(&mut self, list: ListId, name: &str, seen: &HashSet<String>) -> Result<u64, ImportError> {
        let mut present = Vec::new();
        for patron in self.reader.members(list)? {
            present.extend(self.reader.key(patron)?.map(|key| (patron, key)));
        }
        let gone: Vec<PatronId> =
            present.iter().filter(|(_, key)| !seen.contains(&**key)).map(|(patron, _)| *patron).collect();
        self.doubt(name, gone.len(), present.len())?;
        for &patron in &gone {
            self.writer.member(patron, list, false)?;
        }
        Ok(gone.len() as u64)
    }

    fn remove_feed_rows(&mut self, feed: FeedId, name: &str, seen: &HashSet<String>) -> Result<u64, ImportError> {
        let present = self.reader.feed_keys(feed)?;
        let gone: Vec<&String> = present.iter().filter(|key| !seen.contains(*key)).collect();
        self.doubt(&format!("rows of the {name}"), gone.len(), present.len())?;
        for key in &gone {
            self.writer.remove_feed_row(feed, key)?;
        }
        Ok(gone.len() as u64)
    }

    fn doubt(&self, what: &str, removed: usize, of: usize) -> Result<(), ImportError> {
        if removed > FEW && removed * 100 >= of * DOUBTED_PERCENT && !self.confirm_removals {
            return Err(ImportError::Guard { what: what.to_owned(), removed, of });
        }
        Ok(())
    }
}

/// A key: never empty, without blanks around it.
fn key_of<'k>(part: &'k Part, record: &'k Record, context: &'k Context) -> Result<Cow<'k, str>, Refused> {
    match part.expression.text(record, context).map_err(|reason| refused(part, "", &reason))? {
        None => Err(empty(part, None, record, context)),
        Some(text) if text.contains('\0') => Err(refused(part, "", "it holds a NUL character")),
        Some(Cow::Borrowed(text)) => Ok(Cow::Borrowed(text.trim())),
        Some(Cow::Owned(text)) => Ok(Cow::Owned(text.trim().to_owned())),
    }
}

fn fields_of(
    plans: &[FieldPlan],
    record: &Record,
    context: &Context,
    unknown: &mut Vec<Refused>,
) -> Result<Vec<(u16, Option<Value>)>, Refused> {
    let mut fields = Vec::with_capacity(plans.len());
    for plan in plans {
        match field_of(plan, record, context) {
            Ok(None) if plan.required && plan.is_set => fields.push((plan.index, Some(Value::Set([].into())))),
            Ok(None) if plan.required => return Err(empty(&plan.part, Some(plan.name.as_str()), record, context)),
            Ok(value) => fields.push((plan.index, value)),
            Err(refused) if plan.required => return Err(refused),
            Err(refused) => {
                unknown.push(refused);
                fields.push((plan.index, None));
            }
        }
    }
    Ok(fields)
}

fn field_of(plan: &FieldPlan, record: &Record, context: &Context) -> Result<Option<Value>, Refused> {
    let text = plan.part.expression.text(record, context);
    let Some(text) = text.map_err(|reason| refused(&plan.part, "", &reason))? else { return Ok(None) };
    let value = plan.converter.value(&text);
    value.map(Some).map_err(|reason| refused(&plan.part, &text, &format!("{}: {reason}", plan.name)))
}

fn changed(is_new: bool) -> Outcome {
    if is_new { Outcome::Inserted } else { Outcome::Unchanged }
}

fn refused(part: &Part, value: &str, reason: &str) -> Refused {
    Refused { column: part.column.clone(), value: value.to_owned(), reason: reason.to_owned() }
}

fn empty(part: &Part, what: Option<&str>, record: &Record, context: &Context) -> Refused {
    match (part.expression.lost_key(record, context), what) {
        (Some(key), _) => refused(part, &key, "no row of the file that it leads to has this key"),
        (None, Some(what)) => refused(part, "", &format!("{what} is required, and it is empty")),
        (None, None) => refused(part, "", "it is empty"),
    }
}

fn unknown_patron(part: &Part, key: &str) -> Refused {
    refused(part, key, "there is no patron with this key")
}
