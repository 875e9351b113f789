//! Segments and lists by name; each (segment, arguments) is one instance of the program.
//!
//! A body is checked once for each instance, from a work list and not by recursion, so that a chain of ten thousand
//! segments needs no deep stack. What is wrong in a body is reported once.

use crate::catalogue::{Type, Value};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::map::{Map, Set};
use crate::program::{self, Group};
use crate::rule::{Expr, Kind, SegmentId};
use crate::symbol::Symbol;
use crate::syntax::ast::{self, ExprKind};
use crate::time::{Day, Duration, Instant};

use super::context::Declaration;
use super::expr::unknown;
use super::{Argument, Context, Scope, lint};

const UNKNOWN_GROUP: Code = Code("E0103");
const ARGUMENTS: Code = Code("E0112");
const LIKE_A_FIELD: Code = Code("E0113");
const NO_GROUP: Code = Code("E0114");
const TWICE: Code = Code("E0130");

/// The instances of segments.
#[derive(Default, Debug)]
pub struct Segments<'a> {
    instances: Vec<Instance<'a>>,
    by_key: Map<(Symbol, String), SegmentId>,
    /// Whose bodies are still to be checked.
    pending: Vec<SegmentId>,
    parameters: Map<Symbol, Vec<Parameter>>,
}

#[derive(Debug)]
struct Instance<'a> {
    declaration: Declaration<'a, ast::Segment>,
    arguments: Vec<Argument>,
    is_default: bool,
    body: Option<Expr>,
}

/// A parameter of a segment; `None` where its type or default has been reported.
#[derive(Clone, Debug)]
struct Parameter {
    name: Symbol,
    ty: Option<Type>,
    default: Option<Option<Value>>,
}

impl<'a> Segments<'a> {
    /// The checked body of an instance.
    pub(super) fn body(&self, id: SegmentId) -> Option<&Expr> {
        self.instances[id.0 as usize].body.as_ref()
    }
}

impl Context<'_> {
    /// Resolves parameters, then checks every body: with its defaults as an instance of its own, else with stand-ins.
    pub(super) fn check_segments(&mut self) {
        let declared = self.declared.all_segments.clone();
        for declaration in &declared {
            self.declare_parameters(declaration.what);
        }
        for declaration in &declared {
            let name = declaration.what.name.symbol;
            let is_first =
                self.declared.segments.get(&name).is_some_and(|first| std::ptr::eq(first.item, declaration.item));
            let parameters = self.segments.parameters.get(&name).cloned().unwrap_or_default();
            let defaults: Option<Vec<Argument>> = parameters.iter().map(default_argument).collect();
            match defaults {
                Some(arguments) if is_first => {
                    self.instance(*declaration, arguments, true);
                }
                _ => {
                    let stand_ins: Option<Vec<Argument>> =
                        parameters.iter().map(|parameter| self.stand_in(parameter)).collect();
                    if let Some(parameters) = stand_ins {
                        let scope = Scope { parameters: &parameters, ..Scope::default() };
                        self.checked_condition(&declaration.what.body, &scope);
                    }
                }
            }
            self.check_pending_segments();
        }
    }

    fn declare_parameters(&mut self, segment: &ast::Segment) {
        let mut parameters: Vec<Parameter> = Vec::new();
        for parameter in &segment.parameters {
            let name = parameter.name;
            if let Some(first) = segment.parameters.iter().find(|first| first.name.symbol == name.symbol)
                && first.name.span != name.span
            {
                self.report(
                    Diagnostic::new(TWICE, name.span, format!("two parameters are called `{}`", name.symbol))
                        .label("again here")
                        .also(first.name.span, "first here"),
                );
                continue;
            }
            let field = self.catalogue.field_named(name.symbol).and_then(|field| self.catalogue.field(field).span);
            if let Some(field) = field {
                self.report(
                    Diagnostic::new(
                        LIKE_A_FIELD,
                        name.span,
                        format!("a parameter cannot be called like the field `{}`", name.symbol),
                    )
                    .label("which of the two would be meant?")
                    .also(field, "the patron's field")
                    .help(format!("choose another name, such as `given_{}`", name.symbol)),
                );
            }
            let ty = self.resolved_type(&parameter.ty, None);
            let default = parameter.default.as_ref().map(|default| ty.and_then(|ty| self.constant(default, ty)));
            parameters.push(Parameter { name: name.symbol, ty, default });
        }
        self.segments.parameters.entry(segment.name.symbol).or_insert(parameters);
    }

    /// A value that stands for a parameter while its segment is checked.
    fn stand_in(&self, parameter: &Parameter) -> Option<Argument> {
        let ty = parameter.ty?;
        if let Some(Some(value)) = &parameter.default {
            return Some(Argument { name: parameter.name, ty, value: value.clone() });
        }
        let value = match ty {
            Type::Bool => Value::Bool(true),
            Type::Int => Value::Int(2),
            Type::Decimal => Value::Decimal(2),
            Type::Money => Value::Money(2),
            Type::Text | Type::Email | Type::Phone | Type::Url => Value::text("x"),
            Type::Date => Value::Date(Day(20_000)),
            Type::Instant => Value::Instant(Instant(0)),
            Type::Duration => Value::Duration(Duration::days(2)),
            Type::Enum(id) => Value::Symbol(self.catalogue.enumeration(id).values.first()?.0),
            Type::Set(_) => Value::Set([].into()),
            Type::Name(_) => return None,
        };
        Some(Argument { name: parameter.name, ty, value })
    }

    /// The segment (with its arguments) or list that a reference names.
    pub fn group(&mut self, reference: &ast::SegmentRef, scope: &Scope<'_>) -> Option<Group> {
        let name = reference.name;
        if let Some(declaration) = self.declared.segments.get(&name.symbol).copied() {
            self.used.insert(name.symbol);
            let (arguments, is_default) = self.arguments(reference, scope)?;
            return Some(Group::Segment(self.instance(declaration, arguments, is_default)));
        }
        if let Some(list) = self.catalogue.list_named(name.symbol) {
            self.used.insert(name.symbol);
            if reference.arguments.is_some() {
                self.report(
                    Diagnostic::new(
                        ARGUMENTS,
                        reference.span,
                        format!("the list `{}` takes no arguments", name.symbol),
                    )
                    .label("a list has no parameters")
                    .help(format!("write `in {}`", name.symbol)),
                );
                return None;
            }
            return Some(Group::List(list));
        }
        if self.declared.broken.contains(&name.symbol) {
            return None;
        }
        let known = self.group_names();
        let message = format!("no segment or list is called `{}`", name.symbol);
        self.fail(unknown(UNKNOWN_GROUP, name, &message, known, "segments and lists are"))
    }

    fn group_names(&self) -> Vec<Symbol> {
        let lists = self.catalogue.lists.iter().map(|list| list.name);
        self.declared.segments.keys().copied().chain(lists).collect()
    }

    fn arguments(&mut self, reference: &ast::SegmentRef, scope: &Scope<'_>) -> Option<(Vec<Argument>, bool)> {
        let name = reference.name;
        let parameters = self.segments.parameters.get(&name.symbol).cloned().unwrap_or_default();
        let given = reference.arguments.as_deref().unwrap_or_default();
        let declared_at = self.declared.segments[&name.symbol].what.name.span;
        if let Some(surplus) = given.get(parameters.len()) {
            let takes = match parameters.len() {
                0 => "no argument".into(),
                1 => "1 argument".into(),
                n => format!("at most {n} arguments"),
            };
            return self.fail(
                Diagnostic::new(ARGUMENTS, surplus.span, format!("`{}` takes {takes}", name.symbol))
                    .label("one too many")
                    .also(declared_at, "declared here"),
            );
        }
        let mut values = Some((Vec::with_capacity(parameters.len()), true));
        for (index, parameter) in parameters.iter().enumerate() {
            let value = match (given.get(index), &parameter.default) {
                (Some(argument), default) => {
                    let value = parameter.ty.and_then(|ty| self.argument(argument, ty, scope));
                    value.map(|value| (default.as_ref() == Some(&Some(value.clone())), value))
                }
                (None, Some(default)) => default.clone().map(|value| (true, value)),
                (None, None) => {
                    let wanted = parameter.ty.map(|ty| self.describe(ty)).unwrap_or_default();
                    self.fail(
                        Diagnostic::new(
                            ARGUMENTS,
                            reference.span,
                            format!("`{}` needs a value for `{}`", name.symbol, parameter.name),
                        )
                        .label(format!("`{}` is missing", parameter.name))
                        .also(declared_at, "declared here, without a default")
                        .help(format!("write `{}(…)` with {wanted}", name.symbol)),
                    )
                }
            };
            values = values.zip(value).zip(parameter.ty).map(|(((mut values, all_default), (default, value)), ty)| {
                values.push(Argument { name: parameter.name, ty, value });
                (values, all_default && default)
            });
        }
        values
    }

    /// A literal, or one of the caller's own parameters.
    fn argument(&mut self, ast: &ast::Expr, ty: Type, scope: &Scope<'_>) -> Option<Value> {
        if let ExprKind::Path(path) = &ast.kind
            && let [name] = path.as_slice()
            && let Some(argument) = scope.parameter(name.symbol)
        {
            if self.same_type(argument.ty, ty) {
                return Some(argument.value.clone());
            }
            let (wanted, found) = (self.describe(ty), self.describe(argument.ty));
            return self.fail(
                Diagnostic::new(
                    Code("E0201"),
                    ast.span,
                    format!("{wanted} is wanted here, and `{}` is {found}", name.symbol),
                )
                .label(found),
            );
        }
        self.constant(ast, ty)
    }

    /// The instance of a segment for these arguments.
    fn instance(
        &mut self,
        declaration: Declaration<'_, ast::Segment>,
        arguments: Vec<Argument>,
        is_default: bool,
    ) -> SegmentId {
        let name = declaration.what.name.symbol;
        let values: Vec<&Value> = arguments.iter().map(|argument| &argument.value).collect();
        let key = if values.is_empty() { String::new() } else { format!("{values:?}") };
        if let Some(&id) = self.segments.by_key.get(&(name, key.clone())) {
            return id;
        }
        let id = SegmentId(self.segments.instances.len() as u32);
        let declaration = self.declared.segments[&name];
        self.segments.instances.push(Instance { declaration, arguments, is_default, body: None });
        self.segments.by_key.insert((name, key), id);
        self.segments.pending.push(id);
        id
    }

    /// Checks the bodies of the instances that have none yet, and of those that they need.
    pub(super) fn check_pending_segments(&mut self) {
        while let Some(id) = self.segments.pending.pop() {
            let instance = &self.segments.instances[id.0 as usize];
            let (declaration, arguments, is_default) =
                (instance.declaration, instance.arguments.clone(), instance.is_default);
            let scope = Scope { parameters: &arguments, ..Scope::default() };
            let body = self.checked_condition(&declaration.what.body, &scope);
            if let Some(body) = &body
                && is_default
            {
                lint::condition(self, body, lint::Place::Segment);
            }
            self.segments.instances[id.0 as usize].body = body;
        }
    }

    /// `in S`, `not in S(…)`.
    pub(super) fn in_group(
        &mut self,
        negated: bool,
        reference: &ast::SegmentRef,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        let group = self.group(reference, scope)?;
        let test = group_test(group, span);
        Some(if negated { Expr { kind: Kind::Not(Box::new(test)), ty: Type::Bool, span } } else { test })
    }

    /// An expression of `audience`, `except`, `never to`: a bare segment or list (which comes before a bool field of
    /// that name), or a condition.
    pub fn group_or_condition(&mut self, ast: &ast::Expr, scope: &Scope<'_>) -> Option<Expr> {
        match self.bare_group(ast) {
            Some(reference) => {
                let is_field = self.catalogue.field_named(reference.name.symbol).is_some();
                if is_field && !self.is_group(reference.name.symbol) {
                    return self.condition(ast, scope);
                }
                let group = self.group(&reference, scope)?;
                self.check_pending_segments();
                Some(group_test(group, ast.span))
            }
            None => self.condition(ast, scope),
        }
    }

    /// What `on entering` and `on leaving` take: a segment or list only. The error for anything else offers `when`.
    pub fn group_only(&mut self, ast: &ast::Expr, scope: &Scope<'_>) -> Option<Expr> {
        if let Some(reference) = self.bare_group(ast) {
            let is_field = self.catalogue.field_named(reference.name.symbol).is_some();
            if self.is_group(reference.name.symbol) || !is_field {
                let group = self.group(&reference, scope)?;
                self.check_pending_segments();
                return Some(group_test(group, ast.span));
            }
        }
        if matches!(ast.kind, ExprKind::Invalid) {
            return None;
        }
        let written = self.sources.snippet(ast.span).to_owned();
        self.fail(
            Diagnostic::new(NO_GROUP, first_part(ast).span, "a segment or a list is wanted here, by its name")
                .label("begins a condition")
                .help(format!("for a condition write `start when {written}`")),
        )
    }

    fn is_group(&self, name: Symbol) -> bool {
        self.declared.segments.contains_key(&name) || self.catalogue.list_named(name).is_some()
    }

    /// `cardholder` or `lapsed(12 months)` without `in`.
    fn bare_group(&self, ast: &ast::Expr) -> Option<ast::SegmentRef> {
        match &ast.kind {
            ExprKind::Paren(inner) => self.bare_group(inner),
            ExprKind::Path(path) => match path.as_slice() {
                [name] => Some(ast::SegmentRef { name: *name, arguments: None, span: ast.span }),
                _ => None,
            },
            ExprKind::In { negated: false, segment } if segment.span.start == ast.span.start => Some(segment.clone()),
            _ => None,
        }
    }

    /// The instance of a segment with its defaults; for what names it without being an expression.
    pub(super) fn default_instance(&self, name: Symbol) -> Option<SegmentId> {
        let is_it = |instance: &Instance<'_>| instance.is_default && instance.declaration.what.name.symbol == name;
        self.segments.instances.iter().position(is_it).map(|index| SegmentId(index as u32))
    }

    /// The name of a segment.
    pub(super) fn segment_name(&self, id: SegmentId) -> Symbol {
        self.segments.instances[id.0 as usize].declaration.what.name.symbol
    }

    /// Every instance, for the program. Only called when nothing was wrong.
    pub(super) fn finished_segments(&mut self) -> Vec<program::Segment> {
        // What only a test asks for is pending still.
        self.check_pending_segments();
        let instances = std::mem::take(&mut self.segments.instances);
        let bodies: Vec<_> = instances.iter().map(|instance| instance.body.clone()).collect();
        let classes = super::flow::segment_classes(&self.catalogue, &bodies);
        let finished = instances.into_iter().zip(classes).filter_map(|(instance, classes)| {
            let ast = instance.declaration.what;
            Some(program::Segment {
                name: ast.name.symbol,
                arguments: instance.arguments.into_iter().map(|argument| (argument.name, argument.value)).collect(),
                is_default: instance.is_default,
                label: ast.label.as_ref().map(super::build::label),
                doc: instance.declaration.item.doc.clone(),
                body: instance.body?,
                classes,
                span: instance.declaration.item.span,
            })
        });
        finished.collect()
    }

    /// Reports each circle of segments that use each other.
    pub(super) fn check_cycles(&mut self) {
        let mut uses: Map<Symbol, Vec<ast::Name>> = Map::default();
        for declaration in &self.declared.all_segments {
            let mut references = Vec::new();
            references_in(&declaration.what.body, &mut references);
            references.retain(|name| self.declared.segments.contains_key(&name.symbol));
            uses.entry(declaration.what.name.symbol).or_insert(references);
        }
        let mut done: Set<Symbol> = Set::default();
        let order: Vec<Symbol> = self.declared.all_segments.iter().map(|segment| segment.what.name.symbol).collect();
        for start in order {
            // Each entry: a segment on the way, and how many of its references have been followed.
            let mut way: Vec<(Symbol, usize)> = vec![(start, 0)];
            let mut on_way: Set<Symbol> = std::iter::once(start).collect();
            while let Some((segment, next)) = way.last_mut() {
                if done.contains(segment) {
                    on_way.remove(segment);
                    way.pop();
                    continue;
                }
                let reference = uses.get(segment).and_then(|references| references.get(*next)).copied();
                *next += 1;
                match reference {
                    None => {
                        done.insert(*segment);
                    }
                    Some(name) if on_way.contains(&name.symbol) => {
                        let from = way.iter().position(|(segment, _)| *segment == name.symbol).unwrap_or(0);
                        let circle: Vec<Symbol> = way[from..].iter().map(|(segment, _)| *segment).collect();
                        self.report_cycle(&circle);
                    }
                    Some(name) if done.contains(&name.symbol) => {}
                    Some(name) => {
                        on_way.insert(name.symbol);
                        way.push((name.symbol, 0));
                    }
                }
            }
        }
    }

    fn report_cycle(&mut self, circle: &[Symbol]) {
        const CYCLE: Code = Code("E0115");
        let place = |name: &Symbol| self.declared.segments[name].what.name.span;
        let first = place(&circle[0]);
        let mut words: Vec<String> = circle.iter().map(|name| format!("`{name}`")).collect();
        words.push(words[0].clone());
        let message = match circle {
            [only] => format!("the segment `{only}` uses itself"),
            _ => format!("segments use each other in a circle: {}", words.join(" uses ")),
        };
        let mut diagnostic = Diagnostic::new(CYCLE, first, message)
            .label("the circle begins here")
            .help("take one of the references out, or give the part that they share a segment of its own");
        for name in &circle[1..] {
            diagnostic = diagnostic.also(place(name), "and passes here");
        }
        self.report(diagnostic);
    }
}

fn default_argument(parameter: &Parameter) -> Option<Argument> {
    let value = parameter.default.clone()??;
    Some(Argument { name: parameter.name, ty: parameter.ty?, value })
}

fn group_test(group: Group, span: Span) -> Expr {
    let kind = match group {
        Group::Segment(id) => Kind::Segment(id),
        Group::List(id) => Kind::Member(id),
    };
    Expr { kind, ty: Type::Bool, span }
}

/// The first word of an expression.
fn first_part(ast: &ast::Expr) -> &ast::Expr {
    match &ast.kind {
        ExprKind::Or(parts) | ExprKind::And(parts) => parts.first().map_or(ast, first_part),
        ExprKind::Compare { left, .. }
        | ExprKind::OneOf { left, .. }
        | ExprKind::Between { left, .. }
        | ExprKind::Known { left, .. }
        | ExprKind::TextTest { left, .. }
        | ExprKind::Includes { left, .. }
        | ExprKind::Empty { left, .. }
        | ExprKind::InWindow { left, .. }
        | ExprKind::Add(left, _)
        | ExprKind::Subtract(left, _)
        | ExprKind::Multiply(left, _) => first_part(left),
        _ => ast,
    }
}

/// The segments and lists that an expression names.
fn references_in(ast: &ast::Expr, found: &mut Vec<ast::Name>) {
    let mut each = |part: &ast::Expr| references_in(part, found);
    match &ast.kind {
        ExprKind::Or(parts) | ExprKind::And(parts) | ExprKind::Set(parts) => parts.iter().for_each(each),
        ExprKind::Not(inner) | ExprKind::Paren(inner) | ExprKind::Age(inner) => each(inner),
        ExprKind::Compare { left, right, .. }
        | ExprKind::TextTest { left, right, .. }
        | ExprKind::Add(left, right)
        | ExprKind::Subtract(left, right)
        | ExprKind::Multiply(left, right) => {
            each(left);
            each(right);
        }
        ExprKind::Known { left, .. } | ExprKind::Empty { left, .. } | ExprKind::InWindow { left, .. } => each(left),
        ExprKind::OneOf { left, .. } | ExprKind::Between { left, .. } | ExprKind::Includes { left, .. } => each(left),
        ExprKind::In { segment, .. } => found.push(segment.name),
        ExprKind::Has { selection, .. } | ExprKind::Aggregate { selection, .. } => {
            selection.condition.iter().for_each(|condition| each(condition));
        }
        ExprKind::Followed { first, second, .. } => {
            [first, second].into_iter().filter_map(|selection| selection.condition.as_deref()).for_each(each);
        }
        _ => {}
    }
}
