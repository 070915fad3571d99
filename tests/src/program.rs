//! The program under test.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Configure the program from outside; tests must not depend on who runs them.
const SETTINGS: [&str; 7] = [
    "DATABASE_URL",
    "DROVER_ADDRESS",
    "DROVER_COORDINATOR",
    "PIPELINE_OUT",
    "RELEASE_OUT",
    "RUST_LOG",
    "TRACEPARENT",
];

/// The program `drover` of the same build as the test.
///
/// # Panics
/// When it has not been built.
pub fn drover() -> PathBuf {
    let program = built("drover");
    assert!(
        program.is_file(),
        "{} is not built; run scripts/test or cargo build --workspace --bins",
        program.display()
    );
    program
}

/// The program `drover-learner` of the same build as the test; `None`, said loudly, where it was not built for want of libtorch.
pub fn learner() -> Option<PathBuf> {
    let program = built("drover-learner");
    if program.is_file() {
        return Some(program);
    }
    eprintln!(
        "SKIPPED: {} is not built, which needs libtorch; run scripts/libtorch and scripts/test",
        program.display()
    );
    None
}

/// Whether or not it is there.
fn built(program: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a program");
    let profile = test.ancestors().nth(2).expect("TARGET/PROFILE/deps/TEST");
    profile.join(program)
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is a folder of the repository")
}

/// A command without the settings of whoever runs the tests.
pub fn clean_command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in SETTINGS {
        command.env_remove(name);
    }
    command
}
