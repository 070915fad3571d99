//! `drover status`

use std::process::ExitCode;

use drover_proto::v1::Status;

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

pub(crate) async fn run(global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let answered = client.status().await?;
    match global.output {
        Format::Json => output::print_json(&answered.answer)?,
        Format::Text => output::print(&text(&answered.address, &answered.answer))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(address: &str, status: &Status) -> String {
    let leader = &status.leader_address;
    let role = match (status.leading, leader.is_empty()) {
        (true, _) => "leads".to_owned(),
        (false, true) => "standby; nobody leads as far as it knows".to_owned(),
        (false, false) => format!("standby of {leader}"),
    };
    let mut facts = vec![
        ("Coordinator", address.to_owned()),
        ("Version", status.version.clone()),
        ("Role", role),
        ("Epoch", status.epoch.to_string()),
    ];
    if status.leading {
        facts.extend([
            ("Open jobs", status.open_jobs.to_string()),
            ("Queued tasks", status.queued_tasks.to_string()),
            ("Active tasks", status.active_tasks.to_string()),
            ("Policy", status.policy.clone()),
        ]);
    }
    let mut text: String = facts
        .iter()
        .map(|(name, value)| format!("{name:<12} {}\n", output::printable(value)))
        .collect();
    if !status.counters.is_empty() {
        text += "\nSince it was started\n";
    }
    let width = status.counters.keys().map(String::len).max().unwrap_or(0);
    for (name, count) in &status.counters {
        let name = output::printable(name).replace('_', " ");
        text += &format!("  {name:width$}  {count}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_tells_what_it_has() {
        let status = Status {
            leading: true,
            epoch: 3,
            leader_address: "http://a:1".to_owned(),
            open_jobs: 2,
            version: "0.1.0".to_owned(),
            policy: "edf".to_owned(),
            counters: [("stale_reports".to_owned(), 7)].into(),
            ..Status::default()
        };
        assert_eq!(
            text("http://a:1", &status),
            "Coordinator  http://a:1\nVersion      0.1.0\nRole         leads\nEpoch        3\n\
             Open jobs    2\nQueued tasks 0\nActive tasks 0\nPolicy       edf\n\nSince it was started\n  stale reports  7\n"
        );
    }

    #[test]
    fn a_standby_names_its_leader() {
        let mut status = Status {
            leader_address: "http://a:1".to_owned(),
            ..Status::default()
        };
        let known = text("http://b:1", &status);
        assert!(known.contains("standby of http://a:1\n"), "{known}");
        assert!(!known.contains("Open jobs"), "{known}");
        status.leader_address.clear();
        let unknown = text("http://b:1", &status);
        assert!(unknown.contains("nobody leads"), "{unknown}");
    }
}
