//! Alarms by a wanted rate, what they are worth, one detector against another, and choices that saw the test set.

use crate::harness::{Place, Told, picture};
use serde_json::Value;

/// Three training clips: footage enough to calibrate on.
const THREE: &str = "data/train/01.avi data/train/02.avi data/train/03.avi";

fn alarms(place: &Place, file: &str) -> usize {
    let table = place.text(file);
    let column = table.lines().next().expect("a header").split(',').position(|name| name == "alarm").expect("alarm");
    table.lines().skip(1).filter(|row| row.split(',').nth(column) == Some("1")).count()
}

#[test]
fn another_rate_of_false_alarms_needs_neither_footage_nor_training() {
    let place = Place::new();
    place.done(&format!("calibrate run {THREE}"));
    let threshold = |told: &Value, when: &str| told[when]["threshold"].clone();
    let rare = place.done("calibrate run --false-alarms-per-hour 1e-3 --json --quiet").json();
    assert_eq!((&threshold(&rare, "before")["wanted"], &threshold(&rare, "after")["wanted"]), (&1.0.into(), &1e-3.into()), "{rare}");
    assert_eq!(threshold(&rare, "after")["time"], "pts", "the street's films have time stamps");
    assert_eq!(threshold(&rare, "after")["extrapolated"], true);
    assert_eq!(rare["before"]["terms"], rare["after"]["terms"]);
    place.done("score run data/train --out rare.csv");
    let told = place.done("calibrate run --false-alarms-per-hour 100000");
    assert!(told.out.contains("for 0.001 false alarms an hour (extrapolated") && told.out.contains("for 100000 false alarms"), "{told:?}");
    place.done("score run data/train --out frequent.csv");
    assert!(alarms(&place, "rare.csv") < alarms(&place, "frequent.csv"), "{} alarms, {}", alarms(&place, "rare.csv"), told.out);
    let scores = |file: &str| place.text(file).lines().map(|row| row.split(',').nth(2).map(str::to_string)).collect::<Vec<_>>();
    assert_eq!(scores("rare.csv"), scores("frequent.csv"), "the scores themselves stay");
    // For one scoring only.
    place.done("score run data/train --out once.csv --set false_alarms_per_hour=1e-3");
    assert_eq!(alarms(&place, "once.csv"), alarms(&place, "rare.csv"));
    let meta: Value = serde_json::from_str(&place.text("once.csv.meta.json")).expect("JSON");
    assert_eq!(meta["alarm_threshold"]["wanted"], 1e-3);
    assert!(place.done("inspect run").out.contains("for 100000 false alarms an hour"));

    let told = place.run("calibrate run");
    assert_eq!(told.code, Some(2), "{told:?}");
    place.refuses("calibrate run --false-alarms-per-hour 0", &["false_alarms_per_hour", "between"]);
    place.refuses("calibrate run --false-alarms-per-hour 1 --set lambda=0.5", &["another lambda"]);
}

#[test]
fn evaluate_tells_false_alarms_and_detected_events() {
    let place = Place::new();
    place.done("calibrate run --false-alarms-per-hour 100000");
    place.done("score run data --out s.csv");
    let judged = |words: &str| place.done(&format!("evaluate {words} --json --quiet")).json();
    let found = judged("s.csv --data data");
    let block = &found["alarms"];
    assert_eq!((&block["time"], &block["threshold"]["wanted"]), (&"pts".into(), &100_000.0.into()), "{block}");
    assert!(block["false_alarms_per_hour"].is_number() && block["n_true_events"].as_u64() >= Some(1), "{block}");
    let told = place.done("evaluate s.csv --data data");
    assert!(
        told.out.contains("false alarms") && told.out.contains("detected events") && told.out.contains("time from the footage"),
        "{told:?}"
    );

    // Someone else's file: by frames, by --fps, and without alarms.
    let rows: Vec<(String, String)> = (place.text("s.csv").lines().skip(1))
        .map(|row| (row.split(',').next().expect("clip").to_string(), row.split(',').nth(1).expect("frame").to_string()))
        .collect();
    let own = |header: &str, cells: &str| {
        let lines: Vec<String> = rows.iter().map(|(clip, frame)| format!("{clip},{frame},0.{frame}{cells}")).collect();
        format!("{header}\n{}\n", lines.join("\n"))
    };
    place.write("theirs.csv", own("clip,frame,score,alarm", ",1"));
    let by_frames = judged("theirs.csv --data data");
    assert_eq!((&by_frames["alarms"]["time"], &by_frames["alarms"]["false_alarms_per_hour"]), (&"frames".into(), &Value::Null));
    assert!(by_frames["alarms"]["false_alarms_per_1000_frames"].is_number());
    assert!(by_frames["null_reasons"]["alarms.false_alarms_per_hour"].as_str().is_some_and(|reason| reason.contains("--fps")));
    assert_eq!(judged("theirs.csv --data data --fps 10")["alarms"]["time"], "fps");
    place.write("none.csv", own("clip,frame,score", ""));
    let none = judged("none.csv --data data");
    assert!(none["alarms"].is_null() && none["null_reasons"]["alarms"].is_string());
}

#[test]
fn pictures_count_by_frames_unless_a_rate_is_named() {
    let place = Place::new();
    for frame in 0..70 {
        picture(&place.file(&format!("still/{frame:03}.png")), 64, 48, frame);
    }
    let threshold = |words: &str| place.done(&format!("calibrate run still {words} --json --quiet")).json()["after"]["threshold"].clone();
    assert_eq!(threshold("")["time"], "frames");
    let timed = threshold("--fps 10 --false-alarms-per-hour 2");
    assert_eq!((&timed["time"], &timed["wanted"]), (&"fps".into(), &2.0.into()), "{timed}");
}

#[test]
fn two_detectors_are_compared_on_the_same_draws() {
    let place = Place::new();
    place.done("score run data --out s.csv");
    place.done("baseline fd-max15 data --out fd.csv");
    let found = place.done("evaluate s.csv --data data --compare fd.csv --json --quiet").json();
    let block = &found["comparison"];
    assert_eq!(block["frame_AUROC_micro"], found["frame_AUROC_micro"]);
    assert_eq!(block["other"], "fd.csv");
    let difference = block["frame_AUROC_micro"].as_f64().zip(block["other_frame_AUROC_micro"].as_f64()).map(|(own, other)| own - other);
    assert_eq!(block["difference"].as_f64(), difference);
    assert!(block["ci95"][0].as_f64() <= block["ci95"][1].as_f64() && block["higher"].is_string(), "{block}");
    let told = place.done("evaluate s.csv --data data --compare s.csv");
    assert!(told.out.contains("compared with s.csv") && told.out.contains("neither is shown to be higher"), "{told:?}");
    place.write("short.csv", "clip,frame,score\n01,0,1\n");
    place.refuses("evaluate s.csv --data data --compare short.csv", &["short.csv", "missing"]);
}

#[test]
fn a_choice_that_saw_the_test_set_is_told() {
    let place = Place::new();
    let warned = |told: &Told, words: &str| told.err.lines().any(|line| line.starts_with("warning") && line.contains(words));
    place.done("score run data --out s.csv");
    assert!(!warned(&place.done("evaluate s.csv --data data"), "test set"));
    let meta: Value = serde_json::from_str(&place.text("s.csv.meta.json")).expect("JSON");
    assert_eq!(meta["selection"], "heldout");
    let told = place.text("s.csv.meta.json").replace("\"selection\": \"heldout\"", "\"selection\": \"test\"");
    place.write("s.csv.meta.json", told);
    let told = place.done("evaluate s.csv --data data");
    assert!(warned(&told, "saw the test set"), "{told:?}");
    place.done("baseline fd-mean data --out fd.csv");
    assert!(warned(&place.done("evaluate fd.csv --data data --compare s.csv"), "s.csv: a choice"), "the other's choice too");

    // Training or calibrating on what is scored.
    assert!(warned(&place.done("score run data/train --out own.csv"), "trained on the very footage"));
    place.done(&format!("calibrate run {THREE}"));
    let told = place.done(&format!("score run {THREE} --out after.csv"));
    assert!(warned(&told, "taken from the very footage"), "{told:?}");
    let meta: Value = serde_json::from_str(&place.text("after.csv.meta.json")).expect("JSON");
    assert_eq!((&meta["selection"], &meta["strict"]), (&"test".into(), &false.into()), "{meta}");
    assert!(!warned(&place.done("score run data --out s.csv"), "very footage"));
}
