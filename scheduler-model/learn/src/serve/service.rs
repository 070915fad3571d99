use std::time::Duration;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::spawn_blocking,
    time::sleep,
};

use super::{
    InUse, Lesson, Naming, Plan, Recent, ServeError, coordinator::Coordinator, error::Remedy,
    in_use::is_stored, lesson::learn, offer::offer,
};

/// Between tries to reach a coordinator; twice as long after each.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What a learner is told.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Of the coordinators of one cluster.
    pub addresses: Vec<String>,
    pub namespace: String,
    /// Between the end of a turn and the next.
    pub interval: Duration,
    /// That are looked at, the last ones.
    pub jobs: u32,
    pub plan: Plan,
    pub naming: Naming,
    /// For the registry: what somebody would type to have the same.
    pub command: String,
    /// One turn, whose failure is the learner's.
    pub once: bool,
}

/// Learns turn after turn, and says of each in a line what came of it.
#[derive(Debug)]
pub struct Service {
    options: ServeOptions,
    coordinator: Coordinator,
    /// What the last turn learned from: the last job, how many had ended, and what was in use.
    known: Option<(String, usize, String)>,
    turns: u64,
}

impl Service {
    /// # Errors
    /// An address that is none.
    pub fn new(options: ServeOptions) -> Result<Self, ServeError> {
        Ok(Self {
            coordinator: Coordinator::new(&options.addresses)?,
            options,
            known: None,
            turns: 0,
        })
    }

    /// Until it is asked to end by SIGINT or SIGTERM, which it does at once: what it was about is of no use to anybody.
    /// `say` hears of every turn.
    ///
    /// # Errors
    /// What no other turn would help against; with `once`, why there was no lesson.
    pub async fn run(mut self, say: impl Fn(&str)) -> Result<(), ServeError> {
        let listen = |kind| signal(kind).map_err(ServeError::Signals);
        let mut interrupt: Signal = listen(SignalKind::interrupt())?;
        let mut terminate: Signal = listen(SignalKind::terminate())?;
        tokio::select! {
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
            ended = self.turns(say) => ended,
        }
    }

    async fn turns(&mut self, say: impl Fn(&str)) -> Result<(), ServeError> {
        let mut wait = FIRST_WAIT;
        loop {
            let outcome = self.turn().await;
            if self.options.once {
                return outcome.map(|told| say(&told));
            }
            match outcome {
                Ok(told) => say(&told),
                Err(error) => match error.remedy() {
                    Remedy::GiveUp => return Err(error),
                    Remedy::NextTurn => say(&error.to_string()),
                    Remedy::TryAgain => {
                        say(&format!("{error}; again in {} s", wait.as_secs()));
                        self.coordinator.leave();
                        sleep(wait).await;
                        wait = (wait * 2).min(LONGEST_WAIT);
                        continue;
                    }
                },
            }
            wait = FIRST_WAIT;
            sleep(self.options.interval).await;
        }
    }

    async fn turn(&mut self) -> Result<String, ServeError> {
        self.coordinator.check_version().await?;
        let in_use = self.in_use().await?;
        let options = &self.options;
        let history = self.coordinator.history(&options.namespace, options.jobs);
        let recent = Recent::of(history.await?);
        let last = recent.history.jobs.last().map(|job| job.id.clone());
        let known = (
            last.unwrap_or_default(),
            recent.ended(),
            in_use.policy.clone(),
        );
        if self.known.as_ref() == Some(&known) {
            return Ok("nothing has ended since the last turn".to_owned());
        }
        let lesson = self.learn(recent, in_use.clone()).await?;
        self.known = Some(known);
        self.conclude(lesson, &in_use).await
    }

    async fn in_use(&mut self) -> Result<InUse, ServeError> {
        let said = self.coordinator.policies().await?;
        let weights = match is_stored(&said) {
            true => Some(self.coordinator.weights(&said.active).await?),
            false => None,
        };
        InUse::new(said, weights.as_deref())
    }

    /// On a thread of its own, with a seed of its own: signals and connections are not to wait for it.
    async fn learn(&mut self, recent: Recent, in_use: InUse) -> Result<Lesson, ServeError> {
        let mut plan = self.options.plan.clone();
        plan.tuning.seed = plan.tuning.seed.wrapping_add(self.turns);
        self.turns += 1;
        let learning = spawn_blocking(move || learn(&recent, &in_use, &plan));
        match learning.await {
            Ok(lesson) => lesson,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    async fn conclude(&mut self, lesson: Lesson, in_use: &InUse) -> Result<String, ServeError> {
        let learned = match lesson {
            Lesson::Waits { ended, needed } => {
                return Ok(format!(
                    "waits: {ended} jobs have ended, and {needed} are needed"
                ));
            }
            Lesson::Learned(learned) => learned,
        };
        if !learned.is_offered() {
            return Ok(format!("{learned}; kept back, which is too few"));
        }
        let ServeOptions {
            naming,
            command,
            plan,
            ..
        } = &self.options;
        let seed = plan.tuning.seed.wrapping_add(self.turns - 1);
        let request = offer(&learned, naming, &in_use.versions, command, seed)?;
        let version = request.version.clone();
        let answer = self.coordinator.offer(request).await?;
        let verdict = match answer.promoted {
            true => "promoted",
            false => "refused",
        };
        Ok(format!(
            "{learned}; {version} is {verdict}: {}",
            answer.reason
        ))
    }
}
