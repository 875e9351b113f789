//! The expressions of a tree, for passes that look at each.

use super::ast::*;

/// The expressions that stand directly in `expr`, in order.
pub fn children(expr: &Expr) -> Vec<&Expr> {
    let mut all = Vec::new();
    match &expr.kind {
        ExprKind::Or(list) | ExprKind::And(list) | ExprKind::Set(list) => all.extend(list),
        ExprKind::Not(inner)
        | ExprKind::Paren(inner)
        | ExprKind::Age(inner)
        | ExprKind::Known { left: inner, .. }
        | ExprKind::Empty { left: inner, .. }
        | ExprKind::Elapsed { value: inner, .. } => all.push(&**inner),
        ExprKind::Compare { left, right, .. }
        | ExprKind::TextTest { left, right, .. }
        | ExprKind::Add(left, right)
        | ExprKind::Subtract(left, right)
        | ExprKind::Multiply(left, right) => all.extend([&**left, &**right]),
        ExprKind::OneOf { left, values, .. } | ExprKind::Includes { left, values, .. } => {
            all.push(&**left);
            all.extend(values);
        }
        ExprKind::Between { left, low, high } => all.extend([&**left, &**low, &**high]),
        ExprKind::InWindow { left, window } => {
            all.push(&**left);
            in_window(window, &mut all);
        }
        ExprKind::In { segment, .. } => all.extend(segment.arguments.iter().flatten()),
        ExprKind::Has { selection, .. } | ExprKind::Aggregate { selection, .. } => in_selection(selection, &mut all),
        ExprKind::Followed { first, second, window, .. } => {
            in_selection(first, &mut all);
            in_selection(second, &mut all);
            if let Some(window) = window {
                in_window(window, &mut all);
            }
        }
        _ => {}
    }
    all
}

fn in_selection<'t>(selection: &'t Selection, all: &mut Vec<&'t Expr>) {
    all.extend(selection.condition.as_deref());
    if let Some(window) = &selection.window {
        in_window(window, all);
    }
}

fn in_window<'t>(window: &'t Window, all: &mut Vec<&'t Expr>) {
    match &window.kind {
        WindowKind::Since(value) | WindowKind::Before(value) => all.push(&**value),
        WindowKind::Between(from, to) => all.extend([&**from, &**to]),
        WindowKind::Last(_) | WindowKind::Next(_) | WindowKind::Period { .. } => {}
    }
}

/// The outermost expressions of a declaration, in order.
pub fn expressions(item: &Item) -> Vec<&Expr> {
    let mut all = Vec::new();
    match &item.kind {
        ItemKind::Purpose(purpose) => all.extend(&purpose.never_to),
        ItemKind::Segment(segment) => {
            all.extend(segment.parameters.iter().filter_map(|parameter| parameter.default.as_ref()));
            all.push(&segment.body);
        }
        ItemKind::Message(message) => {
            for prelude in &message.preludes {
                match &prelude.kind {
                    PreludeKind::Let { value, .. } => all.push(value),
                    PreludeKind::Pick { condition, .. } => all.extend(condition.as_deref()),
                    PreludeKind::Needs(_) => {}
                }
            }
            all.extend(message.blocks.iter().filter_map(|block| block.condition.as_ref()));
        }
        ItemKind::Campaign(campaign) => {
            for clause in &campaign.clauses {
                in_clause(clause, &mut all);
            }
            in_steps(&campaign.steps, &mut all);
        }
        ItemKind::Test(test) => {
            for statement in &test.statements {
                in_statement(statement, &mut all);
            }
        }
        _ => {}
    }
    all
}

fn in_clause<'t>(clause: &'t Clause, all: &mut Vec<&'t Expr>) {
    match &clause.kind {
        ClauseKind::Audience { who, except } => {
            if let Audience::Who(who) = who {
                all.push(who);
            }
            all.extend(except);
        }
        ClauseKind::Exit(condition) | ClauseKind::Goal { condition, .. } => all.push(condition),
        ClauseKind::Start(start) => match &start.kind {
            StartKind::Entering { segment, .. } => all.extend(segment),
            StartKind::Leaving(value) | StartKind::When(value) => all.push(value),
            StartKind::Change { from, to, .. } => all.extend(from.iter().chain(to)),
            StartKind::Event { condition, .. } | StartKind::EventDate { condition, .. } => all.extend(condition),
            StartKind::Date { date, .. } | StartKind::Anniversary { date, .. } => all.push(date),
            StartKind::Every(_) | StartKind::Once { .. } => {}
        },
        _ => {}
    }
}

fn in_steps<'t>(steps: &'t [Step], all: &mut Vec<&'t Expr>) {
    for step in steps {
        match &step.kind {
            StepKind::Send { to, condition, .. } => {
                if let Some(Recipient::Staff(address)) = to {
                    all.push(address);
                }
                all.extend(condition.as_ref().map(|(_, condition)| condition));
            }
            StepKind::WaitDate { date, .. } => all.push(date),
            StepKind::WaitUpTo { until, then, otherwise, .. } => {
                all.push(until);
                in_steps(then.as_deref().unwrap_or_default(), all);
                in_steps(otherwise.as_deref().unwrap_or_default(), all);
            }
            StepKind::If { branches, otherwise } => {
                for (condition, steps) in branches {
                    all.push(condition);
                    in_steps(steps, all);
                }
                in_steps(otherwise.as_deref().unwrap_or_default(), all);
            }
            StepKind::Split(arms) => arms.iter().for_each(|(_, steps)| in_steps(steps, all)),
            StepKind::Repeat { until, body, .. } => {
                all.extend(until);
                in_steps(body, all);
            }
            StepKind::Wait(_)
            | StepKind::WaitTime { .. }
            | StepKind::AddTo(_)
            | StepKind::RemoveFrom(_)
            | StepKind::Stop
            | StepKind::Publish { .. } => {}
        }
    }
}

fn in_statement<'t>(statement: &'t Statement, all: &mut Vec<&'t Expr>) {
    match &statement.kind {
        StatementKind::Patron { fields, .. }
        | StatementKind::Event { fields, .. }
        | StatementKind::Record { fields, .. }
        | StatementKind::Change { fields, .. }
        | StatementKind::FeedRow { fields, .. } => all.extend(fields.iter().filter_map(|field| field.value.as_ref())),
        StatementKind::TableRow { key, fields, .. } => {
            all.push(key);
            all.extend(fields.iter().filter_map(|field| field.value.as_ref()));
        }
        StatementKind::Expect(Expectation::In { segment, .. } | Expectation::Count { segment, .. }) => {
            all.extend(segment.arguments.iter().flatten());
        }
        _ => {}
    }
}
