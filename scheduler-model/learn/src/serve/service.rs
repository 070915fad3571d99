use std::time::Duration;

use drover_proto::v1::OfferCandidateResponse;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::spawn_blocking,
    time::sleep,
};

use super::{
    InUse, Learned, Lesson, Naming, Plan, Recent, ServeError, coordinator::Coordinator,
    error::Remedy, in_use::is_stored, lesson::learn, offer::offer,
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

/// Learns turn after turn, and says of each in a line what came of it, unless that is what was said before.
#[derive(Debug)]
pub struct Service {
    options: ServeOptions,
    coordinator: Coordinator,
    /// What was learned from last.
    known: Option<Known>,
    lessons: u64,
    /// The last line, which is not said twice.
    said: String,
}

/// What a lesson was about.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    last_job: String,
    in_use: String,
}

/// Of the jobs that a turn looks at, so many have to be new since the last lesson: others would teach the same again.
const NEW_SHARE: f64 = 0.1;

impl Known {
    fn of(recent: &Recent, in_use: &InUse) -> Self {
        let last = recent.history.jobs.last();
        Self {
            last_job: last.map_or(String::new(), |job| job.id.clone()),
            in_use: in_use.policy.clone(),
        }
    }

    /// Ids ascend with the time of submission.
    fn is_old(&self, recent: &Recent, in_use: &InUse) -> bool {
        let jobs = &recent.history.jobs;
        let new = jobs.iter().filter(|job| job.id > self.last_job).count();
        self.in_use == in_use.policy && (new as f64) < (NEW_SHARE * jobs.len() as f64).max(1.0)
    }
}

impl Service {
    /// # Errors
    /// An address that is none.
    pub fn new(options: ServeOptions) -> Result<Self, ServeError> {
        Ok(Self {
            coordinator: Coordinator::new(&options.addresses)?,
            options,
            known: None,
            lessons: 0,
            said: String::new(),
        })
    }

    /// Until it is asked to end by SIGINT or SIGTERM, which it does at once: what it was about is of no use to anybody.
    /// `say` hears the lines.
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
                return outcome.map(|told| self.say(told, &say));
            }
            match outcome {
                Ok(told) => self.say(told, &say),
                Err(error) => match error.remedy() {
                    Remedy::GiveUp => return Err(error),
                    Remedy::NextTurn => self.say(error.to_string(), &say),
                    Remedy::TryAgain => {
                        let told = format!("{error}; again in {} s", wait.as_secs());
                        self.say(told, &say);
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

    fn say(&mut self, told: String, say: impl Fn(&str)) {
        if self.said != told {
            say(&told);
            self.said = told;
        }
    }

    async fn turn(&mut self) -> Result<String, ServeError> {
        self.coordinator.check_version().await?;
        let in_use = self.in_use().await?;
        let options = &self.options;
        let history = self.coordinator.history(&options.namespace, options.jobs);
        let recent = Recent::of(history.await?);
        let known = self.known.as_ref();
        if known.is_some_and(|known| known.is_old(&recent, &in_use)) {
            return Ok("waits: fewer than a tenth of the jobs are new since then".to_owned());
        }
        let known = Known::of(&recent, &in_use);
        let learned = match self.learn(recent, in_use.clone()).await? {
            Lesson::Waits { ended, needed } => {
                let told = format!("waits: {ended} jobs have ended, and {needed} are needed");
                return Ok(told);
            }
            Lesson::Learned(learned) => learned,
        };
        let answer = self.offer(&learned, &in_use).await?;
        // What was promoted is in use by now, and these jobs have nothing more to say.
        let promoted = answer.iter().find(|(_, answer)| answer.promoted);
        self.known = Some(Known {
            in_use: promoted.map_or(known.in_use, |(version, _)| version.clone()),
            ..known
        });
        Ok(told(&learned, answer.as_ref()))
    }

    async fn in_use(&mut self) -> Result<InUse, ServeError> {
        let said = self.coordinator.policies().await?;
        let weights = match is_stored(&said) {
            true => Some(self.coordinator.weights(&said.active).await?),
            false => None,
        };
        InUse::new(said, weights.as_deref())
    }

    /// On a thread of its own: signals and connections are not to wait for it.
    async fn learn(&self, recent: Recent, in_use: InUse) -> Result<Lesson, ServeError> {
        let mut plan = self.options.plan.clone();
        plan.tuning.seed = self.seed();
        let learning = spawn_blocking(move || learn(&recent, &in_use, &plan));
        match learning.await {
            Ok(lesson) => lesson,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Of this lesson.
    fn seed(&self) -> u64 {
        self.options.plan.tuning.seed.wrapping_add(self.lessons)
    }

    /// Under which version it was offered, and what the gate says. `None`: it is not worth that.
    async fn offer(
        &mut self,
        learned: &Learned,
        in_use: &InUse,
    ) -> Result<Option<(String, OfferCandidateResponse)>, ServeError> {
        let seed = self.seed();
        self.lessons += 1;
        if !learned.is_offered() {
            return Ok(None);
        }
        let ServeOptions {
            naming, command, ..
        } = &self.options;
        let request = offer(learned, naming, &in_use.versions, command, seed)?;
        let version = request.version.clone();
        let answer = self.coordinator.offer(request).await?;
        Ok(Some((version, answer)))
    }
}

fn told(learned: &Learned, answer: Option<&(String, OfferCandidateResponse)>) -> String {
    let Some((version, OfferCandidateResponse { promoted, reason })) = answer else {
        return format!("{learned}, too few to offer it");
    };
    let verdict = if *promoted { "promoted" } else { "refused" };
    format!("{learned}; {version} is {verdict}: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::example;

    fn in_use(rule: &str) -> InUse {
        InUse {
            policy: rule.to_owned(),
            ..example::in_use()
        }
    }

    #[test]
    fn a_lesson_is_repeated_when_there_is_something_new() {
        let mut recent = example::recent(40);
        for (number, job) in recent.history.jobs.iter_mut().enumerate() {
            job.id = format!("{number:04}");
        }
        let known = Known::of(&recent, &in_use("fifo"));
        assert!(known.is_old(&recent, &in_use("fifo")));
        assert!(!known.is_old(&recent, &in_use("edf")), "another is in use");
        for (new, is_old) in [(3, true), (4, false)] {
            for (number, job) in recent.history.jobs.iter_mut().enumerate() {
                job.id = format!("{:04}", number + new);
            }
            assert_eq!(known.is_old(&recent, &in_use("fifo")), is_old, "{new}");
        }
    }
}
