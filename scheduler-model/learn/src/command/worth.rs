//! What runs were worth, kept in a file between evaluations: rules do not change while networks are trained.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    CommandError,
    error::{read, write},
};

/// Of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Worth {
    pub(super) objective: f64,
    pub(super) longest_wait_s: f64,
    pub(super) slowdown_p99: f64,
}

/// Which run: workload with its load and jobs, seed, rule with its mode.
pub(super) type Key = (String, u64, String);

#[derive(Debug, Default)]
pub(super) struct Known {
    path: Option<PathBuf>,
    worth: BTreeMap<Key, Worth>,
}

impl Known {
    /// What the file holds, if there is one. Lines that make no sense are found anew.
    pub(super) fn open(path: Option<PathBuf>) -> Result<Self, CommandError> {
        let content = match &path {
            Some(path) if path.exists() => read(path)?,
            _ => Vec::new(),
        };
        let content = String::from_utf8_lossy(&content);
        Ok(Self {
            worth: content.lines().filter_map(parse).collect(),
            path,
        })
    }

    pub(super) fn get(&self, key: &Key) -> Option<Worth> {
        self.worth.get(key).copied()
    }

    pub(super) fn insert(&mut self, key: Key, worth: Worth) {
        self.worth.insert(key, worth);
    }

    pub(super) fn save(&self) -> Result<(), CommandError> {
        match &self.path {
            Some(path) => write(path, self.text().as_bytes()),
            None => Ok(()),
        }
    }

    fn text(&self) -> String {
        let line = |((cell, seed, rule), worth): (&Key, &Worth)| {
            let Worth {
                objective,
                longest_wait_s,
                slowdown_p99,
            } = worth;
            format!("{cell},{seed},{rule},{objective},{longest_wait_s},{slowdown_p99}\n")
        };
        self.worth.iter().map(line).collect()
    }
}

fn parse(line: &str) -> Option<(Key, Worth)> {
    let fields: Vec<&str> = line.split(',').collect();
    let [cell, seed, rule, objective, longest_wait_s, slowdown_p99] = fields[..] else {
        return None;
    };
    let worth = Worth {
        objective: objective.parse().ok()?,
        longest_wait_s: longest_wait_s.parse().ok()?,
        slowdown_p99: slowdown_p99.parse().ok()?,
    };
    Some(((cell.into(), seed.parse().ok()?, rule.into()), worth))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_known_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known.csv");
        std::fs::write(&path, "this is no line\n").unwrap();
        let mut known = Known::open(Some(path.clone())).unwrap();
        let key = ("dag 0.9 400".to_owned(), 3, "saf/easy".to_owned());
        let worth = Worth {
            objective: 1.25,
            longest_wait_s: 0.1,
            slowdown_p99: 1e9,
        };
        assert_eq!(known.get(&key), None);
        known.insert(key.clone(), worth);
        known.save().unwrap();
        assert_eq!(Known::open(Some(path)).unwrap().get(&key), Some(worth));
    }
}
