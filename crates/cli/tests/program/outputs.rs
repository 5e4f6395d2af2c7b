//! Results on stdout, progress on stderr; JSON lines; quiet; help; a reader that has gone.

use crate::harness::{Place, TINY};
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
