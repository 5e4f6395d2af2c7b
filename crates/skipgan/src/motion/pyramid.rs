//! Two frames at several sizes: motion is looked for in small pictures first, where it is short.

use kernels::Level;
use kernels::flow::{PAD, PATCH, Views, enlarge, halve, replicate, slopes, warp, widen};

/// At how many sizes frames of `width` × `height` pixels are compared, each half the one before. The coarsest is about 32
/// pixels long on its longer side and holds a patch on its shorter.
///
/// # Panics
/// If a side is under 8.
pub fn scales(width: usize, height: usize) -> usize {
    assert!(width >= PATCH && height >= PATCH, "flow needs frames of at least {PATCH}x{PATCH} pixels, not {width}x{height}");
    let longer = ((width.max(height) as f64 / (4 * PATCH) as f64).log2() + 0.5).max(0.0) as usize;
    let shorter = (width.min(height) / PATCH).ilog2() as usize;
    1 + longer.min(shorter)
}

/// Both frames at one size, and the field found there.
#[derive(Debug)]
pub(super) struct Scale {
    pub rows: usize,
    pub cols: usize,
    /// The current frame and the previous one.
    frames: [Vec<u8>; 2],
    /// The current frame again, and its slopes.
    pub at: Vec<f32>,
    right: Vec<f32>,
    down: Vec<f32>,
    /// The previous frame with its border repeated.
    padded: Vec<f32>,
    /// From the current frame to the previous one: to the right, and down.
    pub field: [Vec<f32>; 2],
}

impl Scale {
    pub fn new(rows: usize, cols: usize) -> Self {
        let (bytes, plane) = (vec![0; rows * cols], vec![0.0; rows * cols]);
        Self {
            rows,
            cols,
            frames: [bytes.clone(), bytes],
            at: plane.clone(),
            right: plane.clone(),
            down: plane.clone(),
            padded: vec![0.0; (rows + 2 * PAD) * (cols + 2 * PAD)],
            field: [plane.clone(), plane],
        }
    }

    /// The finest scale: the frames themselves.
    pub fn take(&mut self, level: Level, previous: &[u8], current: &[u8]) {
        self.frames[0].copy_from_slice(current);
        self.frames[1].copy_from_slice(previous);
        self.prepare(level);
    }

    /// The next coarser scale.
    pub fn take_half(&mut self, level: Level, finer: &Scale) {
        for (to, from) in self.frames.iter_mut().zip(&finer.frames) {
            halve(from, finer.rows, finer.cols, to);
        }
        self.prepare(level);
    }

    fn prepare(&mut self, level: Level) {
        let (rows, cols) = (self.rows, self.cols);
        widen(level, &self.frames[0], &mut self.at);
        slopes(level, &self.at, rows, cols, &mut self.right, &mut self.down);
        replicate(level, &self.frames[1], rows, cols, PAD, &mut self.padded);
    }

    /// Starts from what the next coarser scale has found.
    pub fn start_from(&mut self, level: Level, coarser: &Scale) {
        for (to, from) in self.field.iter_mut().zip(&coarser.field) {
            enlarge(level, from, (coarser.rows, coarser.cols), 2.0, to, (self.rows, self.cols));
        }
    }

    /// What patch search reads, and the field.
    pub fn split(&mut self) -> (Views<'_>, &mut [Vec<f32>; 2]) {
        let Self { rows, cols, at, right, down, padded, field, .. } = self;
        (Views { rows: *rows, cols: *cols, at, right, down, padded }, field)
    }

    /// The previous frame seen along the field: what the current one would be if the field were right.
    pub fn warped(&self, level: Level, to: &mut [f32]) {
        warp(level, &self.padded, PAD, [&self.field[0], &self.field[1]], self.rows, self.cols, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_by_size() {
        // 24×16 is the coarsest of 192×128, as is 24×10 of 192×80; 112×192 has its patch rows counted on the shorter side.
        assert_eq!([scales(192, 128), scales(192, 80), scales(112, 192), scales(8, 8), scales(23, 8), scales(400, 8)], [4, 4, 4, 1, 1, 1]);
        assert_eq!([scales(46, 16), scales(45, 16), scales(360, 240), scales(149, 101)], [2, 1, 4, 3]);
    }
}
