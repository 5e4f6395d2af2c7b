//! Where a filter's results go: bytes of some channels of a map, or numbers, through an activation.

use super::map::ByteMap;
use crate::MapMut;
use crate::arch::{ByteWords, PANEL};

/// Where results go, through an activation: v > 0 ? v : slope · v.
#[derive(Debug)]
pub enum Sink<'a> {
    /// Bytes of some channels of a map.
    Bytes {
        /// The map.
        to: &'a mut ByteMap,
        /// Its first channel that is written.
        channel: usize,
        /// One slope for all channels.
        slope: f32,
    },
    /// Numbers.
    Floats {
        /// The map.
        to: MapMut<'a, f32>,
        /// One slope for all channels.
        slope: f32,
    },
}

/// A sink as addresses.
pub(super) struct Target {
    bytes: *mut u8,
    floats: *mut f32,
    /// From the first channel's address: elements to the next image, row, pixel.
    pub(super) strides: [usize; 3],
    slope: f32,
    /// Bytes: from the first channel that is written on.
    inverse: *const f32,
    shift: *const f32,
    /// How many of each there are: a panel more than channels.
    coefficients: usize,
}

// SAFETY: jobs write pixels and channels of their own, and the sinks are borrowed for the whole call.
unsafe impl Sync for Target {}

impl Target {
    /// Of a sink for `images` images of `rows` × `cols` × `columns`.
    ///
    /// # Panics
    /// If it has not that room.
    pub(super) fn new(sink: Sink<'_>, images: usize, (rows, cols): (usize, usize), columns: usize) -> Self {
        match sink {
            Sink::Bytes { to, channel, slope } => {
                assert!(
                    to.images >= images && (to.rows, to.cols) == (rows, cols) && channel + columns <= to.channels,
                    "{images} images of {rows}x{cols}x{columns} into bytes of {} of {}x{}x{} from channel {channel}",
                    to.images,
                    to.rows,
                    to.cols,
                    to.channels
                );
                let (pixel, first) = (to.pixel, to.at(0, 0, 0) + channel);
                let strides = [to.image(), (to.cols + 2) * pixel, pixel];
                let bytes = to.bytes_mut()[first..].as_mut_ptr();
                let (inverse, shift) = (to.inverse[channel..].as_ptr(), to.shift[channel..].as_ptr());
                let coefficients = to.inverse.len().min(to.shift.len()) - channel;
                Self { bytes, floats: std::ptr::null_mut(), strides, slope, inverse, shift, coefficients }
            }
            Sink::Floats { to, slope } => {
                let fits = to.images >= images && (to.rows, to.cols, to.channels) == (rows, cols, columns);
                assert!(fits, "{images} images of {rows}x{cols}x{columns} into {} of {}x{}x{}", to.images, to.rows, to.cols, to.channels);
                to.read().verify();
                let strides = [rows * cols * to.pixel, cols * to.pixel, to.pixel];
                let (bytes, floats, nothing) = (std::ptr::null_mut(), to.data.as_mut_ptr(), std::ptr::null());
                Self { bytes, floats, strides, slope, inverse: nothing, shift: nothing, coefficients: 0 }
            }
        }
    }

    /// What `store` needs for every sink from output channel `channel` on: 1 / scale and zero of bytes, nothing of numbers.
    ///
    /// # Panics
    /// If there is no such channel.
    #[inline(always)]
    pub(super) fn coefficients<W: ByteWords>(targets: &[Option<Target>; 2], channel: usize) -> [[W::Values; 2]; 2] {
        targets.each_ref().map(|target| match target {
            Some(target) if !target.bytes.is_null() => {
                assert!(channel + PANEL <= target.coefficients, "channel {channel} of a sink");
                // SAFETY: just checked.
                unsafe { [W::numbers(target.inverse.add(channel)), W::numbers(target.shift.add(channel))] }
            }
            _ => [W::nothing(); 2],
        })
    }

    /// Stores the first `count` values at element `at` of the sink.
    ///
    /// # Safety
    /// These elements lie within the sink, whose coefficients for their channels these are.
    #[inline(always)]
    pub(super) unsafe fn store<W: ByteWords>(&self, values: W::Values, [inverse, shift]: [W::Values; 2], at: usize, count: usize) {
        let values = W::leaky(values, self.slope);
        // SAFETY: the caller's promise.
        unsafe {
            if self.bytes.is_null() {
                W::put_numbers(values, self.floats.add(at), count);
            } else {
                W::put_bytes(values, inverse, shift, self.bytes.add(at), count);
            }
        }
    }
}
