//! What the command line of the example means.

use crate::wish::{USAGE, Wish, wish};
use kiloclaw_lifecycle::testkit::emulator::{Settings, Weather};
use std::collections::BTreeSet;

fn parsed(arguments: &[&str]) -> Result<Wish, String> {
    wish(lexopt::Parser::from_args(arguments.iter().copied())).map_err(|error| error.to_string())
}

#[test]
fn everything_but_the_address_has_a_default() {
    let Ok(Wish::Serve(listen, settings)) = parsed(&["--listen", "127.0.0.1:4280"]) else { panic!("serves") };
    assert_eq!((listen.to_string(), settings), ("127.0.0.1:4280".to_string(), Settings::default()));
}

#[test]
fn everything_can_be_said() {
    let all = [
        "--listen=[::1]:0",
        "--seed",
        "9",
        "--weather",
        "stormy",
        "--time-scale",
        "60",
        "--token",
        "t",
        "--app",
        "a",
        "--app",
        "b",
        "--no-rate-limit",
    ];
    let Ok(Wish::Serve(listen, settings)) = parsed(&all) else { panic!("serves") };
    let apps = Some(BTreeSet::from(["a".to_string(), "b".to_string()]));
    let token = Some("t".to_string());
    let expected = Settings { seed: 9, time_scale: 60, weather: Weather::Stormy, token, apps, rate_limit: false };
    assert_eq!((listen.to_string(), settings), ("[::1]:0".to_string(), expected));
}

#[test]
fn help_is_given() {
    for help in ["-h", "--help"] {
        assert!(matches!(parsed(&[help]), Ok(Wish::Help)), "{help}");
    }
    for option in ["--listen", "--seed", "--weather", "--time-scale", "--token", "--app", "--no-rate-limit"] {
        assert!(USAGE.contains(option), "{option}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let cases: [(&[&str], &str); 9] = [
        (&[], "--listen has to be given"),
        (&["--listen", "4280"], "cannot parse argument \"4280\": invalid socket address syntax"),
        (&["--listen"], "missing argument for option '--listen'"),
        (&["--seed", "x"], "cannot parse argument \"x\": invalid digit found in string"),
        (&["--weather", "foggy"], "cannot parse argument \"foggy\": expected calm or stormy"),
        (&["--time-scale", "0"], "cannot parse argument \"0\": expected 1 to 100000"),
        (&["--token", ""], "cannot parse argument \"\": expected a token"),
        (&["--port", "1"], "invalid option '--port'"),
        (&["now"], "unexpected argument \"now\""),
    ];
    for (arguments, why) in cases {
        assert_eq!(parsed(arguments).expect_err("no sense"), why, "{arguments:?}");
    }
}
