//! Ctrl-C: the state is saved, the program says how to go on, and what goes on ends with the bits of a run that was never stopped.
#![cfg(unix)]

use crate::harness::{Place, TINY, Told};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

/// Steps that take a second or two.
const STEPS: usize = 400;

/// Starts a command, waits for a line of its stdout that has `mark` in it, and presses Ctrl-C.
fn interrupted(place: &Place, words: &str, mark: &str) -> Told {
    let mut command = place.command(words);
    let mut child: Child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout"));
    let mut out = String::new();
    while !out.lines().last().unwrap_or_default().contains(mark) {
        assert!(lines.read_line(&mut out).expect("a line") > 0, "no '{mark}' in:\n{out}");
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
    lines.read_to_string(&mut out).expect("the rest");
    let output = child.wait_with_output().expect("the program ends");
    Told { out, ..Told::of(&output) }
}

#[test]
fn training_goes_on_to_the_very_bits() {
    let place = Place::new();
    let train = format!("train data --steps {STEPS} {TINY} --json");
    let stopped = interrupted(&place, &format!("{train} --out a"), "\"task\":\"training\"");
    assert_eq!(stopped.code, Some(130), "{stopped:?}");
    let last = stopped.err.lines().last().expect("a line");
    assert!(last.starts_with("interrupted at step ") && last.contains("skipgan train data") && last.ends_with("--resume"), "{last}");

    let state = place.done("inspect a --json").json();
    assert!(state["training"].as_str().is_some_and(|text| text.contains("unfinished: go on with --resume")), "{state}");
    let best = place.file("a/checkpoints/best.safetensors").exists();
    place.refuses("score a data --out x.csv --checkpoint last", &["not calibrated", "--resume"]);
    if !best {
        for words in ["score a data --out x.csv", "calibrate a data", "report a"] {
            place.refuses(words, &["best.safetensors", "interrupted before its first validation", "skipgan train … --resume"]);
        }
    }

    place.done(&format!("{train} --out a --resume"));
    place.done(&format!("{train} --out b"));
    for name in ["last", "best"] {
        let read = |run: &str| std::fs::read(place.file(&format!("{run}/checkpoints/{name}.safetensors"))).expect("a checkpoint");
        assert!(read("a") == read("b"), "{name} differs from that of an uninterrupted run");
    }
    place.done("score a data/test/01.avi --out a.csv");
    let told = place.done(&format!("{train} --out a --resume"));
    assert!(told.json_lines().last().is_some_and(|line| line["step"] == STEPS), "a finished run has nothing to go on with");
    let told = place.done(&format!("train data --steps 100 {TINY} --out a --resume"));
    assert!(told.out.contains("400 steps done, 100 were asked for") && !told.err.contains("of 100"), "{told:?}");
}

#[test]
fn scoring_stops_without_half_a_file() {
    let place = Place::new();
    let clips = "data/test/01.avi data/test/02.avi data/train/01.avi data/train/02.avi data/train/03.avi data/train/04.avi";
    let links: Vec<String> = (0..40).map(|at| format!("c{at}.avi")).collect();
    for (at, link) in links.iter().enumerate() {
        let from = clips.split(' ').nth(at % 6).expect("a clip");
        std::os::unix::fs::symlink(place.file(from), place.file(link)).expect("a link");
    }
    let stopped = interrupted(&place, &format!("score run {} --out s.csv --json", links.join(" ")), "\"task\":\"scoring\"");
    assert_eq!(stopped.code, Some(130), "{stopped:?}");
    assert_eq!(stopped.err.lines().last(), Some("interrupted; run the same command again"));
    assert!(!place.file("s.csv").exists());
}

#[test]
fn a_scene_that_is_stopped_leaves_nothing_behind() {
    let place = Place::new();
    let stopped = interrupted(&place, "scene --out street --json", "\"task\":\"the scene\"");
    assert_eq!(stopped.code, Some(130), "{stopped:?}");
    assert_eq!(stopped.err.lines().last(), Some("interrupted; run the same command again"));
    assert!(!place.file("street").exists());
}

#[test]
fn an_ablation_goes_on_to_the_same_results() {
    let place = Place::new();
    let grid = format!(
        "set = [\"steps={STEPS}\", \"width=32\", \"height=32\", \"g_width=4\", \"d_width=4\", \"batch=4\"]\n[scoring]\nlambda = [0.5, 0.9]\n"
    );
    place.write("grid.toml", grid);
    let ablate = "ablate data --grid grid.toml --json --out";
    let stopped = interrupted(&place, &format!("{ablate} a"), "\"at\":\"training\"");
    assert_eq!(stopped.code, Some(130), "{stopped:?}");
    let last = stopped.err.lines().last().expect("a line");
    assert!(last.starts_with("interrupted; 0 of 2 results are there, go on with: skipgan ablate data"), "{last}");
    assert!(!place.file("a/table.csv").exists());
    place.done(&format!("{ablate} a"));
    place.done(&format!("{ablate} b"));
    assert_eq!(place.text("a/table.csv"), place.text("b/table.csv"));
    let commands = std::fs::read_dir(place.file("a/trainings")).expect("trainings").count();
    assert_eq!(commands, 1, "the training that was interrupted is the one that went on");
}
