//! A message in the default language alone, in a library that has several: everybody gets it in that one.

use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast;

const ONE_LANGUAGE: Code = Code("W0503");

/// Points at each channel block that is written in the default language only.
pub(in crate::check) fn check(context: &mut Context<'_>, message: &ast::Message) {
    let languages = &context.library.languages;
    if !context.has_languages || languages.len() < 2 {
        return;
    }
    let default = languages[0];
    let others: Vec<String> = languages[1..].iter().map(|code| format!("`{code}`")).collect();
    let others = others.join(", ");
    for block in &message.blocks {
        let in_default = |part: &ast::Part| part.language.is_none_or(|language| language.symbol == default);
        if !block.parts.is_empty() && block.parts.iter().all(in_default) {
            let word = block.channel.symbol;
            let first = block.parts[0].what.symbol;
            context.report(
                Diagnostic::new(
                    ONE_LANGUAGE,
                    block.channel.span,
                    format!("this `{word}` is written in `{default}` only"),
                )
                .label("everybody gets it in this language")
                .note(format!("the library also has {others}"))
                .help(format!("add the other language, such as `{first} {} \"…\"`", context.library.languages[1])),
            );
        }
    }
}
