//! Consents as conditions and dates: `agrees to`, `asked for`, `end of consent to`.

use crate::catalogue::{Channel, PurposeId, Type};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::rule::{Expr, Kind};
use crate::syntax::ast;

use super::{Context, truth};

const WITHOUT_CONSENT: Code = Code("E0219");

impl Context<'_> {
    pub(super) fn agrees(&mut self, purpose: ast::Name, channel: Option<ast::Name>, span: Span) -> Option<Expr> {
        let (purpose, channel) = self.consented(purpose, channel)?;
        Some(truth(Kind::Agrees { purpose, channel }, span))
    }

    pub(super) fn asked_for(&mut self, purpose: ast::Name, channel: ast::Name, span: Span) -> Option<Expr> {
        let (purpose, channel) = self.consented(purpose, Some(channel))?;
        Some(truth(Kind::AskedFor { purpose, channel: channel? }, span))
    }

    pub(super) fn end_of_consent(
        &mut self,
        purpose: ast::Name,
        channel: Option<ast::Name>,
        span: Span,
    ) -> Option<Expr> {
        let (purpose, channel) = self.consented(purpose, channel)?;
        Some(Expr { kind: Kind::EndOfConsent { purpose, channel }, ty: Type::Date, span })
    }

    /// A purpose that needs consent and, if one is named, a channel that reaches a patron.
    fn consented(&mut self, purpose: ast::Name, channel: Option<ast::Name>) -> Option<(PurposeId, Option<Channel>)> {
        let id = self.purpose_named(purpose);
        let found = match channel {
            Some(channel) => Some(self.personal_channel(channel)?),
            None => None,
        };
        let id = id?;
        let declared = self.catalogue.purpose(id);
        if declared.needs_consent {
            return Some((id, found));
        }
        let mut diagnostic = Diagnostic::new(
            WITHOUT_CONSENT,
            purpose.span,
            format!("nobody agrees to `{}`: it is a purpose without consent", purpose.symbol),
        )
        .label("needs no consent")
        .help("leave the condition out, or name a purpose that needs consent");
        if let Some(span) = declared.span {
            diagnostic = diagnostic.also(span, "declared `without consent` here");
        }
        self.fail(diagnostic)
    }

    /// A channel that reaches one patron at an address.
    fn personal_channel(&mut self, name: ast::Name) -> Option<Channel> {
        let channel = self.channel_named(name)?;
        if channel.is_personal() {
            return Some(channel);
        }
        self.fail(
            Diagnostic::new(
                WITHOUT_CONSENT,
                name.span,
                format!("`{}` publishes and needs nobody's consent", name.symbol),
            )
            .label("reaches no one in particular")
            .help("consent is for `email`, `sms` or `print`"),
        )
    }
}
