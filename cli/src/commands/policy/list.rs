//! `drover policy list`

use std::process::ExitCode;

use drover_proto::v1::{ListPoliciesResponse, PolicyVersion};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

pub(crate) async fn run(global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let answer = client.policies().await?;
    match global.output {
        Format::Json => output::print_json(&answer)?,
        Format::Text => output::print(&text(&answer))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(answer: &ListPoliciesResponse) -> String {
    let mark = |name: &str| if name == answer.active { "*" } else { "" }.to_owned();
    let rules: Vec<[String; 3]> = answer
        .policies
        .iter()
        .map(|rule| {
            [
                mark(&rule.name),
                rule.name.clone(),
                rule.description.clone(),
            ]
        })
        .collect();
    let versions: Vec<[String; 5]> = answer
        .versions
        .iter()
        .map(|version| row(mark(&version.version), version))
        .collect();
    let mut text = output::table(["", "POLICY", "RANKS BY"], &rules);
    if !versions.is_empty() {
        text += "\n";
        text += &output::table(["", "VERSION", "STATE", "CREATED", "NOTE"], &versions);
    }
    text += &format!(
        "\nIn use: {}\nDispatch mode: {}\nScore weights: {}\n",
        output::printable(&answer.active),
        answer.dispatch_mode,
        answer.score_weights
    );
    text
}

fn row(mark: String, version: &PolicyVersion) -> [String; 5] {
    let origin = version.origin.clone().unwrap_or_default();
    [
        mark,
        output::printable(&version.version),
        output::policy_state(version.state()),
        output::time(version.create_time.as_ref()),
        output::printable(&origin.note),
    ]
}

#[cfg(test)]
mod tests {
    use drover_proto::v1::{Policy, PolicyOrigin, PolicyState};

    use super::*;

    #[test]
    fn what_is_in_use_is_marked() {
        let answer = ListPoliciesResponse {
            policies: vec![Policy {
                name: "fifo".to_owned(),
                description: "oldest first".to_owned(),
            }],
            active: "v7".to_owned(),
            dispatch_mode: "easy".to_owned(),
            score_weights: "free=1".to_owned(),
            versions: vec![PolicyVersion {
                version: "v7".to_owned(),
                state: PolicyState::Live.into(),
                origin: Some(PolicyOrigin {
                    note: "good".to_owned(),
                    ..PolicyOrigin::default()
                }),
                ..PolicyVersion::default()
            }],
            ..ListPoliciesResponse::default()
        };
        assert_eq!(
            text(&answer),
            "  POLICY  RANKS BY\n  fifo    oldest first\n\n   VERSION  STATE  CREATED  NOTE\n*  v7       live   -        good\n\n\
             In use: v7\nDispatch mode: easy\nScore weights: free=1\n"
        );
    }
}
