//! Steps a recorded leadership through the model again: equal events have to give equal effects.

use std::{
    fmt,
    io::{self, BufRead},
    panic::{AssertUnwindSafe, catch_unwind},
};

use drover_model::{
    Event, Snapshot, Timestamp, TurnNumber,
    cluster::Cluster,
    policy::BuildPolicyError,
    record::{self, Digest, Line, Settings},
    turn::{CommitOutcome, Turn},
};

/// With which a leadership's first line begins.
const BEGINNING: &str = "{\"Load\":";

/// What a record held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    pub leaderships: u64,
    pub events: u64,
    /// Compared, and found equal.
    pub turns: u64,
    /// Leaderships that ended in a panic, as they did when they were recorded.
    pub panics: u64,
    /// Lines that a killed process did not finish.
    pub torn: u64,
}

/// Why a record cannot be replayed, or what differs.
#[derive(Debug)]
pub enum ReplayError {
    Read {
        line: u64,
        source: io::Error,
    },
    /// Not a line of a record.
    Malformed {
        line: u64,
        problem: String,
    },
    /// An event or a turn stands before any leadership.
    NoBeginning {
        line: u64,
    },
    UnknownPolicy {
        line: u64,
        error: BuildPolicyError,
    },
    /// Other effects than were recorded.
    Differs {
        line: u64,
        turn: TurnNumber,
        recorded: Digest,
        replayed: Digest,
    },
    /// A panic that the record goes on after.
    Panicked {
        line: u64,
        event: u64,
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { line, source } => write!(f, "line {line} cannot be read: {source}"),
            Self::Malformed { line, problem } => {
                write!(f, "line {line} is not a line of a record: {problem}")
            }
            Self::NoBeginning { line } => write!(
                f,
                "line {line} belongs to a leadership whose beginning is missing; a record starts with what was loaded"
            ),
            Self::UnknownPolicy { line, error } => write!(
                f,
                "line {line}: {error}; replay with the build that recorded"
            ),
            Self::Differs {
                line,
                turn,
                recorded,
                replayed,
            } => write!(
                f,
                "line {line}: turn {} differs: recorded {recorded:?}, replayed {replayed:?}",
                turn.0
            ),
            Self::Panicked { line, event } => write!(
                f,
                "line {line}: the model panicked on the event of line {event}, and did not when it was recorded"
            ),
        }
    }
}

impl std::error::Error for ReplayError {}

/// Replays every leadership of a record.
///
/// # Errors
/// With the first difference, or where the record makes no sense.
pub fn replay(record: impl BufRead) -> Result<Replayed, ReplayError> {
    let mut replay = Replay::default();
    let mut unfinished = None;
    for (number, text) in (1..).zip(record.lines()) {
        let text = text.map_err(|source| ReplayError::Read {
            line: number,
            source,
        })?;
        if let Some(error) = unfinished.take() {
            // Only the last line of a leadership may be torn.
            if !text.starts_with(BEGINNING) {
                return Err(error);
            }
            replay.replayed.torn += 1;
        }
        match parse(number, &text) {
            Ok(line) => replay.take(number, line)?,
            Err(error) => unfinished = Some(error),
        }
    }
    replay.replayed.torn += u64::from(unfinished.is_some());
    Ok(replay.replayed)
}

fn parse(number: u64, text: &str) -> Result<Line<'static>, ReplayError> {
    serde_json::from_str(text).map_err(|error| ReplayError::Malformed {
        line: number,
        problem: error.to_string(),
    })
}

#[derive(Default)]
struct Replay {
    leadership: Option<(Cluster, Turn)>,
    /// Where the model panicked: nothing of that leadership may follow.
    panicked: Option<u64>,
    replayed: Replayed,
}

impl Replay {
    fn take(&mut self, number: u64, line: Line<'_>) -> Result<(), ReplayError> {
        match line {
            Line::Load {
                now,
                settings,
                snapshot,
            } => self.load(number, now, &settings, snapshot.into_owned()),
            Line::Event { now, event } => self.step(number, now, event.into_owned()),
            Line::Sealed { turn, now, digest } => self.seal(number, turn, now, digest),
        }
    }

    fn load(
        &mut self,
        number: u64,
        now: Timestamp,
        settings: &Settings,
        snapshot: Snapshot,
    ) -> Result<(), ReplayError> {
        let config = settings
            .config()
            .map_err(|error| ReplayError::UnknownPolicy {
                line: number,
                error,
            })?;
        self.replayed.leaderships += 1;
        self.panicked = None;
        let turn = Turn::new(snapshot.epoch, snapshot.turn);
        let load = AssertUnwindSafe(|| Cluster::load(config, snapshot, now));
        let cluster = catch_unwind(load).ok();
        self.replayed.panics += u64::from(cluster.is_none());
        self.leadership = cluster.map(|cluster| (cluster, turn));
        Ok(())
    }

    fn running(&mut self, number: u64) -> Result<&mut (Cluster, Turn), ReplayError> {
        if let Some(event) = self.panicked {
            return Err(ReplayError::Panicked {
                line: number,
                event,
            });
        }
        self.leadership
            .as_mut()
            .ok_or(ReplayError::NoBeginning { line: number })
    }

    fn step(&mut self, number: u64, now: Timestamp, event: Event) -> Result<(), ReplayError> {
        let (cluster, turn) = self.running(number)?;
        let step = AssertUnwindSafe(|| cluster.step(now, event, turn.effects()));
        let panicked = catch_unwind(step).is_err();
        self.replayed.events += 1;
        if panicked {
            self.replayed.panics += 1;
            self.panicked = Some(number);
        }
        Ok(())
    }

    fn seal(
        &mut self,
        number: u64,
        recorded_turn: TurnNumber,
        now: Timestamp,
        recorded: Digest,
    ) -> Result<(), ReplayError> {
        let (_, turn) = self.running(number)?;
        let (sealed, replayed) = record::seal(turn, now);
        if (sealed.turn, replayed) != (recorded_turn, recorded) {
            return Err(ReplayError::Differs {
                line: number,
                turn: recorded_turn,
                recorded,
                replayed,
            });
        }
        // A turn that was not committed ended its leadership.
        turn.committed_as(CommitOutcome::Done);
        self.replayed.turns += 1;
        Ok(())
    }
}
