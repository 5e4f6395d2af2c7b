//! Single pictures: the default preset's branch for them.

use crate::harness::{Place, TINY};
use crate::surface::{KINDS, Surface};
use std::path::Path;

/// A network that trains in a moment, at the size that the pictures choose.
const SMALL: &str = "--set g_width=4 --set d_width=4 --set batch=4";

/// A small data set in `tiles`.
fn tiles(place: &Place, channels: usize) {
    let surface = Surface { width: 64, height: 48, channels, train: 60, test_good: 3, test_each: 2, seed: 1 };
    surface.write(&place.file("tiles"));
}

#[test]
fn the_default_preset_takes_its_still_branch() {
    let place = Place::new();
    tiles(&place, 3);
    let trained = place.done(&format!("train tiles --out stills --steps 3 {SMALL}"));
    assert!(trained.err.contains("single pictures: the still branch of preset video, 256×192, 3 channels"), "{trained:?}");
    assert!(trained.err.contains("held out: 12 frames of 12 clips"), "{trained:?}");
    let config = place.text("stills/config.toml");
    for line in ["preset = \"video\"", "sees = \"still\"", "width = 256", "height = 192", "channels = 3"] {
        assert!(config.contains(line), "{line}");
    }

    place.done("score stills tiles --out s.csv --maps maps");
    assert_eq!(place.text("s.csv").lines().count(), 1 + 3 + 2 * KINDS.len());
    assert!(place.text("s.csv").lines().skip(1).all(|row| row.contains(",ok,")), "no picture is passed over");
    let judged = place.done("evaluate s.csv --data tiles --maps maps --json --quiet").json();
    for number in ["frame_AUROC_micro", "pixel_AUROC", "pixel_AUPRO"] {
        assert!(judged[number].is_number(), "{number}: {judged}");
    }
    place.done("report stills --scores s.csv --data tiles --maps maps");
    assert!(place.text("stills/report/index.html").contains("what belongs here"));
    place.done("calibrate stills tiles");
    place.done("score stills tiles --out again.csv");
    assert_eq!(place.text("again.csv"), place.text("s.csv"), "the same held-out pictures give the same statistics");
    place.done("score stills tiles --out bytes.csv --precision int8");
    place.done("train tiles --out stills --resume --steps 5");
    assert!(place.text("stills/config.toml").contains("sees = \"still\""));
}

#[test]
fn grey_pictures_have_one_channel_and_settings_are_laid_over_the_branch() {
    let place = Place::new();
    tiles(&place, 1);
    let trained = place.done(&format!("train tiles --out stills --steps 2 {TINY}"));
    assert!(trained.err.contains("the still branch of preset video, 32×32, 1 channel"), "{trained:?}");
    let paper = place.done("train tiles --out paper --steps 1 --preset paper --set g_width=2 --set d_width=2");
    assert!(!paper.err.contains("still branch"), "{paper:?}");
    for name in ["fd-mean", "fd-max31", "background", "flow", "place", "flow-place"] {
        place.refuses(&format!("baseline {name} tiles --out b.csv"), &["needs consecutive frames"]);
    }
    place.refuses("train tiles/train --layout mvtec --out r", &["train/good", "'mvtec'"]);
    place.write("grid.toml", "preset = \"video\"\n[grid]\nw_adv = [0.2]\n");
    place.refuses("ablate tiles --grid grid.toml --out a", &["single pictures"]);
}

/// The default preset against the baselines that work on single pictures, at full size: too long for every run, so `.ci/run` has a step for it,
/// `cargo test --release -p skipgan-cli --test program stills_stand -- --ignored --nocapture`. With `SURFACE=DIR` the pictures are left there, for
/// trials by hand.
#[test]
#[ignore = "trains the default preset for minutes: .ci/run has a step for it"]
fn stills_stand_beside_baselines() {
    let place = Place::new();
    let surface = Surface { width: 320, height: 240, channels: 3, train: 100, test_good: 30, test_each: 20, seed: 7 };
    surface.write(&place.file("tiles"));
    if let Ok(folder) = std::env::var("SURFACE") {
        surface.write(Path::new(&folder));
    }
    place.done("train tiles --out stills --threads 2");
    place.done("score stills tiles --out stills.csv --maps stills-maps");
    let ours = judged(&place, "stills");
    for name in ["pca", "nearest"] {
        place.done(&format!("baseline {name} tiles --out {name}.csv --maps {name}-maps"));
        let theirs = judged(&place, name);
        for (number, (ours, theirs)) in ["image AUROC", "pixel AUROC", "AUPRO"].iter().zip(ours.iter().zip(&theirs)) {
            assert!(ours > theirs, "{number}: {ours} against {theirs} of {name}");
        }
    }
}

/// Image AUROC, pixel AUROC and AUPRO of `NAME.csv` and `NAME-maps`; told, and by kind.
fn judged(place: &Place, name: &str) -> [f64; 3] {
    let told = place.done(&format!("evaluate {name}.csv --data tiles --maps {name}-maps --json --quiet")).json();
    println!("{name}: {} {} {} {}", told["frame_AUROC_micro"], told["pixel_AUROC"], told["pixel_AUPRO"], told["by_kind"]);
    ["frame_AUROC_micro", "pixel_AUROC", "pixel_AUPRO"].map(|number| told[number].as_f64().expect("a number"))
}
