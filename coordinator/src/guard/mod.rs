//! Watches the policy in use: would its jobs have been better off with the fallback rule?
//!
//! Now and then the last jobs that ended are replayed under that rule in the simulator, on the nodes that there are, and what
//! happened is compared with what would have ([`replay`]). When the evidence is enough ([`evidence`]), the fallback rule is
//! used from then on, and the history says why. No learner is needed for it. What is known is forgotten with the leadership
//! and with another policy; the first block of a policy is load only, since it waited under another.
//!
//! It has one thread for a moment, with a bounded number of jobs, and never the driver's.

mod evidence;
mod replay;

use std::{sync::Arc, time::Duration};

use drover_model::{JobId, Timestamp};
use drover_sim::simulate;
use tokio_util::sync::CancellationToken;

use crate::{
    Options, clock,
    error::{ApiError, Code},
    inbox::Senders,
    policies,
    server::Parts,
    store::{Store, StoreError, StoredJob, first_id},
    tally::{Count, Tally},
};
use evidence::Evidence;
use replay::{Compared, compare};

/// A block whose last job came so long ago is judged even if some of its jobs have not ended: a policy that lets jobs
/// starve is not to be saved by that.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// So many blocks are judged each time; of a busy cluster that is a sample.
const BLOCKS_AT_ONCE: u32 = 8;

/// More tasks than this are not replayed.
const MOST_TASKS: u32 = 20_000;

pub(crate) struct Guard {
    options: Arc<Options>,
    store: Arc<dyn Store>,
    senders: Senders,
    tally: Arc<Tally>,
}

/// What is known of the policy in use.
struct Watch {
    policy: Arc<str>,
    /// The last job that was taken.
    after: JobId,
    /// The block before.
    before: Vec<StoredJob>,
    evidence: Evidence,
}

impl Watch {
    /// From now on.
    fn begin(policy: Arc<str>) -> Self {
        Self {
            policy,
            after: first_id(clock::wall()),
            before: Vec::new(),
            evidence: Evidence::none(),
        }
    }
}

impl Guard {
    pub(crate) fn of(parts: &Parts) -> Self {
        Self {
            options: Arc::clone(&parts.options),
            store: Arc::clone(&parts.store),
            senders: parts.senders.clone(),
            tally: Arc::clone(&parts.tally),
        }
    }

    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut known = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(self.options.guard_interval) => {}
            }
            match self.look(&mut known).await {
                Ok(()) => {}
                // Standbys know of no policy in use.
                Err(error) if error.code == Code::NotLeader => known = None,
                Err(error) => tracing::warn!(%error, "the guard cannot look at the policy in use"),
            }
        }
    }

    /// Nothing is known of the fallback rule itself: there is nothing to compare it with.
    async fn look(&self, known: &mut Option<Watch>) -> Result<(), ApiError> {
        let in_use = policies::in_use(&self.senders).await?.policy;
        if *in_use == *self.options.fallback.name() {
            *known = None;
            return Ok(());
        }
        let same = known.take().filter(|watch| watch.policy == in_use);
        let watch = known.insert(same.unwrap_or_else(|| Watch::begin(in_use)));
        for _ in 0..BLOCKS_AT_ONCE {
            // Also what was found the last time, if the switch could not be made.
            if watch.evidence.is_enough() {
                return self.give_up(watch).await;
            }
            let Some(block) = self.next_block(watch).await? else {
                return Ok(());
            };
            self.judge(watch, block).await?;
        }
        if watch.evidence.is_enough() {
            return self.give_up(watch).await;
        }
        // More comes than is looked at: what is left of it is passed over.
        watch.after = first_id(clock::wall());
        watch.before.clear();
        Ok(())
    }

    /// `None`: it is not full yet, or its jobs have not ended.
    async fn next_block(&self, watch: &mut Watch) -> Result<Option<Vec<StoredJob>>, ApiError> {
        let limit = self.options.guard_jobs;
        let arrived = self.store.arrivals(watch.after, limit).await?;
        let full = arrived.last().filter(|_| arrived.len() == limit as usize);
        let Some(last) = full else {
            return Ok(None);
        };
        let patience_ms = PATIENCE.as_millis() as i64;
        let is_old = *last < first_id(Timestamp(clock::wall().0 - patience_ms));
        let block = self.read(&arrived, is_old).await?;
        if block.is_some() {
            watch.after = *last;
        }
        Ok(block)
    }

    /// Without those that cannot be read, which were parked for that and say nothing. `None`: one has not ended, and `all`
    /// are not wanted.
    async fn read(&self, arrived: &[JobId], all: bool) -> Result<Option<Vec<StoredJob>>, ApiError> {
        let mut block = Vec::with_capacity(arrived.len());
        for id in arrived {
            match self.store.job(*id).await {
                Ok((_, Some(job))) if !all && !job.row.state.is_final() => return Ok(None),
                Ok((_, job)) => block.extend(job),
                Err(StoreError::Corrupt { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(block))
    }

    async fn judge(&self, watch: &mut Watch, block: Vec<StoredJob>) -> Result<(), ApiError> {
        let before = std::mem::take(&mut watch.before);
        self.tally.add(Count::GuardBlocks);
        let tasks = before.iter().chain(&block).map(|job| job.fixed.task_count);
        if !before.is_empty() && tasks.sum::<u32>() <= MOST_TASKS {
            let compared = self.compare(before, block.clone()).await?;
            tracing::debug!(policy = %watch.policy, ?compared, "the guard has replayed a block");
            if let Some(Compared { happened, replayed }) = compared {
                watch.evidence.add(happened, replayed);
            }
        }
        watch.before = block;
        Ok(())
    }

    async fn compare(
        &self,
        before: Vec<StoredJob>,
        block: Vec<StoredJob>,
    ) -> Result<Option<Compared>, ApiError> {
        let nodes = self.senders.nodes().await?;
        let now = clock::wall();
        let options = simulate::Options {
            backfill: self.options.backfill.clone(),
            weights: self.options.weights,
            age_cap_ms: self.options.age_cap_ms(),
            // As the driver does it: a round sees all that came with one turn.
            rounds: simulate::Rounds::EachMoment,
            ..simulate::Options::new(Arc::clone(&self.options.fallback), self.options.dispatch)
        };
        // Long work without a pause.
        let replay =
            tokio::task::spawn_blocking(move || compare(nodes, &before, &block, &options, now));
        match replay.await {
            Ok(Ok(compared)) => Ok(compared),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a block of jobs cannot be replayed");
                Ok(None)
            }
            Err(_) => Err(ApiError::internal()),
        }
    }

    async fn give_up(&self, watch: &Watch) -> Result<(), ApiError> {
        let rule = self.options.fallback.name();
        let why = watch
            .evidence
            .describe(self.options.guard_jobs as usize, rule);
        let switch = policies::give_up(Arc::clone(&watch.policy), rule, "guard", &why);
        policies::switch(&self.senders, switch).await?;
        self.tally.add(Count::PolicyFallbacks);
        Ok(())
    }
}
