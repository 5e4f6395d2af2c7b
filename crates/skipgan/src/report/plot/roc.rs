//! The receiver operating characteristic.

use super::{Axis, Plot};

/// A point of interest on the curve.
#[derive(Clone, Debug, PartialEq)]
pub struct RocMark {
    /// False positive rate, 0 … 1.
    pub false_positive_rate: f64,
    /// True positive rate, 0 … 1.
    pub true_positive_rate: f64,
    /// What it is.
    pub words: String,
}

/// The curve through (false positive rate, true positive rate) vertices from (0, 0) to (1, 1), with marks; vertices closer than a
/// four-hundredth are passed over.
pub fn roc(vertices: &[(f64, f64)], marks: &[RocMark], height: u32) -> Plot {
    let x = Axis::linear(0.0, 1.0, 5, "share of normal frames called anomalous");
    let y = Axis::linear(0.0, 1.0, 5, "share of anomalous frames found");
    let mut plot = Plot::new("ROC curve", height, x, y);
    plot.curve("chance", &[(0.0, 0.0), (1.0, 1.0)]);
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (i, &vertex) in vertices.iter().enumerate() {
        let far = kept.last().is_none_or(|last| (vertex.0 - last.0).abs() + (vertex.1 - last.1).abs() >= 1.0 / 400.0);
        if far || i + 1 == vertices.len() {
            kept.push(vertex);
        }
    }
    plot.curve("curve", &kept);
    for mark in marks {
        plot.mark("mark", mark.false_positive_rate, mark.true_positive_rate, &mark.words);
    }
    plot
}

#[cfg(test)]
mod tests {
    use super::super::svg::check_well_formed;
    use super::*;

    #[test]
    fn a_long_curve_is_bounded_and_ends_in_the_corner() {
        let vertices: Vec<(f64, f64)> = (0..=500_000).map(|i| f64::from(i) / 500_000.0).map(|x| (x, x.sqrt())).collect();
        let mark = RocMark { false_positive_rate: 0.2, true_positive_rate: 0.8, words: "EER 20 %".into() };
        let text = roc(&vertices, &[mark], 260).inline();
        assert!(text.len() < 20_000, "{}", text.len());
        assert!(text.contains("L1000.0 0.0\"") && text.contains("EER 20 %"));
        assert!(check_well_formed(&text).is_ok());
    }
}
