//! The helpers of a template: what they take, and what they give.

use crate::catalogue::{SurveyId, Type};
use crate::diagnostic::{Code, Diagnostic};
use crate::message::format;
use crate::message::template::resolve::{Resolved, Resolver};
use crate::message::template::syntax::{Expression, ExpressionKind, Word};
use crate::message::template::{Formula, Role};

pub(super) const WRONG_ARGUMENT: Code = Code("E0708");
const NO_SURVEY: Code = Code("E0713");
const NO_PATTERN: Code = Code("E0714");

/// All but the blocks `if`, `unless`, `each`.
pub(super) const NAMES: &[&str] =
    &["default", "member", "len", "link", "survey", "date", "money", "upper", "lower", "plural"];

impl Resolver<'_> {
    /// `{{helper arguments}}`, `(helper arguments)`.
    pub(super) fn call(&mut self, helper: &Word, arguments: &[Expression], role: Role) -> Option<Resolved> {
        match (helper.text.as_str(), arguments) {
            ("default", [value, fallback]) => {
                let value = self.value(value, role);
                let fallback = self.value(fallback, role);
                let (value, fallback) = (value?, fallback?);
                let is_optional = value.is_optional && fallback.is_optional;
                let ty = if value.ty == fallback.ty { value.ty } else { Type::Text };
                let formula = Formula::Default(Box::new(value.formula), Box::new(fallback.formula));
                Some(Resolved { formula, ty, is_optional })
            }
            ("default", _) => {
                self.count(helper, "a value and what to print where it is unknown: `default first_name 'reader'`")
            }
            ("member", [group]) => self.membership(group),
            ("member", _) => self.count(helper, "the name of a segment or list: `member 'friends'`"),
            ("len", [rows]) => self.length(rows, role),
            ("len", _) => self.count(helper, "`events`, a `pick` or a set"),
            ("link", [target]) => self.link(target, role),
            ("link", _) => self.count(helper, "a URL: `link 'https://…'`"),
            ("survey", [name]) => {
                self.public(&helper.range)?;
                self.survey(name)
            }
            ("survey", _) => self.count(helper, "the name of a survey: `survey 'service'`"),
            ("date", [value, pattern]) => self.date(value, pattern, role),
            ("date", _) => self.count(helper, "a date and a pattern: `date due_on 'd MMMM'`"),
            ("money", [value]) => self.converted(helper, value, role, "an amount", Type::is_number, Formula::Money),
            ("money", _) => self.count(helper, "an amount: `money fines`"),
            ("upper", [value]) => self.converted(helper, value, role, "a text", is_word, Formula::Upper),
            ("upper", _) => self.count(helper, "a text: `upper branch`"),
            ("lower", [value]) => self.converted(helper, value, role, "a text", is_word, Formula::Lower),
            ("lower", _) => self.count(helper, "a text: `lower branch`"),
            ("plural", [number, one, many]) => self.plural(number, one, many, role),
            ("plural", _) => {
                self.count(helper, "a number and its two forms: `plural (len events) 'one item' '{n} items'`")
            }
            (name, _) => {
                let help = match name {
                    "if" | "unless" | "each" => "it is a block: `{{#if …}} … {{/if}}`".to_owned(),
                    _ => format!("there are {}, and the blocks `if`, `unless`, `each`", super::name::list(NAMES)),
                };
                self.wrong_helper(helper, &help);
                None
            }
        }
    }

    fn count(&mut self, helper: &Word, takes: &str) -> Option<Resolved> {
        self.wrong_count(helper, takes);
        None
    }

    fn wrong(&mut self, argument: &Expression, text: String, help: &str) -> Option<Resolved> {
        let place = self.text.place(argument.range.clone());
        self.error(Diagnostic::new(WRONG_ARGUMENT, place, text).help(help));
        None
    }

    fn converted(
        &mut self,
        helper: &Word,
        argument: &Expression,
        role: Role,
        takes: &str,
        fits: fn(Type) -> bool,
        make: fn(Box<Formula>) -> Formula,
    ) -> Option<Resolved> {
        let value = self.value(argument, role)?;
        if !fits(value.ty) {
            let ty = value.ty.describe(self.scope.catalogue);
            let text = format!("`{}` takes {takes}, and this is of type `{ty}`", helper.text);
            return self.wrong(argument, text, "print the value by its bare name");
        }
        Some(Resolved { formula: make(Box::new(value.formula)), ty: Type::Text, is_optional: value.is_optional })
    }

    fn link(&mut self, target: &Expression, role: Role) -> Option<Resolved> {
        if let ExpressionKind::Text(url) = &target.kind
            && !format::is_web_address(url)
        {
            let text = format!("`{url}` is not an address of the web");
            return self.wrong(target, text, "write it in full: `https://library.example/events`");
        }
        let value = self.value(target, role)?;
        let is_text = matches!(target.kind, ExpressionKind::Text(_));
        if value.ty != Type::Url && !is_text {
            let ty = value.ty.describe(self.scope.catalogue);
            return self.wrong(
                target,
                format!("`link` takes a URL, and this is of type `{ty}`"),
                "use a field of type `url`",
            );
        }
        // Nobody's click is counted on what everybody reads.
        let formula = if self.is_published() { value.formula } else { Formula::Link(Box::new(value.formula)) };
        Some(Resolved { formula, ty: Type::Url, is_optional: value.is_optional })
    }

    fn survey(&mut self, argument: &Expression) -> Option<Resolved> {
        let ExpressionKind::Text(name) = &argument.kind else {
            return self.wrong(
                argument,
                "`survey` takes the name of a survey in quotes".into(),
                "write `{{survey 'service'}}`",
            );
        };
        let surveys = &self.scope.catalogue.surveys;
        if let Some(index) = surveys.iter().position(|survey| survey.name.as_str() == name) {
            let formula = Formula::Survey(SurveyId(index as u16));
            return Some(Resolved { formula, ty: Type::Url, is_optional: false });
        }
        let place = self.text.place(argument.range.start + 1..argument.range.end - 1);
        let mut finding = Diagnostic::new(NO_SURVEY, place, format!("no survey is called `{name}`"));
        if let Some(near) = super::name::nearest(name, surveys.iter().map(|survey| survey.name.as_str())) {
            finding = finding.help(format!("did you mean `{near}`?")).fix(place, near);
        }
        self.error(finding);
        None
    }

    fn date(&mut self, value: &Expression, pattern: &Expression, role: Role) -> Option<Resolved> {
        let found = self.value(value, role)?;
        let ExpressionKind::Text(written) = &pattern.kind else {
            return self.wrong(pattern, "`date` takes a pattern in quotes".into(), "write `{{date due_on 'd MMMM'}}`");
        };
        if !matches!(found.ty, Type::Date | Type::Instant) {
            let ty = found.ty.describe(self.scope.catalogue);
            let text = format!("`date` takes a date or an instant, and this is of type `{ty}`");
            return self.wrong(value, text, "print the value by its bare name");
        }
        if let Err(reason) = format::check_pattern(written, found.ty == Type::Instant) {
            let place = self.text.place(pattern.range.clone());
            let finding = Diagnostic::new(NO_PATTERN, place, format!("`{written}` is no pattern for a date: {reason}"))
                .note("Patterns are those of Unicode CLDR.")
                .help("for example `d MMMM yyyy`, `EEEE d MMMM`, `HH:mm`; other letters stand in quotes");
            self.error(finding);
            return None;
        }
        let formula = Formula::Date(Box::new(found.formula), written.as_str().into());
        Some(Resolved { formula, ty: Type::Text, is_optional: found.is_optional })
    }

    fn plural(&mut self, number: &Expression, one: &Expression, many: &Expression, role: Role) -> Option<Resolved> {
        let found = self.value(number, role)?;
        if found.ty != Type::Int {
            let ty = found.ty.describe(self.scope.catalogue);
            let text = format!("`plural` takes a whole number, and this is of type `{ty}`");
            return self.wrong(number, text, "count something: `plural (len events) 'one item' '{n} items'`");
        }
        let (ExpressionKind::Text(one), ExpressionKind::Text(many)) = (&one.kind, &many.kind) else {
            let text = "the two forms of `plural` are texts in quotes".into();
            return self.wrong(one, text, "write `{{plural n 'one item' '{n} items'}}`");
        };
        let formula = Formula::Plural(Box::new(found.formula), one.as_str().into(), many.as_str().into());
        Some(Resolved { formula, ty: Type::Text, is_optional: found.is_optional })
    }
}

/// A text, or what prints as one.
fn is_word(ty: Type) -> bool {
    ty.is_textual() || matches!(ty, Type::Enum(_))
}
