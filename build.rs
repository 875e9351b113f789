//! Puts the pages of `docs/diagnostics` into the program, for `bookmobile lint --explain CODE`.

use std::fmt::Write;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=docs/diagnostics");
    let variable = |name| PathBuf::from(std::env::var_os(name).expect("cargo sets it"));
    let folder = variable("CARGO_MANIFEST_DIR").join("docs/diagnostics");
    let mut pages: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("docs/diagnostics is a folder")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.file_name().is_some_and(|name| name != "README.md"))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    let mut table = "&[\n".to_owned();
    for page in pages {
        let code = page.file_stem().expect("a file has a name").to_string_lossy();
        // Relative to the manifest, so that a checkout that is moved still builds.
        let path = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/docs/diagnostics/{code}.md\")");
        writeln!(table, "    ({code:?}, include_str!({path})),").expect("a text grows");
    }
    table.push(']');
    std::fs::write(variable("OUT_DIR").join("diagnostic_pages.rs"), table).expect("cargo's folder is writable");
}
