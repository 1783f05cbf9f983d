//! Holds the layers of the program: modules import downwards only, and the science knows no files,
//! no terminal and no formats. Test modules inside files are exempt from nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The layer table: every top-level module with its layer. A module sees those of lower layers.
const LAYERS: &[(&str, u8)] = &[
    ("data", 0),
    ("observe", 0),
    ("numeric", 1),
    ("spatial", 1),
    ("graph", 1),
    ("noise", 2),
    ("prior", 2),
    ("stain", 2),
    ("compartments", 2),
    ("composition", 2),
    ("clustering", 2),
    ("cells", 2),
    ("polygons", 2),
    ("bmm", 2),
    ("config", 3),
    ("io", 3),
    ("report", 3),
    ("pipeline", 4),
    ("cli", 5),
];

/// Imports inside a layer: graph -> spatial -> numeric. All others are strangers to one another.
const NEIGHBORS: &[(&str, &str)] = &[("graph", "spatial"), ("graph", "numeric"), ("spatial", "numeric")];

/// The highest layer that knows no outside world.
const LAST_PURE_LAYER: u8 = 2;
/// Modules of the standard library that pure layers do not touch.
const IMPURE_STD: &[&str] = &["env", "fs", "io", "net", "path", "process"];
/// Crates that pure layers do not touch.
const IMPURE_CRATES: &[&str] = &[
    "anyhow",
    "clap",
    "close_err",
    "flate2",
    "geojson",
    "hdf5_metno",
    "indicatif",
    "png",
    "polars",
    "polars_arrow",
    "polars_arrow_format",
    "polars_parquet",
    "polars_parquet_format",
    "roxmltree",
    "rustix",
    "serde",
    "serde_json",
    "signal_hook",
    "tiff",
    "toml",
];
/// Macros that print.
const PRINTING: &[&str] = &["dbg", "eprint", "eprintln", "print", "println"];

#[test]
fn sources_import_downwards_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect_sources(&root, &mut files).expect("readable sources");
    files.sort();
    assert!(files.len() > LAYERS.len(), "found {} files only under {}", files.len(), root.display());
    let found: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(file).expect("a readable source file");
            let name = file.strip_prefix(&root).expect("a path under src").to_string_lossy().replace('\\', "/");
            violations(&name, &text)
        })
        .collect();
    assert!(found.is_empty(), "imports against the layers:\n{}", found.join("\n"));
}

#[test]
fn layer_table_lists_every_module() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("src/lib.rs");
    let tokens = tokens(&without_comments(&text));
    let mut declared: Vec<&str> =
        tokens.windows(2).filter(|pair| pair[0].text == "mod").map(|pair| pair[1].text.as_str()).collect();
    let mut listed: Vec<&str> = LAYERS.iter().map(|&(module, _)| module).collect();
    declared.sort_unstable();
    listed.sort_unstable();
    assert_eq!(declared, listed, "src/lib.rs and the table in tests/architecture.rs differ");
}

#[test]
fn planted_violations_are_caught_with_their_lines() {
    let caught = |file: &str, text: &str| violations(file, text).join("\n");
    let cases = [
        // Upwards, sideways and unknown; plain, in groups, in the middle of an expression.
        ("bmm/state.rs", "\nuse crate::io::atomic;\n", "src/bmm/state.rs:2: bmm must not use io"),
        ("bmm/mod.rs", "use crate::noise::fit;", "src/bmm/mod.rs:1: bmm must not use noise"),
        ("io/mod.rs", "use crate::config::File;", "src/io/mod.rs:1: io must not use config"),
        (
            "numeric/reduce.rs",
            "fn f() { crate::spatial::g() }",
            "src/numeric/reduce.rs:1: numeric must not use spatial",
        ),
        ("data/ids.rs", "use crate::{\n  data::A,\n  graph::{B, C},\n};", "src/data/ids.rs:3: data must not use graph"),
        ("cells/mod.rs", "pub(crate) use crate :: pipeline :: run;", "src/cells/mod.rs:1: cells must not use pipeline"),
        ("cells/mod.rs", "use crate::secrets::A;", "src/cells/mod.rs:1: 'secrets' is not in the layer table"),
        ("cells/mod.rs", "use crate::*;", "src/cells/mod.rs:1: '*' is not in the layer table"),
        ("cells/stats.rs", "use super::super::noise::A;", "src/cells/stats.rs:1: cells must not use noise"),
        ("main.rs", "fn main() { baysor::pipeline::run() }", "src/main.rs:1: main.rs must not use pipeline"),
        // The outside world in pure layers, test modules included.
        ("graph/build.rs", "use std::fs;", "src/graph/build.rs:1: graph must not use std::fs"),
        ("graph/build.rs", "use std::{fmt, io::{self, Read}};", "src/graph/build.rs:1: graph must not use std::io"),
        ("noise/mod.rs", "mod tests {\n fn f() { println!(\"a\") }\n}", "src/noise/mod.rs:2: noise must not print"),
        ("prior/mod.rs", "#[derive(serde::Serialize)]\nstruct A;", "src/prior/mod.rs:1: prior must not use serde"),
        ("polygons/mod.rs", "use ::polars::prelude::*;", "src/polygons/mod.rs:1: polygons must not use polars"),
        ("observe.rs", "use clap::Parser;", "src/observe.rs:1: observe must not use clap"),
    ];
    for (file, text, expected) in cases {
        assert!(caught(file, text).contains(expected), "{text:?} in {file} gave {:?}", caught(file, text));
    }
}

#[test]
fn good_imports_comments_and_texts_are_no_violations() {
    let cases = [
        (
            "bmm/state.rs",
            "use crate::data::{A, B};\nuse crate::graph::Graph;\nuse crate::bmm::params::P;\nuse super::A;",
        ),
        ("graph/build.rs", "use crate::spatial::kdtree;\nuse crate::numeric::reduce;\nuse std::ops::Range;"),
        ("io/export/tsv.rs", "use crate::cells::CellCounts;\nuse std::fs;\nuse polars::prelude::*;"),
        ("pipeline/run.rs", "use crate::{bmm, config, io::{self, atomic}};"),
        ("cells/mod.rs", "//! Not [`crate::io`].\n/* use crate::io; /* nested */ println!() */ pub(crate) fn f() {}"),
        ("cells/mod.rs", "const A: &str = \"crate::io println!(\\\"\"; const B: &str = r#\"use \" crate::io;\"#;"),
        ("cells/mod.rs", "fn f<'a>(x: &'a str) -> char { if x.is_empty() { '\"' } else { '\\'' } }"),
        ("main.rs", "fn main() { baysor::cli::main() }"),
        ("lib.rs", "pub mod cli;\npub mod data;"),
    ];
    for (file, text) in cases {
        assert_eq!(violations(file, text), Vec::<String>::new(), "{text:?} in {file}");
    }
}

fn collect_sources(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// What is wrong with one source file, a line each. `file` is its path below `src`.
fn violations(file: &str, text: &str) -> Vec<String> {
    let tokens = tokens(&without_comments(text));
    let module = file.split(['/', '.']).next().unwrap_or_default();
    let mut found = Vec::new();
    if module == "lib" {
        return found;
    }
    let mut report = |line: usize, what: String| found.push(format!("src/{file}:{line}: {what}"));
    for used in used_modules(file, &tokens) {
        match layer_of(&used.text) {
            None => report(used.line, format!("'{}' is not in the layer table of tests/architecture.rs", used.text)),
            Some(_) if module == "main" => {
                if used.text != "cli" {
                    report(used.line, format!("main.rs must not use {}", used.text));
                }
            }
            Some(_) if may_use(module, &used.text) => {}
            Some(_) => report(used.line, format!("{module} must not use {}", used.text)),
        }
    }
    if layer_of(module).is_some_and(|layer| layer <= LAST_PURE_LAYER) {
        for (line, what) in impurities(&tokens) {
            report(line, format!("{module} must not {what}"));
        }
    }
    found
}

fn layer_of(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|&(_, layer)| layer)
}

fn may_use(module: &str, used: &str) -> bool {
    module == used || layer_of(used) < layer_of(module) || NEIGHBORS.contains(&(module, used))
}

/// Top-level modules that a file names, by `crate::…`, `baysor::…` or enough of `super::…`.
fn used_modules(file: &str, tokens: &[Token]) -> Vec<Token> {
    // `a/mod.rs` and `a.rs` are one module below the crate, `a/b.rs` two.
    let depth = file.split('/').filter(|part| *part != "mod.rs").count();
    let mut used = Vec::new();
    let mut supers = 0;
    for (idx, token) in tokens.iter().enumerate() {
        let leads_on = tokens.get(idx + 1).is_some_and(|next| next.text == "::");
        match token.text.as_str() {
            "crate" | "baysor" if leads_on => used.extend(first_segments(&tokens[idx + 2..])),
            "super" if leads_on => {
                supers += 1;
                if supers == depth && tokens.get(idx + 2).is_some_and(|next| next.text != "super") {
                    used.extend(first_segments(&tokens[idx + 2..]).into_iter().filter(|t| layer_of(&t.text).is_some()));
                }
            }
            "::" if supers > 0 => {}
            _ => supers = 0,
        }
    }
    used
}

/// The first segments of a path or of every path in a group `{a::b, c}`.
fn first_segments(tokens: &[Token]) -> Vec<Token> {
    if tokens.first().is_none_or(|token| token.text != "{") {
        return tokens.first().cloned().into_iter().collect();
    }
    let (mut level, mut expected, mut segments) = (0, false, Vec::new());
    for token in tokens {
        match token.text.as_str() {
            "{" => {
                level += 1;
                expected = level == 1;
            }
            "}" => {
                level -= 1;
                if level == 0 {
                    break;
                }
            }
            "," if level == 1 => expected = true,
            _ if expected => {
                segments.push(token.clone());
                expected = false;
            }
            _ => {}
        }
    }
    segments
}

/// Uses of the outside world.
fn impurities(tokens: &[Token]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (idx, token) in tokens.iter().enumerate() {
        let next = tokens.get(idx + 1).map_or("", |next| next.text.as_str());
        let name = token.text.as_str();
        if name == "std" && next == "::" {
            for segment in first_segments(&tokens[idx + 2..]) {
                if IMPURE_STD.contains(&segment.text.as_str()) {
                    found.push((segment.line, format!("use std::{}", segment.text)));
                }
            }
        } else if IMPURE_CRATES.contains(&name) {
            found.push((token.line, format!("use {name}")));
        } else if PRINTING.contains(&name) && next == "!" {
            found.push((token.line, format!("print ({name}!)")));
        }
    }
    found
}

/// A word, `::`, or a single other character, with its line counted from 1.
#[derive(Clone, Debug)]
struct Token {
    text: String,
    line: usize,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (line, content) in text.lines().enumerate() {
        let mut rest = content.trim_start();
        while let Some(first) = rest.chars().next() {
            let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
            let length = if is_word(first) {
                rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push(Token { text: rest[..length].to_owned(), line: line + 1 });
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// The source with comments, texts and characters blanked out; lines stay where they are.
fn without_comments(source: &str) -> String {
    let mut kept = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let after_word = kept.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment_length(rest)
        } else if first == '"' {
            1 + text_length(&rest[1..])
        } else if first == 'r' && !after_word && raw_text_length(rest) > 0 {
            raw_text_length(rest)
        } else if first == '\'' {
            character_length(rest)
        } else {
            kept.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        kept.extend(rest[..length].chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }));
        rest = &rest[length..];
    }
    kept
}

/// Length of a block comment, comments inside it included.
fn block_comment_length(rest: &str) -> usize {
    let (mut level, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            level += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            level -= 1;
            at += 2;
            if level == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// Length of a text from after its opening quote to its closing one.
fn text_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices() {
        match letter {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

/// Length of a raw text `r#"…"#`, 0 if there is none.
fn raw_text_length(rest: &str) -> usize {
    let hashes = rest[1..].chars().take_while(|&letter| letter == '#').count();
    let Some(body) = rest[1 + hashes..].strip_prefix('"') else { return 0 };
    let end = format!("\"{}", "#".repeat(hashes));
    body.find(&end).map_or(rest.len(), |at| 2 + hashes + at + end.len())
}

/// Length of a character such as `'a'` or `'\n'`; 1 for the quote of a lifetime.
fn character_length(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    match (letters.next(), letters.next()) {
        (Some((_, '\\')), Some(_)) => letters.find(|&(_, letter)| letter == '\'').map_or(rest.len(), |(at, _)| at + 1),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}
