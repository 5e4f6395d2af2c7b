//! Colour, range and size in one place: a [`Frame`] becomes 8-bit planes of the model's size.
//!
//! Every backend passes through here, so that scores do not depend on the decoder. Steps, in
//! this order: luma to full range (a table), each plane resized from its own resolution, the
//! matrix applied at the target size, the picture turned upright. Nothing else in the program
//! converts colour or range.
//!
//! Filters: [`Filter::Bilinear`] is the antialiased triangle convolution (crate
//! `fast_image_resize`); [`Filter::Area`] is the exact mean over the source rectangle that a
//! target pixel covers (ours, because that crate's box counts whole pixels only). An enlarged
//! axis is bilinear with half-pixel centres for both.

use fast_image_resize as fir;

use crate::frame::{Frame, Matrix, Plane, Range, displayed_size};

/// What a target pixel is made of where the picture shrinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Filter {
    /// Triangle of the width of the reduction (antialiased bilinear).
    #[default]
    Bilinear,
    /// Exact area mean ("box").
    Area,
}

/// What to do where the aspects of source and target differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fit {
    /// Both axes to the target's size, whatever that does to the aspect.
    #[default]
    Stretch,
    /// Aspect kept, all of the frame seen, bars of value 0 around it.
    Letterbox,
    /// Aspect kept, target filled, the longer axis cut equally at both ends.
    Crop,
}

/// Which channels come out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Channels {
    /// One plane: full-range luma (BT.601 weights where the source is R, G, B).
    #[default]
    Luma,
    /// Three planes: full-range R, G, B.
    Rgb,
}

impl Channels {
    /// 1 or 3.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Luma => 1,
            Self::Rgb => 3,
        }
    }
}

/// What the resizer makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
    /// One plane or three.
    pub channels: Channels,
    /// Filter where the picture shrinks.
    pub filter: Filter,
    /// Rule for differing aspects.
    pub fit: Fit,
}

impl Target {
    /// Samples of one output: channels · height · width.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.channels.count() * area(self.width, self.height)
    }
}

/// A rectangle in pixels: left, top, width, height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// Which part of the displayed frame lies where in the target, so that maps can be put back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geometry {
    /// Columns of the displayed frame (after rotation).
    pub displayed_width: u32,
    /// Rows of the displayed frame (after rotation).
    pub displayed_height: u32,
    /// The part of the displayed frame that is seen, in its pixels.
    pub source: Rect,
    /// Where that part lies in the target, in whole target pixels.
    pub target: Rect,
}

impl Geometry {
    /// The geometry of a displayed frame of `width` × `height` in `target`.
    #[must_use]
    pub fn new(width: u32, height: u32, target: &Target) -> Self {
        let (fw, fh) = (f64::from(width), f64::from(height));
        let (tw, th) = (f64::from(target.width), f64::from(target.height));
        let whole = |width, height| Rect { left: 0.0, top: 0.0, width, height };
        let (source, inside) = match target.fit {
            Fit::Stretch => (whole(fw, fh), whole(tw, th)),
            Fit::Letterbox => {
                let scale = (tw / fw).min(th / fh);
                let width = (fw * scale).round().clamp(1.0, tw);
                let height = (fh * scale).round().clamp(1.0, th);
                let inside = Rect { left: ((tw - width) / 2.0).floor(), top: ((th - height) / 2.0).floor(), width, height };
                (whole(fw, fh), inside)
            }
            Fit::Crop => {
                let scale = (tw / fw).max(th / fh);
                let (width, height) = ((tw / scale).min(fw), (th / scale).min(fh));
                let seen = Rect { left: (fw - width) / 2.0, top: (fh - height) / 2.0, width, height };
                (seen, whole(tw, th))
            }
        };
        Self { displayed_width: width, displayed_height: height, source, target: inside }
    }

    /// The displayed frame's coordinates of a point of the target (pixel edges, not centres).
    #[must_use]
    pub fn to_displayed(&self, x: f64, y: f64) -> (f64, f64) {
        let (s, t) = (&self.source, &self.target);
        (s.left + (x - t.left) * s.width / t.width, s.top + (y - t.top) * s.height / t.height)
    }
}

/// Why a frame cannot be resized: a mistake of the caller, not of the file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResizeError {
    /// The output slice has the wrong length.
    #[error("the output has {given} samples, {wanted} are needed")]
    OutputLength {
        /// Length given.
        given: usize,
        /// channels · height · width of the target.
        wanted: usize,
    },
    /// A target side is 0.
    #[error("the target size is {width}×{height}: both must be at least 1")]
    EmptyTarget {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The frame's planes do not hold what they state.
    #[error("the frame's planes do not hold width · height samples each")]
    BadPlane,
}

/// Turns frames into planes of one target size. Keeps its buffers between calls.
#[derive(Debug)]
pub struct Resizer {
    target: Target,
    convolution: fir::Resizer,
    full_range: Vec<u8>,
    upright: Vec<u8>,
    planes: [Vec<u8>; 3],
    scratch: Vec<u8>,
    rows: Vec<f32>,
}

impl Resizer {
    /// A resizer to `target`.
    ///
    /// # Errors
    /// [`ResizeError::EmptyTarget`] where a side is 0.
    pub fn new(target: Target) -> Result<Self, ResizeError> {
        if target.width == 0 || target.height == 0 {
            return Err(ResizeError::EmptyTarget { width: target.width, height: target.height });
        }
        Ok(Self {
            target,
            convolution: fir::Resizer::new(),
            full_range: Vec::new(),
            upright: Vec::new(),
            planes: Default::default(),
            scratch: Vec::new(),
            rows: Vec::new(),
        })
    }

    /// What it makes.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Where a frame lies in the target.
    #[must_use]
    pub fn geometry(&self, frame: &Frame) -> Geometry {
        let (width, height) = frame.displayed_size();
        Geometry::new(width, height, &self.target)
    }

    /// Resizes into new memory: planar, channels · height · width.
    ///
    /// # Errors
    /// As [`Resizer::resize_into`].
    pub fn resize(&mut self, frame: &Frame) -> Result<Vec<u8>, ResizeError> {
        let mut out = vec![0; self.target.samples()];
        self.resize_into(frame, &mut out)?;
        Ok(out)
    }

    /// Resizes into `out`: planar, channels · height · width (luma, or R then G then B). A grey
    /// frame gives three equal planes where three are wanted.
    ///
    /// # Errors
    /// [`ResizeError::OutputLength`] where `out` has not [`Target::samples`] samples,
    /// [`ResizeError::BadPlane`] where a plane's length is not its width times its height.
    pub fn resize_into(&mut self, frame: &Frame, out: &mut [u8]) -> Result<Geometry, ResizeError> {
        if out.len() != self.target.samples() {
            return Err(ResizeError::OutputLength { given: out.len(), wanted: self.target.samples() });
        }
        let geometry = self.geometry(frame);
        let inner = Inner::new(&geometry, frame.rotation);
        out.fill(0);
        match (self.target.channels, frame.is_grey(), frame.matrix) {
            (Channels::Luma, false, Matrix::Identity) => {
                self.resize_planes(frame, &inner)?;
                let [green, blue, red] = &mut self.planes;
                for ((g, b), r) in green.iter_mut().zip(blue.iter()).zip(red.iter()) {
                    *g = bt601_luma(*r, *g, *b);
                }
                self.put(0, &inner, out);
            }
            (Channels::Luma, _, _) | (Channels::Rgb, true, _) => {
                self.resize_plane(0, &frame.y, frame.range, &inner)?;
                for channel in out.chunks_exact_mut(area(self.target.width, self.target.height)) {
                    self.put(0, &inner, channel);
                }
            }
            (Channels::Rgb, false, matrix) => {
                self.resize_planes(frame, &inner)?;
                let [y, u, v] = &mut self.planes;
                to_rgb(matrix, frame.range, y, u, v);
                let plane = area(self.target.width, self.target.height);
                for (index, channel) in out.chunks_exact_mut(plane).enumerate() {
                    self.put(index, &inner, channel);
                }
            }
        }
        Ok(geometry)
    }

    /// All three planes at the inner size; luma (all three of R, G, B) in full range.
    fn resize_planes(&mut self, frame: &Frame, inner: &Inner) -> Result<(), ResizeError> {
        // Chroma keeps its range here: 128 is its centre in both, to_rgb scales it.
        let chroma = match frame.matrix {
            Matrix::Identity => frame.range,
            _ => Range::Full,
        };
        self.resize_plane(0, &frame.y, frame.range, inner)?;
        self.resize_plane(1, &frame.u, chroma, inner)?;
        self.resize_plane(2, &frame.v, chroma, inner)
    }

    /// One plane to full range and to the inner size, before rotation, into `planes[index]`.
    fn resize_plane(&mut self, index: usize, plane: &Plane, range: Range, inner: &Inner) -> Result<(), ResizeError> {
        let samples = area(plane.width, plane.height);
        if plane.data.len() != samples || samples == 0 {
            return Err(ResizeError::BadPlane);
        }
        let mut source: &[u8] = &plane.data;
        if range != Range::Full {
            let table = limited_to_full();
            self.full_range.clear();
            self.full_range.extend(source.iter().map(|&v| table.get(usize::from(v)).copied().unwrap_or(v)));
            source = &self.full_range;
        }
        let part = Part {
            left: inner.seen.left * f64::from(plane.width),
            top: inner.seen.top * f64::from(plane.height),
            width: inner.seen.width * f64::from(plane.width),
            height: inner.seen.height * f64::from(plane.height),
            columns: plane.width,
            rows: plane.height,
        };
        let Some(out) = self.planes.get_mut(index) else {
            return Err(ResizeError::BadPlane);
        };
        out.resize(area(inner.width, inner.height), 0);
        let work = Work { convolution: &mut self.convolution, scratch: &mut self.scratch, rows: &mut self.rows };
        work.run(self.target.filter, source, &part, (inner.width, inner.height), out)
    }

    /// Turns `planes[index]` upright and puts it at its place in `channel`.
    fn put(&mut self, index: usize, inner: &Inner, channel: &mut [u8]) {
        let Some(plane) = self.planes.get(index) else {
            return;
        };
        let (width, height) = displayed_size(inner.width, inner.height, inner.rotation);
        turn(plane, inner.width, inner.height, inner.rotation, &mut self.upright);
        let row_length = size(self.target.width);
        let rows = channel.chunks_exact_mut(row_length).skip(size(inner.top)).take(size(height));
        for (to, from) in rows.zip(self.upright.chunks_exact(size(width))) {
            let left = size(inner.left);
            if let Some(to) = to.get_mut(left..left + size(width)) {
                to.copy_from_slice(from);
            }
        }
    }
}

/// The inner picture, before rotation: its size, the part of the stored frame that it shows (as
/// fractions), and its place in the target.
struct Inner {
    width: u32,
    height: u32,
    left: u32,
    top: u32,
    rotation: u16,
    seen: Rect,
}

impl Inner {
    fn new(geometry: &Geometry, rotation: u16) -> Self {
        let (width, height) = (whole(geometry.target.width), whole(geometry.target.height));
        let (width, height) = displayed_size(width, height, rotation);
        let (fw, fh) = (f64::from(geometry.displayed_width), f64::from(geometry.displayed_height));
        // A crop is symmetric, so turning it back only swaps the axes.
        let s = &geometry.source;
        let mut seen = Rect { left: s.left / fw, top: s.top / fh, width: s.width / fw, height: s.height / fh };
        if rotation == 90 || rotation == 270 {
            seen = Rect { left: seen.top, top: seen.left, width: seen.height, height: seen.width };
        }
        Self { width, height, left: whole(geometry.target.left), top: whole(geometry.target.top), rotation, seen }
    }
}

/// The part of a plane that is resized, in its pixels, and the plane's size.
struct Part {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    columns: u32,
    rows: u32,
}

impl Part {
    fn is_whole(&self) -> bool {
        self.left == 0.0 && self.top == 0.0 && self.width == f64::from(self.columns) && self.height == f64::from(self.rows)
    }
}

/// Borrowed buffers of one resize.
struct Work<'a> {
    convolution: &'a mut fir::Resizer,
    scratch: &'a mut Vec<u8>,
    rows: &'a mut Vec<f32>,
}

impl Work<'_> {
    fn run(self, filter: Filter, source: &[u8], part: &Part, (width, height): (u32, u32), out: &mut [u8]) -> Result<(), ResizeError> {
        if part.is_whole() && (width, height) == (part.columns, part.rows) {
            out.copy_from_slice(source);
            return Ok(());
        }
        let shrinks = (f64::from(width) <= part.width, f64::from(height) <= part.height);
        match (filter, shrinks) {
            (Filter::Bilinear, _) | (Filter::Area, (false, false)) => convolve(self.convolution, source, part, (width, height), out),
            (Filter::Area, (true, true)) => {
                area_mean(source, part, (width, height), self.rows, out);
                Ok(())
            }
            (Filter::Area, (true, false)) => {
                // Columns shrink, rows grow: area mean across, then bilinear down.
                self.scratch.resize(area(width, part.rows), 0);
                let across = Part { top: 0.0, height: f64::from(part.rows), ..*part };
                area_mean(source, &across, (width, part.rows), self.rows, self.scratch);
                let down = Part { left: 0.0, width: f64::from(width), columns: width, ..*part };
                convolve(self.convolution, self.scratch, &down, (width, height), out)
            }
            (Filter::Area, (false, true)) => {
                self.scratch.resize(area(part.columns, height), 0);
                let down = Part { left: 0.0, width: f64::from(part.columns), ..*part };
                area_mean(source, &down, (part.columns, height), self.rows, self.scratch);
                let across = Part { top: 0.0, height: f64::from(height), rows: height, ..*part };
                convolve(self.convolution, self.scratch, &across, (width, height), out)
            }
        }
    }
}

/// Antialiased bilinear convolution. The only call into `fast_image_resize`: its generic code is
/// expanded where it is called, so it must be called once, in this crate.
fn convolve(
    resizer: &mut fir::Resizer,
    source: &[u8],
    part: &Part,
    (width, height): (u32, u32),
    out: &mut [u8],
) -> Result<(), ResizeError> {
    use fir::images::{TypedImage, TypedImageRef};
    use fir::pixels::U8;
    let source = TypedImageRef::<U8>::from_buffer(part.columns, part.rows, source).map_err(|_| ResizeError::BadPlane)?;
    let mut target = TypedImage::<U8>::from_buffer(width, height, out).map_err(|_| ResizeError::BadPlane)?;
    let mut options = fir::ResizeOptions::new().resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Bilinear)).use_alpha(false);
    if !part.is_whole() {
        options = options.crop(part.left, part.top, part.width, part.height);
    }
    resizer.resize_typed::<U8>(&source, &mut target, &options).map_err(|_| ResizeError::BadPlane)
}

/// The exact mean over the source rectangle of each target pixel, for shrinking axes. Rows
/// first (long vectors), then columns; f32 sums in a fixed order, rounded half up.
fn area_mean(source: &[u8], part: &Part, (width, height): (u32, u32), sums: &mut Vec<f32>, out: &mut [u8]) {
    let columns = size(part.columns);
    let across: Vec<Span> = spans(part.left, part.width, width, part.columns);
    let down = spans(part.top, part.height, height, part.rows);
    for (out_row, span) in out.chunks_exact_mut(size(width)).zip(&down) {
        sums.clear();
        sums.resize(columns, 0.0);
        let rows = source.chunks_exact(columns).skip(span.start).zip(&span.weights);
        for (row, &weight) in rows {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += weight * f32::from(value);
            }
        }
        for (value, span) in out_row.iter_mut().zip(&across) {
            let taps = sums.iter().skip(span.start).zip(&span.weights);
            let mean: f32 = taps.map(|(sum, weight)| sum * weight).sum();
            // Saturating cast; weights sum to 1, so the mean lies within 0 … 255.
            *value = (mean + 0.5) as u8;
        }
    }
}

/// The source samples under one target sample and their shares, which sum to 1.
struct Span {
    start: usize,
    weights: Vec<f32>,
}

/// The spans of `targets` equal pieces of the interval `left … left + width` of `samples`.
fn spans(left: f64, width: f64, targets: u32, samples: u32) -> Vec<Span> {
    let step = width / f64::from(targets);
    (0..targets)
        .map(|target| {
            let from = left + f64::from(target) * step;
            let to = (from + step).min(f64::from(samples));
            let first = from.floor();
            // The tolerance keeps a rounding error of the edge from adding an empty sample.
            let count = (to - first - 1e-9).ceil().max(1.0);
            let weights = (0..whole(count))
                .map(|i| {
                    let at = first + f64::from(i);
                    let share = (to.min(at + 1.0) - from.max(at)).max(0.0);
                    (share / (to - from).max(1e-12)) as f32
                })
                .collect();
            Span { start: size(whole(first)), weights }
        })
        .collect()
}

/// Limited luma (16 … 235) to full, rounded half up: a table of 256.
fn limited_to_full() -> [u8; 256] {
    let mut table = [0; 256];
    for (value, entry) in (0i32..).zip(table.iter_mut()) {
        let full = ((value - 16) * 255 * 2 + 219).div_euclid(2 * 219);
        *entry = clamp_u8(full);
    }
    table
}

/// BT.601 luma of full-range R, G, B, rounded half up; equal parts give their value exactly.
pub(crate) fn bt601_luma(r: u8, g: u8, b: u8) -> u8 {
    // Weights ·65536 that sum to 65536.
    let sum = 19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b);
    u8::try_from((sum + 32_768) >> 16).unwrap_or(u8::MAX)
}

/// In place: full-range luma and as-stored chroma become R, G, B (from planes y, u, v or, with
/// the identity matrix, from G, B, R).
fn to_rgb(matrix: Matrix, range: Range, y: &mut Vec<u8>, u: &mut Vec<u8>, v: &mut Vec<u8>) {
    if matrix == Matrix::Identity {
        // (G, B, R) → (R, G, B).
        std::mem::swap(y, v);
        std::mem::swap(u, v);
        return;
    }
    let (kr, kb) = match matrix {
        Matrix::Bt709 => (0.2126, 0.0722),
        Matrix::Bt2020 => (0.2627, 0.0593),
        Matrix::Bt601 | Matrix::Unknown | Matrix::Identity => (0.299, 0.114),
    };
    let spread = if range == Range::Full { 1.0 } else { 255.0 / 224.0 };
    let kg = 1.0 - kr - kb;
    // 16 fractional bits.
    let fixed = |factor: f64| (factor * spread * 65_536.0).round() as i32;
    let (r_v, b_u) = (fixed(2.0 * (1.0 - kr)), fixed(2.0 * (1.0 - kb)));
    let (g_u, g_v) = (fixed(2.0 * kb * (1.0 - kb) / kg), fixed(2.0 * kr * (1.0 - kr) / kg));
    for ((y, u), v) in y.iter_mut().zip(u.iter_mut()).zip(v.iter_mut()) {
        let luma = i32::from(*y) * 65_536 + 32_768;
        let (cb, cr) = (i32::from(*u) - 128, i32::from(*v) - 128);
        *y = clamp_u8((luma + r_v * cr) >> 16);
        *u = clamp_u8((luma - g_u * cb - g_v * cr) >> 16);
        *v = clamp_u8((luma + b_u * cb) >> 16);
    }
}

/// Copies `source` turned clockwise by `rotation` degrees into `out`.
fn turn(source: &[u8], width: u32, height: u32, rotation: u16, out: &mut Vec<u8>) {
    let (w, h) = (size(width), size(height));
    out.clear();
    let column = |x: usize| source.iter().skip(x).step_by(w.max(1)).copied();
    match rotation {
        90 => (0..w).for_each(|x| {
            let start = out.len();
            out.extend(column(x).take(h));
            if let Some(row) = out.get_mut(start..) {
                row.reverse();
            }
        }),
        180 => out.extend(source.iter().rev()),
        270 => (0..w).rev().for_each(|x| out.extend(column(x).take(h))),
        _ => out.extend_from_slice(source),
    }
}

fn clamp_u8(value: i32) -> u8 {
    u8::try_from(value.clamp(0, 255)).unwrap_or(u8::MAX)
}

fn whole(value: f64) -> u32 {
    // Saturating cast of a value that is whole already.
    value as u32
}

fn size(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn area(width: u32, height: u32) -> usize {
    size(width).saturating_mul(size(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32, data: Vec<u8>, range: Range) -> Frame {
        let y = Plane::new(data, width, height).unwrap();
        Frame::still([y, Plane::default(), Plane::default()], range, Matrix::Unknown)
    }

    fn target(width: u32, height: u32) -> Target {
        Target { width, height, channels: Channels::Luma, filter: Filter::Area, fit: Fit::Stretch }
    }

    #[test]
    fn area_is_the_mean_of_what_a_pixel_covers() {
        // 3 → 2 columns: target 0 covers sample 0 and half of 1: (0 + 90/2)/1.5 = 30.
        let frame = grey(3, 1, vec![0, 90, 240], Range::Full);
        let out = Resizer::new(target(2, 1)).unwrap().resize(&frame).unwrap();
        assert_eq!(out, [30, 190]);
    }

    #[test]
    fn enlarging_is_bilinear_with_half_pixel_centres_for_both_filters() {
        let frame = grey(2, 2, vec![0, 100, 0, 100], Range::Full);
        for filter in [Filter::Area, Filter::Bilinear] {
            let wanted = Target { filter, ..target(4, 2) };
            let out = Resizer::new(wanted).unwrap().resize(&frame).unwrap();
            assert_eq!(out, [0, 25, 75, 100, 0, 25, 75, 100]);
        }
    }

    #[test]
    fn one_axis_may_shrink_while_the_other_grows() {
        let frame = grey(4, 1, vec![0, 20, 100, 200], Range::Full);
        let out = Resizer::new(target(2, 2)).unwrap().resize(&frame).unwrap();
        assert_eq!(out, [10, 150, 10, 150]);
        let frame = grey(1, 4, vec![0, 20, 100, 200], Range::Full);
        let out = Resizer::new(target(2, 2)).unwrap().resize(&frame).unwrap();
        assert_eq!(out, [10, 10, 150, 150]);
    }

    #[test]
    fn limited_range_becomes_full_once() {
        let frame = grey(4, 1, vec![16, 235, 126, 255], Range::Limited);
        let out = Resizer::new(target(4, 1)).unwrap().resize(&frame).unwrap();
        assert_eq!(out, [0, 255, 128, 255]);
        let unknown = Frame { range: Range::Unknown, ..frame };
        assert_eq!(Resizer::new(target(4, 1)).unwrap().resize(&unknown).unwrap(), out);
    }

    #[test]
    fn a_grey_frame_fills_three_channels() {
        let frame = grey(2, 1, vec![7, 9], Range::Full);
        let wanted = Target { channels: Channels::Rgb, ..target(2, 1) };
        let out = Resizer::new(wanted).unwrap().resize(&frame).unwrap();
        assert_eq!(out, [7, 9, 7, 9, 7, 9]);
    }

    #[test]
    fn identity_pictures_keep_their_colours_and_have_bt601_luma() {
        let plane = |v| Plane::new(vec![v], 1, 1).unwrap();
        let frame = Frame::still([plane(20), plane(30), plane(10)], Range::Full, Matrix::Identity);
        let wanted = Target { channels: Channels::Rgb, ..target(1, 1) };
        assert_eq!(Resizer::new(wanted).unwrap().resize(&frame).unwrap(), [10, 20, 30]);
        // 0.299·10 + 0.587·20 + 0.114·30 = 18.15
        assert_eq!(Resizer::new(target(1, 1)).unwrap().resize(&frame).unwrap(), [18]);
        assert_eq!(bt601_luma(201, 201, 201), 201);
    }

    #[test]
    fn the_matrix_of_the_stream_makes_its_red() {
        // Pure red, limited BT.709: Y 63, Cb 102, Cr 240; BT.601: 81, 90, 240.
        let plane = |v| Plane::new(vec![v], 1, 1).unwrap();
        for (matrix, [y, u, v]) in [(Matrix::Bt709, [63, 102, 240]), (Matrix::Bt601, [81, 90, 240])] {
            let frame = Frame::still([plane(y), plane(u), plane(v)], Range::Limited, matrix);
            let wanted = Target { channels: Channels::Rgb, ..target(1, 1) };
            let out = Resizer::new(wanted).unwrap().resize(&frame).unwrap();
            assert!(out[0] >= 253 && out[1] <= 2 && out[2] <= 2, "{out:?}");
        }
    }

    #[test]
    fn frames_are_turned_upright() {
        // 1 2 3   turned 90° clockwise:  4 1
        // 4 5 6                          5 2
        //                                6 3
        let turned = |rotation| {
            let mut frame = grey(3, 2, vec![1, 2, 3, 4, 5, 6], Range::Full);
            frame.rotation = rotation;
            let (width, height) = frame.displayed_size();
            Resizer::new(target(width, height)).unwrap().resize(&frame).unwrap()
        };
        assert_eq!(turned(90), [4, 1, 5, 2, 6, 3]);
        assert_eq!(turned(180), [6, 5, 4, 3, 2, 1]);
        assert_eq!(turned(270), [3, 6, 2, 5, 1, 4]);
    }

    #[test]
    fn letterbox_keeps_all_and_crop_fills() {
        let frame = grey(4, 2, vec![9; 8], Range::Full);
        let wanted = Target { fit: Fit::Letterbox, ..target(4, 4) };
        let mut resizer = Resizer::new(wanted).unwrap();
        let out = resizer.resize(&frame).unwrap();
        assert_eq!(out, [0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0]);
        assert_eq!(resizer.geometry(&frame).to_displayed(4.0, 3.0), (4.0, 2.0));
        let wanted = Target { fit: Fit::Crop, ..target(2, 2) };
        let frame = grey(4, 2, vec![1, 2, 3, 4, 5, 6, 7, 8], Range::Full);
        let mut resizer = Resizer::new(wanted).unwrap();
        assert_eq!(resizer.resize(&frame).unwrap(), [2, 3, 6, 7]);
        assert_eq!(resizer.geometry(&frame).to_displayed(0.0, 0.0), (1.0, 0.0));
    }

    #[test]
    fn wrong_lengths_are_errors() {
        let frame = grey(4, 2, vec![9; 8], Range::Full);
        let mut resizer = Resizer::new(target(2, 2)).unwrap();
        let mut out = [0; 3];
        assert_eq!(resizer.resize_into(&frame, &mut out), Err(ResizeError::OutputLength { given: 3, wanted: 4 }));
        assert!(Resizer::new(target(0, 2)).is_err());
    }
}
