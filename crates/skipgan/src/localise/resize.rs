//! Bilinear resize of a map: half-pixel centres, coordinates clamped to the image (EVALUATION §3). For maps only: pictures are
//! resized in `video`, with a filter that suits pictures.

use super::plane::Plane;

/// A resize from one size to another, its sampling positions computed once for many maps.
#[derive(Clone, Debug)]
pub struct Bilinear {
    from: (usize, usize),
    to: (usize, usize),
    rows: Vec<Sample>,
    columns: Vec<Sample>,
}

/// Between which two source positions an output position lies, and how far towards the second.
#[derive(Clone, Copy, Debug)]
struct Sample {
    low: usize,
    high: usize,
    towards_high: f64,
}

impl Bilinear {
    /// Plans the resize; sizes are (height, width).
    ///
    /// # Panics
    /// If a side is 0.
    pub fn new(from: (usize, usize), to: (usize, usize)) -> Self {
        assert!(from.0 > 0 && from.1 > 0 && to.0 > 0 && to.1 > 0, "a map without pixels cannot be resized");
        Self { from, to, rows: samples(from.0, to.0), columns: samples(from.1, to.1) }
    }

    /// The (height, width) it takes.
    pub fn from(&self) -> (usize, usize) {
        self.from
    }

    /// The (height, width) it gives.
    pub fn to(&self) -> (usize, usize) {
        self.to
    }

    /// Resizes `source` into `target`, whose memory is reused.
    ///
    /// # Shapes
    /// `source` is `from`, `target` becomes `to`.
    ///
    /// # Panics
    /// If `source` has another size than planned.
    pub fn apply(&self, source: &Plane<f64>, target: &mut Plane<f64>) {
        assert_eq!((source.height, source.width), self.from, "map size differs from the planned one");
        target.reset(self.to.0, self.to.1, 0.0);
        for (out, row) in target.values.chunks_exact_mut(self.to.1).zip(&self.rows) {
            let (top, bottom) = (source.row(row.low), source.row(row.high));
            for (value, column) in out.iter_mut().zip(&self.columns) {
                let above = between(top[column.low], top[column.high], column.towards_high);
                let below = between(bottom[column.low], bottom[column.high], column.towards_high);
                *value = between(above, below, row.towards_high);
            }
        }
    }
}

/// Linear between two values, and exactly their value where they are equal: a flat map stays flat, so its ties stay ties.
fn between(low: f64, high: f64, towards_high: f64) -> f64 {
    low + (high - low) * towards_high
}

fn samples(from: usize, to: usize) -> Vec<Sample> {
    let last = (from - 1) as f64;
    (0..to)
        .map(|at| {
            let position = ((at as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, last);
            let low = position.floor() as usize;
            Sample { low, high: (low + 1).min(from - 1), towards_high: position - low as f64 }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubling_a_row_keeps_the_ends_and_quarters_between() {
        let mut out = Plane::default();
        Bilinear::new((1, 2), (1, 4)).apply(&Plane::new(1, 2, vec![0.0, 4.0]), &mut out);
        assert_eq!(out.values, [0.0, 1.0, 3.0, 4.0]);
    }

    #[test]
    fn same_size_changes_nothing() {
        let map = Plane::new(2, 3, vec![1.0, 5.0, 2.0, 0.25, -1.0, 9.0]);
        let mut out = Plane::default();
        Bilinear::new((2, 3), (2, 3)).apply(&map, &mut out);
        assert_eq!(out, map);
    }
}
