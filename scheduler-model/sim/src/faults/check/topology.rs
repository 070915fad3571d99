//! Where the members of a gang are in relation to each other, judged when it is decided.

use std::collections::BTreeMap;

use drover_model::{AttemptRow, GroupKind, JobId, Topology};

use super::{Checker, groups::gang_of, view::View};
use crate::faults::occasion::Occasion;

impl Checker {
    /// Attempts that one step assigns.
    pub(super) fn gangs_placed(&mut self, view: &View, placed: &[&AttemptRow]) {
        let mut gangs: BTreeMap<(JobId, u32), Vec<&AttemptRow>> = BTreeMap::new();
        for row in placed {
            let job = self.planned(row.key.job);
            let gang = job.and_then(|job| gang_of(&job.spec, row.key.task).copied());
            if let Some(gang) = gang {
                let members = gangs.entry((row.key.job, gang.first)).or_default();
                members.push(row);
            }
        }
        for ((job, first), mut members) in gangs {
            let job = self.planned(job).expect("just found");
            let gang = *gang_of(&job.spec, first).expect("just found");
            let whole = members.len() as u32 == gang.count;
            self.require(whole, "gang all or none", || {
                format!("{gang:?} starts with {members:?}")
            });
            members.sort_unstable_by_key(|row| row.key.task);
            if let GroupKind::Gang { topology } = gang.kind {
                self.lies_as_asked(view, topology, &members);
            }
        }
    }

    fn lies_as_asked(&mut self, view: &View, topology: Topology, members: &[&AttemptRow]) {
        let regions = members.iter().map(|row| {
            let host = view.hosts.get(&row.node);
            host.and_then(|host| host.attributes.region.clone())
        });
        let places: Vec<_> = regions.zip(members.iter().map(|row| &row.node)).collect();
        let holds = match topology {
            Topology::Any => true,
            Topology::SameRegion => {
                self.occasions.push(Occasion::GangInOneRegion);
                places.windows(2).all(|pair| pair[0].0 == pair[1].0)
            }
            Topology::Ring => {
                self.occasions.push(Occasion::GangInRing);
                places.is_sorted()
            }
        };
        self.require(holds, "gangs lie as asked for", || {
            format!("{topology:?}: {places:?} for {members:?}")
        });
    }
}
