//! Reading a program from disk: the only place of the checker that touches the file system.
//!
//! Invariant: nothing outside the program's root is read, whatever a path says or a link points to.

use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use crate::diagnostic::Sources;
use crate::limits;

/// Why a program could not be read.
#[derive(Debug)]
pub enum LoadError {
    /// The file or folder cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A folder without a single `*.campaign` file.
    NoPrograms(PathBuf),
    /// More than `limits::FILE_BYTES`.
    TooLarge(PathBuf, u64),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Unreadable(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            LoadError::NoPrograms(path) => {
                write!(f, "{} holds no *.campaign file; name a folder or a file of campaigns", path.display())
            }
            LoadError::TooLarge(path, bytes) => write!(
                f,
                "{} has {bytes} bytes; a program file has at most {}: split it",
                path.display(),
                limits::FILE_BYTES
            ),
        }
    }
}

impl std::error::Error for LoadError {}

/// Reads a program: a tree of `*.campaign` files in the order of their paths, or one such file; then the files that
/// messages name after `from`, and `layouts/*.hbs` beside the program.
///
/// Bytes that are not UTF-8 become U+FFFD, which [`super::compile`] reports with its place.
///
/// # Errors
/// If a program file cannot be read or is too large, or if there is none. A template file that is missing or lies
/// outside the root is left out: the message that names it is where that is reported.
pub fn load(path: &Path) -> Result<Sources, LoadError> {
    let unreadable = |error| LoadError::Unreadable(path.to_path_buf(), error);
    let is_file = std::fs::metadata(path).map_err(unreadable)?.is_file();
    let folder = if is_file { path.parent().unwrap_or(Path::new("")) } else { path };
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let root = std::fs::canonicalize(here).map_err(unreadable)?;
    let programs = if is_file { vec![path.to_path_buf()] } else { programs_below(path)? };
    if programs.is_empty() {
        return Err(LoadError::NoPrograms(path.to_path_buf()));
    }

    let mut sources = Sources::default();
    let mut templates = Vec::new();
    for program in programs {
        let text = read(&program)?;
        let folder = program.parent().unwrap_or(Path::new(""));
        templates.extend(named_files(&text).filter_map(|named| joined(folder, named)));
        sources.add(program, text);
    }
    templates.extend(layouts(&folder.join("layouts")));
    templates.sort();
    templates.dedup();
    for template in templates {
        let inside = std::fs::canonicalize(&template).is_ok_and(|real| real.starts_with(&root) && real.is_file());
        if inside {
            let text = read(&template)?;
            sources.add(template, text);
        }
    }
    Ok(sources)
}

/// `path` seen from `folder`, without `.` and `..`; `None` if it is absolute, has a NUL or climbs out of `folder`'s
/// beginning.
pub(super) fn joined(folder: &Path, path: &str) -> Option<PathBuf> {
    if path.contains(['\0', '\\']) {
        return None;
    }
    let mut result = folder.to_path_buf();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(part) => result.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !matches!(result.components().next_back(), Some(Component::Normal(_))) {
                    return None;
                }
                result.pop();
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(result)
}

/// The paths after `from`, found without parsing: more than there are does no harm, since only files inside the
/// program are read.
fn named_files(text: &str) -> impl Iterator<Item = &str> {
    static FROM: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"\bfrom\s+"([^"\n]*)""#).expect("a valid regular expression"));
    FROM.captures_iter(text).map(|found| found.get(1).map_or("", |path| path.as_str()))
}

/// The program files of a path, in order: itself, or those of the tree below it.
///
/// # Errors
/// If it cannot be read, or is a folder without a program file.
pub fn programs(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let unreadable = |error| LoadError::Unreadable(path.to_path_buf(), error);
    if std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let programs = programs_below(path)?;
    if programs.is_empty() { Err(LoadError::NoPrograms(path.to_path_buf())) } else { Ok(programs) }
}

fn programs_below(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let mut programs = Vec::new();
    let hidden = |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.');
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(|entry| !hidden(entry)) {
        let entry = entry.map_err(|error| LoadError::Unreadable(folder.to_path_buf(), error.into()))?;
        if entry.file_type().is_file() && entry.path().extension().is_some_and(|extension| extension == "campaign") {
            programs.push(entry.into_path());
        }
    }
    programs.sort();
    Ok(programs)
}

fn layouts(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "hbs")).collect()
}

fn read(path: &Path) -> Result<String, LoadError> {
    let unreadable = |error| LoadError::Unreadable(path.to_path_buf(), error);
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes > limits::FILE_BYTES as u64 {
        return Err(LoadError::TooLarge(path.to_path_buf(), bytes));
    }
    let content = std::fs::read(path).map_err(unreadable)?;
    Ok(String::from_utf8(content).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}
