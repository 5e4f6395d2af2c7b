//! The shape of the two networks as plain data (METHOD.md §1–2): widths, depth, skips, heads. No numbers of training, no weights.
//!
//! Everything that executes a network ([`crate::model`] on processors, `crate::gpu` on GPUs) is built from a [`Spec`] alone, and every
//! tensor has one name and one shape, so a checkpoint does not know where it was trained.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Both networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// G: the U-Net that reconstructs.
    pub generator: GeneratorSpec,
    /// D: tells real from reconstructed, and gives the features f(·).
    pub discriminator: DiscriminatorSpec,
}

/// Encoder–decoder with skip connections. Level 0 is the outermost; level `levels − 1` is the bottleneck.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeneratorSpec {
    /// Channels of what G sees.
    pub input_channels: usize,
    /// Channels of what G must produce.
    pub output_channels: usize,
    /// Channels after the first halving (the authors' `ngf`).
    pub width: usize,
    /// Level i has `width · min(2^i, cap)` channels; 8 published.
    pub cap: usize,
    /// Number of halvings; both sides must be multiples of `2^levels`.
    pub levels: usize,
    /// Whether the bottleneck has a batch-norm; false published.
    pub bottleneck_norm: bool,
    /// Slope of the activation through which the decoder reads the bottleneck, 0 to 1; 0 (ReLU) published.
    pub bottleneck_slope: f32,
    /// Whether level i passes its map to the decoder, for i in `0..levels − 1`; all true published.
    pub skips: Vec<bool>,
    /// Slope of the activation through which the decoder reads a skip, 0 to 1; 0 (ReLU) published.
    pub skip_slope: f32,
    /// Taps of the transposed convolutions.
    pub taps: Taps,
    /// What follows the last transposed convolution.
    pub output: Output,
    /// Which convolutions have a bias.
    pub bias: Bias,
}

/// A convolutional classifier whose hidden maps are the features f(·).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiscriminatorSpec {
    /// Channels of what D sees: context first, then target or reconstruction.
    pub input_channels: usize,
    /// Channels after the first halving (the authors' `ndf`).
    pub width: usize,
    /// Level i has `width · min(2^i, cap)` channels; `None` (published): no ceiling.
    pub cap: Option<usize>,
    /// Number of halvings before the head.
    pub levels: usize,
    /// What turns the last map into a logit.
    pub head: Head,
    /// Features of the latent loss.
    pub loss_features: Features,
    /// Features of the latent score L.
    pub score_features: Features,
    /// Which convolutions have a bias.
    pub bias: Bias,
}

/// Taps of a 4×4 stride-2 transposed convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taps {
    /// Sixteen free parameters (published).
    Free,
    /// Nine parameters W₃ with W₄ = T·W₃·Tᵀ: nearest ×2 followed by a 3×3 convolution (DETECTION.md §3.5). W₃ is what is stored and updated.
    Tied,
}

/// What follows G's last transposed convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// tanh (published): pictures in [−1, 1].
    Tanh,
    /// Nothing: targets without bounds, such as motion.
    Linear,
    /// The first channel is a blend of the first two of the input, a picture and the usual one, G giving the share; the others are linear
    /// ([`crate::layers::output`]).
    Blend,
}

/// Which convolutions have a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bias {
    /// G's last transposed convolution alone.
    Published,
    /// Every convolution that no batch-norm follows.
    Unnormed,
}

/// D's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// Published: one convolution over the whole remaining map to `nz` numbers (`d.latent`), then one linear unit (`d.head`). Fixes the picture size.
    Latent {
        /// Length of the latent vector.
        nz: usize,
        /// Rows of the map that it takes.
        rows: usize,
        /// Columns of the map that it takes.
        cols: usize,
    },
    /// One logit a cell of the last map, by a 1×1 convolution; losses average over cells; any picture size.
    Patch,
}

/// Which of D's maps are f(·).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Features {
    /// The vector of [`Head::Latent`] (the authors' code).
    Latent,
    /// LeakyReLU outputs of these levels, outermost 0; the list of the last level alone is `last_hidden` (the paper's words). A distance is the sum over levels of each level's mean.
    Levels(Vec<usize>),
}

/// Which way a 4×4, stride 2, padding 1 weight joins a large and a small map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Convolution: halves the map.
    Down,
    /// Transposed convolution: doubles it.
    Up,
}

/// One strided convolution and what stands after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Prefix of its tensors, such as `g.enc.0`.
    pub name: String,
    /// Halving or doubling.
    pub direction: Direction,
    /// Channels of its large map.
    pub wide: usize,
    /// Channels of its small map (for a decoder level with a skip: both halves).
    pub deep: usize,
    /// Whether a batch-norm follows.
    pub norm: bool,
    /// Whether it has a bias.
    pub bias: bool,
    /// Free or tied taps (tied only where `direction` is `Up`).
    pub taps: Taps,
}

impl Layer {
    /// Channels that the layer produces.
    pub fn output_channels(&self) -> usize {
        match self.direction {
            Direction::Down => self.deep,
            Direction::Up => self.wide,
        }
    }
}

impl GeneratorSpec {
    /// Channels of level `level`'s encoder map.
    pub fn channels(&self, level: usize) -> usize {
        self.width * capped_power(level, Some(self.cap))
    }

    /// Whether the decoder of `level` reads the encoder's map beside the one from below.
    pub fn has_skip(&self, level: usize) -> bool {
        level + 1 < self.levels && self.skips[level]
    }

    /// `g.enc.0 … g.enc.{levels−1}`: outermost first.
    pub fn encoder(&self) -> Vec<Layer> {
        (0..self.levels)
            .map(|level| {
                let bottleneck = level + 1 == self.levels;
                let norm = level > 0 && (!bottleneck || self.bottleneck_norm);
                Layer {
                    name: format!("g.enc.{level}"),
                    direction: Direction::Down,
                    wide: if level == 0 { self.input_channels } else { self.channels(level - 1) },
                    deep: self.channels(level),
                    norm,
                    bias: !norm && self.bias == Bias::Unnormed,
                    taps: Taps::Free,
                }
            })
            .collect()
    }

    /// `g.dec.0 … g.dec.{levels−1}`: outermost first, so they run from last to first.
    pub fn decoder(&self) -> Vec<Layer> {
        (0..self.levels)
            .map(|level| Layer {
                name: format!("g.dec.{level}"),
                direction: Direction::Up,
                wide: if level == 0 { self.output_channels } else { self.channels(level - 1) },
                deep: self.channels(level) * if self.has_skip(level) { 2 } else { 1 },
                norm: level > 0,
                bias: level == 0,
                taps: self.taps,
            })
            .collect()
    }
}

impl DiscriminatorSpec {
    /// Channels of level `level`'s map.
    pub fn channels(&self, level: usize) -> usize {
        self.width * capped_power(level, self.cap)
    }

    /// `d.feat.0 … d.feat.{levels−1}`.
    pub fn layers(&self) -> Vec<Layer> {
        (0..self.levels)
            .map(|level| Layer {
                name: format!("d.feat.{level}"),
                direction: Direction::Down,
                wide: if level == 0 { self.input_channels } else { self.channels(level - 1) },
                deep: self.channels(level),
                norm: level > 0,
                bias: level == 0 && self.bias == Bias::Unnormed,
                taps: Taps::Free,
            })
            .collect()
    }

    /// The published number of halvings and the map that is left: until the short side is at most 4 or a side turns odd (METHOD.md §2).
    pub fn published_levels(height: usize, width: usize) -> (usize, usize, usize) {
        let (mut rows, mut cols, mut levels) = (height, width, 0);
        while rows.min(cols) > 4 && rows.is_multiple_of(2) && cols.is_multiple_of(2) {
            (rows, cols, levels) = (rows / 2, cols / 2, levels + 1);
        }
        (levels, rows, cols)
    }
}

/// min(2^level, cap), without overflow.
fn capped_power(level: usize, cap: Option<usize>) -> usize {
    let power = 1usize.checked_shl(level as u32).unwrap_or(usize::MAX);
    power.min(cap.unwrap_or(usize::MAX))
}

/// Why a [`Spec`] cannot be built or cannot take a picture.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecError {
    /// A number outside its range.
    #[error("{name} is {value}; it must be {range}")]
    OutOfRange {
        /// The field.
        name: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        range: String,
    },
    /// A picture whose sides G cannot halve.
    #[error("a picture {width} wide and {height} high does not fit {levels} halvings: both sides must be multiples of {multiple}")]
    Sides {
        /// Rows of the picture.
        height: usize,
        /// Columns of the picture.
        width: usize,
        /// G's or D's levels.
        levels: usize,
        /// 2^levels.
        multiple: usize,
    },
    /// A picture of another size than D's latent head was built for.
    #[error(
        "the discriminator's latent head takes pictures of {expected_width}x{expected_height}, not {width}x{height}; score at the training size or use head = \"patch\""
    )]
    LatentHead {
        /// Rows of the picture.
        height: usize,
        /// Columns of the picture.
        width: usize,
        /// Rows that the head was built for.
        expected_height: usize,
        /// Columns that the head was built for.
        expected_width: usize,
    },
}

/// Largest number of levels that is accepted: a picture of 2^12 pixels a side.
const MAX_LEVELS: usize = 12;
/// Largest number of channels of any map that is accepted.
const MAX_CHANNELS: usize = 1 << 14;

impl Spec {
    /// Checks every number against its range, so that building and sizing cannot overflow or panic.
    ///
    /// # Errors
    /// [`SpecError::OutOfRange`] naming the first field that is not in its range.
    pub fn check(&self) -> Result<(), SpecError> {
        let (g, d) = (&self.generator, &self.discriminator);
        in_range("generator.levels", g.levels, 1, MAX_LEVELS)?;
        in_range("discriminator.levels", d.levels, 1, MAX_LEVELS)?;
        in_range("generator.output_channels", g.output_channels, 1, MAX_CHANNELS)?;
        let least = if g.output == Output::Blend { 2 } else { 1 };
        in_range("generator.input_channels", g.input_channels, least, MAX_CHANNELS)?;
        in_range("discriminator.input_channels", d.input_channels, g.output_channels, MAX_CHANNELS)?;
        in_range("generator.width", g.width, 1, MAX_CHANNELS)?;
        in_range("discriminator.width", d.width, 1, MAX_CHANNELS)?;
        in_range("generator.cap", g.cap, 1, MAX_CHANNELS)?;
        // The larger of a value and its slope times it is the activation only so (`kernels::Lens`).
        in_range("generator.skip_slope", g.skip_slope, 0.0, 1.0)?;
        in_range("generator.bottleneck_slope", g.bottleneck_slope, 0.0, 1.0)?;
        in_range("generator.skips (count)", g.skips.len(), g.levels - 1, g.levels - 1)?;
        in_range("generator channels at the bottleneck", g.width.saturating_mul(capped_power(g.levels - 1, Some(g.cap))), 1, MAX_CHANNELS)?;
        in_range("discriminator channels at the last level", d.width.saturating_mul(capped_power(d.levels - 1, d.cap)), 1, MAX_CHANNELS)?;
        if let Head::Latent { nz, rows, cols } = d.head {
            in_range("discriminator.head.nz", nz, 1, MAX_CHANNELS)?;
            in_range("discriminator.head.rows", rows, 1, 1 << 12)?;
            in_range("discriminator.head.cols", cols, 1, 1 << 12)?;
        }
        for features in [&d.loss_features, &d.score_features] {
            check_features(features, d)?;
        }
        Ok(())
    }

    /// Whether a picture of `height` rows and `width` columns fits both networks.
    ///
    /// # Errors
    /// [`SpecError::Sides`] where it cannot be halved often enough, [`SpecError::LatentHead`] where D's head was built for another size.
    pub fn check_picture(&self, height: usize, width: usize) -> Result<(), SpecError> {
        for levels in [self.generator.levels, self.discriminator.levels] {
            let multiple = 1usize << levels;
            if height == 0 || width == 0 || !height.is_multiple_of(multiple) || !width.is_multiple_of(multiple) {
                return Err(SpecError::Sides { height, width, levels, multiple });
            }
        }
        let shift = self.discriminator.levels;
        match self.discriminator.head {
            Head::Latent { rows, cols, .. } if (rows << shift, cols << shift) != (height, width) => {
                Err(SpecError::LatentHead { height, width, expected_height: rows << shift, expected_width: cols << shift })
            }
            _ => Ok(()),
        }
    }

    /// Channels that D sees beside the target: the context.
    pub fn context_channels(&self) -> usize {
        self.discriminator.input_channels - self.generator.output_channels
    }
}

fn check_features(features: &Features, d: &DiscriminatorSpec) -> Result<(), SpecError> {
    let wrong = |value: String, range: String| Err(SpecError::OutOfRange { name: "discriminator features", value, range });
    match (features, d.head) {
        (Features::Latent, Head::Patch) => wrong("latent".into(), "levels, since a patch head has no latent vector".into()),
        (Features::Levels(levels), _) if levels.is_empty() || levels.iter().any(|&level| level >= d.levels) => {
            wrong(format!("{levels:?}"), format!("a list of levels in 0..{}", d.levels))
        }
        _ => Ok(()),
    }
}

fn in_range<T: Copy + PartialOrd + fmt::Display>(name: &'static str, value: T, low: T, high: T) -> Result<(), SpecError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(SpecError::OutOfRange {
        name,
        value: value.to_string(),
        range: if low == high { low.to_string() } else { format!("{low} to {high}") },
    })
}
