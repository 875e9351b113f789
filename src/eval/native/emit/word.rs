//! Words of 64 truths: their rows in the scratch memory, and the algebra on them.

use std::ops::Range;

use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, Value};

use super::super::plan::{Bits, BitsId};
use super::job::Word;
use super::{BATCH, Emitter, Slot, loads, own};

impl Emitter<'_, '_> {
    /// A word that an earlier function made.
    pub(super) fn get(&mut self, word: Word) -> Value {
        let place = self.place(word);
        self.builder.ins().load(I64, own(), self.scratch, place)
    }

    /// Hands a word to later functions.
    pub(super) fn put(&mut self, word: Word, value: Value) {
        let place = self.place(word);
        self.builder.ins().store(own(), value, self.scratch, place);
    }

    fn place(&self, word: Word) -> i32 {
        i32::try_from(self.work.row(word) * BATCH * 8).expect("the parts of rules are limited")
    }

    /// The word of a condition of 64 patrons, loaded here.
    pub(super) fn word(&mut self, id: BitsId) -> Value {
        if let Some(&word) = self.words.get(&id) {
            return word;
        }
        let word = match &self.plan.bits[id] {
            Bits::Constant(truth) => self.constant(if *truth { -1 } else { 0 }),
            Bits::Not(inner) => {
                let inner = self.word(*inner);
                self.builder.ins().bnot(inner)
            }
            Bits::Member(list) => self.stored(Slot::List(*list)),
            Bits::Asked(index) => self.stored(Slot::Asked(*index)),
            Bits::And(_) | Bits::Or(_) | Bits::Test(_) | Bits::Enough(_) => self.get(Word::Bits(id)),
        };
        self.words.insert(id, word);
        word
    }

    fn stored(&mut self, slot: Slot) -> Value {
        let address = self.word_at(slot);
        self.builder.ins().load(I64, loads(), address, 0)
    }

    /// The address of this block's word, of words of all blocks.
    fn word_at(&mut self, slot: Slot) -> Value {
        let words = self.slot(slot);
        let block = self.builder.ins().ushr_imm_u(self.row, 6);
        self.scaled(words, block, 8)
    }

    /// Makes conjunctions and disjunctions, each after its parts.
    pub(super) fn algebra(&mut self, bits: &[BitsId]) {
        let plan = self.plan;
        for id in bits {
            let (Bits::And(parts) | Bits::Or(parts)) = &plan.bits[*id] else {
                unreachable!("the others are made elsewhere")
            };
            let is_and = matches!(plan.bits[*id], Bits::And(_));
            let words: Vec<Value> = parts.iter().map(|part| self.word(*part)).collect();
            let word = words.into_iter().reduce(|all, word| match is_and {
                true => self.builder.ins().band(all, word),
                false => self.builder.ins().bor(all, word),
            });
            // All of nothing, or something of it.
            let word = word.unwrap_or_else(|| self.constant(if is_and { -1 } else { 0 }));
            self.words.insert(*id, word);
            self.put(Word::Bits(*id), word);
        }
    }

    /// Stores results where they are wanted.
    pub(super) fn results(&mut self, results: Range<usize>) {
        for result in results {
            let word = self.word(self.plan.results[result]);
            let address = self.word_at(Slot::Result(result));
            self.builder.ins().store(own(), word, address, 0);
        }
    }
}
