//! The connection to the coordinators. Calls follow the leader: from a standby to the one it names, and from one that is
//! gone to the next, for a bounded time. One that has no room is asked again when it says.

mod address;
mod calls;
mod failure;
mod lasting;
mod route;
#[cfg(test)]
pub(crate) mod served;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tonic::{Response, Status, transport::Channel};
use tonic_types::StatusExt as _;

pub(crate) use address::Address;
pub(crate) use failure::{Repeat, is_broken};
pub(crate) use lasting::{Heard, Lasting};

use crate::error::CliError;
use failure::Next;
use route::Route;

/// How long a call looks for a coordinator that carries it out, from its first failure.
const PATIENCE: Duration = Duration::from_secs(10);

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// A connected client. Cheap to clone; clones turn to another coordinator together.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    link: Arc<Mutex<Link>>,
}

#[derive(Debug)]
struct Link {
    route: Route,
    /// To the current address of the route.
    channel: Option<Channel>,
}

/// An answer, and who gave it.
pub(crate) struct Answered<Answer> {
    pub(crate) address: String,
    pub(crate) answer: Answer,
}

impl Client {
    /// Asks each address once. Where nobody listens, nobody is waited for.
    pub(crate) async fn connect(address: &Address) -> Result<Self, CliError> {
        let client = Self {
            link: Arc::new(Mutex::new(Link {
                route: Route::new(address.normalized()?),
                channel: None,
            })),
        };
        let addresses = client.lock().route.len();
        let mut outcome = Ok(());
        for _ in 0..addresses {
            match client.channel().await {
                Ok(_) => return Ok(client),
                Err((address, problem)) => {
                    outcome = Err(client.unreachable(&problem));
                    client.leave(&address, None);
                }
            }
        }
        outcome.map(|()| client)
    }

    /// Makes a call until a coordinator has answered it.
    pub(crate) async fn call<Request, Answer, Call>(
        &self,
        repeat: Repeat,
        request: Request,
        send: impl Fn(Channel, Request) -> Call,
    ) -> Result<Answered<Answer>, CliError>
    where
        Request: Clone,
        Call: Future<Output = Result<Response<Answer>, Status>>,
    {
        let mut patience = None;
        // Standbys go on naming a leader that has gone until they have noticed.
        let mut gone = None;
        loop {
            let (error, at_least) = match self.channel().await {
                Err((address, problem)) => {
                    self.leave(&address, None);
                    gone = Some(address);
                    (self.unreachable(&problem), Duration::ZERO)
                }
                Ok((address, channel)) => match send(channel, request.clone()).await {
                    Ok(answer) => {
                        let answer = answer.into_inner();
                        return Ok(Answered { address, answer });
                    }
                    Err(status) => match failure::next(&status, repeat) {
                        Next::GiveUp => return Err(self.failed(status)),
                        Next::Wait { delay } => (self.unavailable(&status), delay),
                        Next::Ask { leader } => {
                            let leader = leader.filter(|leader| gone.as_ref() != Some(leader));
                            self.leave(&address, leader);
                            (self.broken(&status), Duration::ZERO)
                        }
                    },
                },
            };
            let now = Instant::now();
            let patience = patience.get_or_insert_with(|| Patience::begin(now));
            match patience.next_wait(now, at_least) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }

    /// Turns away from a coordinator whose stream has broken, to the leader if it names one. False: it has not broken, but
    /// was refused.
    fn leave_broken(&self, address: &str, status: &Status) -> bool {
        let next = failure::next(status, Repeat::Freely);
        if let Next::Ask { leader } = next {
            self.leave(address, leader);
            return true;
        }
        false
    }

    fn leave(&self, address: &str, leader: Option<String>) {
        let mut link = self.lock();
        let turned_before = link.route.current() != address;
        link.route.leave(address, leader);
        if !turned_before {
            link.channel = None;
        }
    }

    /// Tells a lost connection from a refusal.
    pub(crate) fn failed(&self, status: Status) -> CliError {
        if is_broken(&status) {
            self.broken(&status)
        } else {
            status.into()
        }
    }

    /// A coordinator that was reached gives a reason.
    fn broken(&self, status: &Status) -> CliError {
        if status.get_details_error_info().is_none() {
            return self.unreachable(status.message());
        }
        self.unavailable(status)
    }

    fn unavailable(&self, status: &Status) -> CliError {
        CliError::Unavailable {
            address: self.lock().route.all(),
            problem: status.message().to_owned(),
        }
    }

    fn unreachable(&self, problem: &str) -> CliError {
        CliError::Unreachable {
            address: self.lock().route.all(),
            problem: problem.to_owned(),
        }
    }

    /// To the coordinator that is asked now. The error is its address and what is wrong.
    async fn channel(&self) -> Result<(String, Channel), (String, String)> {
        let (address, alone) = {
            let link = self.lock();
            let address = link.route.current().to_owned();
            if let Some(channel) = &link.channel {
                return Ok((address, channel.clone()));
            }
            (address, link.route.is_single())
        };
        match address::connect(&address, alone).await {
            Ok(channel) => {
                let mut link = self.lock();
                if link.route.current() == address {
                    link.channel = Some(channel.clone());
                }
                Ok((address, channel))
            }
            Err(problem) => Err((address, problem)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits between tries, each twice as long as the one before. The first other coordinator is asked at once.
struct Patience {
    ends: Instant,
    wait: Duration,
}

impl Patience {
    fn begin(now: Instant) -> Self {
        Self {
            ends: now + PATIENCE,
            wait: Duration::ZERO,
        }
    }

    /// `None`: it is over.
    fn next_wait(&mut self, now: Instant, at_least: Duration) -> Option<Duration> {
        let wait = self.wait.max(at_least);
        self.wait = (self.wait * 2).clamp(FIRST_WAIT, LONGEST_WAIT);
        (now + wait <= self.ends).then_some(wait)
    }
}

#[cfg(test)]
mod tests;
