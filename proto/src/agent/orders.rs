//! What a coordinator tells an agent.

use drover_model::{
    Assignment, AttemptKey, Epoch, Instance, InstanceOf, OnDisconnect, Peers, session::Welcome,
};

use super::{key_from_wire, key_to_wire, keys_from_wire, wrong};
use crate::{DecodeError, v1};

pub fn assign_from_wire(assign: v1::Assign) -> Result<Assignment, DecodeError> {
    let on_disconnect = on_disconnect_from_wire(assign.on_disconnect())?;
    let instance = instance_from_wire(&assign)?;
    Ok(Assignment {
        key: key_from_wire(assign.key.as_ref())?,
        payload: assign.payload,
        on_disconnect,
        grace_ms: assign.grace_ms,
        traceparent: (!assign.traceparent.is_empty()).then(|| assign.traceparent.into()),
        instance,
    })
}

fn instance_from_wire(assign: &v1::Assign) -> Result<Option<Instance>, DecodeError> {
    let Some(index) = assign.index else {
        return Ok(None);
    };
    if index >= assign.count {
        return Err(wrong("index", "must be below `count`"));
    }
    let peers = match assign.peers.len() {
        0 => None,
        given if given == assign.count as usize => Some(Peers {
            addresses: assign
                .peers
                .iter()
                .map(|peer| peer.as_str().into())
                .collect(),
            ring: assign.ring,
        }),
        _ => return Err(wrong("peers", "must be one for each member, or none")),
    };
    let is_of_gang = assign.gang || peers.is_some();
    Ok(Some(Instance {
        index,
        count: assign.count,
        of: if is_of_gang {
            InstanceOf::Gang(peers)
        } else {
            InstanceOf::Array
        },
    }))
}

pub fn assign_to_wire(assignment: Assignment) -> v1::Assign {
    let (index, count, of) = match assignment.instance {
        None => (None, 0, InstanceOf::Array),
        Some(instance) => (Some(instance.index), instance.count, instance.of),
    };
    let (gang, peers) = match of {
        InstanceOf::Array => (false, None),
        InstanceOf::Gang(peers) => (true, peers),
    };
    let ring = peers.as_ref().is_some_and(|peers| peers.ring);
    let addresses = peers.iter().flat_map(|peers| peers.addresses.iter());
    v1::Assign {
        key: Some(key_to_wire(assignment.key)),
        payload: assignment.payload,
        traceparent: assignment
            .traceparent
            .map_or_else(String::new, |text| text.as_ref().to_owned()),
        on_disconnect: on_disconnect_to_wire(assignment.on_disconnect).into(),
        grace_ms: assignment.grace_ms,
        index,
        count,
        peers: addresses.map(|address| (**address).to_owned()).collect(),
        ring,
        gang,
    }
}

fn on_disconnect_from_wire(value: v1::OnDisconnect) -> Result<OnDisconnect, DecodeError> {
    match value {
        v1::OnDisconnect::Keep => Ok(OnDisconnect::Keep),
        v1::OnDisconnect::Stop => Ok(OnDisconnect::Stop),
        v1::OnDisconnect::Unspecified => Err(wrong("on_disconnect", "must be KEEP or STOP")),
    }
}

fn on_disconnect_to_wire(value: OnDisconnect) -> v1::OnDisconnect {
    match value {
        OnDisconnect::Keep => v1::OnDisconnect::Keep,
        OnDisconnect::Stop => v1::OnDisconnect::Stop,
    }
}

pub fn welcome_from_wire(welcome: &v1::Welcome) -> Result<Welcome, DecodeError> {
    Ok(Welcome {
        epoch: Epoch(welcome.epoch),
        heartbeat_interval_ms: welcome.heartbeat_interval_ms,
        node_timeout_ms: welcome.node_timeout_ms,
        lease_ms: welcome.lease_ms,
        fence_grace_ms: welcome.fence_grace_ms,
        discard: keys_from_wire(&welcome.discard)?,
    })
}

pub fn welcome_to_wire(welcome: Welcome) -> v1::Welcome {
    v1::Welcome {
        epoch: welcome.epoch.0,
        heartbeat_interval_ms: welcome.heartbeat_interval_ms,
        node_timeout_ms: welcome.node_timeout_ms,
        discard: welcome.discard.into_iter().map(key_to_wire).collect(),
        lease_ms: welcome.lease_ms,
        fence_grace_ms: welcome.fence_grace_ms,
    }
}

/// Each attempt with its time from SIGTERM to SIGKILL, in milliseconds.
pub fn stop_from_wire(stop: v1::Stop) -> Result<Vec<(AttemptKey, u32)>, DecodeError> {
    if stop.keys.len() != stop.grace_ms.len() {
        return Err(wrong("grace_ms", "must have one entry for each key"));
    }
    let keys = keys_from_wire(&stop.keys)?;
    Ok(keys.into_iter().zip(stop.grace_ms).collect())
}

pub fn stop_to_wire(stops: impl IntoIterator<Item = (AttemptKey, u32)>) -> v1::Stop {
    let (keys, grace_ms) = stops
        .into_iter()
        .map(|(key, grace_ms)| (key_to_wire(key), grace_ms))
        .unzip();
    v1::Stop { keys, grace_ms }
}
