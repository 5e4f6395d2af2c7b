//! Results on stdout, progress on stderr; JSON lines; quiet; help; a reader that has gone.

use crate::harness::{Place, TINY, Told};
use std::process::Stdio;

#[test]
fn quiet_leaves_results_alone() {
    let place = Place::new();
    let loud = place.done("score run data --out s.csv");
    let quiet = place.done("score run data --out s.csv --quiet");
    assert!(!loud.err.is_empty());
    assert_eq!(quiet.err, "");
    assert!(quiet.out.contains("scored 40 frames"));
}

#[test]
fn every_json_line_parses_and_stderr_stays_empty() {
    let place = Place::new();
    let commands = [
        format!("train data --out fresh --steps 3 {TINY} --json"),
        "score run data --out s.csv --json".to_string(),
        "evaluate s.csv --data data --json".to_string(),
        "report run --scores s.csv --data data --json".to_string(),
        "calibrate run data --json".to_string(),
        "baseline fd-mean data --out fd.csv --json".to_string(),
        "inspect data --json".to_string(),
    ];
    for words in &commands {
        let told = place.done(words);
        assert!(!told.json_lines().is_empty(), "{words}");
        assert_eq!(told.err, "", "{words}");
    }
}

#[test]
fn help_and_version_are_results_and_wrong_use_is_not() {
    let place = Place::new();
    for words in ["--help", "--version", "train --help", "score --help"] {
        assert!(place.done(words).out.contains("skipgan"), "{words}");
    }
    for words in ["", "trian", "train data", "train data --out r --steps x", "train data --out r --steps 3 --epochs 2"] {
        let told = place.run(words);
        assert_eq!((told.code, told.out.as_str()), (Some(2), ""), "{words}: {told:?}");
        assert!(!told.err.is_empty(), "{words}");
    }
}

#[test]
fn what_is_typed_goes_before_a_variable() {
    let place = Place::new();
    let words = format!("train data --out r --steps 3 {TINY} --json --quiet");
    let output = place.command(&words).env("SKIPGAN_EPOCHS", "7").env("SKIPGAN_QUIET", "0").env("SKIPGAN_JSON", "").output();
    let told = Told::of(&output.expect("the program runs"));
    assert_eq!((told.code, told.json()["total_steps"].as_u64()), (Some(0), Some(3)), "{told:?}");
    let both = place.command(&words.replace("--steps 3", "")).env("SKIPGAN_EPOCHS", "7").env("SKIPGAN_STEPS", "3").output();
    let told = Told::of(&both.expect("the program runs"));
    assert!(told.code == Some(2) && told.err.contains("give one of them"), "{told:?}");
    let told = Told::of(&place.command("doctor").env("SKIPGAN_JSON", "1").output().expect("the program runs"));
    assert!(told.json()["findings"].is_array());
}

/// As in `skipgan doctor | head -0`: whoever reads has left before the first byte.
#[test]
fn a_closed_pipe_is_no_failure() {
    let place = Place::new();
    for words in ["doctor", "inspect data --json", "score run data --out s.csv --json", "--help"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let child = place.command(words).stdout(writer).stderr(Stdio::piped()).spawn().expect("the program starts");
        let output = child.wait_with_output().expect("the program ends");
        assert_eq!(output.status.code(), Some(0), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
