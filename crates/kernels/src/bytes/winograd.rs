//! F(2, 2) on the pixel phases in whole numbers: 9 products where the taps need 16, for instruction sets whose products of 16-bit numbers are
//! as fast as theirs of bytes. Differences of four bytes and sums of four weights fit into 16 bits, and what is added up in 32 bits may pass
//! over their end and come back: the results are the sums of the taps to the last bit.
//!
//! The algebra is that of F(2, 2) in numbers, `stride/two.rs` (Lavin and Gray, arXiv 1509.09308, on the phases of arXiv 2002.00552): per axis, with d
//! the data and g both taps, (d0−d1)·g0, d1·(g0+g1), (d1−d2)·g1. A map's border holds what stands for 0 and is read like any other pixel.

#![allow(clippy::needless_range_loop, reason = "fixed small loops over registers read better by index")]

use std::ops::Range;

use super::correlate::ByteScratch;
use super::filter::{ByteFilter, Codes, Phase};
use super::map::ByteMap;
use super::sink::Target;
use crate::Pool;
use crate::arch::{ByteKernel, ByteLevel, ByteWords, MultiplyPairs, PANEL, PairWords, Words, dispatch_bytes};
use crate::memory::Buffer;
use crate::stride::two::point_of_up;
use crate::tiling::{Cut, Factor, Grid, Stage, padded, product_row, stage};

/// Products of a phase.
const PRODUCTS: usize = 9;

/// Whether a filter of outputs on this grid and of pixels of so many bytes is computed so. Even maps of whole vectors: no tile reaches over
/// the border, and no vector over a pixel.
pub(super) fn pays(level: ByteLevel, (rows, cols): (usize, usize), pixel: usize) -> bool {
    let fits = rows.is_multiple_of(2) && cols.is_multiple_of(2) && pixel.is_multiple_of(PANEL);
    level == ByteLevel::Avx2 && fits && rows.min(cols) >= 4
}

/// How a filter goes about it.
#[derive(Clone, Copy, Debug)]
struct Form {
    /// Points of a tile's data.
    points: usize,
    /// Pixel phases of the data that one product adds up, and what these are together, in words.
    parts: usize,
    depth: usize,
    /// Products of a tile.
    products: usize,
    /// Words of a tile's row of each point, and of its products.
    data_row: usize,
    to_row: usize,
}

impl Form {
    fn new(filter: &ByteFilter, phases: usize) -> Self {
        let (points, parts) = if filter.step == 2 { (PRODUCTS, 4) } else { (25, 1) };
        let (depth, products) = (parts * filter.pixel / 2, phases * PRODUCTS);
        Self { points, parts, depth, products, data_row: padded(depth), to_row: product_row(products, filter.columns) }
    }

    /// Words of a tile.
    fn words(&self) -> usize {
        self.points * self.data_row + self.to_row
    }
}

fn grid(filter: &ByteFilter, images: usize) -> Grid {
    Grid::new(images, filter.grid.0, filter.grid.1, 2)
}

/// What a filter has for this form.
#[derive(Debug)]
pub(super) struct Points {
    form: Form,
    /// The weights of all phases, `[phase][product][columns / 16][depth][16]` words of two 16-bit numbers.
    weight: Buffer,
    /// Words that it works in, for any number of images up to the map's: for all threads, for each.
    needs: (usize, usize),
}

impl Points {
    pub(super) fn new<'a>(filter: &ByteFilter, images: usize, phases: impl Iterator<Item = &'a Codes>) -> Self {
        let phases: Vec<&Codes> = phases.collect();
        let form = Form::new(filter, phases.len());
        let needs = (1..=images).map(|images| Cut::new(grid(filter, images).tiles, form.words()).needs(form.words()));
        let needs = needs.fold((0, 0), |most, needs| (most.0.max(needs.0), most.1.max(needs.1)));
        Self { weight: weight(filter, form, &phases), needs, form }
    }
}

fn weight(filter: &ByteFilter, form: Form, phases: &[&Codes]) -> Buffer {
    let Form { parts, depth: words, .. } = form;
    let product = filter.columns.div_ceil(PANEL) * words * PANEL;
    let mut buffer = Buffer::new(phases.len() * PRODUCTS * product);
    let to = buffer.as_mut_slice();
    for (phase, codes) in phases.iter().enumerate() {
        for o in 0..codes.columns {
            let column = codes.column(o);
            for (part, channel) in (0..parts).flat_map(|part| (0..codes.channels).map(move |channel| (part, channel))) {
                // Of a convolution every other tap, of a transposed one's phase all.
                let side = if parts == 4 { 4 } else { 2 };
                let at = |a: usize, b: usize| if parts == 4 { (2 * a + part / 2) * side + 2 * b + part % 2 } else { a * side + b };
                let tap = |a: usize, b: usize| i16::from(column[at(a, b) * codes.channels + channel]);
                let three = |g0: i16, g1: i16| [g0, g0 + g1, g1];
                let sides = [three(tap(0, 0), tap(1, 0)), three(tap(0, 1), tap(1, 1))];
                let depth = part * filter.pixel + channel;
                for (a, row) in (0..3).map(|a| (a, three(sides[0][a], sides[1][a]))) {
                    for (b, value) in row.into_iter().enumerate() {
                        let place = (phase * PRODUCTS + a * 3 + b) * product + (o / PANEL * words + depth / 2) * PANEL + o % PANEL;
                        let shift = 16 * (depth % 2);
                        let word = to[place].to_bits() & !(0xffff << shift) | u32::from(value.cast_unsigned()) << shift;
                        to[place] = f32::from_bits(word);
                    }
                }
            }
        }
    }
    buffer
}

/// Runs a filter that has points. Everything else has been checked.
pub(super) fn run(
    pool: &Pool,
    x: &ByteMap,
    images: usize,
    (filter, points): (&ByteFilter, &Points),
    targets: &[Option<Target>; 2],
    scratch: &mut ByteScratch,
) {
    let (level, grid, weight) = (filter.level, grid(filter, images), points.weight.as_slice());
    let form @ Form { depth, products, data_row, to_row, .. } = points.form;
    scratch.blocks.all(points.needs.0, points.needs.1, pool.threads());
    let cut = Cut::new(grid.tiles, form.words());
    let (data_points, panels) = (cut.block * data_row, filter.columns.div_ceil(PANEL));
    cut.run(pool, form.words(), &mut scratch.blocks, |hands, memory, tiles| {
        let (data, to) = memory.split(form.points * data_points);
        stage(hands, tiles.clone(), |tiles, first| {
            let to = data.at(first * data_row, (form.points - 1) * data_points + tiles.len() * data_row);
            dispatch_bytes(level, Patches { x, grid, tiles, step: filter.step, to, row: data_row, points: data_points });
        });
        let factor = |product: usize| {
            let point = if form.parts == 4 { product } else { point_of_up(product) };
            Factor { point, panel: product * panels, panels }
        };
        let count = tiles.len();
        let all = Stage { data, data_row, data_points, depth, weight, to, to_row, tiles: count };
        all.run(hands, (products, panels), factor, |work| dispatch_bytes(level, MultiplyPairs(work)));
        stage(hands, tiles, |tiles, first| {
            let from = to.at(first * to_row, tiles.len() * to_row);
            dispatch_bytes(level, Pixels { from, row: to_row, filter, targets, grid, tiles });
        });
    });
}

/// Patches to points.
struct Patches<'a> {
    x: &'a ByteMap,
    grid: Grid,
    tiles: Range<usize>,
    /// Input pixels from one output to the next: 2 for a convolution, 1 for a transposed one.
    step: usize,
    to: *mut f32,
    /// Words from one tile to the next, and from one point to the next.
    row: usize,
    points: usize,
}

impl ByteKernel for Patches<'_> {
    #[inline(always)]
    fn run<W: ByteWords>(self) {
        let (pixel, line) = (self.x.pixel, (self.x.cols + 2) * self.x.pixel);
        let map = self.x.words().as_ptr().cast::<u8>();
        for (i, (image, row, col)) in self.grid.walk(self.tiles.clone()).enumerate() {
            let patch = map.wrapping_add(image * self.x.image() + self.step * (row * line + col * pixel));
            let to = self.to.wrapping_add(i * self.row);
            // SAFETY: tiles are whole (`pays`), so the patch lies within the bordered map, whose pixels are whole panels of bytes; the
            // stage checked the target's extent.
            unsafe {
                if self.step == 2 {
                    for phase in 0..4 {
                        let patch = patch.add(phase / 2 * line + phase % 2 * pixel);
                        self.all::<W::Pairs, 3, 3>(patch, [2 * line, 2 * pixel], pixel, to.add(phase * pixel / 2));
                    }
                } else {
                    self.all::<W::Pairs, 4, 5>(patch, [line, pixel], pixel, to);
                }
            }
        }
    }
}

impl Patches<'_> {
    /// `N` × `N` pixels, `far` apart along both axes, to `M` × `M` points of `channels` 16-bit numbers each.
    ///
    /// # Safety
    /// The pixels must be readable and the points writable; `channels` is a multiple of a panel.
    #[inline(always)]
    unsafe fn all<P: PairWords, const N: usize, const M: usize>(&self, patch: *const u8, far: [usize; 2], channels: usize, to: *mut f32) {
        for channel in (0..channels).step_by(PANEL) {
            // SAFETY: the caller's promise.
            unsafe {
                let nothing = P::widen(patch.add(channel));
                let mut lines = [[nothing; N]; M];
                for j in 0..N {
                    let mut column = [nothing; N];
                    for i in 0..N {
                        column[i] = P::widen(patch.add(i * far[0] + j * far[1] + channel));
                    }
                    for a in 0..M {
                        lines[a][j] = at_point::<P, N>(&column, a);
                    }
                }
                for a in 0..M {
                    for b in 0..M {
                        P::put(at_point::<P, N>(&lines[a], b), to.add((a * M + b) * self.points + channel / 2));
                    }
                }
            }
        }
    }
}

/// Along one axis: d0−d1, d1, d1−d2, and of four d also d2, d2−d3.
#[inline(always)]
fn at_point<P: PairWords, const N: usize>(data: &[P::Numbers; N], point: usize) -> P::Numbers {
    let first = point.div_ceil(2);
    if point % 2 == 1 { data[first] } else { P::less(data[first], data[first + 1]) }
}

/// Products to the pixels of a tile.
struct Pixels<'a> {
    from: *const f32,
    /// Words from one tile to the next.
    row: usize,
    filter: &'a ByteFilter,
    targets: &'a [Option<Target>; 2],
    grid: Grid,
    tiles: Range<usize>,
}

impl ByteKernel for Pixels<'_> {
    #[inline(always)]
    fn run<W: ByteWords>(self) {
        let filter = self.filter;
        let columns = filter.columns.next_multiple_of(PANEL);
        for (n, (image, row, col)) in self.grid.walk(self.tiles.clone()).enumerate() {
            for (i, phase) in filter.phases.iter().enumerate() {
                let from = self.from.wrapping_add(n * self.row + i * PRODUCTS * columns);
                for panel in (0..columns).step_by(PANEL) {
                    // SAFETY: the stage checked the extent of the products, of which each is whole panels; tiles are whole, so that all four
                    // pixels lie within every sink, whose size `Target::new` checked.
                    unsafe { self.panel::<W>(from.add(panel), columns, phase, (image, row, col), panel) };
                }
            }
        }
    }
}

impl Pixels<'_> {
    /// One panel of the four outputs of a phase.
    ///
    /// # Safety
    /// Nine products of a panel, `products` apart, are readable; the outputs lie within every sink.
    #[inline(always)]
    unsafe fn panel<W: ByteWords>(
        &self,
        from: *const f32,
        products: usize,
        phase: &Phase,
        (image, row, col): (usize, usize, usize),
        channel: usize,
    ) {
        let width = <W::Pairs as Words>::WIDTH;
        let mut sums = [[0.0f32; PANEL]; 4];
        for at in (0..PANEL).step_by(width) {
            // SAFETY: the caller's promise; `sums` are panels.
            unsafe {
                let mut lines = [[W::Pairs::zero(); 3]; 2];
                for j in 0..3 {
                    let product = |i: usize| W::Pairs::load(from.add((i * 3 + j) * products + at));
                    let (top, middle, bottom) = (product(0), product(1), product(2));
                    (lines[0][j], lines[1][j]) = (top.add(middle), middle.sub(bottom));
                }
                for i in 0..2 {
                    let [left, middle, right] = lines[i];
                    left.add(middle).store(sums[2 * i].as_mut_ptr().add(at));
                    middle.sub(right).store(sums[2 * i + 1].as_mut_ptr().add(at));
                }
            }
        }
        let (spread, out, count) = (self.filter.spread, phase.window.out, PANEL.min(self.filter.columns - channel));
        let meaning = phase.meaning::<W>(&phase.whole, channel);
        let coefficients = Target::coefficients::<W>(self.targets, channel);
        for (i, sums) in sums.iter().enumerate() {
            // SAFETY: `sums` are panels; the caller's promise for the places.
            unsafe {
                let values = meaning.of(W::sums(sums.as_ptr().cast()));
                for (target, coefficients) in self.targets.iter().zip(coefficients) {
                    let Some(target) = target else { continue };
                    let [images, lines, pixels] = target.strides;
                    let (y, x) = ((row + i / 2) * spread + out.0, (col + i % 2) * spread + out.1);
                    target.store::<W>(values, coefficients, image * images + y * lines + x * pixels + channel, count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::filter::Affine;
    use super::super::{Sink, correlate};
    use super::*;
    use crate::{Map, MapMut};

    #[test]
    fn points_give_the_bits_of_windows_on_every_instruction_set() {
        let pool = Pool::new(2).unwrap();
        let shapes: [(usize, usize, usize, usize, usize); 4] =
            [(16, 33, 2, 2, 3), (32, 16, 4, 6, 2), (48, 64, 8, 4, 1), (16, 16, 10, 16, 5)];
        for (wide, deep, rows, cols, images) in shapes {
            let map = |rows: usize, cols: usize, channels: usize| {
                let numbers: Vec<f32> = (0..images * rows * cols * channels).map(|i| (i * 7919 % 1021) as f32 / 1021.0 - 0.4).collect();
                let ranges: Vec<(f32, f32)> = (0..channels).map(|c| (-0.1 - 0.1 * (c % 4) as f32, 0.5)).collect();
                let mut map = ByteMap::new(images, rows, cols, &ranges);
                map.write(&pool, [Some(Map::dense(&numbers, images, rows, cols, channels)), None], 0);
                map
            };
            let deep_pixels = deep.next_multiple_of(PANEL);
            let weight: Vec<f32> = (0..16 * wide * deep_pixels).map(|i| (i * 5413 % 997) as f32 / 997.0 - 0.5).collect();
            let (scale, shift) = (vec![0.5; 64], vec![0.1; 64]);
            let affine = |channels: usize| Affine { scale: &scale[..channels], shift: &shift[..channels] };
            let (large, small) = (map(2 * rows, 2 * cols, wide), map(rows, cols, deep_pixels));
            for level in ByteLevel::all_available() {
                let down = |points| {
                    let filter = ByteFilter::down_by(points, level, &large, &weight[..16 * wide * deep], deep, affine(deep));
                    (&large, filter, (rows, cols, deep))
                };
                let up = |points| {
                    let filter = ByteFilter::up_by(points, level, &small, &weight, wide, affine(wide));
                    (&small, filter, (2 * rows, 2 * cols, wide))
                };
                for of in [&down as &dyn Fn(bool) -> _, &up] {
                    let found = [false, true].map(|points| {
                        let (x, filter, (rows, cols, channels)): (&ByteMap, ByteFilter, (usize, usize, usize)) = of(points);
                        assert_eq!(filter.points.is_some(), points);
                        let mut to = vec![0.0; images * rows * cols * channels];
                        let sink = Sink::Floats { to: MapMut::dense(&mut to, images, rows, cols, channels), slope: 0.2 };
                        correlate(&pool, x, images, &filter, [Some(sink), None], &mut ByteScratch::default());
                        to
                    });
                    assert!(found[0] == found[1], "{level}: {wide} {deep} {rows}x{cols} {images}");
                    assert!(found[0].iter().any(|&value| value != 0.1));
                }
            }
        }
    }
}
