//! Replaces regions of single pictures by what does not belong there, so that G learns to put back what does (docs/method.md, "Still
//! pictures"): one to three regions, filled from other training pictures, turned and brightened or darkened, or with made textures.

use super::TrainError;
use super::paste::pick;
use super::perlin::Perlin;
use super::region;
use crate::data::random::SplitMix64;
use crate::data::{Cut, Footage, Span, WindowIndex, WindowReader, Windows};

/// Most regions of a picture.
const MOST_REGIONS: usize = 3;
/// Share of the picture that all regions together cover; small ones are as frequent as large ones on a logarithmic scale.
const AREA: (f64, f64) = (0.02, 0.3);
/// Share of regions that are filled from another training picture.
const FROM_PICTURES: f64 = 0.5;
/// How far a texture's colour is off, as a share of half of the range.
const OFF_COLOUR: (f64, f64) = (0.01, 0.6);
/// How rough a texture is, likewise.
const ROUGH: (f64, f64) = (0.02, 1.0);
/// Least opacity of a filling, in half of the regions; the others replace what was there wholly.
const LEAST_OPACITY: f64 = 0.3;

/// A picture with regions replaced.
pub(super) struct Replaced {
    /// Channels last, in [−1, 1].
    pub pixels: Vec<f32>,
    /// How much of each pixel lies in a region, 0 … 1.
    pub share: Vec<f32>,
}

/// Fills regions from the pictures of the training part.
pub(super) struct Replacer<'a> {
    donor: WindowReader<'a>,
    pictures: Vec<WindowIndex>,
    lent: Windows,
}

impl<'a> Replacer<'a> {
    /// For crops of `size` = (rows, columns).
    pub fn new(footage: Footage<'a>, spans: &[Span], size: (usize, usize)) -> Replacer<'a> {
        let pictures = spans.iter().flat_map(|span| (span.start..span.end).map(|frame| WindowIndex { clip: span.clip, frame })).collect();
        Replacer { donor: WindowReader::new(footage), pictures, lent: footage.sight.crops(size.0, size.1) }
    }

    /// `clean` with regions replaced. Shapes: `[rows, columns, channels]`.
    pub fn replace(&mut self, clean: &[f32], random: &mut SplitMix64) -> Result<Replaced, TrainError> {
        let size = (self.lent.height(), self.lent.width());
        let channels = self.lent.channels().target;
        let mut replaced = Replaced { pixels: clean.to_vec(), share: vec![0.0; size.0 * size.1] };
        let regions = 1 + pick(MOST_REGIONS, random);
        let area = logarithmic(AREA, random) / regions as f64;
        for _ in 0..regions {
            let shape = region::draw(size, area, random);
            let filling = if random.unit() < FROM_PICTURES {
                self.another_picture(random)?
            } else {
                texture(size, &mean_colour(clean, &shape, channels), random)
            };
            let opacity = if random.unit() < 0.5 { 1.0 } else { random.between(LEAST_OPACITY, 1.0) as f32 };
            for ((pixel, filling), &share) in replaced.pixels.chunks_exact_mut(channels).zip(filling.chunks_exact(channels)).zip(&shape) {
                for (value, filling) in pixel.iter_mut().zip(filling) {
                    *value += share * opacity * (filling.clamp(-1.0, 1.0) - *value);
                }
            }
            replaced.share.iter_mut().zip(&shape).for_each(|(all, share)| *all = all.max(*share));
        }
        Ok(replaced)
    }

    /// Part of another training picture, turned by half a turn or mirrored, and in half of the cases with another light.
    fn another_picture(&mut self, random: &mut SplitMix64) -> Result<Vec<f32>, TrainError> {
        self.donor.load(self.pictures[pick(self.pictures.len(), random)])?;
        let picture = &self.donor.sight().picture;
        let (rows, cols) = (self.lent.height(), self.lent.width());
        let (top, left) = (pick(picture.height - rows + 1, random), pick(picture.width - cols + 1, random));
        self.lent.clear();
        self.donor.push(Cut { top, left, ..Cut::NONE }, &mut self.lent)?;
        let (upside_down, mirrored) = (random.unit() < 0.5, random.unit() < 0.5);
        let lit = random.unit() < 0.5;
        let (gain, offset) = if lit { (random.between(0.7, 1.3) as f32, random.between(-0.4, 0.4) as f32) } else { (1.0, 0.0) };
        let (lent, channels) = (self.lent.input(), self.lent.channels().target);
        let mut filling = Vec::with_capacity(lent.len());
        for row in 0..rows {
            for col in 0..cols {
                let (y, x) = (if upside_down { rows - 1 - row } else { row }, if mirrored { cols - 1 - col } else { col });
                filling.extend(lent[(y * cols + x) * channels..][..channels].iter().map(|value| gain * value + offset));
            }
        }
        Ok(filling)
    }
}

/// The mean colour of `picture` within a shape.
fn mean_colour(picture: &[f32], shape: &[f32], channels: usize) -> Vec<f32> {
    let mut colour = vec![0.0; channels];
    for (pixel, share) in picture.chunks_exact(channels).zip(shape) {
        colour.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += share * value);
    }
    let all = shape.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    colour.iter().map(|sum| sum / all).collect()
}

/// A made texture about a colour near the one that is there: flat, rough, or striped. Faint differences are as frequent as gross ones, so
/// that a place where texture is merely missing is among them.
fn texture(size: (usize, usize), near: &[f32], random: &mut SplitMix64) -> Vec<f32> {
    let sign = if random.unit() < 0.5 { -1.0 } else { 1.0 };
    let off = logarithmic(OFF_COLOUR, random);
    let colour: Vec<f32> = near.iter().map(|near| near + (off * (sign + random.between(-0.7, 0.7))) as f32).collect();
    let noise = Perlin::new(random);
    let strength = if random.unit() < 0.4 { 0.0 } else { logarithmic(ROUGH, random) as f32 };
    let cell = 1.5 * 20f64.powf(random.unit()) as f32;
    let stretch = if random.unit() < 0.5 { 1.0 } else { random.between(2.0, 10.0) as f32 };
    let (sine, cosine) = (std::f32::consts::PI * random.unit() as f32).sin_cos();
    let mut filling = Vec::with_capacity(size.0 * size.1 * near.len());
    for (row, col) in (0..size.0).flat_map(|row| (0..size.1).map(move |col| (row as f32, col as f32))) {
        let (along, across) = (col * cosine + row * sine, row * cosine - col * sine);
        let value = strength * noise.at(across / cell + 0.31, along / (cell * stretch) + 0.17);
        filling.extend(colour.iter().map(|colour| colour + value));
    }
    filling
}

/// Even on a logarithmic scale.
fn logarithmic(range: (f64, f64), random: &mut SplitMix64) -> f64 {
    range.0 * (range.1 / range.0).powf(random.unit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_means_within_the_shape() {
        assert_eq!(mean_colour(&[1.0, 0.0, 0.5, 0.2, 9.0, 9.0], &[1.0, 1.0, 0.0], 2), [0.75, 0.1]);
    }

    #[test]
    fn textures_have_every_channel_and_are_drawn_from_the_seed() {
        let made = |seed| texture((8, 6), &[0.0, 0.1, 0.2], &mut SplitMix64::new(seed));
        assert_eq!(made(1).len(), 8 * 6 * 3);
        assert!(made(1) == made(1) && made(1) != made(2));
        assert!(made(3).iter().all(|value| value.is_finite()));
    }
}
