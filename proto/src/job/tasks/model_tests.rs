//! What is derived from the record is what the model shows, whatever happens to a job.

mod history;

use std::collections::BTreeMap;

use super::*;
use history::History;

const HISTORIES: u64 = 400;
const EVENTS: u32 = 400;

#[test]
fn the_record_shows_what_the_model_shows() {
    let mut seen = BTreeMap::new();
    for seed in 1..=HISTORIES {
        compare(History::begin(seed), &mut seen);
    }
    for state in TaskState::ALL {
        assert!(
            seen.contains_key(state),
            "no task was ever {state}: {seen:?}"
        );
    }
}

/// The model queues a task again with the next tick after its backoff, the record with the time.
fn without_ticks(states: &[TaskState]) -> Vec<TaskState> {
    let states = states.iter().map(|state| match state {
        TaskState::Retrying => TaskState::Queued,
        other => *other,
    });
    states.collect()
}

/// Until the job ends, or the history is over.
fn compare(mut history: History, seen: &mut BTreeMap<TaskState, u32>) {
    for _ in 0..EVENTS {
        let event = history.an_event();
        history.step(event);
        let derived = derived(&history);
        let Some(shown) = history.shown() else {
            for state in derived {
                *seen.entry(state).or_default() += 1;
                assert!(state.is_final(), "seed {}: ended {state}", history.seed);
            }
            return;
        };
        assert_eq!(
            without_ticks(&derived),
            without_ticks(&shown),
            "seed {}: {:#?}",
            history.seed,
            history.attempts
        );
        for state in shown {
            *seen.entry(state).or_default() += 1;
        }
    }
}

fn derived(history: &History) -> Vec<TaskState> {
    let attempts: Vec<AttemptRow> = history.attempts.values().cloned().collect();
    task_states(&history.plan, &attempts, history.intent, history.now)
        .iter()
        .map(|standing| standing.state)
        .collect()
}
