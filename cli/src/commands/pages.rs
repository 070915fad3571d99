//! Lists that come in pages.

use crate::error::CliError;

/// The largest page the coordinator gives.
const MAX_PAGE: usize = 1_000;

/// How much of a list is wanted.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Extent {
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Every one that there is
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl Extent {
    /// Asks for pages, by size and token, until there is enough. Gives the entries and the token for what follows them, as
    /// each answer does.
    pub(crate) async fn collect<Entry>(
        self,
        ask: impl AsyncFn(u32, String) -> Result<(Vec<Entry>, String), CliError>,
    ) -> Result<(Vec<Entry>, String), CliError> {
        let limit = if self.all {
            usize::MAX
        } else {
            self.limit as usize
        };
        let mut found = Vec::new();
        let mut token = String::new();
        loop {
            let size = (limit - found.len()).min(MAX_PAGE) as u32;
            let (entries, next) = ask(size, token).await?;
            found.extend(entries);
            token = next;
            if token.is_empty() || found.len() >= limit {
                return Ok((found, token));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: usize = 2_500;

    /// Collects from the numbers below [`ENTRIES`]; a token is where the next page begins.
    async fn collected(limit: u32, all: bool) -> (Vec<usize>, String) {
        let page = async |size: u32, token: String| {
            assert!((1..=MAX_PAGE).contains(&(size as usize)), "{size}");
            let begin: usize = token.parse().unwrap_or(0);
            let end = ENTRIES.min(begin + size as usize);
            let next = if end < ENTRIES {
                end.to_string()
            } else {
                String::new()
            };
            Ok(((begin..end).collect(), next))
        };
        let extent = Extent { limit, all };
        extent.collect(page).await.expect("pages")
    }

    #[tokio::test]
    async fn as_many_as_are_wanted_and_then_the_token_for_the_next() {
        for limit in [1, 999, 1_000, 1_001, 1_500, 2_000] {
            let (found, token) = collected(limit, false).await;
            assert!(found.into_iter().eq(0..limit as usize), "{limit}");
            assert_eq!(token, limit.to_string());
        }
    }

    #[tokio::test]
    async fn no_more_than_there_are() {
        for (limit, all) in [(2_500, false), (9_999, false), (50, true)] {
            let (found, token) = collected(limit, all).await;
            assert!(found.into_iter().eq(0..ENTRIES), "{limit}");
            assert_eq!(token, "");
        }
    }
}
