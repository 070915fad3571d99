//! What is said of the host: what it offers, and what it is.

use std::collections::BTreeMap;

use drover_model::{NodeAttributes, NodeClass};
use drover_proto::{
    agent::check_attributes,
    node::{parse_cost, parse_custom, parse_label, parse_latency, parse_power},
};

use super::host_name;
use crate::{
    AgentError,
    capacity::{self, Given},
};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct HostArgs {
    /// Cores to offer, such as 4, 0.5 or 500m [default: all].
    #[arg(long, value_name = "CORES", value_parser = capacity::parse_cores)]
    cpu: Option<u64>,
    /// Memory to offer, such as 8Gi or 512Mi [default: all].
    #[arg(long, value_name = "BYTES", value_parser = capacity::parse_bytes)]
    memory: Option<u64>,
    /// GPUs to offer.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    gpus: u32,
    /// Model of all these GPUs, which tasks may ask for.
    #[arg(long, value_name = "MODEL")]
    gpu_model: Option<String>,
    /// Disk space to offer, such as 100Gi [default: size of the file system of the working directory].
    #[arg(long, value_name = "BYTES", value_parser = capacity::parse_bytes)]
    disk: Option<u64>,
    /// Something else to offer that is counted, such as license=4; may be given several times.
    #[arg(long = "resource", value_name = "NAME=COUNT", value_parser = parse_custom)]
    custom: Vec<(String, u64)>,
    /// What kind of host this is: edge, cloud or gpu.
    #[arg(long, value_name = "CLASS", default_value_t)]
    class: NodeClass,
    /// Where it stands, such as eu-north; members of a gang may have to be in one region.
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// Label of this node, which constraints of tasks may ask for; may be given several times.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = parse_label)]
    labels: Vec<(String, String)>,
    /// Network latency between this host and those whom it works for, such as 20ms.
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = parse_latency)]
    latency: u32,
    /// What the whole host costs an hour, in any one currency, such as 1.25.
    #[arg(long, value_name = "COST", default_value = "0", value_parser = parse_cost, allow_hyphen_values = true)]
    cost_per_hour: u64,
    /// What the whole host draws under load, such as 300W or 1.5kW.
    #[arg(long, value_name = "POWER", default_value = "0W", value_parser = parse_power, allow_hyphen_values = true)]
    power: u32,
    /// Name or address at which other hosts reach this one; members of a gang are told it [default: the host's name].
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
}

impl HostArgs {
    pub(super) fn given(&self) -> Given {
        Given {
            cpu_millis: self.cpu,
            memory_bytes: self.memory,
            gpus: self.gpus,
            disk_bytes: self.disk,
            custom: self.custom.clone(),
        }
    }

    pub(super) fn attributes(&self) -> Result<NodeAttributes, AgentError> {
        let address = match &self.advertise {
            Some(given) => given.clone(),
            None => host_name()?,
        };
        let attributes = NodeAttributes {
            class: self.class,
            region: self.region.as_deref().map(Into::into),
            labels: labels(&self.labels)?,
            latency_ms: self.latency,
            cost_per_hour_micros: self.cost_per_hour,
            power_watts: self.power,
            gpu_model: self.gpu_model.as_deref().map(Into::into),
            address: address.into(),
        };
        match check_attributes(&attributes) {
            Ok(()) => Ok(attributes),
            Err(wrong) => Err(AgentError::Attributes {
                field: wrong.field,
                problem: wrong.problem,
            }),
        }
    }
}

fn labels(given: &[(String, String)]) -> Result<BTreeMap<String, String>, AgentError> {
    let mut labels = BTreeMap::new();
    for (name, value) in given {
        if labels.insert(name.clone(), value.clone()).is_some() {
            return Err(AgentError::Label { name: name.clone() });
        }
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        host: HostArgs,
    }

    fn host(flags: &str) -> Result<HostArgs, clap::Error> {
        let words = ["agent"].into_iter().chain(flags.split_whitespace());
        Line::try_parse_from(words).map(|line| line.host)
    }

    #[test]
    fn flags_say_what_the_host_is() {
        let host = host(
            "--class edge --region eu --label rack=7 --label ssd= --latency 20ms --cost-per-hour 1.25 \
             --power 1.5kW --gpus 2 --gpu-model h200 --resource license=4 --advertise 10.0.0.1",
        )
        .expect("good flags");
        let attributes = host.attributes().expect("attributes");
        assert_eq!(attributes.class, NodeClass::Edge);
        assert_eq!(attributes.region.as_deref(), Some("eu"));
        assert_eq!(
            (&*attributes.labels["rack"], &*attributes.labels["ssd"]),
            ("7", "")
        );
        assert_eq!((attributes.latency_ms, attributes.power_watts), (20, 1_500));
        assert_eq!(attributes.cost_per_hour_micros, 1_250_000);
        assert_eq!(attributes.gpu_model.as_deref(), Some("h200"));
        assert_eq!(&*attributes.address, "10.0.0.1");
        let given = host.given();
        assert_eq!(
            (given.gpus, given.custom),
            (2, vec![("license".to_owned(), 4)])
        );
    }

    #[test]
    fn a_host_of_which_nothing_is_said_is_an_ordinary_one() {
        let attributes = host("--advertise h").map(|host| host.attributes());
        let expected = NodeAttributes {
            address: "h".into(),
            ..NodeAttributes::default()
        };
        assert_eq!(attributes.expect("flags").expect("attributes"), expected);
    }

    #[test]
    fn wrong_flags_are_refused_with_advice() {
        for (flags, words) in [
            ("--class quantum", "the classes are edge, cloud and gpu"),
            ("--cost-per-hour -1", "a cost must not be negative"),
            ("--power -300W", "power must not be negative"),
            ("--latency 20", "20"),
            ("--resource license", "expected NAME=COUNT"),
            ("--resource cpu=2", "is counted anyway"),
            ("--label rack", "expected NAME=VALUE"),
        ] {
            let told = host(flags).expect_err(flags).to_string();
            assert!(told.contains(words), "{flags}: {told}");
        }
    }

    #[test]
    fn what_a_coordinator_would_refuse_is_refused_here() {
        let long = format!("--advertise {}", "x".repeat(260));
        for (flags, words) in [
            ("--label a=1 --label a=2", "--label a is given twice"),
            ("--advertise a,b", "address must not hold commas"),
            (&long, "address has more than 259 bytes"),
        ] {
            let told = host(flags).expect("flags").attributes().expect_err(flags);
            assert!(told.to_string().contains(words), "{flags}: {told}");
        }
    }
}
