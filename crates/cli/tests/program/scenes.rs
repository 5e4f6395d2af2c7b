//! Generated scenes as data sets, and kinds of anomaly told apart.

use crate::harness::{Place, picture};
use std::fs;

#[test]
fn a_scene_is_written_scored_and_judged_by_kind() {
    let place = Place::new();
    let told = place.done("scene --seed 1 --out street --train-clips 1 --test-clips 4 --frames 50 --json --quiet").json();
    assert_eq!((&told["train"]["clips"], &told["test"]["frames"], &told["test"]["normal_clips"]), (&1.into(), &200.into(), &2.into()));
    assert_eq!((&told["settings"]["seed"], &told["settings"]["width"]), (&1.into(), &360.into()));
    assert_eq!(place.text("street/kinds.csv"), "clip,kind\n01,bicycle\n02,cart\n");
    assert_eq!(place.text("street/labels/test.csv").lines().count(), 201);
    assert!(!place.file("street/disturbances.csv").exists());
    assert!(place.done("inspect street").out.contains("test: 4 videos"));

    place.done("baseline fd-max31 street --out fd.csv");
    let judged = place.done("evaluate fd.csv --data street --json --quiet").json();
    let kinds = judged["by_kind"].as_object().expect("kinds");
    assert_eq!(kinds.keys().collect::<Vec<_>>(), ["bicycle", "cart"]);
    let frames: u64 = kinds.values().map(|line| line["n_frames"].as_u64().expect("a number")).sum();
    assert_eq!(Some(frames), told["test"]["anomalous_frames"].as_u64());
    assert!(kinds["cart"]["AUROC"].is_number());
    let text = place.done("evaluate fd.csv --data street").out;
    assert!(text.contains("kinds of anomaly") && text.lines().any(|line| line.trim_start().starts_with("bicycle ")), "{text}");

    place.refuses("scene --out street", &["street is not empty", "--out"]);
    place.refuses("scene --out other --frames 0", &["test_frames = 0", "1 to 1000000"]);
    assert_eq!(place.run("scene --out other --disturbance fog").code, Some(2));
    assert!(!place.file("other").exists());
}

#[test]
fn normal_footage_is_disturbed() {
    let place = Place::new();
    let words = "scene --seed 3 --out rain --train-clips 0 --test-clips 2 --frames 30 --normal-only --disturbance rain";
    let told = place.done(words);
    assert!(told.out.contains("0 of them anomalous (0 clips, disturbed: rain)"), "{told:?}");
    assert!(told.err.contains("the scene"), "{told:?}");
    assert!(!place.file("rain/kinds.csv").exists() && !place.file("rain/train").exists());
    assert_eq!(place.text("rain/disturbances.csv").lines().filter(|line| line.contains(",rain,")).count(), 2);
    assert!(place.text("rain/labels/test.csv").lines().skip(1).all(|line| line.ends_with(",0")));
    place.write("constant.csv", constant(2, 30));
    let judged = place.done("evaluate constant.csv --data rain --json --quiet").json();
    assert!(judged["by_kind"].is_null() && judged["null_reasons"]["by_kind"].as_str().is_some_and(|why| why.contains("kinds.csv")));
}

/// A score file of 0 everywhere.
fn constant(clips: usize, frames: usize) -> String {
    let rows = (1..=clips).flat_map(|clip| (0..frames).map(move |frame| format!("{clip:02},{frame},0\n")));
    format!("clip,frame,score\n{}", rows.collect::<String>())
}

#[test]
fn kinds_of_stills_are_their_folders() {
    let place = Place::new();
    for (at, name) in ["train/good/0", "test/good/0", "test/good/1", "test/crack/0", "test/hole/0"].iter().enumerate() {
        picture(&place.file(&format!("tiles/{name}.png")), 32, 32, at);
    }
    place.write("s.csv", "clip,frame,score\ngood/0,0,1\ngood/1,0,3\ncrack/0,0,4\nhole/0,0,2\n");
    let judged = place.done("evaluate s.csv --data tiles --layout mvtec --json --quiet").json();
    assert_eq!((&judged["by_kind"]["crack"]["AUROC"], &judged["by_kind"]["hole"]["AUROC"]), (&1.0.into(), &0.5.into()), "{judged}");
    fs::write(place.file("tiles/kinds.csv"), "clip,kind\ncrack/7,crack\n").expect("a file");
    place.refuses("evaluate s.csv --data tiles --layout mvtec", &["kinds.csv", "line 2", "no clip crack/7"]);
}
