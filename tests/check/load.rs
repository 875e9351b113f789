//! What `check::load` reads, and what it leaves alone.

use std::path::Path;

use bookmobile::check::{self, LoadError};
use bookmobile::diagnostic::Severity;

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
    std::fs::write(path, text).expect("a writable folder");
}

/// The texts that `load` read, by the last part of their path.
fn read(folder: &Path) -> Vec<String> {
    let sources = check::load(folder).expect("a program");
    sources.iter().map(|(_, file)| file.path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
}

#[test]
fn a_tree_is_read_in_the_order_of_its_paths_with_its_templates_and_layouts() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    write(root, "b.campaign", "message m { email { subject \"s\" body from \"texts/m.md\" } }");
    write(root, "a/c.campaign", "message n { print { body from \"../texts/n.md\" } }");
    write(root, "texts/m.md", "m");
    write(root, "texts/n.md", "n");
    write(root, "texts/unnamed.md", "nobody asks for it");
    write(root, "layouts/plain.hbs", "<mjml></mjml>");
    write(root, ".hidden/d.campaign", "segment x {");
    assert_eq!(read(root), ["c.campaign", "b.campaign", "plain.hbs", "m.md", "n.md"]);
}

/// PAR-11: whatever a path says or a link points to, nothing outside of the program is read.
#[test]
fn nothing_outside_of_the_program_is_read() {
    let outer = tempfile::tempdir().expect("a folder");
    write(outer.path(), "secret.md", "secret");
    let root = outer.path().join("program");
    let absolute = outer.path().join("secret.md");
    let absolute = absolute.to_string_lossy();
    for path in
        ["../secret.md", "texts/../../secret.md", "link.md", "linked/secret.md", &absolute, "a\0b", "\\\\host\\x"]
    {
        let message = format!("message m {{ print {{ body from \"{path}\" }} }}");
        write(&root, "a.campaign", message);
        #[cfg(unix)]
        for (target, link) in [("../secret.md", "link.md"), ("..", "linked")] {
            let link = root.join(link);
            if !link.exists() {
                std::os::unix::fs::symlink(target, link).expect("a link");
            }
        }
        assert_eq!(read(&root), ["a.campaign"], "{path:?}");
        let compiled = check::compile(check::load(&root).expect("a program"));
        let is_error = compiled.diagnostics.iter().any(|found| found.severity == Severity::Error);
        assert!(is_error, "{path:?} is an error of the message");
    }
}

#[test]
fn bytes_that_are_not_utf8_have_a_place() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a.campaign", b"# caf\xe9\nsegment a { fines > 1 }\n");
    let compiled = check::compile(check::load(folder.path()).expect("a program"));
    let found = compiled.diagnostics.iter().find(|found| found.code.0 == "E0006").expect("a finding");
    assert_eq!(found.span.start, 5);
}

#[test]
fn a_folder_without_campaigns_is_no_program() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(matches!(check::load(folder.path()), Err(LoadError::NoPrograms(_))));
    assert!(matches!(check::load(&folder.path().join("none")), Err(LoadError::Unreadable(..))));
}
