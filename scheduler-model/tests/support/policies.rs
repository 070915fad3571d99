//! Policies to switch to.

use drover_model::{
    Event, PolicyEventKind, PolicySwitch,
    inference::{Architecture, Form, Layout, Weights},
    policy::{self, PolicySource},
};

/// The rule of that name; any other name is the version of a network that ranks the longest first.
pub fn source(version: &str) -> PolicySource {
    if policy::find(version).is_ok() {
        return PolicySource::rule(version);
    }
    let architecture = Architecture {
        form: Form::Linear,
        value: None,
    };
    let layout = Layout::new(["log_estimate"], []).expect("a feature's name");
    let zero = Weights::zero(version, architecture, layout).expect("a small network");
    let weights = zero.with_parameters(&[1.0]).expect("one parameter");
    let bytes = weights.to_bytes().expect("can be written");
    PolicySource {
        version: version.into(),
        weights: Some(bytes.into()),
    }
}

pub fn switch(version: &str) -> Event {
    Event::UsePolicy {
        caller: None,
        switch: Box::new(PolicySwitch {
            policy: source(version),
            instead_of: None,
            kind: PolicyEventKind::Use,
            who: "test".into(),
            why: Box::default(),
        }),
    }
}
