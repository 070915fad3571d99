//! `drover node set`

use std::process::ExitCode;

use drover_model::NodeClass;
use drover_proto::{
    node::{parse_cost, parse_label, parse_latency, parse_power},
    v1::{self, SetNodeRequest},
};

use super::show;
use crate::{client::Client, command_line::Global, error::CliError};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "What is said here wins over what the agent says, now and when it joins again; what is not said stays as it is.\n\n\
        Examples:\n  drover node set host-7 --class edge --latency 20ms\n  \
        drover node set host-7 --label rack=7 --remove-label spot --cost-per-hour 1.25\n  \
        drover node set host-7 --reset            what its agent says counts again"
)]
pub(crate) struct Args {
    /// Name of the host
    name: String,
    /// What kind of host it is: edge, cloud or gpu
    #[arg(long, value_name = "CLASS")]
    class: Option<NodeClass>,
    /// Where it stands; "" for nowhere in particular
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// Label that it has; may be given several times
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = parse_label)]
    labels: Vec<(String, String)>,
    /// Label that it has no more, whoever gave it; may be given several times
    #[arg(long = "remove-label", value_name = "NAME")]
    remove_labels: Vec<String>,
    /// Network latency between it and those whom it works for, such as 20ms
    #[arg(long, value_name = "DURATION", value_parser = parse_latency, allow_hyphen_values = true)]
    latency: Option<u32>,
    /// What the whole host costs an hour, in any one currency, such as 1.25
    #[arg(long, value_name = "COST", value_parser = parse_cost, allow_hyphen_values = true)]
    cost_per_hour: Option<u64>,
    /// What the whole host draws under load, such as 300W or 1.5kW
    #[arg(long, value_name = "POWER", value_parser = parse_power, allow_hyphen_values = true)]
    power: Option<u32>,
    /// Model of all its GPUs; "" for none that anybody may ask for
    #[arg(long, value_name = "MODEL")]
    gpu_model: Option<String>,
    /// First forget all that was said here before
    #[arg(long)]
    reset: bool,
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let request = args.into_request()?;
    let client = Client::connect(&global.address).await?;
    show::print(&client.set_node(request).await?, global)
}

impl Args {
    fn into_request(self) -> Result<SetNodeRequest, CliError> {
        let nothing = SetNodeRequest {
            name: self.name.clone(),
            ..SetNodeRequest::default()
        };
        let mut request = SetNodeRequest {
            name: self.name,
            reset: self.reset,
            class: self.class.map_or(0, |class| wire_class(class).into()),
            region: self.region,
            remove_labels: self.remove_labels,
            latency_ms: self.latency,
            cost_per_hour_micros: self.cost_per_hour,
            power_watts: self.power,
            gpu_model: self.gpu_model,
            ..SetNodeRequest::default()
        };
        for (name, value) in self.labels {
            if request.labels.insert(name.clone(), value).is_some() {
                return Err(CliError::Usage(format!("--label {name} is given twice")));
            }
        }
        if request == nothing {
            return Err(CliError::Usage(
                "nothing is said of the host; say something, such as --class edge".to_owned(),
            ));
        }
        Ok(request)
    }
}

fn wire_class(class: NodeClass) -> v1::NodeClass {
    match class {
        NodeClass::Edge => v1::NodeClass::Edge,
        NodeClass::Cloud => v1::NodeClass::Cloud,
        NodeClass::Gpu => v1::NodeClass::Gpu,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(flags: &str) -> Result<Args, clap::Error> {
        let words = ["set", "n1"].into_iter().chain(flags.split_whitespace());
        Line::try_parse_from(words).map(|line| line.args)
    }

    fn request(flags: &str) -> SetNodeRequest {
        let args = args(flags).unwrap_or_else(|error| panic!("{error}"));
        args.into_request()
            .unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn flags_become_a_request() {
        let request = request(
            "--class edge --region eu --label rack=7 --label ssd= --remove-label spot --latency 20ms \
             --cost-per-hour 1.25 --power 300W --gpu-model h200 --reset",
        );
        assert_eq!((&*request.name, request.reset), ("n1", true));
        assert_eq!(request.class(), v1::NodeClass::Edge);
        assert_eq!(request.region.as_deref(), Some("eu"));
        assert_eq!(
            (&*request.labels["rack"], &*request.labels["ssd"]),
            ("7", "")
        );
        assert_eq!(request.remove_labels, ["spot"]);
        assert_eq!(
            (request.latency_ms, request.power_watts),
            (Some(20), Some(300))
        );
        assert_eq!(request.cost_per_hour_micros, Some(1_250_000));
        assert_eq!(request.gpu_model.as_deref(), Some("h200"));
    }

    #[test]
    fn what_is_not_given_stays_as_it_is() {
        let expected = SetNodeRequest {
            name: "n1".to_owned(),
            power_watts: Some(0),
            ..SetNodeRequest::default()
        };
        assert_eq!(request("--power 0"), expected);
        let nothing = args("").expect("flags").into_request();
        let told = nothing.expect_err("nothing is said").to_string();
        assert!(told.contains("such as --class edge"), "{told}");
    }

    #[test]
    fn wrong_flags_are_refused_with_advice() {
        for (flags, words) in [
            (
                "--class quantum",
                "unknown class `quantum`; the classes are edge, cloud and gpu",
            ),
            (
                "--cost-per-hour -1.5",
                "a cost must not be negative, found -1.5",
            ),
            ("--power -3W", "power must not be negative, found -3W"),
            ("--latency -20ms", "`-20ms` is negative"),
            ("--label rack", "expected NAME=VALUE"),
        ] {
            let told = args(flags).expect_err(flags).to_string();
            assert!(told.contains(words), "{flags}: {told}");
        }
        let twice = args("--label a=1 --label a=2")
            .expect("flags")
            .into_request();
        let told = twice.expect_err("twice").to_string();
        assert!(told.contains("--label a is given twice"), "{told}");
    }
}
