use std::{ops::RangeInclusive, path::PathBuf, sync::Arc};

use clap::Args;
use drover_sim::command::{Log, SourceArgs, logs, parse_days};

use crate::command::CommandError;

#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// Logs, each drawn as often as a family of weight 1, whose windows are stretches at their own load: SWF, GPU jobs with
    /// deadlines, what `drover trace export` wrote, or Alibaba 2018 tasks, which arrive at a load of 0.9
    #[arg(long, value_name = "FILE", num_args = 1..)]
    trace: Vec<PathBuf>,
    /// GPUs of the pool, for GPU jobs with deadlines; several with commas are a log each [default: 1152]
    #[arg(
        long,
        value_name = "NUMBER,...",
        value_delimiter = ',',
        requires = "trace"
    )]
    gpus: Vec<u32>,
    /// Days of submission, for GPU jobs with deadlines, such as 1-9 [default: all]
    #[arg(long, value_name = "FIRST-LAST", value_parser = parse_days, requires = "trace")]
    days: Option<RangeInclusive<u64>>,
}

impl LogArgs {
    pub(super) fn read(&self) -> Result<Vec<Arc<Log>>, CommandError> {
        if self.trace.is_empty() {
            return Ok(Vec::new());
        }
        let source = SourceArgs {
            trace: self.trace.clone(),
            gpus: self.gpus.clone(),
            days: self.days.clone(),
            ..SourceArgs::default()
        };
        Ok(logs(&source)?.into_iter().map(Arc::new).collect())
    }
}
