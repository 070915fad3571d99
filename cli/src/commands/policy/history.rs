//! `drover policy history`

use std::process::ExitCode;

use drover_proto::v1::{PolicyEvent, PolicyHistoryRequest, PolicyHistoryResponse};

use crate::{
    client::Client,
    command_line::Global,
    commands::pages::Extent,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  drover policy history\n  drover policy history --all -o json")]
pub(crate) struct Args {
    #[command(flatten)]
    extent: Extent,
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let page = async |page_size, page_token| {
        let request = PolicyHistoryRequest {
            page_size,
            page_token,
        };
        let page = client.policy_history(request).await?;
        Ok((page.events, page.next_page_token))
    };
    let (events, next_page_token) = args.extent.collect(page).await?;
    match global.output {
        Format::Json => output::print_json(&PolicyHistoryResponse {
            events,
            next_page_token,
        })?,
        Format::Text => output::print(&text(&events))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(events: &[PolicyEvent]) -> String {
    let rows: Vec<[String; 6]> = events.iter().map(row).collect();
    output::table(
        ["TIME", "WHAT", "VERSION", "INSTEAD OF", "WHO", "WHY"],
        &rows,
    )
}

fn row(event: &PolicyEvent) -> [String; 6] {
    let instead_of = match &*event.from_version {
        "" => "-",
        version => version,
    };
    [
        output::time(event.time.as_ref()),
        output::policy_event(event.kind()),
        output::printable(&event.to_version),
        output::printable(instead_of),
        output::printable(&event.who),
        output::printable(&event.why),
    ]
}

#[cfg(test)]
mod tests {
    use drover_proto::v1::PolicyEventKind;

    use super::*;

    #[test]
    fn an_event_is_a_line() {
        let event = PolicyEvent {
            kind: PolicyEventKind::RollBack.into(),
            from_version: "v7".to_owned(),
            to_version: "fifo".to_owned(),
            who: "guard".to_owned(),
            why: "harm".to_owned(),
            ..PolicyEvent::default()
        };
        assert_eq!(
            text(&[event]),
            "TIME  WHAT       VERSION  INSTEAD OF  WHO    WHY\n-     roll back  fifo     v7          guard  harm\n"
        );
    }
}
