//! Operators who want another policy, at any moment.

use drover_model::{
    inference::{Architecture, Form, Layout, Weights},
    policy::{self, PolicySource},
};

use super::CallKind;
use crate::{
    faults::world::{World, moment::Moment},
    random::{Purpose, Random},
};

/// The version of the only network that there is here.
const NETWORK: &str = "shortest-first";

impl World<'_> {
    pub(super) fn plan_switches(&mut self) {
        let mut random = Random::new(self.setting.seed, Purpose::Policies);
        for _ in 0..self.setting.switches {
            let version = if random.chance(300) {
                NETWORK.to_owned()
            } else {
                random.pick(&policy::all()).name().to_owned()
            };
            let call = self.clients.add(CallKind::UsePolicy(source(&version)));
            let at_ms = random.below(self.setting.faulty_ms);
            self.plan_call(call, Moment::default().plus_ms(at_ms));
        }
    }
}

/// What is stored under this version.
pub(in crate::faults::world) fn source(version: &str) -> PolicySource {
    PolicySource {
        version: version.into(),
        weights: (version == NETWORK).then(|| network().into()),
    }
}

fn network() -> Vec<u8> {
    let architecture = Architecture {
        form: Form::Linear,
        value: None,
    };
    let layout = Layout::new(["log_estimate"], []).expect("a feature's name");
    let zero = Weights::zero(NETWORK, architecture, layout).expect("a small network");
    let weights = zero.with_parameters(&[-1.0]).expect("one parameter");
    weights.to_bytes().expect("can be written")
}
