//! What a coordinator has recorded, as the lines of a history file ([`drover_sim::trace::history`]).

use drover_proto::v1::{ExportHistoryRequest, history_record::Record};
use drover_sim::trace::history::{from_message, line::Line};

use crate::{client::Client, error::CliError};

/// Gives the lines of a history, one after the other.
pub(crate) async fn export(
    client: &Client,
    request: ExportHistoryRequest,
    mut take: impl FnMut(Line) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut records = client.export_history(request).await?.answer;
    while let Some(message) = records.message().await? {
        let line = match message.record {
            Some(Record::Header(header)) => Line::Header(from_message::header(&header)?),
            Some(Record::Node(node)) => match from_message::node(&node) {
                Ok(line) => Line::Node(line),
                Err(problem) => {
                    eprintln!("node {} is left out: {problem}", node.name);
                    continue;
                }
            },
            Some(Record::Job(job)) => match from_message::job(&job) {
                Ok(line) => Line::Job(Box::new(line)),
                Err(problem) => {
                    eprintln!("job {} is left out: {problem}", job.id);
                    continue;
                }
            },
            // Of a newer coordinator.
            None => continue,
        };
        take(line)?;
    }
    Ok(())
}
