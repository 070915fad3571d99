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

use drover_model::{
    Answer, JobId, NodeView, PolicyEventKind, PolicySwitch, Question, policy::PolicySource,
};
use drover_sim::simulate;
use tokio_util::sync::CancellationToken;

use crate::{
    Options, clock,
    error::{ApiError, Code},
    inbox::{Senders, Wish},
    policies,
    store::{Store, StoreError, StoredJob, first_id},
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
    pub(crate) options: Arc<Options>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) senders: Senders,
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
            let Some(block) = self.next_block(watch).await? else {
                return Ok(());
            };
            self.judge(watch, block).await?;
            if watch.evidence.is_enough() {
                return self.roll_back(watch).await;
            }
        }
        // More comes than is looked at: what is left of it is passed over.
        watch.after = first_id(clock::wall());
        watch.before.clear();
        Ok(())
    }

    /// `None`: it is not full yet, or its jobs have not ended.
    async fn next_block(&self, watch: &Watch) -> Result<Option<Vec<StoredJob>>, ApiError> {
        let limit = self.options.guard_jobs;
        let arrived = self.store.arrivals(watch.after, limit).await?;
        if arrived.len() < limit as usize {
            return Ok(None);
        }
        let block = self.read(&arrived).await?;
        let Some(last) = block.last() else {
            return Ok(Some(block));
        };
        let is_old = clock::wall().since(last.fixed.submitted_at) > PATIENCE.as_millis() as u64;
        let have_ended = block.iter().all(|job| job.row.state.is_final());
        Ok((have_ended || is_old).then_some(block))
    }

    /// Without those that cannot be read, which were parked for that and say nothing.
    async fn read(&self, arrived: &[JobId]) -> Result<Vec<StoredJob>, ApiError> {
        let mut block = Vec::with_capacity(arrived.len());
        for id in arrived {
            match self.store.job(*id).await {
                Ok((_, job)) => block.extend(job),
                Err(StoreError::Corrupt { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(block)
    }

    async fn judge(&self, watch: &mut Watch, block: Vec<StoredJob>) -> Result<(), ApiError> {
        let before = std::mem::take(&mut watch.before);
        watch.after = block.last().map_or(watch.after, |last| last.row.id);
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
        let nodes = self.nodes().await?;
        let options = simulate::Options {
            backfill: self.options.backfill.clone(),
            weights: self.options.weights,
            age_cap_ms: u64::try_from(self.options.age_cap.as_millis()).ok(),
            // As the driver does it: a round sees all that came with one turn.
            rounds: simulate::Rounds::EachMoment,
            ..simulate::Options::new(Arc::clone(&self.options.fallback), self.options.dispatch)
        };
        // Long work without a pause.
        let replay = tokio::task::spawn_blocking(move || compare(nodes, &before, &block, &options));
        match replay.await {
            Ok(Ok(compared)) => Ok(compared),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a block of jobs cannot be replayed");
                Ok(None)
            }
            Err(_) => Err(ApiError::internal()),
        }
    }

    async fn nodes(&self) -> Result<Vec<NodeView>, ApiError> {
        match self.senders.ask(Wish::Ask(Question::Nodes)).await? {
            Answer::Nodes(nodes) => Ok(nodes),
            _ => Err(ApiError::internal()),
        }
    }

    async fn roll_back(&self, watch: &Watch) -> Result<(), ApiError> {
        let rule = self.options.fallback.name();
        let why = watch
            .evidence
            .describe(self.options.guard_jobs as usize, rule);
        tracing::error!(policy = %watch.policy, instead = rule, why, "the policy in use does harm");
        let switch = PolicySwitch {
            policy: PolicySource::rule(rule),
            instead_of: Some(Arc::clone(&watch.policy)),
            kind: PolicyEventKind::RollBack,
            who: "guard".into(),
            why: why.into(),
        };
        policies::switch(&self.senders, switch).await?;
        Ok(())
    }
}
