//! Mistakes of the cluster and of the turn, put between them and the world ([`PlantedBug`]).

use drover_model::{
    Action, Admission, Answer, AttemptKey, AttemptState, CallerId, Event, NodeChange, Outcome,
    Preemption, Report, ReportBatch, ReportKind, SessionId, Submitted, Timestamp,
};

use super::{Leader, perform::Parcel};
use crate::faults::{inject::PlantedBug, world::World};

impl World<'_> {
    /// Mistakes of the cluster that show in what agents are told.
    pub(super) fn corrupt_parcel(&mut self, c: usize, session: SessionId, parcel: &mut Parcel) {
        match self.setting.planted {
            Some(PlantedBug::ClusterSkipsStops) => parcel.stops.clear(),
            Some(PlantedBug::ClusterTellsNoInstance) => {
                for assignment in &mut parcel.assignments {
                    assignment.instance = None;
                }
            }
            Some(PlantedBug::ClusterFreesCapacityEarly) => {
                for (key, _) in &parcel.stops {
                    let batch = ended_too_early(*key, self.wall(0));
                    self.coordinators[c]
                        .control
                        .push_back(super::Control::Reports { session, batch });
                }
            }
            _ => {}
        }
    }

    /// Mistakes of the cluster that show in what it makes of an event.
    pub(super) fn corrupt_event(&mut self, leader: &Leader, mut event: Event) -> Event {
        match (self.setting.planted, &mut event) {
            (Some(PlantedBug::ClusterDropsReports), Event::Reports { batch, .. }) => {
                let kept = !self.checks.chance(50);
                batch
                    .reports
                    .retain(|report| kept || matches!(report.what, ReportKind::Started { .. }));
            }
            (Some(PlantedBug::ClusterForgetsSuccess), Event::Reports { batch, .. }) => {
                for report in &mut batch.reports {
                    self.forget_success(report);
                }
            }
            (Some(PlantedBug::ClusterChargesDrains), Event::Reports { batch, .. }) => {
                for report in &mut batch.reports {
                    self.charge_drain(report);
                }
            }
            (Some(bug), Event::ChangeNode { change, .. }) => bug.corrupt_change(change),
            (Some(bug), Event::Submit { caller, jobs, .. }) => {
                for job in jobs.iter_mut() {
                    bug.corrupt_spec(&mut job.spec);
                }
                if bug == PlantedBug::TurnAnswersBeforeCommit {
                    let submitted = jobs.iter().map(|job| Submitted {
                        job: job.id,
                        duplicate: false,
                    });
                    let answer = Answer::Submitted(submitted.collect());
                    if let Some(call) = leader.callers.get(caller) {
                        self.reply(0, *call, answer);
                    }
                }
            }
            _ => {}
        }
        event
    }

    /// A round that decides too much: those who look on see it decided so.
    pub(super) fn corrupt_decision(&self, mut event: Event) -> Event {
        if let (Some(PlantedBug::ClusterStopsTooMany), Event::Dispatch(decision)) =
            (self.setting.planted, &mut event)
        {
            for preemption in &mut decision.preemptions {
                let another = self.another_victim(preemption);
                preemption.victims.extend(another);
            }
        }
        event
    }

    /// Who runs there and has agreed to make room as well.
    fn another_victim(&self, preemption: &Preemption) -> Option<AttemptKey> {
        let planned = |job| {
            let stored = self.database.jobs.get(&job)?;
            Some(&self.workload.jobs[stored.number as usize].spec)
        };
        let priority = planned(preemption.job)?.priority;
        let yields = |key: &AttemptKey| {
            planned(key.job).is_some_and(|spec| {
                let task = spec
                    .tasks
                    .get(key.task as usize)
                    .filter(|task| !task.finally);
                let step = task.and_then(|task| task.step.as_ref());
                let agreed =
                    step.is_some_and(|step| step.preemptible && step.rules.retry.rerun_lost);
                agreed && spec.priority < priority && spec.groups.is_empty()
            })
        };
        let mut running = self.database.attempts.values().filter(|row| {
            let is_there = row.node == preemption.node && row.state == AttemptState::Running;
            is_there && !preemption.victims.contains(&row.key)
        });
        running.find(|row| yields(&row.key)).map(|row| row.key)
    }

    fn forget_success(&self, report: &mut Report) {
        let row = self.database.attempts.get(&report.key);
        let stops = row.is_some_and(|row| row.state == AttemptState::Stopping);
        if let (true, ReportKind::Ended { outcome, .. }) = (stops, &mut report.what)
            && *outcome == Outcome::Succeeded
        {
            *outcome = Outcome::Stopped;
        }
    }

    fn charge_drain(&self, report: &mut Report) {
        let row = self.database.attempts.get(&report.key);
        let makes_room = row.is_some_and(|row| row.state == AttemptState::StoppingRequeue);
        if let (true, ReportKind::Ended { outcome, .. }) = (makes_room, &mut report.what)
            && *outcome == Outcome::Stopped
        {
            *outcome = Outcome::Failed;
        }
    }

    /// What the cluster would do by mistake before it takes an event. Nobody hears of it.
    pub(super) fn mistakes_before(&self, event: &Event) -> Vec<Event> {
        match self.setting.planted {
            Some(PlantedBug::ClusterForgetsFence) => self.forget_fence(event),
            Some(PlantedBug::ClusterReopensAtJoin) => self.reopen_at_join(event),
            _ => Vec::new(),
        }
    }

    /// Only where the agent has not been started again, and so nothing else is written of the node.
    fn reopen_at_join(&self, event: &Event) -> Vec<Event> {
        let Event::Join { join, .. } = event else {
            return Vec::new();
        };
        let row = self.database.nodes.get(&join.node);
        let connects_again = row
            .filter(|row| row.incarnation == join.incarnation && row.admission != Admission::Open);
        let opens = connects_again.map(|row| Event::ChangeNode {
            caller: CallerId(u64::MAX),
            node: row.name.clone(),
            change: NodeChange::Uncordon,
        });
        opens.into_iter().collect()
    }

    /// Mistakes of the cluster that show in what it answers.
    pub(super) fn corrupt_answers(&self, actions: &mut [Action]) {
        for action in actions {
            let Action::Reply { answer, .. } = action else {
                continue;
            };
            match (self.setting.planted, answer) {
                (
                    Some(PlantedBug::ClusterExplainsNothing),
                    Answer::Explained {
                        task: Some(told), ..
                    },
                ) => {
                    for verdict in &mut told.nodes {
                        verdict.obstacle = None;
                    }
                }
                (Some(PlantedBug::ClusterTellsOfOpenNodes), Answer::NodeSet(node)) => {
                    node.admission = Admission::Open;
                }
                _ => {}
            }
        }
    }

    /// As if nobody looked at attempt numbers and nodes: what an old attempt says counts for the current one.
    fn forget_fence(&self, event: &Event) -> Vec<Event> {
        let reports = match event {
            Event::Reports { batch, .. } => &batch.reports,
            Event::Join { join, .. } => &join.reports.reports,
            _ => return Vec::new(),
        };
        let stale = reports.iter().filter_map(|report| {
            let AttemptKey { job, task, attempt } = report.key;
            let last = self.database.attempts_at(job, task).next_back()?;
            let superseded = last.key.attempt > attempt && !last.state.is_final();
            superseded.then(|| {
                let node = last.node.clone();
                let (key, what) = (last.key, report.what.clone());
                let report = Report { key, what };
                Event::Recover { node, report }
            })
        });
        stale.collect()
    }
}

fn ended_too_early(key: AttemptKey, at: Timestamp) -> ReportBatch {
    let what = ReportKind::Ended {
        started_at: at,
        ended_at: at,
        outcome: Outcome::Stopped,
        exit_code: None,
        message: None,
    };
    ReportBatch {
        sequence: 0,
        reports: vec![Report { key, what }],
    }
}
