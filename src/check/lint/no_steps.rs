//! A campaign without steps: it starts, and nothing happens.

use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast;

const NO_STEPS: Code = Code("W0403");

/// Points at the name of a campaign that does nothing.
pub(in crate::check) fn check(context: &mut Context<'_>, campaign: ast::Name) {
    context.report(
        Diagnostic::new(NO_STEPS, campaign.span, format!("`{}` starts, and then does nothing", campaign.symbol))
            .label("has no steps")
            .help("add what is to happen, such as `send MESSAGE`"),
    );
}
