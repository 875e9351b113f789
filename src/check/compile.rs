//! The passes of a compilation, in order.

use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, Severity, Sources};
use crate::program::Program;
use crate::symbol::Symbol;
use crate::syntax::{self, NotUtf8, ast};

use super::build::{self, Collector};
use super::{Compiled, Context, lint};

/// Parses and checks a program.
pub fn compile(sources: Sources) -> Compiled {
    let mut diagnostics = Vec::new();
    let files = parse(&sources, &mut diagnostics);
    let is_whole = diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
    let (checked, found) = check(&sources, &files, is_whole);
    diagnostics.extend(found);
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.code));
    diagnostics.dedup();
    let is_right = diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
    let program = checked.filter(|_| is_right).map(|checked| Program { sources: sources.clone(), ..checked });
    Compiled { program, diagnostics, sources }
}

fn parse(sources: &Sources, diagnostics: &mut Vec<Diagnostic>) -> Vec<ast::File> {
    let programs = sources.iter().filter(|(_, file)| file.path.extension().is_some_and(|end| end == "campaign"));
    let mut files = Vec::new();
    for (id, file) in programs {
        if let Some(offset) = file.text.find('\u{fffd}') {
            let place = offset..offset + '\u{fffd}'.len_utf8();
            diagnostics.push(NotUtf8 { offset, lossy: String::new(), place }.diagnostic(id));
        }
        let parsed = syntax::parse(sources, id);
        diagnostics.extend(parsed.diagnostics);
        files.push(parsed.file);
    }
    files
}

/// Checks what could be parsed; `is_whole` if that is everything.
fn check(sources: &Sources, files: &[ast::File], is_whole: bool) -> (Option<Program>, Vec<Diagnostic>) {
    // The built-in catalogue is one file more, which only the checker sees.
    let mut extended = sources.clone();
    let built_in = extended.add("builtin.campaign", include_str!("../catalogue/builtin.campaign"));
    let parsed = syntax::parse(&extended, built_in);
    assert!(parsed.diagnostics.is_empty(), "the built-in catalogue is correct: {:?}", parsed.diagnostics);

    let mut collector = Collector::new(built_in);
    for file in files {
        collector.add(file);
    }
    collector.add(&parsed.file);
    let Collector { items, declared, diagnostics, .. } = collector;
    let first_file = files.first().map(|file| file.file);
    let resolved = build::library(&items.libraries, first_file);

    let mut context = Context::new(&extended, built_in, resolved.library, declared);
    context.has_library = resolved.is_there;
    context.has_languages = resolved.has_languages;
    diagnostics.into_iter().chain(resolved.diagnostics).for_each(|diagnostic| context.report(diagnostic));
    build::catalogue(&mut context, &items);
    context.check_cycles();
    context.check_segments();
    for index in 0..context.catalogue.purposes.len() {
        context.never_to(crate::catalogue::PurposeId(index as u16));
    }
    let (messages, campaigns) = super::campaign::check(&mut context);
    let tests = super::test::check_all(&mut context);
    // What could not be read may have used it.
    if is_whole {
        lint::unused::check(&mut context);
    }

    let segments = context.finished_segments();
    let layouts = layouts(sources);
    let (library, catalogue, diagnostics) = context.finish();
    let program = Program {
        sources: Sources::default(),
        library,
        catalogue,
        segments,
        messages,
        campaigns,
        tests,
        layouts,
        revision: revision(sources).into(),
    };
    let of_built_in: Vec<_> = diagnostics.iter().filter(|found| found.span.file == built_in).collect();
    debug_assert!(of_built_in.is_empty(), "built-in declarations make no findings: {of_built_in:?}");
    (Some(program), diagnostics)
}

/// `layouts/NAME.hbs`, by name.
fn layouts(sources: &Sources) -> Vec<(Symbol, std::sync::Arc<str>)> {
    let layouts = sources.iter().filter_map(|(_, file)| Some((layout_name(&file.path)?, file.text.clone())));
    let mut layouts: Vec<_> = layouts.collect();
    layouts.sort_by_key(|(name, _)| *name);
    layouts
}

/// The name of the layout that a path is for.
pub(super) fn layout_name(path: &std::path::Path) -> Option<Symbol> {
    let folder = path.parent().and_then(|folder| folder.file_name());
    let is_layout =
        folder.is_some_and(|folder| folder == "layouts") && path.extension().is_some_and(|end| end == "hbs");
    is_layout.then_some(())?;
    Some(Symbol::new(path.file_stem()?.to_str()?))
}

/// SHA-256 of the names and texts of all sources. Only the last part of a path counts, so that a program is the same
/// wherever it lies.
fn revision(sources: &Sources) -> String {
    let mut digest = Sha256::new();
    for (_, file) in sources.iter() {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy();
        for part in [name.as_bytes(), file.text.as_bytes()] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
