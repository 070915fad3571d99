//! What the machine under the measurement can do at that moment, by yardsticks that everybody knows.

use std::{
    io::Write as _,
    path::Path,
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::error::BenchError;

const SYNC_FOR: Duration = Duration::from_secs(2);
const SYNC_BYTES: usize = 8_192;
const PGBENCH_SECONDS: &str = "5";

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Yardsticks {
    /// Appends of 8 KiB, each followed by fdatasync, per second.
    pub(crate) fdatasync_per_second: f64,
    pub(crate) pgbench: Option<Pgbench>,
}

/// Transactions per second of `pgbench --builtin simple-update` on the same server.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Pgbench {
    pub(crate) one_client: f64,
    pub(crate) sixteen_clients: f64,
}

impl Yardsticks {
    /// `postgres` is the address of a server to be measured with pgbench, if there is such a program.
    pub(crate) async fn measure(
        directory: &Path,
        postgres: Option<&str>,
    ) -> Result<Self, BenchError> {
        let at = directory.to_owned();
        let syncs = tokio::task::spawn_blocking(move || syncs_per_second(&at))
            .await
            .expect("no panic");
        let pgbench = match postgres {
            Some(url) => pgbench(url).await?,
            None => None,
        };
        Ok(Self {
            fdatasync_per_second: syncs?,
            pgbench,
        })
    }
}

fn syncs_per_second(directory: &Path) -> Result<f64, BenchError> {
    let failed = || BenchError::io(format!("write and sync a file in {}", directory.display()));
    let mut file = tempfile::tempfile_in(directory).map_err(failed())?;
    let block = [0x5a; SYNC_BYTES];
    let began = Instant::now();
    let mut syncs = 0_u32;
    while began.elapsed() < SYNC_FOR {
        file.write_all(&block)
            .and_then(|()| file.sync_data())
            .map_err(failed())?;
        syncs += 1;
    }
    Ok(f64::from(syncs) / began.elapsed().as_secs_f64())
}

/// In a schema of its own, which is gone afterwards.
async fn pgbench(url: &str) -> Result<Option<Pgbench>, BenchError> {
    let server = Server {
        url,
        schema: format!("drover_pgbench_{}", std::process::id()),
    };
    match server
        .execute(&format!("CREATE SCHEMA {};", server.schema))
        .await
    {
        Err(BenchError::Io { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        outcome => outcome?,
    }
    let measured = server.measure().await;
    server
        .execute(&format!("DROP SCHEMA {} CASCADE;", server.schema))
        .await?;
    measured.map(Some)
}

struct Server<'a> {
    url: &'a str,
    schema: String,
}

impl Server<'_> {
    async fn measure(&self) -> Result<Pgbench, BenchError> {
        self.run(&["--initialize", "--quiet", "--scale=1"], "")
            .await?;
        Ok(Pgbench {
            one_client: self.rate("1").await?,
            sixteen_clients: self.rate("16").await?,
        })
    }

    async fn rate(&self, clients: &str) -> Result<f64, BenchError> {
        let flags = [
            "--no-vacuum",
            "--builtin=simple-update",
            "--jobs=1",
            "--client",
            clients,
            "--time",
            PGBENCH_SECONDS,
        ];
        let output = self.run(&flags, "").await?;
        let text = String::from_utf8_lossy(&output.stdout);
        transactions_per_second(&text)
            .ok_or_else(|| failed(format!("its answer is not understood: {text}")))
    }

    async fn execute(&self, statement: &str) -> Result<(), BenchError> {
        self.run(&["--no-vacuum", "--transactions=1", "--file=-"], statement)
            .await
            .map(drop)
    }

    async fn run(&self, flags: &[&str], input: &str) -> Result<Output, BenchError> {
        let start = || BenchError::io("run pgbench");
        let mut child = Command::new("pgbench")
            .args(flags)
            // Not as an argument: everybody sees those, and the address may hold a password.
            .env("PGDATABASE", self.url)
            .env("PGOPTIONS", format!("-c search_path={}", self.schema))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(start())?;
        if let Some(mut pipe) = child.stdin.take() {
            // One that does not read it says why at its end.
            let _ = pipe.write_all(input.as_bytes()).await;
        }
        let output = child.wait_with_output().await.map_err(start())?;
        if output.status.success() {
            Ok(output)
        } else {
            Err(failed(
                String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            ))
        }
    }
}

fn failed(problem: String) -> BenchError {
    BenchError::Program {
        program: "pgbench",
        problem,
    }
}

fn transactions_per_second(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_pgbench_prints() {
        let text = "latency average = 0.5 ms\ntps = 1843.21 (without initial connection time)\n";
        assert_eq!(transactions_per_second(text), Some(1843.21));
        assert_eq!(transactions_per_second("no"), None);
    }
}
