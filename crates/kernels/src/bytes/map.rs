//! Maps of bytes with a border of one pixel, so that a window of taps never asks whether it lies outside.

use crate::arch::{ByteKernel, ByteLevel, ByteWords, PANEL, dispatch_bytes};
use crate::memory::Buffer;
use crate::{Map, Pool};
use std::ops::Range;

/// Channels-last bytes, `[images][rows + 2][cols + 2][pixel]`, where `pixel` is the number of channels rounded up to whole words. The border
/// holds what stands for 0.
#[derive(Debug)]
pub struct ByteMap {
    store: Buffer,
    pub(super) images: usize,
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) channels: usize,
    /// Bytes of a pixel: a multiple of 4.
    pub(super) pixel: usize,
    pub(super) scale: Vec<f32>,
    pub(super) zero: Vec<u8>,
    /// 1 / scale and zero as numbers: how a value becomes a byte. Longer than a pixel: whole panels are read from any channel on.
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
        let words = images * (rows + 2) * (cols + 2) * pixel / 4;
        let mut map = Self {
            store: Buffer::new(words),
            images,
            rows,
            cols,
            channels,
            pixel,
            inverse: padded(scale.iter().map(|scale| 1.0 / scale)),
            shift: padded(zero.iter().map(|&zero| f32::from(zero))),
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

    /// Stores the channels of `from` from `channel` on, in images from `first` on.
    ///
    /// # Panics
    /// If sizes do not fit.
    pub fn write(&mut self, pool: &Pool, from: Map<'_, f32>, first: usize, channel: usize) {
        from.verify();
        assert!(
            first + from.images <= self.images
                && (from.rows, from.cols) == (self.rows, self.cols)
                && channel + from.channels <= self.channels,
            "a map of {} images of {}x{}x{} into bytes of {} of {}x{}x{} from image {first}, channel {channel}",
            from.images,
            from.rows,
            from.cols,
            from.channels,
            self.images,
            self.rows,
            self.cols,
            self.channels
        );
        let (rows, cols, pixel, line) = (self.rows, self.cols, self.pixel, (self.cols + 2) * self.pixel);
        let (inverse, shift) = (&self.inverse[channel..][..from.channels], &self.shift[channel..][..from.channels]);
        let inside = first * (rows + 2) * line..(first + from.images) * (rows + 2) * line;
        let words = self.store.as_mut_slice();
        // SAFETY: the same memory, four bytes a word; every bit pattern is a byte, and of f32 too. The coefficients are other memory.
        let bytes = unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), 4 * words.len()) };
        // Where bytes have no instruction of their own this is not fast, and need not be.
        let level = ByteLevel::within(pool.level()).unwrap_or(ByteLevel::Portable);
        pool.chunks_mut(&mut bytes[inside], line, |i, line| {
            let (image, row) = (i / (rows + 2), i % (rows + 2));
            if (1..=rows).contains(&row) {
                let start = (image * rows + row - 1) * cols;
                let to = &mut line[pixel + channel..];
                dispatch_bytes(level, WriteRow { from, pixels: start..start + cols, to, pixel, inverse, shift });
            }
        });
    }
}

/// Some pixels to bytes, `pixel` apart.
struct WriteRow<'a> {
    from: Map<'a, f32>,
    pixels: Range<usize>,
    to: &'a mut [u8],
    pixel: usize,
    inverse: &'a [f32],
    shift: &'a [f32],
}

impl ByteKernel for WriteRow<'_> {
    #[inline(always)]
    fn run<W: ByteWords>(self) {
        for (index, to) in self.pixels.zip(self.to.chunks_mut(self.pixel)) {
            for (i, &value) in self.from.nth(index).iter().enumerate() {
                // `as` makes 0 of NaN.
                to[i] = (value * self.inverse[i] + self.shift[i]).round_ties_even().clamp(0.0, 255.0) as u8;
            }
        }
    }
}

fn padded(coefficients: impl Iterator<Item = f32>) -> Vec<f32> {
    coefficients.chain([0.0; PANEL]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_within_half_a_step_and_zero_exactly() {
        let mut map = ByteMap::new(2, 2, 3, &[(-1.0, 1.0), (0.0, 5.1), (0.0, 0.0)]);
        let values: Vec<f32> = (0..18).map(|i| [-1.0 + 0.1 * i as f32, 0.3 * i as f32, 0.0][i % 3]).collect();
        map.write(&Pool::new(1).unwrap(), Map::dense(&values, 1, 2, 3, 3), 1, 0);
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
}
