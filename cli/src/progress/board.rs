//! What a watcher knows of one job.

use drover_proto::v1::{
    AttemptState, Job, JobChange, JobState, Task, TaskChange, TaskState, watch_job_response::Event,
};

use crate::output;

/// A job and its tasks as last heard.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    pub(crate) name: String,
    pub(crate) state: JobState,
    pub(crate) message: String,
    /// Milliseconds since 1970.
    pub(crate) deadline: Option<i64>,
    pub(crate) tasks: Vec<Line>,
}

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) state: TaskState,
    pub(crate) attempt: u32,
    pub(crate) node: String,
    pub(crate) started_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    /// It stands for an array or a gang, whose instances are lines of their own.
    pub(crate) is_whole: bool,
    /// An instance of one that is too large for all to be told of.
    pub(crate) is_one_of_many: bool,
}

/// Of an array with more instances than this, only those that fail are told of.
const TOLD_INSTANCES: u32 = 20;

/// Something that is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Place of the task.
    Task(usize),
    Job,
}

impl Board {
    pub(crate) fn new(job: &Job) -> Self {
        let spec = job.spec.clone().unwrap_or_default();
        Self {
            name: spec.name,
            state: job.state(),
            message: job.message.clone(),
            deadline: job.deadline.as_ref().map(output::millis),
            tasks: lines(job),
        }
    }

    pub(crate) fn is_final(&self) -> bool {
        !matches!(
            self.state,
            JobState::Queued | JobState::Running | JobState::RollingBack | JobState::Unspecified
        )
    }

    /// Takes in what was heard at `now`, and says what is new.
    pub(crate) fn apply(&mut self, event: Event, now: i64) -> Vec<News> {
        match event {
            Event::Snapshot(job) => self.replace(&job),
            Event::Task(change) => self.task(change, now),
            Event::Job(change) => self.job(change),
        }
    }

    /// A snapshot after a lost connection may hold several changes at once.
    fn replace(&mut self, job: &Job) -> Vec<News> {
        let before = std::mem::replace(self, Self::new(job));
        let mut news: Vec<News> = self
            .tasks
            .iter()
            .zip(&before.tasks)
            .enumerate()
            .filter(|(_, (new, old))| (new.state, new.attempt) != (old.state, old.attempt))
            .filter(|(_, (new, _))| new.is_told())
            .map(|(index, _)| News::Task(index))
            .collect();
        if self.state != before.state {
            news.push(News::Job);
        }
        news
    }

    fn task(&mut self, change: TaskChange, now: i64) -> Vec<News> {
        let state = change.state();
        let index = change.task as usize;
        let Some(line) = self.tasks.get_mut(index) else {
            return Vec::new();
        };
        let before = (line.state, line.attempt);
        if change.attempt != line.attempt {
            line.started_at = None;
        }
        line.ended_at = None;
        if state == TaskState::Running {
            line.started_at = Some(now);
        } else if is_final(state) {
            line.ended_at = Some(now);
        }
        line.state = state;
        line.attempt = change.attempt;
        line.node = change.node;
        // An undo step is assigned, started and stopped in one state.
        if before == (line.state, line.attempt) || !line.is_told() {
            return Vec::new();
        }
        vec![News::Task(index)]
    }

    fn job(&mut self, change: JobChange) -> Vec<News> {
        self.state = change.state();
        self.message = change.message;
        vec![News::Job]
    }

    /// What has something to run.
    fn steps(&self) -> impl Iterator<Item = &Line> {
        self.tasks.iter().filter(|line| !line.is_whole)
    }

    /// How many tasks there are. An array has as many as instances.
    pub(crate) fn total(&self) -> usize {
        self.steps().count()
    }

    /// How many tasks are in any of `states`.
    pub(crate) fn count(&self, states: &[TaskState]) -> usize {
        let lines = self.steps();
        lines.filter(|line| states.contains(&line.state)).count()
    }

    pub(crate) fn ended(&self) -> usize {
        self.steps().filter(|line| is_final(line.state)).count()
    }
}

/// Instances stand before the task that stands for them.
fn lines(job: &Job) -> Vec<Line> {
    let mut lines: Vec<Line> = job.tasks.iter().map(Line::new).collect();
    for (place, task) in job.tasks.iter().enumerate() {
        let total = task.instances.as_ref().map_or(0, |counts| counts.total);
        if total > TOLD_INSTANCES {
            let first = place.saturating_sub(total as usize);
            for line in &mut lines[first..place] {
                line.is_one_of_many = true;
            }
        }
    }
    lines
}

impl Line {
    fn is_told(&self) -> bool {
        use TaskState::{Failed, TimedOut, UndoFailed};
        !self.is_one_of_many || matches!(self.state, Failed | TimedOut | UndoFailed)
    }

    fn new(task: &Task) -> Self {
        let last = task.undo_attempts.last().or(task.attempts.last());
        let ended = last.is_some_and(|attempt| attempt.state() > AttemptState::Stopping);
        Self {
            name: task.name.clone(),
            state: task.state(),
            attempt: last.map_or(0, |attempt| attempt.number),
            node: last.map(|attempt| attempt.node.clone()).unwrap_or_default(),
            started_at: last
                .and_then(|attempt| attempt.start_time.as_ref())
                .map(output::millis),
            ended_at: last
                .filter(|_| ended)
                .and_then(|attempt| attempt.end_time.as_ref())
                .map(output::millis),
            is_whole: task.instances.is_some(),
            is_one_of_many: false,
        }
    }
}

pub(crate) fn is_final(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::Succeeded
            | TaskState::Failed
            | TaskState::TimedOut
            | TaskState::Cancelled
            | TaskState::UpstreamFailed
            | TaskState::Undone
            | TaskState::UndoFailed
    )
}
