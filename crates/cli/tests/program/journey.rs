//! The main job from footage to report, by every command in turn.

use crate::harness::{Place, SIZE, TEST_FRAMES, TINY};

/// Frames of a training clip that statistics rest on: those of the warm-up are left out.
const HELD_OUT: usize = 19;

/// A stderr of progress alone: no warning, no error, no trace.
fn only_progress(err: &str) {
    for bad in ["error", "panicked", "warning"] {
        assert!(!err.contains(bad), "'{bad}' in:\n{err}");
    }
}

#[test]
fn train_score_evaluate_report_run_to_the_end() {
    let place = Place::new();
    let trained = place.done(&format!("train data --out fresh --steps 3 --seed 5 {TINY}"));
    assert!(trained.out.contains("3 of 3 steps") && trained.out.contains("skipgan score fresh"), "{trained:?}");
    only_progress(&trained.err);
    for file in ["config.toml", "metrics.csv", "checkpoints/best.safetensors", "checkpoints/last.safetensors"] {
        assert!(place.file("fresh").join(file).exists(), "{file}");
    }

    let scored = place.done("score run data --out s.csv --maps maps --overlay films");
    only_progress(&scored.err);
    assert!(scored.out.contains("scored 40 frames of 2 clips"), "{scored:?}");
    let rows = place.text("s.csv");
    assert!(rows.starts_with("clip,frame,score"), "{rows}");
    assert_eq!(rows.lines().count(), 1 + 2 * TEST_FRAMES);
    assert!(place.file("s.csv.meta.json").exists() && place.file("maps/detections.csv").exists() && place.file("maps/01.npy").exists());
    assert!(place.file("films/01.avi").exists() && place.file("films/02.avi").exists());

    let evaluated = place.done("evaluate s.csv --data data --maps maps --json --quiet --out labelled.csv").json();
    assert!(evaluated["frame_AUROC_micro"].is_number(), "{evaluated}");
    assert!(place.text("labelled.csv").lines().next().is_some_and(|header| header.ends_with("label")));
    assert!(place.done("evaluate s.csv --data data").out.contains("AUROC"));

    assert!(place.text("run/commands.txt").starts_with("skipgan train data --out run --steps 3"));
    place.done("report run");
    assert!(place.text("run/report/index.html").contains("skipgan train data --out run"));
    let training_only = place.text("run/report/index.html");
    place.done("report run --scores s.csv --data data --maps maps --out page.html");
    let page = place.text("page.html");
    assert!(page.len() > training_only.len() && page.contains("ROC") && !page.contains("src=\"http"));
}

#[test]
fn one_clip_gives_one_film_and_json_lines_hold_the_same_scores() {
    let place = Place::new();
    place.done("score run data/test/01.avi --out one.csv --overlay film.avi");
    place.done("score run data/test/01.avi --out one.jsonl");
    assert!(place.done("inspect film.avi --json").json()["frames"].as_str().is_some_and(|frames| frames.starts_with("20 decoded")));
    let table = place.text("one.csv");
    let column = table.lines().next().expect("a header").split(',').position(|name| name == "score").expect("a score");
    let of_table: Vec<f64> = table.lines().skip(1).map(|row| row.split(',').nth(column).expect("cell").parse().expect("number")).collect();
    let of_lines: Vec<f64> = (place.text("one.jsonl").lines())
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["score"].as_f64().expect("number"))
        .collect();
    assert_eq!(of_table, of_lines);
    assert_eq!(of_table.len(), TEST_FRAMES);
}

#[test]
fn an_untrained_control_is_calibrated_and_scores() {
    let place = Place::new();
    let told = place.done(&format!("train data --out control --steps 0 {TINY} --json --quiet")).json();
    assert_eq!((&told["step"], &told["held_out_frames"]), (&0.into(), &HELD_OUT.into()), "{told}");
    place.done("score control data/test/01.avi --out s.csv");
    assert_eq!(place.text("s.csv").lines().count(), 1 + TEST_FRAMES);
}

#[test]
fn a_run_is_calibrated_anew() {
    let place = Place::new();
    place.done("score run data/test/01.avi --out before.csv");
    let told = place.done("calibrate run data/train/01.avi data/train/02.avi data/train/03.avi --json --quiet").json();
    assert_eq!((&told["before"]["frames"], &told["after"]["frames"]), (&HELD_OUT.into(), &(3 * HELD_OUT).into()), "{told}");
    place.done("score run data/test/01.avi --out after.csv");
    assert_ne!(place.text("before.csv"), place.text("after.csv"));
}

#[test]
fn inspect_says_what_each_thing_is() {
    let place = Place::new();
    place.done("score run data/test/01.avi --out s.csv");
    let run = place.done("inspect run --json").json();
    assert_eq!(run["training"], "step 3, finished", "{run}");
    assert_eq!(place.done("inspect run/checkpoints/last.safetensors --json").json()["step"], "3");
    let film = place.done("inspect data/test/01.avi --json").json();
    assert!(film["frame_size"].as_str().is_some_and(|size| size.starts_with(&format!("{}×{}", SIZE.0, SIZE.1))), "{film}");
    let scores = place.done("inspect s.csv --json").json();
    assert_eq!(
        (&scores["clips"], &scores["made_by"]),
        (&"1 with 20 frames".into(), &"skipgan score run data/test/01.avi --out s.csv".into())
    );
    assert!(scores["alarms"].is_string() && scores["highest"].as_str().is_some_and(|text| text.contains(" at 01, frame ")), "{scores}");
    let settings = place.done("inspect run/config.toml --json").json();
    assert!(settings["changed"].as_array().is_some_and(|rows| rows.contains(&"batch = 4 (preset: 8)".into())), "{settings}");
    place.refuses("inspect s.csv.meta.json", &["error: s.csv.meta.json: this is no video"]);
    let set = place.done("inspect data");
    assert!(set.out.contains("training") && set.out.contains("test"), "{set:?}");
}

#[test]
fn doctor_baseline_and_bench_need_no_network() {
    let place = Place::new();
    let told = place.done("doctor").out;
    assert!(told.contains("✓ processor") && told.contains("SKIPGAN_THREADS") && !told.contains("Copyright"), "{told}");
    assert!(!place.done("calibrate --help").out.is_empty());
    assert!(place.done("doctor --json").json()["findings"].is_array());
    place.done("baseline fd-max31 data --out fd.csv --maps fd-maps");
    assert_eq!(place.text("fd.csv").lines().count(), 1 + 2 * TEST_FRAMES);
    place.done("evaluate fd.csv --data data --json --quiet").json();
    for job in ["train", "score"] {
        let told = place.done(&format!("bench {job} --json --seconds 0.05 {TINY}")).json();
        assert!(told["images_per_second"].as_f64().is_some_and(|speed| speed > 0.0), "{told}");
        assert!(told["gflops"].as_f64().is_some_and(|speed| speed > 0.0) && told["runs"].as_u64() >= Some(3), "{told}");
        assert!(told["spread"].as_f64().is_some_and(|spread| spread >= 0.0), "{told}");
        assert!(!cfg!(target_os = "linux") || told["peak_rss_bytes"].as_u64() > Some(1 << 20), "{told}");
    }
    let told = place.done(&format!("bench score --streams 2 --threads 2 --batch 2 --json --seconds 0.05 {TINY}")).json();
    assert!(told["streams"] == 2 && told["threads"] == 2 && told["runs"].as_u64() >= Some(6), "{told}");
    let told = place.done(&format!("bench kernels --json --seconds 0.01 --only dec.0 {TINY}")).json();
    let kernels: Vec<&str> = told["kernels"].as_array().expect("a list").iter().filter_map(|row| row["kernel"].as_str()).collect();
    assert_eq!(kernels, ["load", "down", "up", "pair", "load", "up"], "{told}");
    assert!(told["peak_gflops"].as_f64().is_some_and(|peak| peak > 0.0), "{told}");
    assert!(place.done(&format!("bench kernels --seconds 0.01 {TINY}")).out.contains("d.feat.0"));
    place.refuses("bench kernels --only nothing --seconds 0.01", &["nothing", "g.enc.0"]);
    place.refuses("bench train data/test/01.avi", &["bench pipeline"]);
}

/// Footage of one's own with initial weights and with a run; the stages' sum is what the bound is made of.
#[test]
fn the_pipeline_is_measured_stage_by_stage() {
    let place = Place::new();
    for words in ["data", "data/test/01.avi --run run"] {
        let words = if words.contains("--run") { words.to_string() } else { format!("{words} {TINY}") };
        let told = place.done(&format!("bench pipeline {words} --seconds 0.01 --threads 2 --json")).json();
        let seconds = |key: &str| told[key].as_f64().unwrap_or_else(|| panic!("{key} in {told}"));
        let stages = told["stages"].as_object().expect("stages");
        let sum: f64 = stages.values().filter_map(serde_json::Value::as_f64).sum();
        assert!(["decode", "resize", "flow", "network", "output"].iter().all(|stage| stages[*stage].as_f64() > Some(0.0)), "{told}");
        assert!(sum > 0.0 && seconds("bound_seconds") > 0.4 * sum && seconds("ratio") > 0.0, "{told}");
        assert_eq!(told["initial_weights"], !words.contains("--run"));
    }
    place.refuses("bench pipeline nowhere.mp4", &["nowhere.mp4"]);
}
