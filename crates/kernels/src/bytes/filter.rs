//! Weights of bytes in panels, and what their sums mean.

use std::ops::Range;

use super::map::ByteMap;
use super::winograd::{self, Points};
use crate::arch::{ByteLevel, ByteWords, PANEL, SIDE};
use crate::memory::Buffer;

/// What follows a convolution channel by channel, before the activation: v → scale · v + shift. A batch-norm with running statistics, a bias,
/// or both in one.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a> {
    /// One factor an output channel.
    pub scale: &'a [f32],
    /// One offset an output channel.
    pub shift: &'a [f32],
}

/// One window of taps: all of a convolution, or one output phase of a transposed one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Where the window of output (0, 0) begins in the bordered map.
    pub(super) row: usize,
    pub(super) col: usize,
    /// Its extent in pixels.
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// Which of every `spread` × `spread` output pixels it makes.
    pub(super) out: (usize, usize),
}

impl Window {
    /// Of `count` rows, or columns, from `first` of the bordered map on those that lie within a map of `extent`.
    fn inside(first: usize, count: usize, extent: usize) -> Range<usize> {
        // The bordered map's first row is 0, the map's 1.
        1usize.saturating_sub(first)..count.min((extent + 1).saturating_sub(first))
    }

    /// Outputs of the grid whose windows have the same taps on the map, region by region.
    fn regions(&self, x: &ByteMap, (rows, cols): (usize, usize), step: usize) -> Vec<[Axis; 2]> {
        let along = |outputs: usize, first: usize, count: usize, extent: usize| {
            let mut found: Vec<Axis> = Vec::new();
            for i in 0..outputs {
                let taps = Self::inside(first + i * step, count, extent);
                match found.last_mut() {
                    Some(last) if last.taps == taps => last.outputs.end = i + 1,
                    _ => found.push(Axis { outputs: i..i + 1, taps }),
                }
            }
            found
        };
        let (down, across) = (along(rows, self.row, self.rows, x.rows), along(cols, self.col, self.cols, x.cols));
        down.iter().flat_map(|row| across.iter().map(|col| [row.clone(), col.clone()])).collect()
    }
}

/// Along one axis: outputs, and the taps they add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) outputs: Range<usize>,
    pub(super) taps: Range<usize>,
}

/// Outputs that add up the same taps.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) rows: Axis,
    pub(super) cols: Axis,
    /// What a sum is when all that these taps meet stands for 0; padded to whole panels.
    pub(super) zero: Vec<i32>,
}

/// A window's weights, and what its sums mean.
#[derive(Debug)]
pub(super) struct Phase {
    pub(super) window: Window,
    /// All outputs with all taps.
    pub(super) whole: Region,
    /// The same outputs without taps on the border; none on larger maps, where those are few.
    pub(super) parts: Vec<Region>,
    /// `[columns / 16][rows][pitch]` of 16 words of four signed bytes, and behind them what a matrix register reads too much; none where the
    /// filter has points.
    pub(super) panels: Buffer,
    /// Words of a window's row and, for matrix registers, zeros behind them that make them whole registers.
    pub(super) pitch: usize,
    /// A sum s of column o means `gain[o] · (s − zero[o]) + offset[o]`; padded to whole panels.
    pub(super) gain: Vec<f32>,
    pub(super) offset: Vec<f32>,
}

/// What a panel's sums mean, in registers.
#[derive(Clone, Copy)]
pub(super) struct Meaning<W: ByteWords> {
    zero: W::Sums,
    gain: W::Values,
    offset: W::Values,
}

impl<W: ByteWords> Meaning<W> {
    #[inline(always)]
    pub(super) fn of(self, sums: W::Sums) -> W::Values {
        W::values(sums, self.zero, self.gain, self.offset)
    }
}

impl Phase {
    /// What sums of the sixteen columns from `column` on mean in one of the phase's regions.
    ///
    /// # Panics
    /// If there is no such panel.
    #[inline(always)]
    pub(super) fn meaning<W: ByteWords>(&self, region: &Region, column: usize) -> Meaning<W> {
        let panel = column..column + PANEL;
        let (zero, gain, offset) = (&region.zero[panel.clone()], &self.gain[panel.clone()], &self.offset[panel]);
        // SAFETY: each is a panel.
        unsafe { Meaning { zero: W::sums(zero.as_ptr()), gain: W::numbers(gain.as_ptr()), offset: W::numbers(offset.as_ptr()) } }
    }
}

/// The weight of a layer in bytes, made for the scales of one map and for one instruction set.
#[derive(Debug)]
pub struct ByteFilter {
    pub(super) level: ByteLevel,
    pub(super) phases: Vec<Phase>,
    /// The phases' weights for [`super::winograd`], where that is faster.
    pub(super) points: Option<Points>,
    /// Outputs of a phase an image: rows, columns.
    pub(super) grid: (usize, usize),
    /// Input pixels from one output to the next.
    pub(super) step: usize,
    /// Output pixels from one output of a phase to its next.
    pub(super) spread: usize,
    /// Columns of a phase: output channels, or those of all four output pixels side by side.
    pub(super) columns: usize,
    /// Output channels.
    pub(super) channels: usize,
    /// Rows and columns of the input, and bytes of its pixels.
    pub(super) map: (usize, usize),
    pub(super) pixel: usize,
}

/// Outputs an image up to which taps on the border are many: 44 % of all at 2 × 2, 23 % at 4 × 4.
const SMALL: usize = 16;

/// Taps that meet more than the border on an axis of `n` outputs: all 4, or the middle two of a single output.
fn live(n: usize) -> std::ops::Range<usize> {
    if n == 1 { 1..3 } else { 0..4 }
}

/// The tap that small pixel `i − 1 + p + a` meets in output phase `p`: even outputs taps 3 and 1, odd ones 2 and 0.
const TAPS: [[usize; 2]; 2] = [[3, 1], [2, 0]];

impl ByteFilter {
    /// The 4×4 convolution, stride 2, padding 1, of `x` by an instruction set; `weight` is `[ky][kx][wide][deep]`.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn down(level: ByteLevel, x: &ByteMap, weight: &[f32], deep: usize, affine: Affine<'_>) -> Self {
        Self::down_by(winograd::pays(level, (x.rows / 2, x.cols / 2), x.pixel), level, x, weight, deep, affine)
    }

    /// The same by points or by windows, whatever pays.
    pub(super) fn down_by(points: bool, level: ByteLevel, x: &ByteMap, weight: &[f32], deep: usize, affine: Affine<'_>) -> Self {
        let (wide, grid) = (x.channels, (x.rows / 2, x.cols / 2));
        assert!(weight.len() == 16 * wide * deep && x.rows.is_multiple_of(2) && x.cols.is_multiple_of(2), "a weight of {}", weight.len());
        let (rows, cols) = (live(grid.0), live(grid.1));
        let tap = |ky: usize, kx: usize, c: usize, o: usize| weight[(((rows.start + ky) * 4 + cols.start + kx) * wide + c) * deep + o];
        let window = Window { row: rows.start, col: cols.start, rows: rows.len(), cols: cols.len(), out: (0, 0) };
        let phases = vec![(window, Codes::new(x, window, deep, affine, tap))];
        let frame = Self { grid, step: 2, columns: deep, channels: deep, ..Self::frame(level, x) };
        frame.with(x, phases, points)
    }

    /// The 4×4 transposed convolution, stride 2, padding 1, of `y` by an instruction set; `weight` is `[ky][kx][wide][deep]`.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn up(level: ByteLevel, y: &ByteMap, weight: &[f32], wide: usize, affine: Affine<'_>) -> Self {
        let grid = (y.rows, y.cols);
        assert!(weight.len() == 16 * wide * y.channels, "a weight of {}", weight.len());
        if 4 * wide <= PANEL {
            return Self::up_at_once(level, y, weight, wide, affine);
        }
        Self::up_by(winograd::pays(level, grid, y.pixel), level, y, weight, wide, affine)
    }

    /// The same phase by phase, by points or by windows, whatever pays.
    pub(super) fn up_by(points: bool, level: ByteLevel, y: &ByteMap, weight: &[f32], wide: usize, affine: Affine<'_>) -> Self {
        let (deep, grid) = (y.channels, (y.rows, y.cols));
        // Of a single small pixel each output phase meets one tap.
        let window = |n: usize, p: usize| if n == 1 { 1 - p..2 - p } else { 0..2 };
        let phases = (0..4).map(|phase| {
            let (p, q) = (phase / 2, phase % 2);
            let (rows, cols) = (window(grid.0, p), window(grid.1, q));
            let tap = |a: usize, b: usize, c: usize, o: usize| {
                let (ky, kx) = (TAPS[p][rows.start + a], TAPS[q][cols.start + b]);
                weight[((ky * 4 + kx) * wide + o) * deep + c]
            };
            let window = Window { row: p + rows.start, col: q + cols.start, rows: rows.len(), cols: cols.len(), out: (p, q) };
            (window, Codes::new(y, window, wide, affine, tap))
        });
        let frame = Self { grid, spread: 2, columns: wide, channels: wide, ..Self::frame(level, y) };
        frame.with(y, phases.collect(), points)
    }

    /// The same where the channels of four output pixels fit into one panel (pictures): one window of 3 × 3 small pixels with zeros where a
    /// phase has no tap, instead of four windows of 2 × 2 whose panels are mostly empty.
    fn up_at_once(level: ByteLevel, y: &ByteMap, weight: &[f32], wide: usize, affine: Affine<'_>) -> Self {
        let (deep, grid) = (y.channels, (y.rows, y.cols));
        let window = |n: usize| if n == 1 { 1..2 } else { 0..3 };
        let (rows, cols) = (window(grid.0), window(grid.1));
        // The tap of window pixel `a` in phase `p`, if it has one.
        let met = |p: usize, a: usize| a.checked_sub(p).and_then(|a| TAPS[p].get(a));
        let tap = |a: usize, b: usize, c: usize, o: usize| {
            let (phase, channel) = (o / wide, o % wide);
            match (met(phase / 2, rows.start + a), met(phase % 2, cols.start + b)) {
                (Some(ky), Some(kx)) => weight[((ky * 4 + kx) * wide + channel) * deep + c],
                _ => 0.0,
            }
        };
        let four = |values: &[f32]| values.repeat(4);
        let (scale, shift) = (four(affine.scale), four(affine.shift));
        let affine = Affine { scale: &scale, shift: &shift };
        let window = Window { row: rows.start, col: cols.start, rows: rows.len(), cols: cols.len(), out: (0, 0) };
        let phases = vec![(window, Codes::new(y, window, 4 * wide, affine, tap))];
        let frame = Self { grid, spread: 2, columns: 4 * wide, channels: wide, ..Self::frame(level, y) };
        frame.with(y, phases, false)
    }

    /// A convolution over the whole of `x`; `weight` is `[rows][cols][channels][columns]`.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn whole(level: ByteLevel, x: &ByteMap, weight: &[f32], columns: usize, affine: Affine<'_>) -> Self {
        let (rows, cols, channels) = (x.rows, x.cols, x.channels);
        assert!(weight.len() == rows * cols * channels * columns, "a weight of {}", weight.len());
        let tap = |r: usize, c: usize, channel: usize, o: usize| weight[((r * cols + c) * channels + channel) * columns + o];
        let window = Window { row: 1, col: 1, rows, cols, out: (0, 0) };
        let phases = vec![(window, Codes::new(x, window, columns, affine, tap))];
        Self { columns, channels: columns, ..Self::frame(level, x) }.with(x, phases, false)
    }

    /// What a filter of `x` has before it is known what it does: one output, and no weights.
    fn frame(level: ByteLevel, x: &ByteMap) -> Self {
        let (map, pixel) = ((x.rows, x.cols), x.pixel);
        Self { level, phases: Vec::new(), points: None, grid: (1, 1), step: 1, spread: 1, columns: 0, channels: 0, map, pixel }
    }

    /// The filter with its weights: as points, or in panels phase by phase.
    fn with(mut self, x: &ByteMap, phases: Vec<(Window, Codes)>, as_points: bool) -> Self {
        if as_points {
            self.points = Some(Points::new(&self, x.images, phases.iter().map(|(_, codes)| codes)));
        }
        let outputs = self.grid.0 * self.grid.1;
        let small = !as_points && outputs > 1 && outputs <= SMALL;
        let phase = |(window, codes): (Window, Codes)| {
            let region = |[rows, cols]: [Axis; 2]| {
                let zero = codes.zero(x, window, [&rows.taps, &cols.taps]);
                Region { rows, cols, zero }
            };
            let all = [Axis { outputs: 0..self.grid.0, taps: 0..window.rows }, Axis { outputs: 0..self.grid.1, taps: 0..window.cols }];
            let parts = if small { window.regions(x, self.grid, self.step) } else { Vec::new() };
            let row = window.cols * self.pixel / 4;
            let pitch = if self.level == ByteLevel::Amx { row.next_multiple_of(SIDE) } else { row };
            Phase {
                window,
                whole: region(all),
                parts: parts.into_iter().map(region).collect(),
                panels: if as_points { Buffer::default() } else { codes.panels(window, self.pixel / 4, pitch) },
                pitch,
                gain: codes.gain,
                offset: codes.offset,
            }
        };
        self.phases = phases.into_iter().map(phase).collect();
        self
    }
}

/// The weight of one window in bytes.
pub(super) struct Codes {
    /// `[columns][rows · cols][channels]`.
    pub(super) codes: Vec<i8>,
    pub(super) columns: usize,
    pub(super) taps: usize,
    pub(super) channels: usize,
    /// As [`Phase`] has them.
    gain: Vec<f32>,
    offset: Vec<f32>,
}

impl Codes {
    fn new(x: &ByteMap, window: Window, columns: usize, affine: Affine<'_>, tap: impl Fn(usize, usize, usize, usize) -> f32) -> Self {
        assert!(affine.scale.len() == columns && affine.shift.len() == columns, "one affine map an output channel");
        let (taps, channels, padded) = (window.rows * window.cols, x.channels, columns.next_multiple_of(PANEL));
        // A sum of 255 · 127 each must stay within 32 bits.
        assert!(taps * channels <= 1 << 16, "a window of {}x{}x{channels}", window.rows, window.cols);
        let (mut gain, mut offset) = (vec![0.0; padded], vec![0.0; padded]);
        let mut codes = Vec::with_capacity(columns * taps * channels);
        let mut values = vec![0.0f32; taps * channels];
        for o in 0..columns {
            let mut largest = 0.0f32;
            for (i, to) in values.iter_mut().enumerate() {
                let (place, channel) = (i / channels, i % channels);
                *to = tap(place / window.cols, place % window.cols, channel, o) * x.scale[channel];
                largest = largest.max(to.abs());
            }
            let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
            codes.extend(values.iter().map(|value| (value / scale).round_ties_even().clamp(-127.0, 127.0) as i8));
            gain[o] = affine.scale[o] * scale;
            offset[o] = affine.shift[o];
        }
        Self { codes, columns, taps, channels, gain, offset }
    }

    /// All codes of a column, `[rows · cols][channels]`.
    pub(super) fn column(&self, column: usize) -> &[i8] {
        let size = self.taps * self.channels;
        &self.codes[column * size..][..size]
    }

    /// As [`Region`] has it, of some rows and columns of the window.
    fn zero(&self, x: &ByteMap, window: Window, [rows, cols]: [&Range<usize>; 2]) -> Vec<i32> {
        let mut zero = vec![0; self.columns.next_multiple_of(PANEL)];
        for (o, zero) in zero.iter_mut().enumerate().take(self.columns) {
            for tap in rows.clone().flat_map(|row| cols.clone().map(move |col| row * window.cols + col)) {
                let codes = &self.column(o)[tap * self.channels..][..self.channels];
                *zero += codes.iter().zip(&x.zero).map(|(&code, &zero)| i32::from(code) * i32::from(zero)).sum::<i32>();
            }
        }
        zero
    }

    /// As [`Phase`] has them, for pixels of `word` words.
    fn panels(&self, window: Window, word: usize, pitch: usize) -> Buffer {
        let panel = PANEL * window.rows * pitch;
        let mut panels = Buffer::new(self.columns.div_ceil(PANEL) * panel + PANEL * (SIDE - 1));
        let mut words = vec![[0u8; 4]; window.rows * pitch];
        for o in 0..self.columns {
            for (i, code) in self.column(o).iter().enumerate() {
                let (place, channel) = (i / self.channels, i % self.channels);
                let (row, col) = (place / window.cols, place % window.cols);
                words[row * pitch + col * word + channel / 4][channel % 4] = code.cast_unsigned();
            }
            let to = &mut panels.as_mut_slice()[o / PANEL * panel..][..panel];
            for (to, word) in to.chunks_exact_mut(PANEL).zip(&words) {
                to[o % PANEL] = f32::from_bits(u32::from_le_bytes(*word));
            }
        }
        panels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_every_output_once_and_no_tap_on_the_border() {
        // Taps within the map, added up over a map's outputs: 4n − 2 an axis, of a convolution and of a transposed one's phases together.
        for (side, live) in [(2, 36), (3, 100), (4, 196)] {
            let map = |side: usize, channels: usize| ByteMap::new(1, side, side, &vec![(0.0, 1.0); channels]);
            let affine = Affine { scale: &[1.0; 20], shift: &[0.0; 20] };
            let weight = vec![0.5; 16 * 20 * 20];
            let (large, small) = (map(2 * side, 20), map(side, 20));
            let down = ByteFilter::down(ByteLevel::Portable, &large, &weight, 20, affine);
            let up = ByteFilter::up(ByteLevel::Portable, &small, &weight, 20, affine);
            for (filter, phases) in [(down, 1), (up, 4)] {
                let parts: Vec<&Region> = filter.phases.iter().flat_map(|phase| &phase.parts).collect();
                let count = |of: fn(&Axis) -> usize| parts.iter().map(|part| of(&part.rows) * of(&part.cols)).sum::<usize>();
                assert_eq!(count(|axis| axis.outputs.len()), phases * side * side, "outputs of {side}x{side}");
                assert_eq!(count(|axis| axis.outputs.len() * axis.taps.len()), live, "taps of {side}x{side}");
            }
        }
        let large = ByteFilter::down(
            ByteLevel::Portable,
            &ByteMap::new(1, 10, 8, &[(0.0, 1.0)]),
            &[0.5; 16],
            1,
            Affine { scale: &[1.0], shift: &[0.0] },
        );
        assert!(large.phases[0].parts.is_empty(), "20 outputs are many");
    }
}
