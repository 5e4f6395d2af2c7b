//! A plain autoencoder for comparison.

use crate::harness::Place;

#[test]
fn a_plain_autoencoder_trains_and_scores() {
    let place = Place::new();
    let words = "--preset autoencoder --steps 4 --set width=64 --set batch=4";
    let trained = place.done(&format!("train data --out plain {words}"));
    assert!(!trained.err.contains("warning"), "{trained:?}");
    let config = place.text("plain/config.toml");
    for line in ["skips = false", "w_adv = 0.0", "w_lat = 0.0", "lambda = 1.0"] {
        assert!(config.contains(line), "{line}");
    }
    place.done("score plain data --out s.csv");
    assert!(place.done("evaluate s.csv --data data --json --quiet").json()["frame_AUROC_micro"].is_number());
}
