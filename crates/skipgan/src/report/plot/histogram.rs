//! How the scores of normal and of anomalous frames are spread.

use super::{Axis, Plot};

/// Bars of a histogram.
const BINS: usize = 48;

/// Shares of normal (filled) and anomalous (outlined) frames by score; scores beyond `range` are counted in the outermost bars.
pub fn histogram(normal: &[f64], anomalous: &[f64], range: (f64, f64), threshold: Option<f64>, height: u32) -> Plot {
    let classes = [("normal", shares(normal, range)), ("anomalous", shares(anomalous, range))];
    let highest = classes.iter().flat_map(|(_, shares)| shares).fold(0.0f64, |most, &share| most.max(share));
    let x = Axis::linear(range.0, range.1, 6, "score");
    let y = Axis::linear(0.0, (highest * 1.05).max(1e-3), (height / 40).max(2) as usize, "% of the class");
    let mut plot = Plot::new("Scores of normal and anomalous frames", height, x, y);
    let width = (range.1 - range.0) / BINS as f64;
    for (class, shares) in &classes {
        if shares.iter().any(|&share| share > 0.0) {
            let stairs = shares.iter().enumerate().flat_map(|(i, &share)| {
                let left = range.0 + i as f64 * width;
                [(left, share), (left + width, share)]
            });
            plot.area(class, &stairs.collect::<Vec<_>>());
        }
    }
    if let Some(threshold) = threshold {
        plot.upright("threshold", threshold);
    }
    plot
}

/// Per cent of finite scores in each bar.
fn shares(scores: &[f64], range: (f64, f64)) -> [f64; BINS] {
    let mut counts = [0u64; BINS];
    let mut total = 0u64;
    for score in scores.iter().filter(|score| score.is_finite()) {
        let position = (score - range.0) / (range.1 - range.0) * BINS as f64;
        // The cast saturates: below the range is 0, above it is cut.
        counts[(position as usize).min(BINS - 1)] += 1;
        total += 1;
    }
    counts.map(|count| 100.0 * count as f64 / total.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::super::svg::check_well_formed;
    use super::*;

    #[test]
    fn every_score_is_counted_once() {
        let found = shares(&[-5.0, 0.0, 0.5, 1.0, 9.0, f64::NAN], (0.0, 1.0));
        assert!((found.iter().sum::<f64>() - 100.0).abs() < 1e-9);
        assert_eq!((found[0], found[BINS / 2], found[BINS - 1]), (40.0, 20.0, 40.0));
    }

    #[test]
    fn one_class_or_none_is_drawn_too() {
        for (normal, anomalous) in [(&[0.2, 0.3][..], &[][..]), (&[], &[])] {
            let text = histogram(normal, anomalous, (0.0, 1.0), Some(0.5), 160).inline();
            assert!(check_well_formed(&text).is_ok());
            assert!(!text.contains("NaN") && text.contains("threshold"));
        }
    }
}
