//! `drover job cancel`

use std::process::ExitCode;

use drover_proto::v1::{CancelJobRequest, Cancellation};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Waiting tasks are cancelled, running ones stopped; then `finally` tasks run.\n\n\
        Examples:\n  drover job cancel 0192... --reason \"wrong branch\"\n  drover job cancel 0192... --rollback"
)]
pub(crate) struct Args {
    /// Id of the job
    id: String,
    /// Why, for people; kept with the job
    #[arg(long, default_value_t, hide_default_value = true)]
    reason: String,
    /// Afterwards run the undo steps of the tasks that had finished
    #[arg(long)]
    rollback: bool,
    /// Stop everything at once, also `finally` tasks and a rollback under way; what is not undone by then stays so
    #[arg(long, conflicts_with = "rollback")]
    abandon: bool,
}

impl Args {
    fn how(&self) -> Cancellation {
        if self.rollback {
            Cancellation::RollBack
        } else if self.abandon {
            Cancellation::Abandon
        } else {
            Cancellation::Stop
        }
    }
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let how = args.how();
    let request = CancelJobRequest {
        job_id: args.id.clone(),
        reason: args.reason,
        how: how.into(),
    };
    client.cancel(request).await?;
    match global.output {
        Format::Json => output::print_json(&client.job(&args.id).await?)?,
        Format::Text => output::print(&format!("{}: {}\n", args.id, words(how)))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn words(how: Cancellation) -> &'static str {
    match how {
        Cancellation::RollBack => "rolling back; it ends when what had finished is undone",
        Cancellation::Abandon => "abandoned; it ends when its last process has",
        Cancellation::Unspecified | Cancellation::Stop => {
            "cancelling; it ends when its last process has"
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn one_way_to_stop_is_chosen() {
        let how = |flags: &[&str]| {
            Line::try_parse_from(["cancel", "id"].iter().chain(flags))
                .map(|line| line.args.how())
                .map_err(|error| error.kind())
        };
        assert_eq!(how(&[]), Ok(Cancellation::Stop));
        assert_eq!(how(&["--rollback"]), Ok(Cancellation::RollBack));
        assert_eq!(how(&["--abandon"]), Ok(Cancellation::Abandon));
        assert_eq!(
            how(&["--abandon", "--rollback"]),
            Err(clap::error::ErrorKind::ArgumentConflict)
        );
    }
}
