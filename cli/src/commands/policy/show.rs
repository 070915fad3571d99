//! `drover policy show`

use std::process::ExitCode;

use drover_proto::v1::{GetPolicyRequest, PolicyVersion};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  drover policy show learned-7")]
pub(crate) struct Args {
    /// A version that `drover policy list` shows
    version: String,
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let request = GetPolicyRequest {
        version: args.version,
    };
    let version = client.policy(request).await?;
    match global.output {
        Format::Json => output::print_json(&version)?,
        Format::Text => output::print(&text(&version))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What nobody has said is left out.
pub(super) fn text(version: &PolicyVersion) -> String {
    let origin = version.origin.clone().unwrap_or_default();
    let is_built_in = version.sha256.is_empty();
    let facts = [
        ("Version", version.version.clone()),
        (
            "Kind",
            if is_built_in { "built in" } else { "network" }.to_owned(),
        ),
        ("State", output::policy_state(version.state())),
        ("Created", output::time(version.create_time.as_ref())),
        ("SHA-256", version.sha256.clone()),
        ("Parent", origin.parent),
        ("Trained by", origin.command),
        (
            "Seed",
            origin.seed.map(|seed| seed.to_string()).unwrap_or_default(),
        ),
        ("Evaluation", origin.evaluation),
        ("Note", origin.note),
    ];
    let said = facts.iter().filter(|(_, value)| !value.is_empty());
    said.map(|(name, value)| format!("{name:<11} {}\n", output::printable(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use drover_proto::v1::{PolicyOrigin, PolicyState};

    use super::*;

    #[test]
    fn what_is_known_is_shown() {
        let version = PolicyVersion {
            version: "v7".to_owned(),
            state: PolicyState::Candidate.into(),
            sha256: "00ff".to_owned(),
            origin: Some(PolicyOrigin {
                seed: Some(0),
                note: "a\u{1b}b".to_owned(),
                ..PolicyOrigin::default()
            }),
            ..PolicyVersion::default()
        };
        assert_eq!(
            text(&version),
            "Version     v7\nKind        network\nState       candidate\nCreated     -\nSHA-256     00ff\n\
             Seed        0\nNote        a\u{fffd}b\n"
        );
    }
}
