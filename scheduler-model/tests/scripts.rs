//! Scripted tests of the cluster, in a language of ten words (see `scripts/README.md`). `REWRITE=1 cargo test -p
//! drover-model --test scripts` writes what the model does into the files, for a person to judge; `REWRITE=NAME` into one.

#![allow(unreachable_pub, reason = "modules of one test")]
#![allow(clippy::disallowed_methods, reason = "a test may read its environment")]

mod support;

#[path = "scripts/interpreter.rs"]
mod interpreter;

use std::{env, ffi::OsString, fmt::Write as _, fs, path::PathBuf};

use interpreter::Interpreter;

/// Runs every block of a file: commands, a line `----`, and what they did, up to an empty line.
fn run(path: &PathBuf) -> (String, String) {
    let expected = fs::read_to_string(path).expect("a script is readable");
    let mut interpreter = Interpreter::new();
    let mut actual = String::new();
    for block in expected.split("\n\n") {
        let (commands, _) = block.split_once("----").unwrap_or((block, ""));
        if !block.contains("----") {
            let _ = write!(actual, "{}\n\n", block.trim_end());
            continue;
        }
        let _ = writeln!(actual, "{}\n----", commands.trim_end());
        for command in commands
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
        {
            actual += &interpreter.run(command);
        }
        actual.push('\n');
    }
    (expected.trim_end().to_owned(), actual.trim_end().to_owned())
}

#[test]
fn scripts_do_what_they_say() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    assert!(files.len() >= 8, "the scripts are there");
    let rewrite = env::var_os("REWRITE");
    for path in files {
        let is_wanted = |wanted: &OsString| wanted == "1" || path.file_stem() == Some(wanted);
        if !rewrite.as_ref().is_none_or(is_wanted) {
            continue;
        }
        let (expected, actual) = run(&path);
        if rewrite.is_some() {
            fs::write(&path, actual + "\n").expect("a script is writable");
        } else {
            assert!(
                expected == actual,
                "{}:\n{}",
                path.display(),
                difference(&expected, &actual)
            );
        }
    }
}

fn difference(expected: &str, actual: &str) -> String {
    let mut lines = String::new();
    let (mut expected, mut actual) = (expected.lines(), actual.lines());
    loop {
        match (expected.next(), actual.next()) {
            (None, None) => return lines,
            (Some(left), Some(right)) if left == right => {
                let _ = writeln!(lines, "  {left}");
            }
            (left, right) => {
                let _ = writeln!(lines, "- {}\n+ {}", left.unwrap_or(""), right.unwrap_or(""));
            }
        }
    }
}
