//! Batch tasks of Alibaba's cluster-trace-v2018: a task a line, without a header. Columns: arrival in seconds, job, task
//! name, duration in seconds, cpu (100 is one core), memory, instances.
//!
//! A task's name holds its place in the job's graph: `J3_1_2` is number 3 and waits for 1 and 2 (see [`name`]). Memory is
//! a share of a machine whose size the trace does not tell, and is not read. The machines of the trace have 96 cores; as
//! the file is a sample of what they ran, the cluster is sized to a load instead.

mod name;

use std::{
    collections::BTreeMap,
    hash::{Hash as _, Hasher as _},
    sync::Arc,
};

use drover_model::{Constraints, Priority, Resources};
use rustc_hash::{FxHashMap, FxHasher};

use self::name::Place;
use super::{
    ParseTraceError, Problem, Runs, Skipped, Trace, TraceJob, TraceNode, TraceTask, Wide,
    fields::{Fields, lines},
    order,
    problem::Judge,
};

/// Of every line.
pub(super) const COLUMNS: usize = 7;

/// Of each node, as those of the trace have.
const NODE_CORES: u64 = 96;

/// Instances of one task; more makes no sense.
const MOST_INSTANCES: u32 = 1_000_000;
/// So many nodes are no cluster any more: the load is too small, or the numbers are wrong.
const MOST_NODES: f64 = 100_000.0;

/// How a trace is read.
#[derive(Clone, Copy, Debug)]
pub struct AlibabaOptions {
    /// Work by capacity and time, from the first to the last arrival; above 0.
    pub load: f64,
    pub lenient: bool,
}

impl Default for AlibabaOptions {
    fn default() -> Self {
        Self {
            load: 0.9,
            lenient: false,
        }
    }
}

/// Reads a trace.
///
/// # Errors
/// With the first line that makes no sense, a job whose tasks wait for each other, or when there is no job.
pub fn parse(
    text: &[u8],
    name: &str,
    options: AlibabaOptions,
) -> Result<(Trace, Skipped), ParseTraceError> {
    if !(options.load.is_finite() && options.load > 0.0) {
        return Err(ParseTraceError::Setting("the load must be above 0"));
    }
    let mut judge = Judge::new(options.lenient);
    let groups = group(text, &mut judge)?;
    let mut convert = Convert::default();
    let mut jobs = Vec::with_capacity(groups.len());
    for group in &groups {
        jobs.extend(judge.take(convert.job(group))?);
    }
    if jobs.is_empty() {
        return Err(ParseTraceError::Empty {
            expected: "lines of seven fields: arrival, job, task, duration, cpu, memory, instances",
        });
    }
    jobs.sort_by_key(|job| job.submitted_ms);
    let mut trace = Trace {
        name: name.into(),
        nodes: vec![node(0)],
        jobs,
    };
    let count = nodes(&trace, options.load)?;
    trace.nodes = (0..count).map(node).collect();
    Ok((trace, judge.skipped))
}

/// Of the tasks of one job.
const ACYCLIC: &str = "tasks of a job that do not wait for each other";

/// One line.
struct Row<'a> {
    line: u64,
    arrival_ms: u64,
    job: &'a str,
    task: &'a [u8],
    place: Option<Place>,
    run_ms: u64,
    cpu_millis: u64,
    instances: u32,
}

/// Lines by job, in the order in which jobs appear.
fn group<'a>(text: &'a [u8], judge: &mut Judge) -> Result<Vec<Vec<Row<'a>>>, Problem> {
    let mut places: FxHashMap<&str, usize> = FxHashMap::default();
    let mut groups: Vec<Vec<Row<'a>>> = Vec::new();
    for (number, line) in lines(text) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let Some(row) = judge.take(row(number, line))? else {
            continue;
        };
        let place = *places.entry(row.job).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(row);
    }
    Ok(groups)
}

fn row<'a>(line: u64, text: &'a [u8]) -> Result<Row<'a>, Problem> {
    const CPU: &str = "cpu above 0 (100 is one core) that a node has";
    const INSTANCES: &str = "a number of instances from 1 to 1000000";
    let fields = Fields::by_commas(line, text);
    let task = fields.bytes(3, "the name of a task")?;
    // A hundredth of a core is ten millicores, and the field comes in thousandths.
    let cpu_millis = fields.unsigned_thousandths(5, CPU)? / 100;
    if cpu_millis == 0 || cpu_millis > NODE_CORES * 1_000 {
        return Err(fields.unexpected(5, CPU));
    }
    let instances = fields.up_to(7, MOST_INSTANCES, INSTANCES)?;
    if instances == 0 {
        return Err(fields.unexpected(7, INSTANCES));
    }
    Ok(Row {
        line,
        arrival_ms: fields.unsigned_thousandths(1, "an arrival in seconds, at least 0")?,
        job: fields.text(2, "the name of a job")?,
        task,
        place: Place::of(task),
        // Durations are whole seconds; 0 is less than one.
        run_ms: fields
            .unsigned_thousandths(4, "a duration in seconds, at least 0")?
            .max(1),
        cpu_millis,
        instances,
    })
}

/// What jobs share is kept once.
#[derive(Default)]
struct Convert {
    constraints: Arc<Constraints>,
}

impl Convert {
    /// The job arrives with the first of its lines.
    fn job(&mut self, rows: &[Row<'_>]) -> Result<TraceJob, Problem> {
        let needs = needs(rows);
        let Some(order) = order::order(&needs) else {
            return Err(Problem::new(rows[0].line, 3, ACYCLIC, rows[0].task));
        };
        let needs = order::renumber(&needs, &order);
        let ordered = order.iter().zip(needs);
        let tasks = ordered.map(|(row, needs)| self.task(&rows[*row], needs));
        let arrivals = rows.iter().map(|row| row.arrival_ms);
        Ok(TraceJob {
            submitted_ms: arrivals.min().unwrap_or(0),
            name: rows[0].job.into(),
            owner: "unknown".into(),
            queue: "default".into(),
            priority: Priority::NORMAL,
            deadline_ms: None,
            tasks: tasks.collect(),
            recorded: None,
        })
    }

    fn task(&self, row: &Row<'_>, needs: Box<[u32]>) -> TraceTask {
        let several = row.instances > 1;
        let mut hasher = FxHasher::default();
        (row.task, row.cpu_millis, row.instances).hash(&mut hasher);
        TraceTask {
            needs,
            wide: if several { Wide::Array } else { Wide::Single },
            resources: cpu(row.cpu_millis),
            constraints: Arc::clone(&self.constraints),
            stated_ms: None,
            signature: hasher.finish(),
            runs: if several {
                Runs::Many(vec![row.run_ms; row.instances as usize].into())
            } else {
                Runs::One(row.run_ms)
            },
            retries: 0,
        }
    }
}

/// For each line the lines that it waits for. What is not there (cut off by the sample) is not waited for.
fn needs(rows: &[Row<'_>]) -> Vec<Vec<usize>> {
    let mut numbered: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        if let Some(graph) = &row.place {
            numbered.entry(graph.number).or_default().push(place);
        }
    }
    let of_row = |row: &Row<'_>| {
        let waits = row.place.iter().flat_map(|place| &place.waits_for);
        let found = waits.filter_map(|number| numbered.get(number));
        found.flatten().copied().collect()
    };
    rows.iter().map(of_row).collect()
}

/// So many that the load is as asked for, and one at least.
fn nodes(trace: &Trace, load: f64) -> Result<u32, ParseTraceError> {
    // Measured on one node.
    let wanted = (trace.offered_load() / load).ceil();
    if wanted > MOST_NODES {
        return Err(ParseTraceError::Setting(
            "the load would need over 100000 nodes; ask for a higher load",
        ));
    }
    Ok((wanted as u32).max(1))
}

fn node(place: u32) -> TraceNode {
    TraceNode::plain(format!("node-{}", place + 1), cpu(NODE_CORES * 1_000))
}

fn cpu(cpu_millis: u64) -> Resources {
    Resources {
        cpu_millis,
        ..Resources::default()
    }
}

#[cfg(test)]
mod tests;
