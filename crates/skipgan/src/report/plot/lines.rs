//! Curves over steps: the losses of a training.

use super::{Axis, COLUMNS, Plot, thin};

/// A named curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// (step, value), steps never falling.
    pub points: Vec<(f64, f64)>,
}

/// Classes by order: solid, dashed, dotted.
const CLASSES: [&str; 3] = ["curve", "second", "third"];

/// A curve with more points is drawn pale, under the means of short stretches of it.
const NOISY: usize = 400;

/// Up to three curves in one plot; logarithmic where all values are above 0 and span more than a factor of 30. `mark` is a step to point
/// at, with words.
pub fn lines(title: &str, series: &[Series], mark: Option<(f64, &str)>, height: u32) -> Plot {
    let finite = || series.iter().flat_map(|s| &s.points).filter(|(x, y)| x.is_finite() && y.is_finite());
    let span = |pick: fn(&(f64, f64)) -> f64| {
        finite().map(pick).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (first, last) = span(|point| point.0);
    let (low, high) = span(|point| point.1);
    let most = (height / 36).max(2) as usize;
    let y = if low > 0.0 && high / low > 30.0 {
        Axis::logarithmic(low / 1.1, high * 1.1, most, "")
    } else {
        // A constant, such as most learning rates, gets an axis of its own size.
        let room = if high > low { 0.05 * (high - low) } else { 0.5 * high.abs() };
        Axis::linear(if low >= 0.0 { (low - room).max(0.0) } else { low - room }, high + room, most, "")
    };
    let mut plot = Plot::new(title, height, Axis::whole(first, last, 5, if height >= 150 { "step" } else { "" }), y);
    for (series, class) in series.iter().zip(CLASSES) {
        if series.points.len() > NOISY {
            plot.curve(&format!("{class} pale"), &thin::curve(&series.points, COLUMNS / 4));
            plot.curve(class, &thin::means(&series.points, COLUMNS / 6));
        } else {
            plot.curve(class, &series.points);
        }
    }
    if let Some((step, words)) = mark {
        let value = series.last().and_then(|s| s.points.iter().find(|(x, y)| *x >= step && y.is_finite())).map(|(_, y)| *y);
        if let Some(value) = value {
            plot.mark("mark", step, value, words);
        }
    }
    plot
}

#[cfg(test)]
mod tests {
    use super::super::svg::check_well_formed;
    use super::*;

    #[test]
    fn wide_spans_are_logarithmic_and_nan_is_left_out() {
        let series = Series { name: "loss".into(), points: vec![(0.0, 100.0), (1.0, f64::NAN), (2.0, 1.0)] };
        let text = lines("loss", &[series], Some((1.0, "best")), 140).inline();
        assert!(check_well_formed(&text).is_ok());
        assert!(text.contains(">100<") && text.contains(">10<") && text.contains(">best<") && !text.contains("NaN"), "{text}");
    }

    #[test]
    fn a_small_constant_is_seen() {
        let series = Series { name: "lr".into(), points: vec![(1.0, 2e-4), (9.0, 2e-4)] };
        let text = lines("lr", &[series], None, 140).inline();
        assert!(text.contains(">0.0002<") && !text.contains(">1.0<"), "{text}");
    }

    #[test]
    fn nothing_to_draw_is_still_a_plot() {
        assert!(check_well_formed(&lines("empty", &[], None, 140).inline()).is_ok());
    }
}
