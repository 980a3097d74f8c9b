//! Descriptions from their directory.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::check::{Described, Findings, compile};
use super::description::Description;
use crate::config::Finding;

/// Largest file that is read, bytes: what is larger is no description.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Most descriptions in a directory.
const FILES_MAX: usize = 1000;

/// Reads every `*.yaml` of a directory, by name. Ids in `known` are taken.
///
/// # Errors
/// Everything that is wrong, in any of them.
pub fn directory(directory: &Path, known: &[&str]) -> Result<Vec<Described>, Vec<Finding>> {
    let finding = |problem: String, remedy: &str| {
        vec![Finding { key: "carriers.dir".to_owned(), origin: directory.display().to_string(), problem, remedy: remedy.to_owned() }]
    };
    let files = files(directory).map_err(|error| {
        finding(format!("cannot read the directory {}: {error}", directory.display()), "make the directory, or mend the setting")
    })?;
    if files.len() > FILES_MAX {
        return Err(finding(format!("more than {FILES_MAX} descriptions"), "keep other files elsewhere"));
    }
    let (mut all, mut findings) = (Vec::new(), Vec::new());
    for path in files {
        match file(&path, known) {
            Ok(described) => all.push(described),
            Err(mut found) => findings.append(&mut found),
        }
    }
    if findings.is_empty() { Ok(all) } else { Err(findings) }
}

fn files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads one description. Ids in `known` are taken.
///
/// # Errors
/// Everything that is wrong with it.
pub fn file(path: &Path, known: &[&str]) -> Result<Described, Vec<Finding>> {
    let mut found = Findings::new(path);
    let text = match read_bounded(path) {
        Ok(text) => text,
        Err(error) => {
            found.add("carriers.dir", 0, format!("cannot read the description: {error}"), "make it readable, or take it away");
            return Err(found.list);
        }
    };
    match serde_saphyr::from_str::<Description>(&text) {
        Ok(description) => compile(&description, known, &mut found).ok_or(found.list),
        Err(error) => {
            let line = error.location().map_or(0, |at| at.line());
            let told = error.without_snippet().to_string();
            let told = told.lines().next().unwrap_or("not a description").to_owned();
            found.add("description", line, told, "see \"Add a carrier in seven steps\" in src/carriers/README.md for the keys there are");
            Err(found.list)
        }
    }
}

/// A file up to [`FILE_BYTES_MAX`].
pub(super) fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, format!("more than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}
