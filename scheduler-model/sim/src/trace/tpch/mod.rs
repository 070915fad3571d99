//! TPC-H queries as Decima's simulator has them (Mao et al., "Learning Scheduling Algorithms for Data Processing Clusters",
//! SIGCOMM 2019, section 7.2): for one input size, 22 graphs of stages, with run times sampled from Spark by the number of
//! executors that the job had.
//!
//! ```json
//! { "1": { "edges": [[0, 1]],
//!          "stages": [ { "num_tasks": 12, "rough_duration_ms": 4244.8,
//!                        "fresh_durations": { "2": [4371, 4368] }, "first_wave": {..}, "rest_wave": {..} }, .. ] } }
//! ```
//! An edge names a stage and one that waits for it, from 0.

mod load;

pub use load::{Arrivals, EXECUTORS, Load, MEAN_GAP_MS, Moving};

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use super::{ParseTraceError, StageDurations, order};

/// Tasks of one stage; more makes no sense.
const MOST_TASKS: u32 = 1_000_000;
/// Thirty years. Longer makes no sense.
const MOST_MS: u64 = 1 << 40;

/// All queries over data of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuerySet {
    /// Of the data, or of the file.
    pub name: Arc<str>,
    /// By number.
    pub queries: Vec<Query>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub number: u32,
    /// Each after all that it needs.
    pub stages: Vec<Stage>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Ascending places of stages.
    pub needs: Box<[u32]>,
    /// At least 1.
    pub tasks: u32,
    pub durations: Arc<StageDurations>,
}

#[derive(Deserialize)]
struct QueryText {
    edges: Vec<[usize; 2]>,
    stages: Vec<StageText>,
}

#[derive(Deserialize)]
struct StageText {
    num_tasks: u32,
    rough_duration_ms: f64,
    fresh_durations: BTreeMap<u32, Vec<u64>>,
    first_wave: BTreeMap<u32, Vec<u64>>,
    rest_wave: BTreeMap<u32, Vec<u64>>,
}

/// Reads the queries of one size.
///
/// # Errors
/// With the place that is not JSON of this form or says something impossible, or when there is no query.
pub fn parse(text: &[u8], name: &str) -> Result<QuerySet, ParseTraceError> {
    let queries: BTreeMap<u32, QueryText> =
        serde_json::from_slice(text).map_err(|error| ParseTraceError::Json {
            line: error.line(),
            column: error.column(),
            problem: without_place(&error.to_string()),
        })?;
    if queries.is_empty() {
        return Err(ParseTraceError::Empty {
            expected: "an object of queries by number",
        });
    }
    let queries = queries.into_iter();
    let queries: Result<_, _> = queries.map(|(number, text)| query(number, text)).collect();
    Ok(QuerySet {
        name: name.into(),
        queries: queries?,
    })
}

/// The place is said once.
fn without_place(message: &str) -> String {
    let problem = message.rsplit_once(" at line ");
    problem.map_or(message, |(problem, _)| problem).to_owned()
}

fn query(number: u32, text: QueryText) -> Result<Query, ParseTraceError> {
    let wrong = |problem| ParseTraceError::Content {
        place: format!("query {number}"),
        problem,
    };
    let count = text.stages.len();
    if count == 0 {
        return Err(wrong("it has no stages"));
    }
    let mut needs = vec![Vec::new(); count];
    for [from, to] in text.edges {
        if from >= count || to >= count {
            return Err(wrong("an edge names a stage that is not there"));
        }
        needs[to].push(from);
    }
    let order = order::order(&needs).ok_or_else(|| wrong("stages wait for each other"))?;
    let needs = order::renumber(&needs, &order);
    let mut texts: Vec<Option<StageText>> = text.stages.into_iter().map(Some).collect();
    let ordered = order.into_iter().zip(needs);
    let stages = ordered.filter_map(|(place, needs)| {
        let text = texts[place].take()?;
        let at = || format!("query {number}, stage {place}");
        Some(stage(text, needs, at))
    });
    Ok(Query {
        number,
        stages: stages.collect::<Result<_, _>>()?,
    })
}

fn stage(
    text: StageText,
    needs: Box<[u32]>,
    place: impl Fn() -> String,
) -> Result<Stage, ParseTraceError> {
    let wrong = |problem| ParseTraceError::Content {
        place: place(),
        problem,
    };
    if !(1..=MOST_TASKS).contains(&text.num_tasks) {
        return Err(wrong("num_tasks must be from 1 to 1000000"));
    }
    let rough = text.rough_duration_ms;
    if !(rough >= 0.0 && rough <= MOST_MS as f64) {
        return Err(wrong("rough_duration_ms must be from 0 to thirty years"));
    }
    let lists = [&text.fresh_durations, &text.first_wave, &text.rest_wave];
    let samples = lists.into_iter().flat_map(BTreeMap::values).flatten();
    if samples.copied().max() > Some(MOST_MS) {
        return Err(wrong("a duration is longer than thirty years"));
    }
    Ok(Stage {
        needs,
        tasks: text.num_tasks,
        durations: Arc::new(StageDurations {
            rough_ms: (rough.round() as u64).max(1),
            fresh: sampled(text.fresh_durations),
            first_wave: sampled(text.first_wave),
            rest_wave: sampled(text.rest_wave),
        }),
    })
}

/// Numbers of executors without samples are left out.
fn sampled(lists: BTreeMap<u32, Vec<u64>>) -> Vec<(u32, Vec<u64>)> {
    let lists = lists.into_iter();
    lists.filter(|(_, samples)| !samples.is_empty()).collect()
}

#[cfg(test)]
mod tests;
