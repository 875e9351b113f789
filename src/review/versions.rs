//! Earlier versions of a program, as the store kept their texts, made ready to run again.

use crate::check;
use crate::diagnostic::Sources;
use crate::engine::Version;
use crate::program::Program;

/// Compiles them. One that no longer compiles (written for an earlier compiler) is left out: what runs in it ends.
pub fn compiled(versions: Vec<Version>) -> Vec<Program> {
    let compile = |version: Version| {
        let mut sources = Sources::default();
        for (path, text) in version.files {
            sources.add(path, text);
        }
        check::compile(sources).program
    };
    versions.into_iter().filter_map(compile).collect()
}
