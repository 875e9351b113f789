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
    for (before, after) in &version.renamed {
        sources.rename_campaign(Symbol::new(before), Symbol::new(after));
    }
    let mut program = check::compile(sources).program?;
    let Program { sources, campaigns, .. } = &mut program;
    // A draft of a name that another one has now: none of that name had ticked.
    campaigns.retain(|campaign| sources.written_name(sources.present_name(campaign.name)) == campaign.name);
    campaigns.iter_mut().for_each(|campaign| campaign.name = sources.present_name(campaign.name));
    Some(program)
}
