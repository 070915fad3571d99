//! `drover job explain`

use std::process::ExitCode;

use drover_proto::v1::{
    Decision, ExplainRequest, ExplainResponse, NodeVerdict, Score, ScoreTerm, Task,
};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Scores go from 0 to 1000, and are the mean of these terms by their weights (--score-weights of the coordinator):\n  \
        free       how much of the host stays free and idle\n  \
        latency    how near it is, compared with the hosts that are possible\n  \
        cost       how cheap it is, compared with these\n  \
        priority   whether its room suits the task: urgent work goes where nobody disturbs it\n  \
        locality   whether the job's last task ran there, or in the same region\n  \
        preferred  how much of what the task prefers it has\n  \
        speed      how fast it has been, compared with the others that were looked at\n\n\
        Examples:\n  drover job explain ID                  the first task that waits for a node, else another\n  \
        drover job explain ID --task train"
)]
pub(crate) struct Args {
    /// Id of the job
    id: String,
    /// Name of the task; of an array or gang its first instance that waits is explained [default: the first that waits for a
    /// node, else the first that waits for others, else the first]
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let request = ExplainRequest {
        job_id: args.id,
        task: args.task.unwrap_or_default(),
    };
    let client = Client::connect(&global.address).await?;
    let answer = client.explain(request).await?;
    match global.output {
        Format::Json => output::print_json(&answer)?,
        Format::Text => output::print(&text(&answer))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(answer: &ExplainResponse) -> String {
    let task = answer.task.clone().unwrap_or_default();
    let mut text = format!(
        "Task {}: {}\n",
        output::printable(&task.name),
        output::task_state(task.state())
    );
    if !task.pending_reason.is_empty() {
        text += &format!("Why: {}\n", output::printable(&task.pending_reason));
    }
    if !answer.nodes.is_empty() {
        text += &format!("\n{}", hosts(answer));
    }
    match &answer.decision {
        Some(decision) => text += &format!("\n{}", decided(decision)),
        None => text += &not_decided(&task),
    }
    text
}

const NO_OTHER: &str = "no other node could have taken it";

fn hosts(answer: &ExplainResponse) -> String {
    let rows: Vec<[String; 4]> = answer.nodes.iter().map(host).collect();
    let mut text = output::table(["NODE", "SCORE", "TERMS", "NOW"], &rows);
    if answer.nodes_left_out > 0 {
        text += &format!("and {} more\n", answer.nodes_left_out);
    }
    let scores = answer.nodes.iter().filter_map(|node| node.score.as_ref());
    if let Some(score) = scores.take(1).next() {
        text += &format!("Weights: {}\n", weights(score));
    }
    text
}

fn host(verdict: &NodeVerdict) -> [String; 4] {
    let score = verdict.score.as_ref();
    let now = match &*verdict.obstacle {
        "" => "could take it".to_owned(),
        obstacle => output::printable(obstacle),
    };
    [
        output::printable(&verdict.node),
        score.map_or_else(|| "-".to_owned(), |score| score.total.to_string()),
        score.map_or_else(|| "-".to_owned(), terms),
        now,
    ]
}

fn decided(decision: &Decision) -> String {
    let past = if decision.backfilled {
        ", past a task that waits for its reservation"
    } else {
        ""
    };
    let policy = format!("{} {}", decision.policy, decision.policy_version);
    let text = format!(
        "Attempt #{} was placed on {} at {}\n  by policy {} in mode {}, as number {} in order{past}\n",
        decision.attempt,
        output::printable(&decision.node),
        output::time(decision.time.as_ref()),
        output::printable(policy.trim_end()),
        output::printable(&decision.mode),
        decision.rank,
    );
    match &decision.score {
        Some(score) if score.terms.is_empty() => text + &in_short(decision, score),
        Some(score) => text + &in_full(decision, score),
        None => text,
    }
}

/// What a replay took over was decided elsewhere.
fn not_decided(task: &Task) -> String {
    let last = task.attempts.last();
    let last = last.filter(|attempt| !attempt.decision.is_empty());
    last.map_or_else(String::new, |attempt| {
        format!(
            "\nAttempt #{} ended on {}: {}\n",
            attempt.number,
            output::printable(&attempt.node),
            output::printable(&attempt.decision)
        )
    })
}

fn in_full(decision: &Decision, score: &Score) -> String {
    let compared = decision.nodes_compared;
    let second = match &decision.runner_up_score {
        None => NO_OTHER.to_owned(),
        Some(second) => format!(
            "second of {compared} nodes compared: {}, score {}: {}",
            output::printable(&decision.runner_up),
            second.total,
            terms(second)
        ),
    };
    format!(
        "  score {} of 1000: {}\n  weights: {}\n  {second}\n",
        score.total,
        terms(score),
        weights(score)
    )
}

/// What the record says when the details are forgotten.
fn in_short(decision: &Decision, score: &Score) -> String {
    let second = match &decision.runner_up_score {
        None => NO_OTHER.to_owned(),
        Some(second) => format!("the second best node had {}", second.total),
    };
    format!(
        "  score {} of 1000; {second}\n  (from the record: the coordinator has forgotten the details)\n",
        score.total
    )
}

fn terms(score: &Score) -> String {
    named(score, |term| term.value.to_string())
}

fn weights(score: &Score) -> String {
    named(score, |term| output::thousandths(term.weight))
}

fn named(score: &Score, number: impl Fn(&ScoreTerm) -> String) -> String {
    let terms = score.terms.iter();
    let terms = terms.map(|term| format!("{} {}", output::printable(&term.name), number(term)));
    terms.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use drover_proto::v1::{Attempt, TaskState};
    use pbjson_types::Timestamp;

    use super::*;

    fn score(total: u32, free: u32) -> Option<Score> {
        let term = |name: &str, value, weight| ScoreTerm {
            name: name.to_owned(),
            value,
            weight,
        };
        Some(Score {
            total,
            terms: vec![term("free", free, 300), term("cost", 1000, 250)],
        })
    }

    fn task(state: TaskState, reason: &str) -> Option<Task> {
        Some(Task {
            name: "a".to_owned(),
            state: state.into(),
            pending_reason: reason.to_owned(),
            ..Task::default()
        })
    }

    #[test]
    fn a_waiting_task_hears_of_every_node() {
        let answer = ExplainResponse {
            task: task(TaskState::Queued, "waits for cpu, first in line"),
            nodes: vec![
                NodeVerdict {
                    node: "n1".to_owned(),
                    score: score(700, 500),
                    obstacle: String::new(),
                },
                NodeVerdict {
                    node: "n2".to_owned(),
                    score: None,
                    obstacle: "is cordoned".to_owned(),
                },
            ],
            nodes_left_out: 3,
            decision: None,
        };
        assert_eq!(
            text(&answer),
            "Task a: queued\nWhy: waits for cpu, first in line\n\n\
             NODE  SCORE  TERMS                NOW\n\
             n1    700    free 500, cost 1000  could take it\n\
             n2    -      -                    is cordoned\n\
             and 3 more\n\
             Weights: free 0.3, cost 0.25\n"
        );
    }

    #[test]
    fn a_decision_is_told_in_full() {
        let mut decision = Decision {
            attempt: 2,
            time: Some(Timestamp {
                seconds: 60,
                nanos: 0,
            }),
            policy: "edf".to_owned(),
            policy_version: "0.1.0".to_owned(),
            mode: "easy".to_owned(),
            rank: 3,
            backfilled: true,
            node: "n1".to_owned(),
            score: score(700, 500),
            runner_up: "n2".to_owned(),
            runner_up_score: score(600, 400),
            nodes_compared: 4,
        };
        let told = |decision: &Decision| {
            text(&ExplainResponse {
                task: task(TaskState::Running, ""),
                decision: Some(decision.clone()),
                ..ExplainResponse::default()
            })
        };
        assert_eq!(
            told(&decision),
            "Task a: running\n\n\
             Attempt #2 was placed on n1 at 1970-01-01T00:01:00Z\n  \
               by policy edf 0.1.0 in mode easy, as number 3 in order, past a task that waits for its reservation\n  \
               score 700 of 1000: free 500, cost 1000\n  \
               weights: free 0.3, cost 0.25\n  \
               second of 4 nodes compared: n2, score 600: free 400, cost 1000\n"
        );
        decision.runner_up_score = None;
        assert!(told(&decision).ends_with("  no other node could have taken it\n"));
    }

    #[test]
    fn what_a_replay_took_over_is_told_so() {
        let mut carried = task(TaskState::Succeeded, "").unwrap_or_default();
        carried.attempts.push(Attempt {
            number: 1,
            node: "n1".to_owned(),
            decision: "carried 0190a".to_owned(),
            ..Attempt::default()
        });
        let answer = ExplainResponse {
            task: Some(carried),
            ..ExplainResponse::default()
        };
        let told = "Task a: succeeded\n\nAttempt #1 ended on n1: carried 0190a\n";
        assert_eq!(text(&answer), told);
    }

    #[test]
    fn what_is_forgotten_is_told_from_the_record() {
        let total = |total| {
            Some(Score {
                total,
                terms: Vec::new(),
            })
        };
        let mut decision = Decision {
            attempt: 1,
            policy: "edf".to_owned(),
            mode: "strict".to_owned(),
            rank: 1,
            node: "n1".to_owned(),
            score: total(700),
            runner_up_score: total(600),
            ..Decision::default()
        };
        let told = |decision: &Decision| {
            text(&ExplainResponse {
                task: task(TaskState::Succeeded, ""),
                decision: Some(decision.clone()),
                ..ExplainResponse::default()
            })
        };
        assert_eq!(
            told(&decision),
            "Task a: succeeded\n\n\
             Attempt #1 was placed on n1 at -\n  \
               by policy edf in mode strict, as number 1 in order\n  \
               score 700 of 1000; the second best node had 600\n  \
               (from the record: the coordinator has forgotten the details)\n"
        );
        decision.runner_up_score = None;
        assert!(told(&decision).contains("700 of 1000; no other node could have taken it\n"));
    }
}
