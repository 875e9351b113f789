//! The rules of a program over many patrons at once: native code, and the interpreter for what has none.

use super::answer::NEVER;
use super::calendar::Calendar;
use super::interpret::Interpreter;
use super::native::{self, Found, NO_DAY, Native, Refused};
use super::question::{Question, World};
use super::rules::{NodeId, RuleId, Rules};
use super::tabulate::Tabulator;
use crate::rule::columns::{BLOCK, Columns, Wanted};
use crate::time::{Day, Instant, Zone};

use rayon::prelude::*;

/// Which patrons: one bit a row of the columns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bitmap {
    words: Vec<u64>,
    rows: usize,
}

impl Bitmap {
    /// Whether the patron in this row is in it.
    pub fn contains(&self, row: usize) -> bool {
        self.words[row / BLOCK] >> (row % BLOCK) & 1 == 1
    }

    /// How many are in it.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The words, the first row in the lowest bit of the first one.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// As [`Bitmap::words`].
    pub fn into_words(self) -> Vec<u64> {
        self.words
    }
}

/// Until when truths hold though no data arrives, patron by patron.
#[derive(Debug)]
pub struct Untils<'a> {
    found: Found,
    calendar: Calendar<'a>,
    now: Instant,
}

impl Untils<'_> {
    /// The first instant after now at which a truth of the patron in this row may change: none of them does before.
    /// [`NEVER`] if none ever will.
    pub fn get(&self, row: usize) -> Instant {
        let days = self.found.days.get(row).copied().unwrap_or(NO_DAY);
        let by_date = match days {
            NO_DAY => NEVER,
            days => self.calendar.starts(self.calendar.day(self.now).plus_days(i64::from(days))),
        };
        let until = by_date.min(Instant(self.found.until[row]));
        until.min(self.calendar.next_break(self.now)).max(Instant(self.now.0 + 1))
    }
}

/// How the rules are evaluated.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Way {
    /// Native code wherever there is some.
    #[default]
    Native,
    /// The reference.
    Interpreted,
}

/// Rules made ready for many patrons. Compiled once for all instants, and for all columns of one shape.
pub struct Bulk<'a> {
    rules: &'a Rules,
    world: World<'a>,
    asked: Vec<NodeId>,
    validity: bool,
    native: Result<Option<Native>, Refused>,
}

/// Native code that outlives the world it was made in: for the same conditions of the same rules.
pub struct Compiled(Result<Option<Native>, Refused>);

impl<'a> Bulk<'a> {
    /// For the truth of these rules.
    pub fn new(rules: &'a Rules, world: World<'a>, asked: &[RuleId], way: Way) -> Bulk<'a> {
        Bulk::of(
            rules,
            world,
            asked.iter().map(|rule| rules.pair(*rule)).flat_map(|pair| [pair.holds, pair.fails]),
            way,
        )
    }

    /// For whom these rules are true, and nothing else: half the work.
    pub fn selecting(rules: &'a Rules, world: World<'a>, asked: &[RuleId], way: Way) -> Bulk<'a> {
        Bulk::of(rules, world, asked.iter().map(|rule| rules.pair(*rule).holds), way)
    }

    fn of(rules: &'a Rules, world: World<'a>, asked: impl Iterator<Item = NodeId>, way: Way) -> Bulk<'a> {
        let native = match way {
            Way::Native => Ok(None),
            Way::Interpreted => Err(Refused("not wanted".into())),
        };
        Bulk { rules, world, asked: asked.collect(), validity: false, native }
    }

    /// Also until when the truths hold: see [`Bulk::run_until`].
    #[must_use]
    pub fn with_validity(mut self) -> Bulk<'a> {
        self.validity = true;
        self
    }

    /// With the code of a [`Bulk`] that was made in the same way.
    #[must_use]
    pub fn with_compiled(mut self, compiled: Compiled) -> Bulk<'a> {
        self.native = compiled.0;
        self
    }

    /// The code, for the next [`Bulk`] that is made in the same way.
    pub fn into_compiled(self) -> Compiled {
        Compiled(self.native)
    }

    /// What the columns must hold.
    pub fn wanted(&self) -> Wanted {
        native::wanted(self.rules, &self.world)
    }

    /// Compiles for columns like these, unless that was done. Says why there is no native code.
    ///
    /// # Errors
    /// If there can be none on this machine.
    pub fn prepare(&mut self, columns: &Columns) -> Result<(), Refused> {
        if let Ok(native) = &mut self.native
            && native.as_ref().is_none_or(|native| !native.fits(columns))
        {
            match Native::compile(self.rules, &self.world, columns, &self.asked, self.validity) {
                Ok(compiled) => *native = Some(compiled),
                Err(refused) => self.native = Err(refused),
            }
        }
        match &self.native {
            Ok(_) => Ok(()),
            Err(refused) => Err(refused.clone()),
        }
    }

    /// How many conditions the interpreter answers beside the native code.
    pub fn left_to_interpreter(&self) -> usize {
        match &self.native {
            Ok(Some(native)) => native.left().len(),
            _ => self.asked.len(),
        }
    }

    /// One bitmap for each condition: for [`Bulk::new`] two for each rule (true, false), else one.
    pub fn run(&mut self, columns: &Columns, now: Instant) -> Vec<Bitmap> {
        let found = self.find(columns, now);
        found.words.into_iter().map(|words| Bitmap { words, rows: columns.len() }).collect()
    }

    /// As [`Bulk::run`], and until when it holds.
    ///
    /// # Panics
    /// If validity was not asked for ([`Bulk::with_validity`]).
    pub fn run_until(&mut self, columns: &Columns, now: Instant) -> (Vec<Bitmap>, Untils<'a>) {
        assert!(self.validity, "validity is asked for before the code is made");
        let mut found = self.find(columns, now);
        let words = std::mem::take(&mut found.words);
        let bitmaps = words.into_iter().map(|words| Bitmap { words, rows: columns.len() }).collect();
        (bitmaps, Untils { found, calendar: Calendar::new(self.world.zone), now })
    }

    fn find(&mut self, columns: &Columns, now: Instant) -> Found {
        let _ = self.prepare(columns);
        let calendar = Calendar::new(self.world.zone);
        if let Ok(Some(native)) = &self.native {
            let asked = self.interpret(columns, now, native.left());
            let mut interpreter = Interpreter::new(self.rules, &self.world);
            let mut tabulator = Tabulator::new(&mut interpreter, now);
            if let Some(found) = native.run(columns, &mut tabulator, calendar.steady(), &asked) {
                return found;
            }
        }
        self.interpret(columns, now, &self.asked)
    }

    /// Conditions by the interpreter.
    fn interpret(&self, columns: &Columns, now: Instant, conditions: &[NodeId]) -> Found {
        let blocks = columns.blocks();
        let mut found = Found { words: vec![vec![0; blocks]; conditions.len()], ..Found::default() };
        if self.validity {
            found.until = vec![i64::MAX; columns.len()];
        }
        if conditions.is_empty() {
            return found;
        }
        let by_block: Vec<(Vec<u64>, Vec<i64>)> = (0..blocks)
            .into_par_iter()
            .map_init(
                || Interpreter::new(self.rules, &self.world),
                |interpreter, block| self.interpret_block(interpreter, columns, now, conditions, block),
            )
            .collect();
        for (block, (words, until)) in by_block.into_iter().enumerate() {
            for (all, word) in found.words.iter_mut().zip(words) {
                all[block] = word;
            }
            if self.validity {
                found.until[block * BLOCK..][..until.len()].copy_from_slice(&until);
            }
        }
        found
    }

    /// A word of each condition, and until when the conditions hold for each patron of the block.
    fn interpret_block(
        &self,
        interpreter: &mut Interpreter<'_>,
        columns: &Columns,
        now: Instant,
        conditions: &[NodeId],
        block: usize,
    ) -> (Vec<u64>, Vec<i64>) {
        let mut words = vec![0_u64; conditions.len()];
        let mut untils = Vec::new();
        for row in block * BLOCK..((block + 1) * BLOCK).min(columns.len()) {
            let facts = columns.facts(row);
            let question = Question::of(&facts, now);
            let mut asked = interpreter.ask(&question);
            let mut until = NEVER;
            for (word, condition) in words.iter_mut().zip(conditions) {
                let held = match self.validity {
                    true => asked.node::<true>(*condition, None),
                    false => asked.node::<false>(*condition, None),
                };
                *word |= u64::from(held.holds) << (row % BLOCK);
                until = until.min(held.until);
            }
            untils.push(until.0);
        }
        (words, untils)
    }
}

/// The local date of instants in a zone, quickly.
pub fn local_dates(zone: &Zone) -> impl Fn(Instant) -> Day {
    let calendar = Calendar::new(zone);
    move |at| calendar.day(at)
}
