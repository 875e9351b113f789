//! Tests in the language (section 11): fixtures in a store in memory, the real engine and gate, a transport that
//! records.
//!
//! Time passes from one instant at which something is due to the next. The engine decides nothing at a tick at which
//! nothing is due and no data has arrived, so the full hours in between need not be visited.

mod coverage;
mod expect;
mod fixture;
mod post;
mod stage;

pub use coverage::Undecided;

use std::sync::Arc;

use crate::diagnostic::Span;
use crate::program::{Program, Statement, Test};
use crate::store::StoreError;
use crate::time::Instant;

use coverage::Coverage;
use post::Post;
use stage::Stage;

/// How one test went.
#[derive(Clone, PartialEq, Debug)]
pub struct TestResult {
    pub name: Arc<str>,
    pub span: Span,
    pub failures: Vec<Finding>,
    /// Expectations that hold, but only because something is unknown.
    pub notes: Vec<Finding>,
}

/// What is to be said about a statement.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    pub span: Span,
    /// One sentence.
    pub message: String,
    /// The values that decided it.
    pub because: Vec<String>,
}

impl TestResult {
    /// Whether all expectations hold.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// How a program's tests went.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Summary {
    pub tests: Vec<TestResult>,
    /// Parts of rules that no test decided.
    pub undecided: Vec<Undecided>,
}

/// Runs the tests of a program whose names contain `filter`.
///
/// # Errors
/// If the store in memory fails.
pub fn run(program: &Program, filter: Option<&str>) -> Result<Summary, StoreError> {
    let mut coverage = Coverage::new(program);
    let post = Post::new(program);
    let mut tests = Vec::new();
    for test in program.tests.iter().filter(|test| filter.is_none_or(|filter| test.name.contains(filter))) {
        tests.push(run_test(program, &post, test, &mut coverage)?);
    }
    let undecided = if filter.is_none() && !tests.is_empty() { coverage.undecided() } else { Vec::new() };
    Ok(Summary { tests, undecided })
}

fn run_test<'p>(
    program: &'p Program,
    post: &'p Post<'p>,
    test: &'p Test,
    coverage: &mut Coverage<'p>,
) -> Result<TestResult, StoreError> {
    let mut result = TestResult { name: test.name.clone(), span: test.span, failures: Vec::new(), notes: Vec::new() };
    let only = test.statements.iter().find_map(|(_, statement)| match statement {
        Statement::Only(names) => Some(names.as_slice()),
        _ => None,
    });
    let mut stage = Stage::new(program, post, first_now(test), only)?;
    let witness = coverage.witness(&mut stage.plan);
    for (number, (span, statement)) in test.statements.iter().enumerate() {
        match statement {
            Statement::Now(_) | Statement::Only(_) => {}
            Statement::Run { until } => {
                stage.run(*until)?;
                coverage.look(&mut stage)?;
            }
            Statement::Skip { until } => stage.skip(*until)?,
            statement if expect::is_expectation(statement) => {
                coverage.look(&mut stage)?;
                expect::check(&mut stage, *span, statement, &mut result)?;
            }
            fixture => stage.fixture(number, fixture)?,
        }
    }
    coverage.hear(&witness);
    Ok(result)
}

/// The instant at which a test begins: its first statement (checked).
fn first_now(test: &Test) -> Instant {
    let now = test.statements.iter().find_map(|(_, statement)| match statement {
        Statement::Now(now) => Some(*now),
        _ => None,
    });
    now.unwrap_or(Instant(0))
}
