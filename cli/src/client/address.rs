//! Where the coordinators are.

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

use crate::error::CliError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// With others to turn to, one that does not answer is given up sooner.
const CONNECT_TIMEOUT_OF_SEVERAL: Duration = Duration::from_secs(2);

/// A coordinator that is frozen or cut off is noticed after the sum of both.
const PING_AFTER: Duration = Duration::from_secs(3);
const PING_TIMEOUT: Duration = Duration::from_secs(4);

/// Where the coordinator is.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Address {
    /// Address of the coordinator; with standbys, all of them, separated by commas
    #[arg(
        long = "address",
        env = "DROVER_ADDRESS",
        value_name = "URL",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:7700",
        global = true
    )]
    pub(crate) urls: Vec<String>,
}

impl Address {
    pub(crate) fn one(url: &str) -> Self {
        Self {
            urls: vec![url.to_owned()],
        }
    }

    /// As URLs, each once.
    pub(super) fn normalized(&self) -> Result<Vec<String>, CliError> {
        let mut urls = Vec::new();
        for given in &self.urls {
            let url = normalize(given);
            if Endpoint::from_shared(url.clone()).is_err() {
                return Err(CliError::Usage(format!(
                    "--address must look like http://HOST:PORT, not `{given}`"
                )));
            }
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
        Ok(urls)
    }
}

pub(super) fn normalize(address: &str) -> String {
    let address = address.trim();
    if address.contains("://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    }
}

/// `alone`: there is no other address to turn to.
pub(super) async fn connect(url: &str, alone: bool) -> Result<Channel, String> {
    let timeout = if alone {
        CONNECT_TIMEOUT
    } else {
        CONNECT_TIMEOUT_OF_SEVERAL
    };
    let endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(|error| error.to_string())?
        .connect_timeout(timeout)
        .http2_keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true);
    let connected = endpoint.connect().await;
    connected.map_err(|error| innermost(&error))
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(urls: &[&str]) -> Result<Vec<String>, CliError> {
        let urls = urls.iter().map(|&url| url.to_owned()).collect();
        Address { urls }.normalized()
    }

    #[test]
    fn addresses_become_urls() {
        assert_eq!(
            normalized(&["a:1", "http://b:2", " a:1 "]).expect("good addresses"),
            ["http://a:1", "http://b:2"]
        );
    }

    #[test]
    fn what_is_no_address_is_wrong_usage() {
        for wrong in ["", "http://", "a b"] {
            let error = normalized(&["a:1", wrong]).expect_err(wrong);
            assert!(matches!(error, CliError::Usage(_)), "{wrong}: {error}");
        }
    }
}
