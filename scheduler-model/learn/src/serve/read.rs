use drover_proto::v1::{HistoryRecord, history_record::Record};
use drover_sim::trace::{
    Skipped,
    history::{FORMAT, History, VERSION, from_message, line::Header},
};

/// What was recorded of recent jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct Recent {
    pub history: History,
    /// Jobs and nodes that this program cannot read.
    pub unreadable: usize,
}

impl Recent {
    pub(super) fn of(records: Vec<HistoryRecord>) -> Self {
        let mut recent = Self {
            history: History {
                header: Header {
                    format: FORMAT.to_owned(),
                    version: VERSION,
                    from_ms: 0,
                    until_ms: 0,
                    policy: String::new(),
                    dispatch_mode: String::new(),
                    score_weights: String::new(),
                },
                nodes: Vec::new(),
                jobs: Vec::new(),
                skipped: Skipped::default(),
            },
            unreadable: 0,
        };
        for record in records {
            recent.add(record);
        }
        recent
    }

    fn add(&mut self, record: HistoryRecord) {
        match record.record {
            Some(Record::Node(node)) => match from_message::node(&node) {
                Ok(line) => self.history.nodes.push(line),
                Err(_) => self.unreadable += 1,
            },
            Some(Record::Job(job)) => match from_message::job(&job) {
                Ok(line) => self.history.jobs.push(line),
                Err(_) => self.unreadable += 1,
            },
            // Asked for already, or of a newer coordinator.
            Some(Record::Header(_)) | None => {}
        }
    }

    /// Jobs that have ended.
    pub fn ended(&self) -> usize {
        let jobs = self.history.jobs.iter();
        jobs.filter(|job| job.state.is_final()).count()
    }
}

#[cfg(test)]
mod tests {
    use drover_proto::v1::{self, task_spec::Run};

    use super::*;

    fn job(name: &str, state: v1::JobState) -> HistoryRecord {
        let task = v1::TaskSpec {
            name: "only".to_owned(),
            run: Some(Run::Simulate(v1::Simulate {
                duration: Some(drover_proto::time::duration(1_000)),
                failure_chance: 0.0,
            })),
            ..v1::TaskSpec::default()
        };
        let job = v1::Job {
            spec: Some(v1::JobSpec {
                name: name.to_owned(),
                tasks: vec![task],
                ..v1::JobSpec::default()
            }),
            state: state.into(),
            submit_time: Some(drover_proto::time::from_model(drover_model::Timestamp(3))),
            ..v1::Job::default()
        };
        HistoryRecord {
            record: Some(Record::Job(job)),
        }
    }

    #[test]
    fn what_cannot_be_read_is_counted_and_the_rest_is_read() {
        let records = vec![
            job("done", v1::JobState::Succeeded),
            job("open", v1::JobState::Running),
            job("", v1::JobState::Succeeded),
            HistoryRecord { record: None },
        ];
        let recent = Recent::of(records);
        assert_eq!((recent.history.jobs.len(), recent.unreadable), (2, 1));
        assert_eq!(recent.ended(), 1);
    }
}
