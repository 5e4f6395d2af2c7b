//! What the network is fed in one step: windows from the cache, whole or as crops, and noise on what G sees.
//!
//! Everything random here is a function of seed and step, so a resumed run is fed the same.

use super::TrainError;
use super::belongs::MOVING;
use super::paste::{Pasted, Paster, pick};
use super::replace::{Replaced, Replacer};
use crate::config::{Config, Sees};
use crate::data::random::SplitMix64;
use crate::data::{Cut, Footage, Span, WindowIndex, WindowReader, Windows};
use crate::model::engine::{Batch, Changed};
use crate::score::forward::batch;

/// Keeps the noise of a step apart from the order of an epoch, which is drawn from the same seed.
const NOISE: u64 = 0x006e_6f69_7365; // "noise"
/// The same for crops.
const CROPS: u64 = 0x0063_726f_7073; // "crops"

/// Reads batches into buffers of its own.
pub(super) struct Feed<'a> {
    reader: WindowReader<'a>,
    windows: Windows,
    config: &'a Config,
    moving: Vec<usize>,
    changes: Changes<'a>,
    /// Halvings of D: a cell of its head is that many.
    d_levels: usize,
    changed: ChangedBuffers,
}

/// What puts things into pictures that do not belong there.
enum Changes<'a> {
    Nothing,
    /// In footage of a camera (`sees = restore`).
    Things(Box<Paster<'a>>),
    /// In single pictures (`sees = still`), with room for one of them.
    Regions(Box<Replacer<'a>>, Windows),
}

impl<'a> Changes<'a> {
    /// As `config` says, for crops of `size`; what is put in is taken from the frames of `spans`.
    fn new(footage: Footage<'a>, spans: &[Span], config: &Config, size: (usize, usize)) -> Result<Changes<'a>, TrainError> {
        Ok(match config.sees {
            Sees::Frames | Sees::Motion => Changes::Nothing,
            Sees::Restore => Changes::Things(Box::new(Paster::new(footage, spans)?)),
            Sees::Still => Changes::Regions(Box::new(Replacer::new(footage, spans, size)), footage.sight.crops(size.0, size.1)),
        })
    }
}

/// What [`Changed`] borrows.
#[derive(Debug, Default)]
struct ChangedBuffers {
    target: Vec<f32>,
    importance: Vec<f32>,
    cells: Vec<f32>,
}

/// The frames of `spans` that have what a window needs: those without a past are left out where motion is seen.
pub(super) fn with_past(footage: &Footage<'_>, spans: &[Span]) -> Vec<Span> {
    if !footage.sight.needs_motion() {
        return spans.to_vec();
    }
    let mut kept: Vec<Span> = Vec::new();
    for span in spans {
        let mut start = span.start;
        for frame in span.start..span.end {
            if footage.cache.segment_start(WindowIndex { clip: span.clip, frame }) == frame {
                kept.push(Span { start, end: frame, ..*span });
                start = frame + 1;
            }
        }
        kept.push(Span { start, ..*span });
    }
    kept.retain(|span| span.frames() > 0);
    kept
}

impl<'a> Feed<'a> {
    /// Crops, changes and noise as `config` says; things to put in are taken from the frames of `spans`.
    ///
    /// # Errors
    /// [`TrainError::Data`].
    pub fn new(footage: Footage<'a>, spans: &[Span], config: &'a Config) -> Result<Feed<'a>, TrainError> {
        let picture = &footage.sight.picture;
        let (height, width) = config.training_size(picture.height, picture.width);
        Ok(Feed {
            reader: WindowReader::new(footage),
            windows: footage.sight.crops(height, width),
            config,
            moving: Vec::new(),
            changes: Changes::new(footage, spans, config, (height, width))?,
            d_levels: config.spec(height, width)?.discriminator.levels,
            changed: ChangedBuffers::default(),
        })
    }

    /// The batch of step `step`.
    pub fn batch(&mut self, wanted: &[WindowIndex], step: u64) -> Result<Batch<'_>, TrainError> {
        let mut random = SplitMix64::part(self.config.seed ^ CROPS, step);
        self.windows.clear();
        self.changed.clear();
        for &window in wanted {
            self.reader.load(window)?;
            let cut = self.cut(&mut random)?;
            let size = (self.windows.height(), self.windows.width());
            match &mut self.changes {
                Changes::Nothing => self.reader.push(cut, &mut self.windows)?,
                Changes::Things(paster) => {
                    let clean = self.reader.patch(cut, size)?;
                    let seen = if random.unit() < self.config.paste_share {
                        paster.paste(&clean, cut, size, &mut random)?
                    } else {
                        Pasted { share: vec![0.0; clean.grey.len()], patch: clean.clone() }
                    };
                    self.reader.sight().compose(&seen.patch, &clean, cut, &mut self.windows)?;
                    self.changed.add(&seen, size, self.d_levels, self.config);
                }
                Changes::Regions(replacer, alone) => {
                    alone.clear();
                    self.reader.push(cut, alone)?;
                    let clean = alone.input();
                    let seen = if random.unit() < self.config.paste_share {
                        replacer.replace(clean, &mut random)?
                    } else {
                        Replaced { pixels: clean.to_vec(), share: vec![0.0; size.0 * size.1] }
                    };
                    self.windows.push_changed(&seen.pixels, clean);
                    self.changed.add_still(&seen, size, self.d_levels, self.config);
                }
            }
        }
        if self.config.input_noise > 0.0 {
            self.windows.split();
            add_noise(self.windows.input_mut(), self.config.input_noise, &mut SplitMix64::part(self.config.seed ^ NOISE, step));
        }
        let changed = Changed { target: &self.changed.target, importance: &self.changed.importance, cells: &self.changed.cells };
        let changes = !matches!(self.changes, Changes::Nothing);
        Ok(Batch { changed: changes.then_some(changed), ..batch(&self.windows) })
    }

    /// Which part of the loaded picture is taken: round something that moves, most times, and how it is changed.
    fn cut(&mut self, random: &mut SplitMix64) -> Result<Cut, TrainError> {
        let (height, width) = (self.reader.sight().picture.height, self.reader.sight().picture.width);
        let (rows, cols) = (self.windows.height(), self.windows.width());
        let (config, jitter) = (self.config, self.config.speed_jitter.ln());
        let mut cut = Cut {
            mirror: config.mirror && random.unit() < 0.5,
            jitter: if jitter > 0.0 { ((2.0 * random.unit() - 1.0) * jitter).exp() as f32 } else { 1.0 },
            ..Cut::NONE
        };
        if (rows, cols) == (height, width) {
            return Ok(cut);
        }
        let centred = random.unit() < config.crop_moving && self.find_moving()?;
        let (row, col) = if centred {
            let pixel = self.moving[pick(self.moving.len(), random)];
            let aside = |count: usize, random: &mut SplitMix64| (2.0 * random.unit() - 1.0) * count as f64 / 3.0;
            ((pixel / width) as f64 + aside(rows, random), (pixel % width) as f64 + aside(cols, random))
        } else {
            (random.unit() * height as f64, random.unit() * width as f64)
        };
        let first = |centre: f64, count: usize, all: usize| (centre - count as f64 / 2.0).round().clamp(0.0, (all - count) as f64) as usize;
        (cut.top, cut.left) = (first(row, rows, height), first(col, cols, width));
        Ok(cut)
    }

    /// Lists the pixels of the loaded picture that move; whether there are some.
    fn find_moving(&mut self) -> Result<bool, TrainError> {
        self.moving.clear();
        let sight = self.reader.sight();
        if let Some(motion) = self.reader.motion() {
            let bound = MOVING * sight.usual()?.speed;
            let (across, down) = motion.split_at(motion.len() / 2);
            let moves = |&pixel: &usize| across[pixel].abs() + down[pixel].abs() > bound;
            self.moving.extend((0..across.len()).filter(moves));
        }
        Ok(!self.moving.is_empty())
    }
}

impl ChangedBuffers {
    fn clear(&mut self) {
        self.target.clear();
        self.importance.clear();
        self.cells.clear();
    }

    /// Adds one crop. Means over all elements of the target become: the picture's mean, `w_picture` times as important as the motion's,
    /// and `w_pasted` times more where something was put in.
    fn add(&mut self, seen: &Pasted, (rows, cols): (usize, usize), d_levels: usize, config: &Config) {
        for ((&grey, motion), &share) in seen.patch.grey.iter().zip(&seen.patch.motion).zip(&seen.share) {
            self.target.extend([grey, motion[0], motion[1]]);
            let picture = 3.0 * config.w_picture as f32 * (1.0 + config.w_pasted as f32 * share);
            self.importance.extend([picture, 1.5, 1.5]);
        }
        self.add_cells(&seen.share, (rows, cols), d_levels, config);
    }

    /// Adds one crop of a single picture, `w_pasted` times more important where a region was replaced.
    fn add_still(&mut self, seen: &Replaced, size: (usize, usize), d_levels: usize, config: &Config) {
        let channels = seen.pixels.len() / seen.share.len().max(1);
        self.target.extend_from_slice(&seen.pixels);
        let importance = seen.share.iter().map(|share| 1.0 + config.w_pasted as f32 * share);
        self.importance.extend(importance.flat_map(|importance| std::iter::repeat_n(importance, channels)));
        self.add_cells(&seen.share, size, d_levels, config);
    }

    /// D's target for every cell of its head: 0 where most of a pixel is what was put in.
    fn add_cells(&mut self, share: &[f32], (rows, cols): (usize, usize), d_levels: usize, config: &Config) {
        let side = 1 << d_levels;
        for (row, col) in (0..rows / side).flat_map(|row| (0..cols / side).map(move |col| (row, col))) {
            let pixels = (0..side).flat_map(|y| (0..side).map(move |x| (row * side + y) * cols + col * side + x));
            let false_here = pixels.map(|pixel| share[pixel]).fold(0.0, f32::max) > 0.5;
            self.cells.push(if false_here { 0.0 } else { config.real_label as f32 });
        }
    }
}

/// Box–Muller: two Gaussian numbers from two uniform ones.
fn add_noise(values: &mut [f32], sigma: f64, random: &mut SplitMix64) {
    for pair in values.chunks_mut(2) {
        let radius = sigma * (-2.0 * (1.0 - random.unit()).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * random.unit()).sin_cos();
        for (value, part) in pair.iter_mut().zip([cosine, sine]) {
            *value += (radius * part) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_its_mean_and_deviation() {
        let mut values = vec![0.0; 100_001];
        add_noise(&mut values, 0.2, &mut SplitMix64::part(1, 7));
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 0.003 && (variance.sqrt() - 0.2).abs() < 0.002, "{mean} {variance}");
    }
}
