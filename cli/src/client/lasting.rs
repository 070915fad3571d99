//! Streams that outlive their coordinator.

use std::time::Duration;

use tonic::{Code, Status, Streaming};

use super::{Answered, Client};
use crate::error::CliError;

/// Between tries to open a stream again.
const REOPEN_AFTER: Duration = Duration::from_millis(500);

/// A stream that is opened again, wherever one leads by then, when its coordinator goes away or it falls behind: what it
/// tells of may take longer than any coordinator lives.
pub(crate) struct Lasting<Message, Open> {
    client: Client,
    open: Open,
    current: Option<Answered<Streaming<Message>>>,
    /// Why nothing comes has been said.
    told: bool,
}

/// What comes out of a stream.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard<Message> {
    /// It begins: for the first time, or anew.
    Beginning,
    Message(Message),
}

impl<Message, Open, Opening> Lasting<Message, Open>
where
    Open: Fn() -> Opening,
    Opening: Future<Output = Result<Answered<Streaming<Message>>, CliError>>,
{
    /// `open` is called for every beginning.
    pub(crate) fn new(client: &Client, open: Open) -> Self {
        Self {
            client: client.clone(),
            open,
            current: None,
            told: false,
        }
    }

    /// `None`: the end, not of a connection but of what was asked for.
    pub(crate) async fn next(&mut self) -> Result<Option<Heard<Message>>, CliError> {
        loop {
            if let Some(current) = &mut self.current {
                match current.answer.message().await {
                    Ok(message) => return Ok(message.map(Heard::Message)),
                    Err(status) => self.break_off(status)?,
                }
            } else if self.begin().await? {
                return Ok(Some(Heard::Beginning));
            }
            tokio::time::sleep(REOPEN_AFTER).await;
        }
    }

    /// False: nobody answers.
    async fn begin(&mut self) -> Result<bool, CliError> {
        match (self.open)().await {
            Ok(opened) => {
                self.current = Some(opened);
                self.told = false;
                Ok(true)
            }
            Err(
                CliError::Unreachable { address, problem }
                | CliError::Unavailable { address, problem },
            ) => {
                if !self.told {
                    tracing::warn!("nobody answers at {address} ({problem}); trying again");
                    self.told = true;
                }
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Fails when another stream would end in the same way.
    fn break_off(&mut self, status: Status) -> Result<(), CliError> {
        let broken = self.current.take();
        if broken.is_some_and(|broken| self.client.leave_broken(&broken.address, &status)) {
            tracing::warn!("lost the coordinator ({}); trying again", status.message());
            self.told = true;
            return Ok(());
        }
        match status.code() {
            Code::OutOfRange => Ok(()),
            _ => Err(status.into()),
        }
    }
}
