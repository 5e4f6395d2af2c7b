//! Maps (channels-last views with a pixel stride) and lenses (how a stored map is read).
//!
//! A skip concatenation is an address: both producers write their half of a buffer of `2c` channels through
//! `pixel = 2c`. Batch-norm and activation are a [`Lens`]: the next layer reads the stored convolution output through
//! it. Nothing here computes.

use crate::Real;

/// Read view: pixel `(n, r, c)` begins at `((n * rows + r) * cols + c) * pixel` and holds `channels` numbers.
#[derive(Clone, Copy, Debug)]
pub struct Map<'a, T> {
    /// Elements from the first pixel's first channel on.
    pub data: &'a [T],
    /// Pictures in the batch.
    pub images: usize,
    /// Rows of a picture.
    pub rows: usize,
    /// Columns of a picture.
    pub cols: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Distance between two pixels in elements, at least `channels`.
    pub pixel: usize,
}

/// Write view, laid out as [`Map`]. The gap between `channels` and `pixel` is never touched.
#[derive(Debug)]
pub struct MapMut<'a, T> {
    /// Elements from the first pixel's first channel on.
    pub data: &'a mut [T],
    /// Pictures in the batch.
    pub images: usize,
    /// Rows of a picture.
    pub rows: usize,
    /// Columns of a picture.
    pub cols: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Distance between two pixels in elements, at least `channels`.
    pub pixel: usize,
}

/// Whether a result replaces what is there or is added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Replace.
    Set,
    /// Add.
    Add,
}

/// Per channel: v → t = scale·v + shift; t > 0 ? t : slope·t, with slopes of at most 1. Slope 1 is the identity, 0 ReLU, 0.2 the paper's
/// LeakyReLU. Functions take `Option<Lens>`; `None` reads the map as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct Lens<'a, T> {
    /// One factor a channel.
    pub scale: &'a [T],
    /// One offset a channel.
    pub shift: &'a [T],
    /// One slope for negative values a channel.
    pub slope: &'a [T],
}

fn check(length: usize, images: usize, rows: usize, cols: usize, channels: usize, pixel: usize) {
    assert!(
        images > 0 && rows > 0 && cols > 0 && channels > 0,
        "a map of {images} images, {rows}x{cols} pixels, {channels} channels is empty"
    );
    assert!(pixel >= channels, "a pixel stride of {pixel} is less than {channels} channels");
    let needed = images
        .checked_mul(rows)
        .and_then(|n| n.checked_mul(cols))
        .and_then(|n| (n - 1).checked_mul(pixel))
        .and_then(|n| n.checked_add(channels))
        .expect("map larger than the address space");
    assert!(length >= needed, "a map of {needed} elements does not fit a slice of {length}");
}

impl<'a, T> Map<'a, T> {
    /// A view of `data`.
    ///
    /// # Panics
    /// If an extent is 0, `pixel < channels`, or `data` is too short for the last pixel's channels.
    pub fn new(data: &'a [T], images: usize, rows: usize, cols: usize, channels: usize, pixel: usize) -> Self {
        check(data.len(), images, rows, cols, channels, pixel);
        Self { data, images, rows, cols, channels, pixel }
    }

    /// A view without gaps.
    ///
    /// # Panics
    /// As [`Map::new`].
    pub fn dense(data: &'a [T], images: usize, rows: usize, cols: usize, channels: usize) -> Self {
        Self::new(data, images, rows, cols, channels, channels)
    }

    /// Pixels of all images.
    pub fn pixels(&self) -> usize {
        self.images * self.rows * self.cols
    }

    /// The channels of one pixel.
    pub fn at(&self, image: usize, row: usize, col: usize) -> &'a [T] {
        let start = ((image * self.rows + row) * self.cols + col) * self.pixel;
        &self.data[start..start + self.channels]
    }

    /// The channels of the `index`-th pixel in storage order.
    pub fn nth(&self, index: usize) -> &'a [T] {
        &self.data[index * self.pixel..index * self.pixel + self.channels]
    }

    /// Panics unless the invariants of [`Map::new`] hold: the fields are public.
    pub(crate) fn verify(&self) {
        check(self.data.len(), self.images, self.rows, self.cols, self.channels, self.pixel);
    }
}

impl<'a, T> MapMut<'a, T> {
    /// A view of `data`.
    ///
    /// # Panics
    /// As [`Map::new`].
    pub fn new(data: &'a mut [T], images: usize, rows: usize, cols: usize, channels: usize, pixel: usize) -> Self {
        check(data.len(), images, rows, cols, channels, pixel);
        Self { data, images, rows, cols, channels, pixel }
    }

    /// A view without gaps.
    ///
    /// # Panics
    /// As [`Map::new`].
    pub fn dense(data: &'a mut [T], images: usize, rows: usize, cols: usize, channels: usize) -> Self {
        Self::new(data, images, rows, cols, channels, channels)
    }

    /// The same view for reading.
    pub fn read(&self) -> Map<'_, T> {
        Map { data: self.data, images: self.images, rows: self.rows, cols: self.cols, channels: self.channels, pixel: self.pixel }
    }

    /// A shorter borrow of the same view.
    pub fn reborrow(&mut self) -> MapMut<'_, T> {
        MapMut { data: self.data, images: self.images, rows: self.rows, cols: self.cols, channels: self.channels, pixel: self.pixel }
    }

    /// The channels of one pixel.
    pub fn at_mut(&mut self, image: usize, row: usize, col: usize) -> &mut [T] {
        let start = ((image * self.rows + row) * self.cols + col) * self.pixel;
        &mut self.data[start..start + self.channels]
    }

    /// The channels of the `index`-th pixel in storage order.
    pub fn nth_mut(&mut self, index: usize) -> &mut [T] {
        &mut self.data[index * self.pixel..index * self.pixel + self.channels]
    }
}

impl<'a, T: Real> Map<'a, T> {
    /// The same view, where its numbers are `f32`.
    pub fn singles(self) -> Option<Map<'a, f32>> {
        let data = T::singles(self.data)?;
        Some(Map { data, images: self.images, rows: self.rows, cols: self.cols, channels: self.channels, pixel: self.pixel })
    }
}

impl<'a, T: Real> MapMut<'a, T> {
    pub(crate) fn singles(&mut self) -> Option<MapMut<'_, f32>> {
        let (images, rows, cols, channels, pixel) = (self.images, self.rows, self.cols, self.channels, self.pixel);
        T::singles_mut(self.data).map(|data| MapMut { data, images, rows, cols, channels, pixel })
    }
}

impl<'a, T: Real> Lens<'a, T> {
    /// A lens over as many channels as its slices hold.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn new(scale: &'a [T], shift: &'a [T], slope: &'a [T]) -> Self {
        assert!(
            scale.len() == shift.len() && shift.len() == slope.len(),
            "a lens of {} scales, {} shifts and {} slopes",
            scale.len(),
            shift.len(),
            slope.len()
        );
        Self { scale, shift, slope }
    }

    /// What a reader of `channel` sees where `value` is stored.
    pub fn see(&self, channel: usize, value: T) -> T {
        let t = self.scale[channel] * value + self.shift[channel];
        if t > T::ZERO { t } else { self.slope[channel] * t }
    }

    /// What a reader of all channels sees of `from`.
    pub fn look(&self, from: &[T], to: &mut [T]) {
        self.each(from, to, |to, seen| *to = seen);
    }

    /// `work(to, seen)` for every channel of a pixel.
    pub fn each(&self, from: &[T], to: &mut [T], work: impl Fn(&mut T, T)) {
        let coefficients = self.scale.iter().zip(self.shift).zip(self.slope);
        for ((to, &value), ((&scale, &shift), &slope)) in to.iter_mut().zip(from).zip(coefficients) {
            let t = scale * value + shift;
            work(to, if t > T::ZERO { t } else { slope * t });
        }
    }

    /// The derivative of the activation (not of the affine part) at a stored value: 1 or the slope.
    pub fn gain(&self, channel: usize, value: T) -> T {
        let t = self.scale[channel] * value + self.shift[channel];
        if t > T::ZERO { T::ONE } else { self.slope[channel] }
    }

    /// The same lens, where its numbers are `f32`.
    pub fn singles(self) -> Option<Lens<'a, f32>> {
        Some(Lens { scale: T::singles(self.scale)?, shift: T::singles(self.shift)?, slope: T::singles(self.slope)? })
    }

    pub(crate) fn verify(&self, channels: usize) {
        assert!(
            self.scale.len() == channels && self.shift.len() == channels && self.slope.len() == channels,
            "a lens of {}, {}, {} values for a map of {channels} channels",
            self.scale.len(),
            self.shift.len(),
            self.slope.len()
        );
        assert!(self.slope.iter().all(|&slope| slope <= T::ONE), "a slope above 1");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_half_of_a_concatenation_is_an_address() {
        let data: Vec<f32> = (0..12).map(|v| v as f32).collect();
        let half = Map::new(&data[3..], 1, 1, 2, 3, 6);
        assert_eq!(half.at(0, 0, 1), &[9.0, 10.0, 11.0]);
        assert_eq!(half.nth(0), &[3.0, 4.0, 5.0]);
    }

    #[test]
    #[should_panic(expected = "does not fit")]
    fn a_short_slice_is_refused() {
        let _ = Map::new(&[0.0f32; 8], 1, 1, 2, 3, 6);
    }

    #[test]
    fn a_lens_is_affine_then_leaky() {
        let lens = Lens::new(&[2.0f64], &[-1.0], &[0.2]);
        assert_eq!(lens.see(0, 2.0), 3.0);
        assert_eq!(lens.see(0, 0.0), -0.2);
        assert_eq!((lens.gain(0, 2.0), lens.gain(0, 0.0)), (1.0, 0.2));
    }
}
