//! The architecture as a test: a file may use what is above its layer and what is in it, and nothing below.
//!
//! What is read is the text of the sources, without comments and without the unit tests at their ends.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

/// From the top down. A layer is a list of modules of the crate's root.
const LAYERS: [(&str, &[&str]); 6] = [
    ("words", &["time", "id", "region", "policy", "guest", "status", "random"]),
    ("talk", &["observe", "fault", "call", "command", "event", "step", "name"]),
    ("decide", &["instance"]),
    ("keep", &["persist", "trace"]),
    ("do", &["port", "driver", "adapter", "host"]),
    ("prove", &["testkit"]),
];

/// Arrows that point down all the same: from, to, and why that is right.
const EXCEPTIONS: [(&str, &str, &str); 3] = [
    (
        "id",
        "call",
        "an operation's id holds the kind of its call, so that an answer of one kind is never taken for another's",
    ),
    ("call", "instance", "a delete carries the proof that only the disposal list can make"),
    ("step", "instance", "a step holds the instance that it results in"),
];

/// The only ones that may name `std`: they do I/O, or serve tests.
const WITH_STD: [&str; 3] = ["adapter", "host", "testkit"];

struct Source {
    /// Below `src`.
    file: String,
    /// Its module, from the root of the crate.
    module: Vec<String>,
    code: String,
}

impl Source {
    fn root(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }
}

fn sources() -> Vec<Source> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&base, &base, &mut found);
    found.sort_by(|a, b| a.file.cmp(&b.file));
    found
}

fn collect(base: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("src can be read") {
        let path = entry.expect("src can be read").path();
        if path.is_dir() {
            collect(base, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inside = path.strip_prefix(base).expect("is below src").with_extension("");
            let mut module: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            module.pop_if(|last| last == "mod");
            let code = code(&fs::read_to_string(&path).expect("a source is text"));
            found.push(Source { file: inside.with_extension("rs").display().to_string(), module, code });
        }
    }
}

/// The text without comments, and without what follows the first `#[cfg(test)]`.
fn code(text: &str) -> String {
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, modules)| modules.contains(&module))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What follows each `path` that stands for itself, for example each `crate::`.
fn after<'a>(code: &'a str, path: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(path).filter_map(move |(at, _)| {
        let (before, rest) = (code.get(..at)?, code.get(at + path.len()..)?);
        (!before.ends_with(|c| is_word(c) || c == ':' || c == '$')).then_some(rest)
    })
}

/// The first names of a path or of a group of paths: `a` of `a::b`; `a` and `c` of `{a::{b, d}, c}`.
fn first_names(path: &str) -> Vec<String> {
    let word = |text: &str| text.trim_start().chars().take_while(|c| is_word(*c)).collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![word(path)] };
    let (mut depth, mut names, mut part) = (0_u32, Vec::new(), String::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(word(&std::mem::take(&mut part))),
            other if depth == 0 => part.push(other),
            _ => {}
        }
    }
    names.push(word(&part));
    names.retain(|name| !name.is_empty());
    names
}

/// The modules of the crate's root that a source uses.
fn uses(source: &Source) -> BTreeSet<String> {
    let mut used: BTreeSet<String> = after(&source.code, "crate::").flat_map(first_names).collect();
    let up = "super::".repeat(source.module.len());
    let climbed = after(&source.code, &up).flat_map(first_names);
    used.extend(climbed.filter(|name| layer(name).is_some()));
    used
}

#[test]
fn every_file_belongs_to_a_layer() {
    let strange: Vec<String> = sources()
        .into_iter()
        .filter(|source| source.file != "lib.rs" && layer(source.root()).is_none())
        .map(|source| source.file)
        .collect();
    assert_eq!(strange, Vec::<String>::new(), "files without a layer; add their module to LAYERS");
}

#[test]
fn arrows_point_up() {
    let mut wrong = Vec::new();
    let mut excused = BTreeSet::new();
    for source in sources().iter().filter(|source| source.file != "lib.rs") {
        let from = source.root();
        for to in uses(source) {
            let (Some(at), Some(target)) = (layer(from), layer(&to)) else {
                wrong.push(format!("{}: crate::{to} is no module; name the one it lives in", source.file));
                continue;
            };
            if target <= at {
                continue;
            }
            match EXCEPTIONS.iter().find(|(user, used, _)| *user == from && *used == to) {
                Some((user, used, _)) => {
                    excused.insert((*user, *used));
                }
                None => wrong.push(format!("{}: `{}` may not use crate::{to}", source.file, LAYERS[at].0)),
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    let listed: BTreeSet<_> = EXCEPTIONS.iter().map(|(user, used, _)| (*user, *used)).collect();
    assert_eq!(excused, listed, "an exception that is not needed any more has to go");
}

#[test]
fn std_is_named_only_where_there_is_io() {
    let named: Vec<String> = sources()
        .into_iter()
        .filter(|source| !WITH_STD.contains(&source.root()) && source.file != "lib.rs")
        .filter(|source| after(&source.code, "std::").next().is_some() || source.code.contains("extern crate std"))
        .map(|source| source.file)
        .collect();
    assert_eq!(named, Vec::<String>::new());
    let root = sources().into_iter().find(|source| source.file == "lib.rs").expect("there is a lib.rs").code;
    assert!(root.contains("#![no_std]"));
    let declared: Vec<&str> = root.lines().map(str::trim).filter(|line| line.contains("std;")).collect();
    assert_eq!(declared, ["extern crate std;"]);
}

#[test]
fn the_reader_of_paths_reads_paths() {
    let text = "use crate::{call::{Call, Done}, id::OpId};\nlet x = crate::step::Input::Alarm; // crate::testkit\nuse super::Held;\n\
                use super::super::port;\n#[cfg(test)]\nmod tests { use crate::testkit; }";
    let module = vec!["driver".to_string(), "outcome".to_string()];
    let source = Source { file: "driver/outcome.rs".to_string(), module, code: code(text) };
    assert_eq!(uses(&source), BTreeSet::from(["call", "id", "port", "step"].map(String::from)));
}
