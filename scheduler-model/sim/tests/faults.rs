//! Some seeds on each run of the tests, and what the simulator promises of itself.

use std::time::{SystemTime, UNIX_EPOCH};

use drover_sim::{
    faults::{
        inject::PlantedBug,
        run::{self, Outcome},
        setting::Setting,
    },
    random::{Purpose, Random},
    replay::{self, ReplayError},
};

/// Other seeds each time; a failure names its own.
#[expect(clippy::disallowed_methods, reason = "other seeds each time")]
fn random_seeds(count: usize) -> Vec<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut random = Random::new(since.as_nanos() as u64, Purpose::Setting);
    (0..count).map(|_| random.below(1 << 48)).collect()
}

fn assert_kept(outcome: &Outcome) {
    if let Some(violation) = &outcome.violation {
        panic!(
            "seed {}: {violation}\nreplay: cargo run --release -p drover-sim -- faults --seed {0} --trace",
            outcome.seed
        );
    }
}

#[test]
fn promises_are_kept() {
    let seeds: Vec<u64> = (1..=8).chain(random_seeds(12)).collect();
    println!("seeds {seeds:?}");
    let summary = run::run_all(&seeds, None, |_| {});
    if let Some(failed) = &summary.failed {
        assert_kept(failed);
    }
    let statistics = &summary.statistics;
    assert_eq!(statistics.seeds, 20);
    assert!(statistics.jobs >= 20 * 36, "{statistics:?}");
    assert!(statistics.model_ms >= 20 * 300_000, "{statistics:?}");
    assert!(statistics.load_checks > 20, "{statistics:?}");
}

#[test]
fn a_seed_has_one_history() {
    let setting = Setting {
        trace: true,
        ..Setting::of_seed(11)
    };
    let (first, second) = (run::run(&setting), run::run(&setting));
    assert_kept(&first);
    assert_eq!(first.digest, second.digest);
    assert_eq!(first.history, second.history);
    let silent = run::run(&Setting::of_seed(11));
    assert_eq!(first.digest, silent.digest, "looking on changes nothing");
    let other = run::run(&Setting::of_seed(12));
    assert_ne!(first.digest, other.digest);
}

/// More than a seed has by itself: some bugs show only when several things go wrong at once.
const FAULTS_PER_MINUTE: u64 = 30;

/// One shows only where nothing else goes wrong.
fn faults_per_minute(bug: PlantedBug) -> u64 {
    match bug {
        PlantedBug::SessionKillsLate => 0,
        _ => FAULTS_PER_MINUTE,
    }
}

/// Each is found by a checker of what it breaks, within a few hundred seeds.
#[test]
fn planted_bugs_are_found() {
    for bug in PlantedBug::ALL {
        let found = (1..=400)
            .map(|seed| {
                run::run(&Setting {
                    planted: Some(*bug),
                    faults_per_minute: faults_per_minute(*bug),
                    ..Setting::of_seed(seed)
                })
            })
            .find_map(|outcome| outcome.violation.map(|violation| (outcome.seed, violation)));
        let (seed, violation) = found.unwrap_or_else(|| panic!("{bug} is not found"));
        println!("{bug} is found by seed {seed}: {}", violation.promise);
        assert!(
            bug.breaks().contains(&violation.promise),
            "{bug}: seed {seed} {violation}"
        );
    }
}

fn recorded(seed: u64) -> Vec<Vec<u8>> {
    let outcome = run::run(&Setting {
        record: true,
        ..Setting::of_seed(seed)
    });
    assert_kept(&outcome);
    outcome.records
}

#[test]
fn a_recorded_history_replays() {
    let records = recorded(5);
    let mut turns = 0;
    for record in &records {
        let replayed = replay::replay(&record[..]).unwrap_or_else(|error| panic!("{error}"));
        turns += replayed.turns;
    }
    assert!(turns > 100, "{turns} turns");
}

/// Where one event is missing, what follows differs.
#[test]
fn a_record_with_a_gap_does_not_replay() {
    let record = recorded(5).swap_remove(0);
    let text = String::from_utf8(record).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let missing = lines
        .iter()
        .position(|line| line.contains("\"Submit\""))
        .unwrap();
    let without = [&lines[..missing], &lines[missing + 1..]]
        .concat()
        .join("\n");
    let error = replay::replay(without.as_bytes()).unwrap_err();
    assert!(matches!(error, ReplayError::Differs { .. }), "{error}");
}

#[test]
fn a_torn_line_ends_a_leadership_and_only_that() {
    let record = recorded(5).swap_remove(0);
    let half = record.len() / 2;
    let mut torn = record[..half].to_vec();
    let first = replay::replay(&torn[..]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(first.torn, 1);
    torn.push(b'\n');
    torn.extend_from_slice(&record);
    let both = replay::replay(&torn[..]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(both.torn, 1);
    let mut spoiled = record[..half].to_vec();
    spoiled.extend_from_slice(b"\n{\"Sealed\":{}}\n");
    let error = replay::replay(&spoiled[..]).unwrap_err();
    assert!(matches!(error, ReplayError::Malformed { .. }), "{error}");
}
