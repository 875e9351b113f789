//! Earlier versions of a program, as the store kept their texts, made ready to run again.

use crate::check;
use crate::diagnostic::Sources;
use crate::engine::Version;
use crate::program::Program;
use crate::symbol::Symbol;

/// Compiles them, their campaigns under the names that they have now. One that no longer compiles (written for an earlier
/// compiler) is left out: what runs in it ends.
pub fn compiled(versions: Vec<Version>) -> Vec<Program> {
    versions.into_iter().filter_map(compile).collect()
}

fn compile(version: Version) -> Option<Program> {
    let mut sources = Sources::default();
    for (path, text) in version.files {
        sources.add(path, text);
    }
    let mut program = check::compile(sources).program?;
    for (before, after) in &version.renamed {
        let [before, after] = [before, after].map(|name| Symbol::new(name));
        // A draft, if there is one: none of that name had ticked.
        program.campaigns.retain(|campaign| campaign.name != after);
        for campaign in program.campaigns.iter_mut().filter(|campaign| campaign.name == before) {
            campaign.name = after;
        }
    }
    Some(program)
}
