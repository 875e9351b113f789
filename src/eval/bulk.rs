//! The rules of a program over many patrons at once: native code, and the interpreter for what has none.

use super::calendar::Calendar;
use super::interpret::Interpreter;
use super::native::{self, Native, Refused};
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
    native: Result<Option<Native>, Refused>,
}

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
        Bulk { rules, world, asked: asked.collect(), native }
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
            match Native::compile(self.rules, &self.world, columns, &self.asked) {
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
        let _ = self.prepare(columns);
        let calendar = Calendar::new(self.world.zone);
        if let Ok(Some(native)) = &self.native {
            let asked = self.interpret(columns, now, native.left());
            let mut interpreter = Interpreter::new(self.rules, &self.world);
            let mut tabulator = Tabulator::new(&mut interpreter, now);
            if let Some(words) = native.run(columns, &mut tabulator, calendar.steady(), &asked) {
                return words.into_iter().map(|words| Bitmap { words, rows: columns.len() }).collect();
            }
        }
        let words = self.interpret(columns, now, &self.asked);
        words.into_iter().map(|words| Bitmap { words, rows: columns.len() }).collect()
    }

    /// The words of conditions by the interpreter.
    fn interpret(&self, columns: &Columns, now: Instant, conditions: &[NodeId]) -> Vec<Vec<u64>> {
        let blocks = columns.blocks();
        let mut words = vec![vec![0; blocks]; conditions.len()];
        if conditions.is_empty() {
            return words;
        }
        let by_block: Vec<Vec<u64>> = (0..blocks)
            .into_par_iter()
            .map_init(
                || Interpreter::new(self.rules, &self.world),
                |interpreter, block| {
                    let mut found = vec![0_u64; conditions.len()];
                    for row in block * BLOCK..((block + 1) * BLOCK).min(columns.len()) {
                        let facts = columns.facts(row);
                        let question = Question::of(&facts, now);
                        let mut asked = interpreter.ask(&question);
                        for (word, condition) in found.iter_mut().zip(conditions) {
                            *word |= u64::from(asked.node::<false>(*condition, None).holds) << (row % BLOCK);
                        }
                    }
                    found
                },
            )
            .collect();
        for (block, found) in by_block.into_iter().enumerate() {
            for (words, word) in words.iter_mut().zip(found) {
                words[block] = word;
            }
        }
        words
    }
}

/// The local date of instants in a zone, quickly.
pub fn local_dates(zone: &Zone) -> impl Fn(Instant) -> Day {
    let calendar = Calendar::new(zone);
    move |at| calendar.day(at)
}
