//! Footage of one's own: no labels, no test part. Everything but the judgement works, and what is missing is said.

use crate::harness::{Place, TEST_FRAMES, ffmpeg};
use std::fs;

/// A place with a film that has no labels anywhere near.
fn with_a_film(name: &str) -> Place {
    let place = Place::new();
    let film = fs::read(place.file("data/test/01.avi")).expect("a film");
    place.write(name, film);
    place
}

/// The last line of a result: what to do next, as words for the program.
fn next(told: &str) -> String {
    let line = told.lines().last().expect("a line");
    line.strip_prefix("next:").expect("the next command").trim().strip_prefix("skipgan ").expect("a command of ours").to_string()
}

#[test]
fn the_report_shows_scores_without_labels_and_says_how_to_add_them() {
    let place = with_a_film("own/today.avi");
    let scored = place.done("score run own/today.avi --out s.csv");
    let words = next(&scored.out);
    assert_eq!(words, "report run --scores s.csv --data own/today.avi");
    let told = place.done(&words);
    assert!(!told.err.contains("error"), "{told:?}");
    let page = place.text("run/report/index.html");
    for words in ["Scores over time", "Highest scores", "Clip by clip", "Not here yet", "clip,frame,label", "--labels labels.csv"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("ROC") && page.contains("data:image/png"));

    let rows: String = (0..TEST_FRAMES).map(|frame| format!("today,{frame},{}\n", u8::from(frame > 9))).collect();
    place.write("labels.csv", format!("clip,frame,label\n{rows}"));
    place.done(&format!("{words} --labels labels.csv"));
    assert!(place.text("run/report/index.html").contains("ROC"));
    place.refuses(&format!("{words} --labels nowhere.csv"), &["nowhere.csv"]);
    place.refuses("evaluate s.csv --data own/today.avi", &["no frame labels found", "--labels"]);
}

#[test]
fn several_films_are_reported_as_they_were_scored() {
    let place = with_a_film("own/today.avi");
    fs::copy(place.file("own/today.avi"), place.file("own/now.avi")).expect("copied");
    let words = next(&place.done("score run own/today.avi own/now.avi --out s.csv").out);
    assert_eq!(words, "report run --scores s.csv --data own/today.avi --data own/now.avi");
    place.done(&words);
    assert!(place.text("run/report/index.html").contains("<b>now</b>"));
}

#[test]
fn labelled_data_are_judged_next() {
    let place = Place::new();
    let words = next(&place.done("score run data --out s.csv").out);
    assert_eq!(words, "evaluate s.csv --data data");
    place.done(&words);
    let json = place.done("score run data --out s.csv --json --quiet").json();
    assert_eq!(json["next"], "skipgan evaluate s.csv --data data", "{json}");
}

#[test]
fn a_baseline_that_is_calibrated_on_what_it_scores_says_so() {
    let place = Place::new();
    for at in 1..=4 {
        place.write(&format!("own/{at}.avi"), fs::read(place.file(&format!("data/train/0{at}.avi"))).expect("a film"));
    }
    let told = place.done("baseline fd-max31 own --out fd.csv");
    let mention = "the same footage calibrates the detector and is scored";
    assert!(told.err.contains("warning: own has no test part") && told.err.contains(mention), "{told:?}");
    let meta: serde_json::Value = serde_json::from_str(&place.text("fd.csv.meta.json")).expect("JSON");
    assert_eq!(meta["strict"], false, "{meta}");
    assert!(meta["not_strict_because"][0].as_str().is_some_and(|reason| reason.contains(mention)), "{meta}");

    let told = place.done("baseline fd-max31 data --out fd.csv");
    assert!(!told.err.contains("warning"), "{told:?}");
    assert!(place.text("fd.csv.meta.json").contains("\"strict\": true"));
}

#[test]
fn an_overlay_is_a_film_that_is_written_here_and_its_place_is_said() {
    let place = with_a_film("own/today.avi");
    for ending in ["mkv", "gif"] {
        let words = format!("score run own/today.avi --out s.csv --overlay film.{ending}");
        place.refuses(&words, &[&format!("film.{ending}"), ".avi", ".mp4", "a folder"]);
    }
    assert!(!place.file("film.mkv").exists() && !place.file("s.csv").exists());

    let words = "score run own/today.avi --out new/a/s.csv --overlay new/b/film.avi --maps new/c/maps";
    let told = place.done(words);
    for line in ["scores:  new/a/s.csv", "overlay: new/b/film.avi", "maps:    new/c/maps"] {
        assert!(told.out.contains(line), "{line} in {told:?}");
    }
    for file in ["new/a/s.csv", "new/b/film.avi", "new/c/maps/today.npy"] {
        assert!(place.file(file).is_file(), "{file}");
    }
    let json = place.done(&format!("{words} --json --quiet")).json();
    assert_eq!((&json["overlay"], &json["maps"]), (&"new/b/film.avi".into(), &"new/c/maps".into()), "{json}");
    assert_eq!(json["scores"], "new/a/s.csv");
    let several = place.done("score run data --out s.csv --overlay films.avi");
    assert!(several.out.contains("overlay: films\n"), "{several:?}");
    if ffmpeg() {
        place.done("score run own/today.avi --out s.csv --overlay new/d/film.mp4");
        assert!(place.file("new/d/film.mp4").is_file());
    }
}

/// A film that cannot be written is no fault of the score file, and no space would help.
#[test]
fn what_an_output_could_not_do_is_told_as_it_was() {
    let place = with_a_film("own/today.avi");
    place.write("taken", "a file");
    let line = place.refuses("score run own/today.avi --out s.csv --overlay taken/film.avi", &["taken", "--overlay"]);
    assert!(!line.contains("cannot write scores") && !line.contains("space"), "{line}");
    let words = "score run own/today.avi --out s.csv --overlay film.mp4 --ffmpeg no/ffmpeg";
    let line = place.refuses(words, &["film.mp4", "needs the ffmpeg executable", "write .avi"]);
    assert!(line.starts_with("error: film.mp4: "), "{line}");
    assert!(!place.file("s.csv").exists(), "a score file beside a film that failed");
}
