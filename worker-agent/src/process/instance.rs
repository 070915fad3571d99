//! What an instance of an array or gang is told of itself and of the others.

use std::process::Command;

use drover_model::{Instance, InstanceOf, Peers};

/// Longest list of addresses, with commas, that goes into a variable: half of what the kernel takes (MAX_ARG_STRLEN of
/// Linux). What is longer goes into a file.
pub(super) const MAX_PEERS_BYTES: usize = 64 * 1024;

/// Says which of how many it is.
pub(super) fn introduce(command: &mut Command, instance: &Instance) {
    let Instance { index, count, of } = instance;
    match of {
        InstanceOf::Array => {
            command
                .env("DROVER_ARRAY_INDEX", index.to_string())
                .env("DROVER_ARRAY_COUNT", count.to_string());
        }
        InstanceOf::Gang(peers) => {
            command
                .env("DROVER_GANG_RANK", index.to_string())
                .env("DROVER_GANG_SIZE", count.to_string());
            if let Some(peers) = peers {
                introduce_peers(command, *index as usize, peers);
            }
        }
    }
}

fn introduce_peers(command: &mut Command, rank: usize, peers: &Peers) {
    let all = &peers.addresses;
    if fit_into_variable(peers) {
        command.env("DROVER_GANG_PEERS", listed(peers, ","));
    }
    if peers.ring {
        let size = all.len();
        command
            .env("DROVER_GANG_LEFT", &*all[(rank + size - 1) % size])
            .env("DROVER_GANG_RIGHT", &*all[(rank + 1) % size]);
    }
}

/// The addresses for a file, one a line, where they are too long for a variable.
pub(super) fn long_peers(instance: &Instance) -> Option<String> {
    match &instance.of {
        InstanceOf::Gang(Some(peers)) if !fit_into_variable(peers) => {
            Some(listed(peers, "\n") + "\n")
        }
        _ => None,
    }
}

fn fit_into_variable(peers: &Peers) -> bool {
    let lengths = peers.addresses.iter().map(|address| address.len() + 1);
    lengths.sum::<usize>() <= MAX_PEERS_BYTES
}

fn listed(peers: &Peers, between: &str) -> String {
    let addresses: Vec<&str> = peers.addresses.iter().map(|address| &**address).collect();
    addresses.join(between)
}
