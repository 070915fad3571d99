//! `drover policy use`, `promote` and `rollback`

use std::process::ExitCode;

use drover_proto::v1::{
    PromotePolicyRequest, RollbackPolicyRequest, UsePolicyRequest, UsePolicyResponse,
};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Nothing is interrupted: what runs goes on, and what waits is put into the new order. The coordinator\n\
        goes on with it when it is started again.\n\n\
        Examples:\n  drover policy use fifo\n  drover policy use weighted:-1 --reason \"short jobs first this week\""
)]
pub(crate) struct UseArgs {
    /// A rule, which may have a number behind it, or a stored version
    policy: String,
    #[command(flatten)]
    reason: Reason,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  drover policy promote learned-7 --reason \"looks good in the simulator\""
)]
pub(crate) struct PromoteArgs {
    /// A candidate that `drover policy list` shows
    version: String,
    #[command(flatten)]
    reason: Reason,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  drover policy rollback --reason \"the night queue waits too long\""
)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    reason: Reason,
}

#[derive(Debug, clap::Args)]
struct Reason {
    /// Why, for the history
    #[arg(
        long,
        value_name = "WORDS",
        default_value = "",
        hide_default_value = true
    )]
    reason: String,
}

pub(crate) async fn run_use(args: UseArgs, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let request = UsePolicyRequest {
        policy: args.policy,
        reason: args.reason.reason,
    };
    tell(&client.use_policy(request).await?, global)
}

pub(crate) async fn run_promote(args: PromoteArgs, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let request = PromotePolicyRequest {
        version: args.version,
        reason: args.reason.reason,
    };
    tell(&client.promote_policy(request).await?, global)
}

pub(crate) async fn run_rollback(
    args: RollbackArgs,
    global: &Global,
) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let request = RollbackPolicyRequest {
        reason: args.reason.reason,
    };
    tell(&client.roll_policy_back(request).await?, global)
}

fn tell(answer: &UsePolicyResponse, global: &Global) -> Result<ExitCode, CliError> {
    match global.output {
        Format::Json => output::print_json(answer)?,
        Format::Text => output::print(&text(answer))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(answer: &UsePolicyResponse) -> String {
    let active = output::printable(&answer.active);
    if answer.active == answer.before {
        return format!("{active} was in use already\n");
    }
    let before = output::printable(&answer.before);
    format!("{active} is in use, instead of {before}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_says_what_was() {
        let answer = |before: &str| UsePolicyResponse {
            active: "fifo".to_owned(),
            before: before.to_owned(),
        };
        assert_eq!(text(&answer("edf")), "fifo is in use, instead of edf\n");
        assert_eq!(text(&answer("fifo")), "fifo was in use already\n");
    }
}
