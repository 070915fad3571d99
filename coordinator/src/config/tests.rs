use clap::Parser as _;

use super::*;

#[derive(Debug, clap::Parser)]
struct Program {
    #[command(flatten)]
    args: Args,
}

fn options(flags: &[&str]) -> Result<Options, ConfigError> {
    let words = ["drover", "--store", "sqlite:x"].iter().chain(flags);
    Program::try_parse_from(words)
        .expect("flags that parse")
        .args
        .try_into()
}

#[test]
fn flags_default_to_what_options_default_to() {
    let from_flags = options(&[]).unwrap();
    let direct = Options::new(from_flags.listen, "sqlite:x");
    assert_eq!(format!("{from_flags:?}"), format!("{direct:?}"));
}

#[test]
fn other_machines_are_kept_out_unless_said_out_loud() {
    let exposed = options(&["--listen", "0.0.0.0:7700"]).unwrap_err();
    assert!(
        exposed.to_string().contains("--insecure-no-auth"),
        "{exposed}"
    );
    let everywhere = [
        "--listen",
        "0.0.0.0:7700",
        "--insecure-no-auth",
        "--advertise",
        "http://a:7700",
    ];
    assert!(options(&everywhere).is_ok());
    assert!(options(&["--listen", "[::1]:7700"]).is_ok());
}

#[test]
fn others_must_be_able_to_reach_it() {
    let flags = ["--listen", "[::]:7700", "--insecure-no-auth"];
    let missing = options(&flags).unwrap_err().to_string();
    assert!(missing.contains("--advertise"), "{missing}");
    for wrong in [
        "a:7700",
        "http://",
        "ftp://a:1",
        "http://a/b",
        "http://a b",
        "",
    ] {
        let refused = options(&["--advertise", wrong]);
        assert!(matches!(refused, Err(ConfigError::Advertise(_))), "{wrong}");
    }
    let bound = "127.0.0.1:5".parse().unwrap();
    assert_eq!(
        options(&[]).unwrap().advertised(bound),
        "http://127.0.0.1:5"
    );
    let named = options(&["--advertise", "http://one.example:7700/"]).unwrap();
    assert_eq!(named.advertised(bound), "http://one.example:7700");
}

#[test]
fn contradictions_are_refused() {
    let unknown = options(&["--policy", "lifo"]).unwrap_err().to_string();
    assert!(
        unknown.contains("`lifo`") && unknown.contains("edf"),
        "{unknown}"
    );
    assert!(matches!(
        options(&["--lease", "1ms"]),
        Err(ConfigError::LeaseTooShort(_))
    ));
    assert_eq!(
        options(&["--max-tasks-per-job", "0"]).unwrap_err(),
        ConfigError::Zero("max-tasks-per-job")
    );
}

#[test]
fn three_heartbeats_fit_into_the_lease_of_agents() {
    let with = |interval| options(&["--node-timeout", "12s", "--heartbeat-interval", interval]);
    assert!(with("2s").is_ok());
    for interval in ["2001ms", "9s"] {
        let refused = with(interval).unwrap_err();
        assert!(
            matches!(refused, ConfigError::HeartbeatTooSlow { .. }),
            "{refused}"
        );
    }
}

#[test]
fn durations_are_what_people_write() {
    let options = options(&["--node-timeout", "1m30s"]).unwrap();
    assert_eq!(options.node_timeout, Duration::from_secs(90));
}

#[test]
fn an_age_cap_of_nothing_lets_nothing_grow_old() {
    let age_cap_ms = |cap: &str| options(&["--age-cap", cap]).unwrap().age_cap_ms();
    assert_eq!(age_cap_ms("0s"), None);
    assert_eq!(age_cap_ms("2h"), Some(7_200_000));
}

#[test]
fn weights_are_named_and_checked() {
    let options = options(&["--score-weights", "cost=1,free=0.05"]).unwrap();
    let weights = options.weights.to_string();
    let expected = "free=0.050,latency=0.250,cost=1.000,priority=0.200,";
    assert!(weights.starts_with(expected), "{weights}");
    let wrong = ["drover", "--score-weights", "haste=1"];
    let refused = Program::try_parse_from(wrong).unwrap_err().to_string();
    assert!(refused.contains("unknown term `haste`"), "{refused}");
}
