//! Who competes: policies, each in each mode.

use std::sync::Arc;

use drover_model::{
    dispatch::Mode,
    policy::{self, Policy},
};

use super::{CommandError, policies, unused::refuse_unused};
use crate::{evaluate::Contender, simulate::Options};

/// Where nobody says.
const POLICIES: [&str; 5] = ["fifo", "sjf", "saf", "edf", "llf"];

/// Flags that say who competes.
#[derive(Clone, Debug, clap::Args)]
pub struct ContenderArgs {
    /// Policies, separated by commas (`drover policy list`); some take a number, as in weighted:-1 or aging:300;
    /// learned:FILE has weights of drover-learner; `all` are all rules [default: fifo,sjf,saf,edf,llf, and all rules of --protocol rlscheduler]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub policies: Vec<String>,
    /// What happens when the first in order fits nowhere: strict, easy or greedy, or several of them; by default easy, for SWF
    /// files strict and for files of jobs with deadlines on GPUs greedy
    #[arg(long, value_name = "MODE,...", value_delimiter = ',')]
    pub dispatch: Vec<Mode>,
    /// The same as --dispatch easy; with --protocol rlscheduler its own kind of backfill
    #[arg(long, conflicts_with = "dispatch")]
    pub backfill: bool,
    /// Order in which others are tried beside a reservation (--dispatch easy); by default that of each policy
    #[arg(long, value_name = "NAME")]
    pub backfill_order: Option<String>,
}

/// What has waited so long goes first. Neither no cap nor one of 0 seconds lets anything grow old.
pub(super) fn age_cap_ms(seconds: Option<u64>) -> Option<u64> {
    let seconds = seconds.filter(|seconds| *seconds > 0)?;
    Some(seconds.saturating_mul(1_000))
}

/// # Errors
/// When there is no such policy, or no mode in which it matters.
pub(super) fn backfill_order(
    name: Option<&str>,
    modes: &[Mode],
) -> Result<Option<Arc<dyn Policy>>, CommandError> {
    let is_used = modes.contains(&Mode::Easy);
    refuse_unused(
        "--backfill-order",
        name.is_some(),
        is_used,
        "--dispatch easy",
    )?;
    name.map(policies::find).transpose()
}

impl ContenderArgs {
    /// In the order of the flags: policies, and modes within.
    pub(super) fn contenders(
        &self,
        default: Mode,
    ) -> Result<Vec<(Contender, Options)>, CommandError> {
        let modes = self.modes(default);
        let backfill = backfill_order(self.backfill_order.as_deref(), &modes)?;
        let mut contenders = Vec::new();
        for policy in self.all_policies()? {
            for mode in modes.iter().copied() {
                let backfill = backfill.clone().filter(|_| mode == Mode::Easy);
                let shown = match &backfill {
                    Some(order) => format!("{mode}+{}", order.name()),
                    None => mode.to_string(),
                };
                let contender = Contender {
                    policy: policy.name().into(),
                    mode: shown.into(),
                };
                let options = Options {
                    backfill,
                    ..Options::new(policy.clone(), mode)
                };
                contenders.push((contender, options));
            }
        }
        Ok(contenders)
    }

    fn all_policies(&self) -> Result<Vec<Arc<dyn Policy>>, CommandError> {
        if self.policies.iter().any(|name| name == "all") {
            return Ok(policy::all());
        }
        if self.policies.is_empty() {
            return POLICIES.into_iter().map(policies::find).collect();
        }
        let names = self.policies.iter();
        names.map(|name| policies::find(name)).collect()
    }

    fn modes(&self, default: Mode) -> Vec<Mode> {
        match &self.dispatch[..] {
            _ if self.backfill => vec![Mode::Easy],
            [] => vec![default],
            modes => modes.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct CommandLine {
        #[command(flatten)]
        contenders: ContenderArgs,
    }

    fn parse(flags: &[&str]) -> Result<ContenderArgs, String> {
        let words = ["evaluate"].iter().chain(flags);
        let parsed = CommandLine::try_parse_from(words);
        let parsed = parsed.map_err(|error| error.to_string());
        parsed.map(|line| line.contenders)
    }

    fn names(flags: &[&str]) -> Vec<String> {
        let contenders = parse(flags).unwrap().contenders(Mode::Strict).unwrap();
        let names = contenders.iter();
        names
            .map(|(it, _)| format!("{}/{}", it.policy, it.mode))
            .collect()
    }

    #[test]
    fn each_policy_competes_in_each_mode() {
        let some = names(&["--policies", "fcfs,aging:30", "--dispatch", "easy,greedy"]);
        let expected = [
            "fifo/easy",
            "fifo/greedy",
            "aging:30/easy",
            "aging:30/greedy",
        ];
        assert_eq!(some, expected);
        assert_eq!(names(&["--policies", "sjf"]), ["sjf/strict"]);
        assert_eq!(names(&[]).len(), POLICIES.len());
        assert_eq!(names(&["--policies", "sjf", "--backfill"]), ["sjf/easy"]);
        assert_eq!(names(&["--policies", "all"]).len(), policy::all().len());
    }

    #[test]
    fn backfill_has_its_order_where_there_is_backfill() {
        let flags = ["--policies=fifo", "--dispatch=easy,greedy"];
        let flags = [&flags[..], &["--backfill-order=sjf"]].concat();
        assert_eq!(names(&flags), ["fifo/easy+sjf", "fifo/greedy"]);
        let contenders = parse(&flags).unwrap().contenders(Mode::Easy).unwrap();
        let orders = contenders.iter().map(|(_, options)| {
            let order = options.backfill.as_ref();
            order.map(|order| order.name().to_owned())
        });
        assert_eq!(orders.collect::<Vec<_>>(), [Some("sjf".to_owned()), None]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let unknown = |flags: &[&str]| {
            let found = parse(flags).unwrap().contenders(Mode::Easy);
            found.unwrap_err().to_string()
        };
        let said = unknown(&["--policies", "fifo,sfj"]);
        assert!(said.contains("`sfj`") && said.contains("did you mean `sjf`"));
        assert!(unknown(&["--backfill-order", "edff"]).contains("`edff`"));
        let said = unknown(&["--backfill-order=edf", "--dispatch=strict,greedy"]);
        assert!(said.contains("it is for --dispatch easy"), "{said}");
        let said = parse(&["--dispatch", "eazy"]).unwrap_err();
        assert!(said.contains("strict, easy or greedy"), "{said}");
        let said = parse(&["--backfill", "--dispatch", "easy"]).unwrap_err();
        assert!(said.contains("cannot be used with"), "{said}");
    }
}
