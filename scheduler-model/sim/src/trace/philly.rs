//! GPU jobs with deadlines: the Philly log of Microsoft with the deadlines that Chronus (Gao et al., SoCC 2021) gave it.
//!
//! Times are minutes. Nothing in the file says so; it follows from its numbers: submissions span 1 to 20,151, which is just
//! below 14 days of 1,440, and no job is shorter than 20 or longer than three such days, while in seconds 30,940 jobs of
//! deep learning would all have come within six hours and most have taken less than one minute. Deadlines have the same
//! unit: they are 1.1 to 5 times the duration for every strict job.
//!
//! The pool of GPUs is one node. A job's class is its queue ([`Class::queue`]), so that missed deadlines of strict jobs can
//! be counted apart, and its user is its owner.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc};

use drover_model::{Constraints, NodeAttributes, Priority, Resources};
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

use super::{
    ParseTraceError, Problem, Runs, Skipped, Trace, TraceJob, TraceNode, TraceTask, Wide,
    fields::{Fields, lines},
    problem::Judge,
};

const MINUTE_MS: u64 = 60_000;
const MINUTES_PER_DAY: u64 = 1_440;
/// A job that asks for more makes no sense.
const MOST_GPUS: u32 = 1_000_000;

/// What a missed deadline means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Worthless after it.
    Strict,
    /// Worth less after each of several.
    Soft,
    /// It has none.
    Best,
}

impl Class {
    pub const ALL: [Self; 3] = [Self::Strict, Self::Soft, Self::Best];

    /// The queue of its jobs: what the file calls it.
    pub const fn queue(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Soft => "soft",
            Self::Best => "best",
        }
    }

    const fn priority(self) -> Priority {
        match self {
            Self::Strict => Priority::NORMAL,
            Self::Soft | Self::Best => Priority::LOW,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhillyJob {
    pub name: Arc<str>,
    pub user: Arc<str>,
    pub class: Class,
    /// At least 1.
    pub gpus: u32,
    pub submitted_ms: u64,
    pub run_ms: u64,
    /// From submission. The first of several; none for [`Class::Best`], whatever the file says.
    pub deadline_ms: Option<u64>,
    /// Same user, same network, as many GPUs.
    pub signature: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhillyLog {
    /// By submission; equal ones in the order of the file.
    pub jobs: Vec<PhillyJob>,
    pub skipped: Skipped,
}

/// Reads a log. With `lenient`, lines that make no sense are counted.
///
/// # Errors
/// With the first line that makes no sense, when a column is missing, or when there is no job.
pub fn parse(text: &[u8], lenient: bool) -> Result<PhillyLog, ParseTraceError> {
    const EXPECTED: &str = "a line of column names, then one line for each job";
    let mut lines = lines(text).filter(|(_, line)| !line.trim_ascii().is_empty());
    let empty = ParseTraceError::Empty { expected: EXPECTED };
    let (number, header) = lines.next().ok_or_else(|| empty.clone())?;
    let columns = Columns::find(&Fields::by_commas(number, header))?;
    let mut judge = Judge::new(lenient);
    let mut users = BTreeMap::new();
    let mut jobs = Vec::new();
    for (number, line) in lines {
        let job = columns.job(&Fields::by_commas(number, line), &mut users);
        jobs.extend(judge.take(job)?);
    }
    if jobs.is_empty() {
        return Err(empty);
    }
    jobs.sort_by_key(|job| job.submitted_ms);
    Ok(PhillyLog {
        jobs,
        skipped: judge.skipped,
    })
}

/// Places of the columns that are read, from 1.
struct Columns {
    id: usize,
    user: usize,
    gpus: usize,
    submitted: usize,
    model: usize,
    duration: usize,
    deadlines: usize,
    class: usize,
}

impl Columns {
    fn find(header: &Fields<'_>) -> Result<Self, Problem> {
        let names = header.as_slice();
        let find = |name: &'static str| {
            let place = names.iter().position(|found| *found == name.as_bytes());
            let missing = || Problem::missing(1, names.len() + 1, name);
            place.map(|place| place + 1).ok_or_else(missing)
        };
        Ok(Self {
            id: find("job_id")?,
            user: find("user")?,
            gpus: find("num_gpu")?,
            submitted: find("submit_time")?,
            model: find("model_name")?,
            duration: find("duration")?,
            deadlines: find("expect_time_list")?,
            class: find("job_type")?,
        })
    }

    fn job(
        &self,
        fields: &Fields<'_>,
        users: &mut BTreeMap<String, Arc<str>>,
    ) -> Result<PhillyJob, Problem> {
        let class = self.class(fields)?;
        let gpus = fields
            .up_to(self.gpus, MOST_GPUS, "a number of GPUs")?
            .max(1);
        let user = fields.text(self.user, "a user")?;
        let model = fields.bytes(self.model, "the name of a model")?;
        let mut hasher = FxHasher::default();
        (user, model, gpus).hash(&mut hasher);
        Ok(PhillyJob {
            name: fields.text(self.id, "the id of a job")?.into(),
            class,
            gpus,
            submitted_ms: minutes(fields, self.submitted, "a time of submission in minutes")?,
            run_ms: minutes(fields, self.duration, "a duration in minutes")?,
            deadline_ms: match class {
                Class::Best => None,
                Class::Strict | Class::Soft => Some(self.deadline_ms(fields)?),
            },
            signature: hasher.finish(),
            user: Arc::clone(users.entry(user.to_owned()).or_insert_with(|| user.into())),
        })
    }

    fn class(&self, fields: &Fields<'_>) -> Result<Class, Problem> {
        const EXPECTED: &str = "a class: strict, soft or best";
        let name = fields.bytes(self.class, EXPECTED)?;
        let class = Class::ALL.into_iter();
        let mut named = class.filter(|class| class.queue().as_bytes() == name);
        named
            .next()
            .ok_or_else(|| fields.unexpected(self.class, EXPECTED))
    }

    /// Soft rows list several, joined by `-`.
    fn deadline_ms(&self, fields: &Fields<'_>) -> Result<u64, Problem> {
        const EXPECTED: &str = "deadlines in minutes after submission, joined by -";
        let list = fields.bytes(self.deadlines, EXPECTED)?;
        let mut first = None;
        for deadline in list.split(|byte| *byte == b'-') {
            let thousandths = super::fields::thousandths(deadline)
                .and_then(|value| u64::try_from(value).ok())
                .ok_or_else(|| fields.unexpected(self.deadlines, EXPECTED))?;
            first = first.or(Some(in_ms(thousandths)));
        }
        first.ok_or_else(|| fields.unexpected(self.deadlines, EXPECTED))
    }
}

fn minutes(fields: &Fields<'_>, column: usize, expected: &'static str) -> Result<u64, Problem> {
    fields.unsigned_thousandths(column, expected).map(in_ms)
}

/// Thousandths of a minute in milliseconds. What overflows is later than anything.
const fn in_ms(thousandths: u64) -> u64 {
    thousandths.saturating_mul(MINUTE_MS / 1_000)
}

impl PhillyLog {
    /// The jobs submitted on some days, for a pool of so many GPUs. Days count from 1, and day 1 is the first 1,440 minutes;
    /// times stay as they are in the log.
    ///
    /// # Errors
    /// When no job was submitted on those days, or one needs more GPUs than the pool has.
    pub fn trace(
        &self,
        name: &str,
        gpus: u32,
        days: Option<RangeInclusive<u64>>,
    ) -> Result<Trace, ParseTraceError> {
        let chosen = |job: &&PhillyJob| {
            let day = job.submitted_ms / (MINUTES_PER_DAY * MINUTE_MS) + 1;
            days.as_ref().is_none_or(|days| days.contains(&day))
        };
        let jobs: Vec<&PhillyJob> = self.jobs.iter().filter(chosen).collect();
        if jobs.is_empty() {
            return Err(ParseTraceError::Setting(
                "no job was submitted on the chosen days; days count from 1",
            ));
        }
        if jobs.iter().any(|job| job.gpus > gpus) {
            return Err(ParseTraceError::Setting(
                "a job needs more GPUs than the pool has; choose a larger pool",
            ));
        }
        let queues = Class::ALL.map(|class| Arc::<str>::from(class.queue()));
        let constraints = Arc::default();
        let jobs = jobs.into_iter();
        Ok(Trace {
            name: name.into(),
            nodes: vec![pool(gpus)],
            jobs: jobs
                .map(|job| job.trace(&queues[job.class as usize], &constraints))
                .collect(),
        })
    }
}

impl PhillyJob {
    fn trace(&self, queue: &Arc<str>, constraints: &Arc<Constraints>) -> TraceJob {
        TraceJob {
            submitted_ms: self.submitted_ms,
            name: Arc::clone(&self.name),
            owner: Arc::clone(&self.user),
            queue: Arc::clone(queue),
            priority: self.class.priority(),
            deadline_ms: self.deadline_ms,
            tasks: vec![TraceTask {
                needs: Box::default(),
                wide: Wide::Single,
                resources: amount(self.gpus),
                constraints: Arc::clone(constraints),
                stated_ms: Some(self.run_ms),
                signature: self.signature,
                runs: Runs::One(self.run_ms),
                retries: 0,
            }],
            recorded: None,
        }
    }
}

fn pool(gpus: u32) -> TraceNode {
    TraceNode {
        name: "pool".into(),
        capacity: amount(gpus),
        attributes: NodeAttributes::default(),
        speed: 1.0,
        failure: None,
    }
}

fn amount(gpus: u32) -> Resources {
    Resources {
        gpus,
        ..Resources::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
job_id,user,num_gpu,submit_time,iterations,model_name,duration,interval,expect_time_list,expect_value_list,best_effort,job_type
0,ann,4,2000,1,vgg16,30,8,45,10,0,strict
1,bob,0,10,1,vgg16,20,8,40-60-80,10-5-1,0,soft
2,ann,1,12,1,alexnet,25,8,12,10,1,best
";

    fn refusal(text: &str) -> String {
        parse(text.as_bytes(), false).unwrap_err().to_string()
    }

    #[test]
    fn classes_have_their_deadlines() {
        let trace = parse(LOG.as_bytes(), false)
            .unwrap()
            .trace("log", 8, None)
            .unwrap();
        let rows: Vec<_> = trace
            .jobs
            .iter()
            .map(|job| (&*job.name, &*job.queue, job.submitted_ms, job.deadline_ms))
            .collect();
        assert_eq!(
            rows,
            [
                ("1", "soft", 600_000, Some(2_400_000)),
                ("2", "best", 720_000, None),
                ("0", "strict", 120_000_000, Some(2_700_000)),
            ]
        );
        let gpus: Vec<u32> = trace
            .jobs
            .iter()
            .map(|job| job.tasks[0].resources.gpus)
            .collect();
        assert_eq!(gpus, [1, 1, 4], "0 counts as 1");
        assert!(trace.jobs[2].priority > trace.jobs[0].priority);
        assert_eq!(trace.jobs[2].tasks[0].runs, Runs::One(1_800_000));
        assert_eq!(trace.nodes[0].capacity.gpus, 8);
    }

    #[test]
    fn days_choose_by_submission() {
        let log = parse(LOG.as_bytes(), false).unwrap();
        let second = log.trace("log", 8, Some(2..=2)).unwrap();
        assert_eq!(second.jobs.len(), 1);
        assert_eq!(log.trace("log", 8, Some(1..=1)).unwrap().jobs.len(), 2);
        assert!(log.trace("log", 8, Some(3..=9)).is_err());
        assert!(log.trace("log", 3, None).is_err(), "a job needs 4");
    }

    #[test]
    fn bad_lines_say_where_and_what() {
        let soft = LOG.replace("40-60-80", "40--80");
        assert!(refusal(&soft).starts_with("line 3, column 9: expected deadlines in minutes"));
        let negative = LOG.replace("vgg16,30,", "vgg16,-30,");
        assert_eq!(
            refusal(&negative),
            "line 2, column 7: expected a duration in minutes, found \"-30\""
        );
        let class = LOG.replace(",strict", ",stricter");
        assert!(refusal(&class).contains("line 2, column 12: expected a class"));
        let torn = LOG.replace(",vgg16,30,8,45,10,0,strict", "");
        assert!(
            refusal(&torn).contains("line 2, column 12"),
            "{}",
            refusal(&torn)
        );
        let columns = LOG.replace("job_type", "kind");
        assert!(refusal(&columns).contains("expected job_type"));
        assert!(refusal("").contains("no job"));
        let lenient = parse(negative.as_bytes(), true).unwrap();
        assert_eq!((lenient.jobs.len(), lenient.skipped.total()), (2, 1));
    }
}
