//! Holds the house as it was built: layers, owners of outside crates, sizes, words and documents.
//! Each test collects everything that is out of place before it fails.
#![allow(clippy::unwrap_used, clippy::string_slice, reason = "a file that cannot be read or a broken pattern shall stop the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const THIS_FILE: &str = "tests/tidy.rs";

/// Outside crates (and the environment) with the folders of `src` that may use them.
const OWNERS: [(&str, &[&str]); 11] = [
    (r"\brdkafka\b", &["kafka"]),
    (r"\bsled\b", &["store"]),
    (r"\breqwest\b", &["outbound"]),
    (r"\bschema_registry_converter\b", &["schema"]),
    (r"\bapache_avro\b", &["schema"]),
    (r"\bprometheus\b", &["telemetry"]),
    (r"\baxum\b", &["telemetry", "services/dev"]),
    (r"\bjiff\b", &["domain", "carriers", "odoo", "telemetry"]),
    (r"\bopenssl::", &["carriers/signature"]),
    (r"\bicu_normalizer\b", &["carriers/signature"]),
    (r"\benv::(vars?|vars?_os|set_var|remove_var)\b", &["config"]),
];

/// Words that promise work instead of doing it, or praise instead of telling.
const BANNED_WORDS: &str =
    r"\b(TODO|FIXME|HACK)\b|(?i-u:\b(seamless(ly)?|leverag(e|es|ing)|utili[sz]e[sd]?|blazing(ly)?|best-in-class|world-class)\b)";

/// Hosts of package registries, and places that exist on one machine only.
const FOREIGN_PLACES: &str = r"((static|index)\.crates\.io|pypi\.org|pythonhosted\.org|registry\.npmjs\.org|repo1?\.maven\.(org|apache\.org))|(^|[^\w.])/(root|home|Users|work)/\w";

struct Source {
    /// From the root of the repository, with forward slashes.
    path: String,
    text: String,
    /// The text without comments and without what stands in quotes, line for line.
    code: String,
}

impl Source {
    /// The folders below `src`: `services/dev/broker` for `src/services/dev/broker.rs`.
    fn place(&self) -> Option<&str> {
        self.path.strip_prefix("src/")
    }

    fn room(&self) -> Option<&str> {
        self.place()?.split_once('/').map(|(room, _)| room)
    }

    /// The code that ships: tests stand at the end of a file or in files of their own.
    fn shipped_code(&self) -> &str {
        let is_test = |name: &str| name == "tests.rs" || name == "testing.rs" || name.ends_with("_tests.rs");
        if self.room().is_none_or(|room| room == "testkit") && self.place() != Some("main.rs") && self.place() != Some("lib.rs") {
            return "";
        }
        if self.path.split('/').any(|part| is_test(part) || part == "tests") {
            return "";
        }
        let module = Regex::new(r"#\[cfg\(test\)\]\s*(#\[path[^\]]*\]\s*)?(pub(\([a-z]+\))? )?mod ").unwrap();
        module.find(&self.code).map_or(self.code.as_str(), |found| &self.code[..found.start()])
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_sources() -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in ["src", "tests", "benches", "fuzz/src", "fuzz/targets"] {
        walk(&root().join(folder), &mut paths);
    }
    assert!(paths.len() > 20, "the sources were not found");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        Source { path, code: code_only(&text), text }
    };
    paths.into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "rs")).map(read).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
    found.sort();
}

/// The rooms in their order, as the map in `lib.rs` has them. The testkit stands below all others.
fn rooms() -> Vec<String> {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let named = Regex::new(r"(?m)^//! - \[?`(\w+)`\]?:").unwrap();
    let mut rooms: Vec<String> = named.captures_iter(&map).map(|found| found[1].to_owned()).filter(|room| room != "testkit").collect();
    rooms.push("testkit".to_owned());
    rooms
}

/// Blanks comments, strings and characters; keeps line ends.
fn code_only(text: &str) -> String {
    let comment = r"//[^\n]*|/\*.*?\*/";
    let raw = r###"r"[^"]*"|r#".*?"#|r##".*?"##"###;
    let rawest = r####"r###".*?"###"####;
    let text_or_char = r#"b?"(?:\\.|[^"\\])*"|b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[0-9a-fA-F]+\}|.)|[^\\'\n])'"#;
    let quoted = Regex::new(&format!("(?s){comment}|{rawest}|{raw}|{text_or_char}")).unwrap();
    let blank = |found: &regex::Captures<'_>| found[0].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect::<String>();
    quoted.replace_all(text, blank).into_owned()
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Names of rooms that the code refers to, with the line: `crate::a::…` and `crate::{a::…, b}`.
fn referred_rooms(code: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for path in Regex::new(r"\b(?:crate|waybill)::(\w+|\{)").unwrap().captures_iter(code) {
        let whole = path.get(1).unwrap();
        if whole.as_str() != "{" {
            found.push((whole.as_str().to_owned(), line_of(code, whole.start())));
            continue;
        }
        let mut depth = 0;
        let mut at_start = false;
        for (i, c) in code[whole.start()..].char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && at_start && (c.is_alphanumeric() || c == '_') {
                let from = whole.start() + i;
                let name: String = code[from..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                found.push((name, line_of(code, from)));
            }
            at_start = (depth == 1 && matches!(c, '{' | ',')) || (at_start && c.is_whitespace());
        }
    }
    found
}

/// Name, first line and length in lines of every function with a body.
fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for head in Regex::new(r"\bfn\s+(\w+)").unwrap().captures_iter(code) {
        let start = head.get(0).unwrap().start();
        let (mut round, mut curly) = (0, 0);
        for (i, c) in code[start..].char_indices() {
            match c {
                '(' | '[' => round += 1,
                ')' | ']' => round -= 1,
                '{' if round == 0 || curly > 0 => curly += 1,
                '}' if curly > 0 => curly -= 1,
                ';' if round == 0 && curly == 0 => break,
                _ => continue,
            }
            if c == '}' && curly == 0 {
                let first = line_of(code, start);
                found.push((head[1].to_owned(), first, line_of(code, start + i) - first + 1));
                break;
            }
        }
    }
    found
}

#[track_caller]
fn tidy(rule: &str, out_of_place: Vec<String>) {
    assert!(out_of_place.is_empty(), "{rule}:\n  {}", out_of_place.join("\n  "));
}

#[test]
fn the_map_names_every_room() {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules: BTreeSet<String> =
        Regex::new(r"(?m)^pub mod (\w+);").unwrap().captures_iter(&map).map(|found| found[1].to_owned()).collect();
    let named: BTreeSet<String> = rooms().into_iter().filter(|room| room != "testkit" || modules.contains("testkit")).collect();
    assert_eq!(modules, named);
}

#[test]
fn a_room_uses_only_rooms_above_it() {
    let rooms = rooms();
    let height = |room: &str| rooms.iter().position(|known| known == room);
    let mut wrong = Vec::new();
    for source in rust_sources() {
        let Some(room) = source.room() else { continue };
        let Some(here) = height(room) else {
            wrong.push(format!("{}: not in a room", source.path));
            continue;
        };
        let shipped_lines = source.shipped_code().lines().count();
        for (used, line) in referred_rooms(&source.code) {
            let in_test = line > shipped_lines;
            if height(&used).is_some_and(|there| there > here) && !(in_test && used == "testkit") {
                wrong.push(format!("{}:{line}: {room} uses {used}", source.path));
            }
        }
    }
    tidy("a room may use only rooms above it in the list of lib.rs", wrong);
}

#[test]
fn every_outside_crate_has_one_owner() {
    let mut wrong = Vec::new();
    for (pattern, owners) in OWNERS {
        let used = Regex::new(pattern).unwrap();
        for source in rust_sources() {
            let Some(place) = source.place() else { continue };
            let owned = |owner: &str| place.strip_prefix(owner).is_some_and(|rest| rest.starts_with(['/', '.']));
            if owners.iter().any(|owner| owned(owner)) {
                continue;
            }
            let code = source.shipped_code();
            if let Some(found) = used.find(code) {
                let line = line_of(code, found.start());
                wrong.push(format!("{}:{line}: {} belongs to {}", source.path, found.as_str(), owners.join(", ")));
            }
        }
    }
    tidy("one outside crate has one owner", wrong);
}

#[test]
fn files_and_functions_are_short() {
    let mut wrong = Vec::new();
    for source in rust_sources() {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{}: {lines} lines", source.path));
        }
        let long = functions(&source.code).into_iter().filter(|(.., lines)| *lines > FUNCTION_LINES_MAX);
        wrong.extend(long.map(|(name, first, lines)| format!("{}:{first}: {name} has {lines} lines", source.path)));
    }
    tidy(&format!("files have at most {FILE_LINES_MAX} lines, functions {FUNCTION_LINES_MAX}"), wrong);
}

#[test]
fn shipped_code_has_no_shortcuts() {
    let shortcut =
        Regex::new(r"\.unwrap\(\)|\.expect\(|\bdbg!|\btodo!|\bunimplemented!|\bpanic!|\bunreachable!|\bprintln!|\beprintln!").unwrap();
    let mut wrong = Vec::new();
    for source in rust_sources() {
        let code = source.shipped_code();
        wrong.extend(shortcut.find_iter(code).map(|f| format!("{}:{}: {}", source.path, line_of(code, f.start()), f.as_str())));
    }
    tidy("no panics, no prints and no half-done work in what ships", wrong);
}

#[test]
fn every_room_says_what_it_owns_takes_and_gives() {
    let sentence_end = Regex::new(r"[.!?](\s|$)").unwrap();
    let mut wrong = Vec::new();
    for room in rooms() {
        let path = format!("src/{room}/mod.rs");
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        let opening: Vec<&str> =
            text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).take_while(|l| !l.is_empty()).collect();
        let sentences = sentence_end.find_iter(&opening.join(" ")).count();
        if !(2..=5).contains(&sentences) {
            wrong.push(format!("{path}: opens with {sentences} sentences"));
        }
    }
    tidy("a room's mod.rs opens with about three sentences: what it owns, what comes in, what goes out", wrong);
}

#[test]
fn every_metric_is_documented() {
    let name = Regex::new(r"\bwaybill_[a-z_]+\b").unwrap();
    let names = |text: &str| -> BTreeSet<String> { name.find_iter(text).map(|found| found.as_str().to_owned()).collect() };
    let code = fs::read_to_string(root().join("src/telemetry/metrics.rs")).unwrap();
    let shipped = code.split("#[cfg(test)]").next().unwrap();
    let documented = names(&fs::read_to_string(root().join("docs/metrics.md")).unwrap());
    assert_eq!(names(shipped), documented, "left: metrics.rs, right: docs/metrics.md");
    let elsewhere = rust_sources().into_iter().filter(|source| source.room().is_some_and(|room| room != "telemetry"));
    let quoted = Regex::new(r#""waybill_[a-z_]+_(total|seconds|bytes|records|info)""#).unwrap();
    tidy("metrics have names in telemetry only", elsewhere.filter(|source| quoted.is_match(&source.text)).map(|s| s.path).collect());
}

#[test]
fn words_and_places_are_our_own() {
    // Without git (an unpacked archive) there is no list of what belongs to the project.
    let Ok(listed) = Command::new("git").args(["ls-files", "-z", "-co", "--exclude-standard"]).current_dir(root()).output() else {
        eprintln!("skipped: git is not installed");
        return;
    };
    let (words, places) = (Regex::new(BANNED_WORDS).unwrap(), Regex::new(FOREIGN_PLACES).unwrap());
    let mut wrong = Vec::new();
    for path in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|path| !path.is_empty() && *path != THIS_FILE) {
        let Ok(text) = fs::read_to_string(root().join(path)) else { continue };
        let is_prose = [".rs", ".md", ".toml", ".yaml", ".yml"].iter().any(|end| path.ends_with(end));
        for (number, line) in text.lines().enumerate() {
            let word = words.find(line).filter(|_| is_prose);
            let place = places.find(line).filter(|_| path != "Cargo.lock");
            wrong.extend(word.into_iter().chain(place).map(|found| format!("{path}:{}: {}", number + 1, found.as_str())));
        }
    }
    tidy("no banned words, no hosts of package registries, no paths of one machine", wrong);
}

#[test]
fn the_reader_of_code_is_not_fooled() {
    let text =
        "use crate::{domain::a, store as s,\n  kafka::{x, engine}}; // crate::cli\nlet a = \"crate::cli\"; let b = '\"'; crate::odoo::c();";
    let used: Vec<String> = referred_rooms(&code_only(text)).into_iter().map(|(room, _)| room).collect();
    assert_eq!(used, ["domain", "store", "kafka", "odoo"]);
    let text = "trait T { fn a(k: [u8; 16]);\n fn b(&self) -> [u8; 2] { [0; 2] }\n}\nfn c() {\n  let s = r#\"}\"#;\n  if x { '}' }\n}\n";
    let found = functions(&code_only(text));
    assert_eq!(found, [("b".to_owned(), 2, 1), ("c".to_owned(), 4, 4)]);
}
