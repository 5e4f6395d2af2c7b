//! Maps of bytes with a border of one pixel, so that a window of taps never asks whether it lies outside.

use crate::arch::{ByteKernel, ByteLevel, ByteWords, PANEL, SIDE, dispatch_bytes};
use crate::memory::Buffer;
use crate::{Map, Pool};

/// Channels-last bytes, `[images][rows + 2][cols + 2][pixel]`, where `pixel` is the number of channels rounded up to whole words. The border
/// holds what stands for 0.
#[derive(Debug)]
pub struct ByteMap {
    /// The images, and behind them words that a matrix register may read too much.
    store: Buffer,
    pub(super) images: usize,
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) channels: usize,
    /// Bytes of a pixel: a multiple of 4.
    pub(super) pixel: usize,
    pub(super) scale: Vec<f32>,
    pub(super) zero: Vec<u8>,
    /// 1 / scale and zero as numbers: how a value becomes a byte. Longer than a pixel, and repeated: whole panels are read from any channel on.
    pub(super) inverse: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

impl ByteMap {
    /// A map for values between `low` and `high` of each channel (0 is always within); values beyond are clamped.
    ///
    /// # Panics
    /// If an extent is 0, or a range is not finite.
    pub fn new(images: usize, rows: usize, cols: usize, ranges: &[(f32, f32)]) -> Self {
        let channels = ranges.len();
        assert!(images > 0 && rows > 0 && cols > 0 && channels > 0, "an empty map of bytes");
        let pixel = channels.next_multiple_of(4);
        let (mut scale, mut zero) = (vec![1.0; pixel], vec![0; pixel]);
        for (channel, &(low, high)) in ranges.iter().enumerate() {
            assert!(low.is_finite() && high.is_finite(), "the range of channel {channel} is {low} to {high}");
            let (low, high) = (low.min(0.0), high.max(0.0));
            if high - low > f32::MIN_POSITIVE * 1e6 {
                scale[channel] = (high - low) / 255.0;
                zero[channel] = (-low / scale[channel]).round().clamp(0.0, 255.0) as u8;
            }
        }
        Self::with_coefficients(images, (rows, cols), channels, scale, zero)
    }

    /// A map of the same pictures for another number of images.
    ///
    /// # Panics
    /// If it is 0.
    #[must_use]
    pub fn for_images(&self, images: usize) -> Self {
        assert!(images > 0, "an empty map of bytes");
        Self::with_coefficients(images, (self.rows, self.cols), self.channels, self.scale.clone(), self.zero.clone())
    }

    /// One of both coefficients a byte of a pixel.
    fn with_coefficients(images: usize, (rows, cols): (usize, usize), channels: usize, scale: Vec<f32>, zero: Vec<u8>) -> Self {
        let pixel = scale.len();
        let words = (rows + 2)
            .checked_mul(cols + 2)
            .and_then(|pixels| pixels.checked_mul(pixel / 4))
            .and_then(|words| words.checked_mul(images))
            .and_then(|words| words.checked_add(SIDE))
            .expect("a map of bytes within the address space");
        let mut map = Self {
            store: Buffer::new(words),
            images,
            rows,
            cols,
            channels,
            pixel,
            inverse: repeated(&scale.iter().map(|scale| 1.0 / scale).collect::<Vec<_>>()),
            shift: repeated(&zero.iter().map(|&zero| f32::from(zero)).collect::<Vec<_>>()),
            scale,
            zero,
        };
        let zero = std::mem::take(&mut map.zero);
        map.bytes_mut().chunks_exact_mut(pixel).for_each(|to| to.copy_from_slice(&zero));
        map.zero = zero;
        map
    }

    /// Elements that one image takes.
    pub(super) fn image(&self) -> usize {
        (self.rows + 2) * (self.cols + 2) * self.pixel
    }

    pub(super) fn words(&self) -> &[f32] {
        self.store.as_slice()
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        let words = self.store.as_mut_slice();
        // SAFETY: the same memory, four bytes a word; every bit pattern is a byte, and of f32 too.
        unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), 4 * words.len()) }
    }

    /// First byte of a pixel.
    pub(super) fn at(&self, image: usize, row: usize, col: usize) -> usize {
        image * self.image() + ((row + 1) * (self.cols + 2) + col + 1) * self.pixel
    }

    /// What is stored of one channel of a pixel, as a number.
    ///
    /// # Panics
    /// If there is no such pixel or channel.
    pub fn value(&self, (image, row, col): (usize, usize, usize), channel: usize) -> f32 {
        assert!(image < self.images && row < self.rows && col < self.cols && channel < self.channels);
        self.scale[channel] * (f32::from(self.byte(self.at(image, row, col) + channel)) - self.shift[channel])
    }

    fn byte(&self, index: usize) -> u8 {
        self.store.as_slice()[index / 4].to_bits().to_le_bytes()[index % 4]
    }

    /// Stores maps side by side, the first from channel 0 on, in images from `first` on.
    ///
    /// # Panics
    /// If sizes do not fit, or the maps have other channels together than this one.
    pub fn write(&mut self, pool: &Pool, parts: [Option<Map<'_, f32>>; 2], first: usize) {
        let mut channels = 0;
        for part in parts.iter().flatten() {
            part.verify();
            let fits = first + part.images <= self.images && (part.rows, part.cols) == (self.rows, self.cols);
            assert!(fits, "{} images of {}x{} into {} of {}x{}", part.images, part.rows, part.cols, self.images, self.rows, self.cols);
            channels += part.channels;
        }
        assert_eq!(channels, self.channels, "channels of all parts together");
        let images = parts.iter().flatten().map(|part| part.images).min().unwrap_or(0);
        let (rows, cols, pixel, line) = (self.rows, self.cols, self.pixel, (self.cols + 2) * self.pixel);
        let (inverse, shift) = (&self.inverse[..], &self.shift[..]);
        let inside = first * (rows + 2) * line..(first + images) * (rows + 2) * line;
        let words = self.store.as_mut_slice();
        // SAFETY: the same memory, four bytes a word; every bit pattern is a byte, and of f32 too. The coefficients are other memory.
        let bytes = unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), 4 * words.len()) };
        // Where numbers are faster this is plain Rust, and need not be fast.
        let level = pool.bytes().unwrap_or(ByteLevel::Portable);
        pool.chunks_mut(&mut bytes[inside], line, |i, line| {
            let (image, row) = (i / (rows + 2), i % (rows + 2));
            if (1..=rows).contains(&row) {
                let start = (image * rows + row - 1) * cols;
                let to = &mut line[pixel..][..cols * pixel];
                dispatch_bytes(level, WriteRow { parts, first: start, to, pixel, inverse, shift });
            }
        });
    }
}

/// A row of pixels to bytes.
struct WriteRow<'a> {
    parts: [Option<Map<'a, f32>>; 2],
    /// Index of its first pixel.
    first: usize,
    to: &'a mut [u8],
    /// Bytes of a pixel.
    pixel: usize,
    /// [`ByteMap::inverse`] and [`ByteMap::shift`].
    inverse: &'a [f32],
    shift: &'a [f32],
}

/// Numbers that follow each other, and to which places of a panel they go.
#[derive(Clone, Copy)]
struct Piece {
    from: *const f32,
    places: u16,
    /// Numbers to those of the next group.
    step: usize,
}

impl ByteKernel for WriteRow<'_> {
    #[inline(always)]
    fn run<W: ByteWords>(mut self) {
        let (line, pixel) = (std::mem::take(&mut self.to), self.pixel);
        if pixel > PANEL {
            return line.chunks_exact_mut(pixel).enumerate().for_each(|(i, to)| self.wide(self.first + i, to));
        }
        let dense = self.parts.iter().flatten().all(|part| part.pixel == part.channels);
        let side = if dense { PANEL / pixel } else { 1 };
        let (groups, rest) = line.split_at_mut(line.len() / (side * pixel) * side * pixel);
        self.panels::<W>(self.first, side, groups);
        self.panels::<W>(self.first + groups.len() / pixel, 1, rest);
    }
}

impl WriteRow<'_> {
    /// Pixels from `first` on, `side` at once: at most a panel, and without gaps if more than one.
    #[inline(always)]
    fn panels<W: ByteWords>(&self, first: usize, side: usize, line: &mut [u8]) {
        let group = side * self.pixel;
        if line.is_empty() {
            return;
        }
        // A part that is not there is nothing from memory that is: to ask for each group whether it is there takes longer, and so does a
        // masked read of nothing where there is no memory.
        let nothing = Piece { from: self.inverse.as_ptr(), places: 0, step: 0 };
        let (mut pieces, mut before) = ([nothing; 2], 0);
        for (i, part) in self.parts.iter().flatten().enumerate() {
            let one = ((1u32 << part.channels) - 1) << before;
            let places = (0..side).fold(0, |places, at| places | one << (at * self.pixel));
            let count = line.len() / self.pixel;
            let from = &part.data[first * part.pixel..][..(count - 1) * part.pixel + part.channels];
            let places = u16::try_from(places).expect("places of a panel");
            pieces[i] = Piece { from: from.as_ptr(), places, step: side * part.pixel };
            before += part.channels;
        }
        assert!(self.inverse.len() >= PANEL && self.shift.len() >= PANEL, "coefficients of a panel");
        // SAFETY: coefficients of a panel each.
        let (inverse, shift) = unsafe { (W::numbers(self.inverse.as_ptr()), W::numbers(self.shift.as_ptr())) };
        for to in line.chunks_exact_mut(group) {
            let mut values = W::nothing();
            for piece in &mut pieces {
                // SAFETY: of each pixel as many numbers as it has places, of the pixels that were checked above.
                values = unsafe { W::insert(values, piece.from, piece.places) };
                piece.from = piece.from.wrapping_add(piece.step);
            }
            // SAFETY: `to` has that many bytes.
            unsafe { W::put_bytes(values, inverse, shift, to.as_mut_ptr(), to.len()) };
        }
    }

    /// One pixel of more than a panel.
    #[inline(always)]
    fn wide(&self, index: usize, to: &mut [u8]) {
        let values = self.parts.iter().flatten().flat_map(|part| part.nth(index));
        for (i, (to, &value)) in to.iter_mut().zip(values).enumerate() {
            // `as` makes 0 of NaN.
            *to = (value * self.inverse[i] + self.shift[i]).round_ties_even().clamp(0.0, 255.0) as u8;
        }
    }
}

/// The coefficients of a pixel, and once more from the first on for another panel: several pixels that a panel holds have them as they stand.
fn repeated(coefficients: &[f32]) -> Vec<f32> {
    coefficients.iter().cycle().take(coefficients.len() + PANEL).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_within_half_a_step_and_zero_exactly() {
        let mut map = ByteMap::new(2, 2, 3, &[(-1.0, 1.0), (0.0, 5.1), (0.0, 0.0)]);
        let values: Vec<f32> = (0..18).map(|i| [-1.0 + 0.1 * i as f32, 0.3 * i as f32, 0.0][i % 3]).collect();
        map.write(&Pool::new(1).unwrap(), [Some(Map::dense(&values, 1, 2, 3, 3)), None], 1);
        for pixel in 0..6 {
            for channel in 0..3 {
                let (found, meant) = (map.value((1, pixel / 3, pixel % 3), channel), values[3 * pixel + channel].clamp(-1.0, 5.1));
                let step = [2.0 / 255.0, 0.02, 1.0][channel];
                assert!((found - meant.min([1.0, 5.1, 0.0][channel])).abs() <= step * 0.5001, "{pixel} {channel}: {found} for {meant}");
            }
        }
        assert_eq!(map.value((0, 1, 1), 0), 0.0);
        // The border stands for 0 too.
        assert_eq!(map.byte(0), map.zero[0]);
    }

    #[test]
    fn parts_lie_side_by_side_whatever_their_widths_and_gaps() {
        for (left, right, gap) in [(1, 1, 0), (3, 3, 0), (3, 3, 2), (6, 0, 1), (4, 12, 0), (7, 2, 1), (20, 13, 3)] {
            let number = |i: usize| (i * 7919 % 255) as f32 - 127.0;
            let (rows, cols, images) = (2, 5, 2);
            let data: Vec<f32> = (0..images * rows * cols * (left + right + gap)).map(number).collect();
            let map = |n: usize| (n > 0).then(|| Map::new(&data, images, rows, cols, n, n + gap));
            let mut bytes = ByteMap::new(images + 1, rows, cols, &vec![(-127.0, 128.0); left + right]);
            bytes.write(&Pool::new(2).unwrap(), [map(left), map(right)], 1);
            for pixel in 0..images * rows * cols {
                for channel in 0..left + right {
                    let (part, c) = if channel < left { (map(left), channel) } else { (map(right), channel - left) };
                    let at = (1 + pixel / (rows * cols), pixel / cols % rows, pixel % cols);
                    assert_eq!(bytes.value(at, channel), part.unwrap().nth(pixel)[c], "{left} {right} {gap}: {at:?} {channel}");
                }
            }
            assert!((0..left + right).all(|c| bytes.value((0, 1, 1), c) == 0.0), "another image was touched");
        }
    }
}
