//! One level's maps of G: `[encoder's bare output | decoder's bare output from below]`, skip first, as the paper's
//! concatenation has it; at the bottleneck the first half alone.
//!
//! Both halves are written through a pixel stride and read through lenses: the next encoder level sees the first half
//! through LeakyReLU, the decoder sees what its level takes through ReLU (or the spec's slopes). The gradient lies likewise.

use super::SLOPE;
use crate::layers::{BatchNorm, Moments, Place, Run, Source};
use crate::spec::GeneratorSpec;
use kernels::{Lens, Map, MapMut, Real, Write, norm};
use std::ops::Range;

/// Maps, gradient and lenses between two levels.
#[derive(Debug)]
pub struct Join<T> {
    /// The encoder's half.
    encoded: Place,
    /// What came from below; `None` at the bottleneck.
    below: Option<Place>,
    /// What the decoder of this level reads.
    decoded: Place,
    skip: bool,
    values: Vec<T>,
    gradient: Vec<T>,
    scale: Vec<T>,
    shift: Vec<T>,
    encoder_slope: Vec<T>,
    decoder_slope: Vec<T>,
    encoded_moments: Moments,
    below_moments: Moments,
}

/// Which half of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// Written by the encoder.
    Encoded,
    /// Written by the decoder of the level below.
    Below,
}

impl<T: Real> Join<T> {
    /// The join of `level`, `rows` × `cols`, for `images` images, of which `trained` may have gradients.
    pub fn new(spec: &GeneratorSpec, level: usize, (rows, cols): (usize, usize), images: usize, trained: usize) -> Self {
        let channels = spec.channels(level);
        let (bottleneck, skip) = (level + 1 == spec.levels, spec.has_skip(level));
        let all = Place::dense(rows, cols, if bottleneck { channels } else { 2 * channels });
        let below = (!bottleneck).then(|| all.part(channels, channels));
        let first = if bottleneck { spec.bottleneck_slope } else { spec.skip_slope };
        let mut decoder_slope = vec![T::from_f32(first); channels];
        decoder_slope.resize(all.channels, T::ZERO);
        Self {
            encoded: all.part(0, channels),
            decoded: below.filter(|_| !skip).unwrap_or(all),
            below,
            skip,
            values: vec![T::ZERO; images * all.image()],
            gradient: vec![T::ZERO; trained * all.image()],
            scale: vec![T::ONE; all.channels],
            shift: vec![T::ZERO; all.channels],
            encoder_slope: vec![T::from_f64(SLOPE); channels],
            decoder_slope,
            encoded_moments: Moments::new(channels),
            below_moments: Moments::new(channels),
        }
    }

    fn place(&self, half: Half) -> Place {
        match half {
            Half::Encoded => self.encoded,
            Half::Below => self.below.expect("nothing lies below the bottleneck"),
        }
    }

    /// One half, to write.
    pub fn write(&mut self, half: Half, images: Range<usize>) -> MapMut<'_, T> {
        self.place(half).of_mut(&mut self.values, images)
    }

    /// One half as it is stored, and the affine part of its lens (identity where no batch-norm follows): tests look here.
    pub fn read(&self, half: Half, images: Range<usize>) -> (Map<'_, T>, &[T], &[T]) {
        let place = self.place(half);
        let channels = place.offset..place.offset + place.channels;
        (place.of(&self.values, images), &self.scale[channels.clone()], &self.shift[channels])
    }

    /// What the encoder of the next level reads.
    pub fn for_encoder(&self, images: Range<usize>) -> (Map<'_, T>, Option<Lens<'_, T>>) {
        let channels = self.encoded.channels;
        let lens = Lens::new(&self.scale[..channels], &self.shift[..channels], &self.encoder_slope);
        (self.encoded.of(&self.values, images), Some(lens))
    }

    /// What the decoder of this level reads.
    pub fn for_decoder(&self, images: Range<usize>) -> (Map<'_, T>, Option<Lens<'_, T>>) {
        (self.decoded.of(&self.values, images), Some(self.decoder_lens(self.decoded)))
    }

    fn decoder_lens(&self, place: Place) -> Lens<'_, T> {
        let channels = place.offset..place.offset + place.channels;
        Lens::new(&self.scale[channels.clone()], &self.shift[channels.clone()], &self.decoder_slope[channels])
    }

    /// Batch-norm of a half that was just written.
    pub fn normalise(&mut self, half: Half, norm: &BatchNorm, run: &mut Run<'_, T>, images: Range<usize>, source: &mut Source<'_, T>) {
        let place = self.place(half);
        let channels = place.offset..place.offset + place.channels;
        let moments = if half == Half::Encoded { &mut self.encoded_moments } else { &mut self.below_moments };
        let lens = (&mut self.scale[channels.clone()], &mut self.shift[channels]);
        norm.forward(run, place.of(&self.values, images), source, moments, lens);
    }

    /// Where the decoder puts the gradient of what it read.
    pub fn gradient_for_decoder(&mut self, images: usize) -> MapMut<'_, T> {
        self.decoded.of_mut(&mut self.gradient, 0..images)
    }

    /// Takes the decoder's gradient back through its activation, in both halves.
    pub fn leave_decoder(&mut self, run: &Run<'_, T>, images: usize) {
        let place = self.decoded;
        let mut gradient = std::mem::take(&mut self.gradient); // the lens borrows the rest of self
        let map = place.of(&self.values, 0..images);
        norm::activation_backward_in_place(run.pool, place.of_mut(&mut gradient, 0..images), map, self.decoder_lens(place));
        self.gradient = gradient;
    }

    /// Adds what the next encoder level sent back (the gradient of what it read, dense) to the skip's gradient.
    pub fn leave_encoder(&mut self, run: &Run<'_, T>, read: Map<'_, T>) {
        let write = if self.skip { Write::Add } else { Write::Set };
        let channels = self.encoded.channels;
        let lens = Lens::new(&self.scale[..channels], &self.shift[..channels], &self.encoder_slope);
        let (value, to) = (self.encoded.of(&self.values, 0..read.images), self.encoded.of_mut(&mut self.gradient, 0..read.images));
        norm::activation_backward(run.pool, read, value, Some(lens), to, write);
    }

    /// Takes a half's gradient back through its batch-norm: it then is that of the bare output.
    pub fn leave_norm(&mut self, half: Half, norm: &BatchNorm, run: &mut Run<'_, T>, images: usize, gradient: &mut [T]) {
        let place = self.place(half);
        let moments = if half == Half::Encoded { &self.encoded_moments } else { &self.below_moments };
        let dy = place.of_mut(&mut self.gradient, 0..images);
        norm.backward(run, place.of(&self.values, 0..images), moments, dy, Some((gradient, Write::Set)));
    }

    /// The gradient of a half.
    pub fn gradient(&self, half: Half, images: usize) -> Map<'_, T> {
        self.place(half).of(&self.gradient, 0..images)
    }
}
