//! What a client command has said.

use std::process::{ExitStatus, Output};

use drover_proto::v1::Job;

/// A client that has ended.
#[derive(Debug)]
pub struct Answer {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// What it has written to the standard output.
    ///
    /// # Panics
    /// When the exit code is not 0.
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert_eq!(self.code(), Some(0), "{self:#?}");
        self.stdout
    }

    /// What it has written to the standard error.
    ///
    /// # Panics
    /// When the exit code is another.
    #[track_caller]
    pub fn failed_with(self, code: i32) -> String {
        assert_eq!(self.code(), Some(code), "{self:#?}");
        self.stderr
    }

    /// The record of a job, of a command with `-o json`.
    ///
    /// # Panics
    /// When the command has failed, or has not shown one.
    #[track_caller]
    pub fn job(self) -> Job {
        let text = self.succeeded();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
