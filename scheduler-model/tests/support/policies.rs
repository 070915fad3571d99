//! Policies to switch to.

use drover_model::{
    Event, PolicyEventKind, PolicySwitch,
    policy::{self, PolicySource},
};

use super::learned::linear;

/// The rule of that name; any other name is the version of a network that ranks the longest first.
pub fn source(version: &str) -> PolicySource {
    if policy::find(version).is_ok() {
        return PolicySource::rule(version);
    }
    let weights = linear([("log_estimate", 1.0)].into_iter());
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
