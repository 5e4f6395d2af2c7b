//! The evaluation against the reference's vectors, its invariances, and on the real masks of UCSD Ped2.

mod properties;
mod real;
mod vectors;

use serde_json::Value;

/// One file of `testdata/evaluation`.
fn load(name: &str) -> Value {
    let path = format!("{}/../../testdata/evaluation/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A clip that owns its arrays.
#[derive(Clone, Debug)]
struct Clip {
    name: String,
    scores: Vec<f64>,
    labels: Vec<u8>,
}

/// Clips as the metrics take them.
fn views(clips: &[Clip]) -> Vec<skipgan::evaluate::ClipScores<'_>> {
    clips.iter().map(|clip| skipgan::evaluate::ClipScores { name: &clip.name, scores: &clip.scores, labels: &clip.labels }).collect()
}

/// Both undefined, or equal within the vectors' tolerance.
fn assert_close(what: &str, found: Option<f64>, expected: Option<f64>) {
    match (found, expected) {
        (None, None) => {}
        (Some(found), Some(expected)) if (found - expected).abs() <= 1e-12 => {}
        _ => panic!("{what}: found {found:?}, expected {expected:?}"),
    }
}
