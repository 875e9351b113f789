//! Evaluators of rules, and the reference among them: the interpreter.
//!
//! A program's expressions are lowered once into [`Rules`]: negation normal form, shared, one instance per set of
//! privacy classes that the asking campaign serves. An [`Interpreter`] then answers [`Question`]s about one patron at
//! one instant:
//!
//! ```text
//! let mut rules = Rules::new();
//! let rule = rules.add(&program.segments, &program.catalogue, &expr, served);
//! let world = World::of(&program, &tables);
//! let mut interpreter = Interpreter::new(&rules, &world);      // one a thread
//! let question = Question::of(&facts, now);
//! let mut asked = interpreter.ask(&question);                  // shares work between the rules of one question
//! asked.truth(rule); asked.answer(rule);
//! ```
//!
//! The semantics is `docs/reference/semantics.md`. Knows `rule`, `catalogue`, `time` and the bodies of segments.

mod answer;
mod bulk;
mod calendar;
mod events;
mod interpret;
mod lower;
mod native;
mod question;
mod reach;
mod rules;
mod select;
mod tabulate;
mod values;
mod window;
mod witness;

pub use answer::{Answer, NEVER, Truth};
pub use bulk::{Bitmap, Bulk, Compiled, Untils, Way, local_dates};
pub use events::{Counted, EventsId};
pub use interpret::{Asked, Interpreter, Memory};
pub use native::Refused;
pub use question::{Question, World};
pub use rules::{RuleId, Rules, ValueId};
pub use witness::Witness;
