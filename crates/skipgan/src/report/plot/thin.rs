//! Bounding what is drawn: curves and intervals of any length become at most a given number of columns, extremes kept.

/// The curve through (`x`, `y`) with at most four points a column: where more fall into one, its first, lowest, highest and last.
/// Points that are not finite are left out. `x` must not fall.
pub(super) fn curve(points: &[(f64, f64)], columns: usize) -> Vec<(f64, f64)> {
    let finite: Vec<(f64, f64)> = points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let (Some(first), Some(last)) = (finite.first(), finite.last()) else { return finite };
    if finite.len() <= 2 * columns {
        return finite;
    }
    let width = ((last.0 - first.0) / columns as f64).max(f64::MIN_POSITIVE);
    let column = |x: f64| (((x - first.0) / width) as usize).min(columns - 1);
    let mut thinned = Vec::with_capacity(4 * columns);
    for group in finite.chunk_by(|a, b| column(a.0) == column(b.0)) {
        extremes(group, &mut thinned);
    }
    thinned
}

/// Means of at most `stretches` stretches of equally many finite points, each at its mean x.
pub(super) fn means(points: &[(f64, f64)], stretches: usize) -> Vec<(f64, f64)> {
    let finite: Vec<(f64, f64)> = points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let length = finite.len().div_ceil(stretches.max(1)).max(1);
    let mean = |group: &[(f64, f64)]| {
        let (x, y) = group.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (x / group.len() as f64, y / group.len() as f64)
    };
    finite.chunks(length).map(mean).collect()
}

/// First, lowest, highest, last of a group, in order, each once.
fn extremes(group: &[(f64, f64)], thinned: &mut Vec<(f64, f64)>) {
    let index = |best: fn(f64, f64) -> bool| (1..group.len()).fold(0, |kept, i| if best(group[i].1, group[kept].1) { i } else { kept });
    let mut chosen = [0, index(|a, b| a < b), index(|a, b| a > b), group.len() - 1];
    chosen.sort_unstable();
    let mut before = None;
    for i in chosen {
        if before != Some(i) {
            thinned.push(group[i]);
        }
        before = Some(i);
    }
}

/// The runs of `true` as inclusive index ranges. Beyond `columns` runs, neighbours closer than a column are joined, so nothing vanishes.
pub(super) fn runs(flags: impl Iterator<Item = bool>, columns: usize) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut length = 0;
    for (i, flag) in flags.enumerate() {
        length = i + 1;
        match runs.last_mut() {
            Some(last) if flag && last.1 + 1 == i => last.1 = i,
            _ if flag => runs.push((i, i)),
            _ => {}
        }
    }
    if runs.len() <= columns {
        return runs;
    }
    let gap = length.div_ceil(columns);
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(last) if run.0 - last.1 <= gap => last.1 = run.1,
            _ => joined.push(run),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_curves_stay_as_they_are() {
        let points = [(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0)];
        assert_eq!(curve(&points, 10), [(0.0, 1.0), (2.0, 3.0)]);
        assert!(curve(&[], 10).is_empty());
    }

    #[test]
    fn hours_are_bounded_and_every_peak_survives() {
        let mut points: Vec<(f64, f64)> = (0..1_000_000).map(|i| (f64::from(i), f64::from(i % 7))).collect();
        points[123_456].1 = 99.0;
        points[765_432].1 = -99.0;
        let thinned = curve(&points, 720);
        assert!(thinned.len() <= 4 * 720, "{}", thinned.len());
        assert!(thinned.contains(&(123_456.0, 99.0)) && thinned.contains(&(765_432.0, -99.0)));
        assert!(thinned.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!((thinned[0], thinned[thinned.len() - 1]), (points[0], points[999_999]));
    }

    #[test]
    fn means_of_stretches() {
        assert_eq!(means(&[(0.0, 1.0), (1.0, 3.0), (2.0, f64::NAN), (3.0, 8.0)], 2), [(0.5, 2.0), (3.0, 8.0)]);
        assert!(means(&[], 4).is_empty());
    }

    #[test]
    fn runs_are_inclusive_and_bounded() {
        assert_eq!(runs([false, true, true, false, true].into_iter(), 9), [(1, 2), (4, 4)]);
        let many = runs((0..100_000).map(|i| i % 3 == 0), 50);
        assert!(many.len() <= 51 && many[0].0 == 0 && many[many.len() - 1].1 == 99_999, "{many:?}");
    }
}
