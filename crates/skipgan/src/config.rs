//! Every number of the method in one flat page, and the presets (METHOD.md §6 names the switches).
//!
//! A preset is a TOML file of what differs from [`Config::default`]. Any key can be overridden by file or by `KEY=VALUE`. What the network
//! is built from ([`Config::spec`]), what it is trained with ([`Objective`]) and how it scores are views of this page.

mod check;
mod choices;
mod still;

pub use choices::{
    Bce, BnTest, ChannelCounts, Distance, FeatureChoice, FilterChoice, FitChoice, HeadChoice, Init, Join, LrSchedule, Order, Scale,
    ScoreChoice, Sees, Select, Skips,
};
pub use still::StillPictures;

use crate::spec::{Bias, DiscriminatorSpec, Features, GeneratorSpec, Head, Output, Spec, SpecError, Taps};
use serde::{Deserialize, Serialize};

/// The page. Keys are the names in the TOML files and of `--set KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Name of the preset that this page started from.
    pub preset: String,

    // ---- the picture ----
    /// Side of a square picture; 0: `width` and `height` hold.
    pub side: usize,
    /// Columns, where `side` is 0.
    pub width: usize,
    /// Rows, where `side` is 0; 0: the multiple of 2^levels (at least 16) nearest to the training footage's aspect.
    pub height: usize,
    /// 1: luma; 3: R, G, B (a grey source is replicated).
    pub channels: usize,
    /// Frames stacked in a window: t − history + 1 … t.
    pub history: usize,
    /// How a frame is brought to the size.
    pub fit: FitChoice,
    /// Resampling filter.
    pub filter: FilterChoice,
    /// What the network sees.
    pub sees: Sees,
    /// Frames a second that are looked at, where the footage has more and its rate is known: every k-th frame, k = ⌈rate / this − ½⌉; the
    /// others carry the last score. 0: every frame.
    pub analysed_rate: u32,
    /// Where motion is seen: the speed, in units of the usual one, above which G is told the direction alone (τ).
    pub gate: f64,
    /// `sees = restore`: whether the usual picture is shown in the light of the moment.
    pub usual_light: bool,

    // ---- G ----
    /// Channels after G's first halving (ngf).
    pub g_width: usize,
    /// Level i has `g_width · min(2^i, g_cap)` channels.
    pub g_cap: usize,
    /// Halvings; 0: until the short side is 1 (published).
    pub g_levels: usize,
    /// Skip connections: true, false, or one flag a level, outermost first.
    pub skips: Skips,
    /// Slope with which the decoder reads a skip, 0 to 1.
    pub skip_slope: f32,
    /// Batch-norm at the bottleneck.
    pub bottleneck_norm: bool,
    /// Slope with which the decoder reads the bottleneck, 0 to 1.
    pub bottleneck_slope: f32,
    /// Free or tied taps of the transposed convolutions.
    pub taps: Taps,
    /// tanh or linear.
    pub output: Output,
    /// Which convolutions have a bias.
    pub bias: Bias,

    // ---- D ----
    /// Channels after D's first halving (ndf).
    pub d_width: usize,
    /// Level i has `d_width · min(2^i, d_cap)` channels; 0: no ceiling (published).
    pub d_cap: usize,
    /// Halvings; 0: until the short side is at most 4 or a side turns odd (published).
    pub d_levels: usize,
    /// Latent vector or logit a cell.
    pub head: HeadChoice,
    /// Length of the latent vector.
    pub nz: usize,
    /// f(·) of the score L.
    pub features: FeatureChoice,
    /// f(·) of the latent loss.
    pub loss_features: FeatureChoice,

    // ---- losses ----
    /// Weight of the adversarial loss.
    pub w_adv: f64,
    /// Weight of the contextual loss.
    pub w_con: f64,
    /// Weight of the latent loss.
    pub w_lat: f64,
    /// On logits or on probabilities.
    pub bce: Bce,
    /// D's target for real pictures; 1 published.
    pub real_label: f64,
    /// Whether the latent term is part of D's loss (published).
    pub d_latent: bool,
    /// Order of the updates.
    pub order: Order,
    /// D is drawn anew below this loss; 0: never (1e-5 published).
    pub reinit_d: f64,

    // ---- training ----
    /// Windows a step.
    pub batch: usize,
    /// Passes over the training windows, where `steps` is 0.
    pub epochs: usize,
    /// Steps; 0: `epochs` holds.
    pub steps: u64,
    /// Learning rate of G (and of D where `d_lr` is 0).
    pub lr: f64,
    /// Learning rate of D; 0: as G.
    pub d_lr: f64,
    /// Adam's β₁.
    pub beta1: f64,
    /// Adam's β₂.
    pub beta2: f64,
    /// Adam's ε.
    pub epsilon: f64,
    /// Schedule of G (and of D where `d_lr_schedule` is not set).
    pub lr_schedule: LrSchedule,
    /// Schedule of D.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub d_lr_schedule: Option<LrSchedule>,
    /// Epochs at full rate (linear schedule; the authors' niter).
    pub lr_keep: usize,
    /// Epochs of the fade (linear schedule; the authors' niter_decay).
    pub lr_decay: usize,
    /// Rows of the crops that are trained on; 0: whole pictures. A multiple of 2^levels; needs `head = patch`.
    pub crop_height: usize,
    /// Columns of the crops; 0: whole pictures.
    pub crop_width: usize,
    /// Share of crops that are centred on something that moves.
    pub crop_moving: f64,
    /// Whether every other crop, at random, is mirrored (`sees = motion`).
    pub mirror: bool,
    /// Where motion is seen: in training the speed that makes the gate is scaled by k, log k uniform in ± log of this; 1: never.
    pub speed_jitter: f64,
    /// `sees = restore` or `still`: share of the crops into which something is put that does not belong.
    pub paste_share: f64,
    /// `sees = restore`: how much the picture counts in the contextual loss against the motion.
    pub w_picture: f64,
    /// `sees = restore` or `still`: how much more the picture counts where something was put in.
    pub w_pasted: f64,
    /// `sees = restore` or `still`: weight of D's loss as a critic of what was put in; needs `order = d_first`.
    pub w_critic: f64,
    /// σ of Gaussian noise added to G's input; 0 (0.2 in the code of August 2018).
    pub input_noise: f64,
    /// Whether the last partial batch of an epoch is dropped (published).
    pub drop_last: bool,
    /// Initial weights.
    pub init: Init,
    /// What scores is the mean of D's weights and of all running statistics over the last steps, each step counting this many times the one
    /// after it; 0: those of the last step.
    pub ema: f64,
    /// Seed of weights, order of windows and noise.
    pub seed: u64,
    /// What `best` means.
    pub select: Select,
    /// Steps between validations; 0: once an epoch.
    pub validate_every: u64,

    // ---- scores ----
    /// A = λR + (1−λ)L.
    pub lambda: f64,
    /// `sees = restore`: how much R of the picture counts beside R of the motion.
    pub picture_share: f64,
    /// `sees = restore`: how the two are joined.
    pub picture_join: Join,
    /// Rows and columns of the window over R of the picture, in cells of the half-size grid.
    pub picture_window: usize,
    /// Share of its windows that R of the picture is the mean of.
    pub picture_top_share: f64,
    /// How much of the map of R of the picture stays from one frame to the next (causal mean along a clip); 0: nothing.
    pub picture_memory: f64,
    /// Whether R and L are the mean of the highest `top_share` of their maps' window means; else means over the whole map (published).
    pub local: bool,
    /// That share.
    pub top_share: f64,
    /// Which number the `score` column holds; all but `a` need `sees = motion` or `restore`.
    pub score: ScoreChoice,
    /// Distance of R.
    pub score_r: Distance,
    /// Distance of L.
    pub score_l: Distance,
    /// Batch-norm while scoring.
    pub bn_test: BnTest,
    /// How raw scores become the `score` column.
    pub scale: Scale,
    /// Channel of the anomaly map, from 0; −1: mean over all; −2: the last one, which is the latest frame's where `channels = 1`.
    pub map_channel: i64,
    /// Causal smoothing of the `score` column: s(t) = smooth·s(t−1) + (1−smooth)·A(t); 0: none.
    pub smooth: f64,
    /// Whether P compares with the background after undoing the light: gain and offset, by a robust fit of the picture to it.
    pub place_light: bool,
    /// Where motion is seen: whether frames are marked in which the scene itself changed (light, camera, weather); no alarm there.
    pub scene_change: bool,
    /// Whether the light of such frames is brought back to the usual one.
    pub undo_light: bool,
    /// Whether such frames are brought back to where the camera usually looks.
    pub undo_shift: bool,
    /// False alarms wanted an hour (per 1,000 frames where no time is known): the threshold of alarms is chosen for it.
    pub false_alarms_per_hour: f64,
}

impl Default for Config {
    /// The middle column of METHOD.md §6 on the authors' network.
    fn default() -> Config {
        Config {
            preset: "default".into(),
            side: 32,
            width: 0,
            height: 0,
            channels: 3,
            history: 1,
            fit: FitChoice::Stretch,
            filter: FilterChoice::Bilinear,
            sees: Sees::Frames,
            analysed_rate: 0,
            gate: 0.35,
            usual_light: true,
            g_width: 64,
            g_cap: 8,
            g_levels: 0,
            skips: Skips::All(true),
            skip_slope: 0.0,
            bottleneck_norm: false,
            bottleneck_slope: 0.0,
            taps: Taps::Free,
            output: Output::Tanh,
            bias: Bias::Published,
            d_width: 64,
            d_cap: 0,
            d_levels: 0,
            head: HeadChoice::Latent,
            nz: 100,
            features: FeatureChoice::Latent,
            loss_features: FeatureChoice::Latent,
            w_adv: 1.0,
            w_con: 50.0,
            w_lat: 1.0,
            bce: Bce::Logits,
            real_label: 1.0,
            d_latent: true,
            order: Order::Repaired,
            reinit_d: 0.0,
            batch: 64,
            epochs: 15,
            steps: 0,
            lr: 2e-4,
            d_lr: 0.0,
            beta1: 0.5,
            beta2: 0.999,
            epsilon: 1e-8,
            lr_schedule: LrSchedule::Constant,
            d_lr_schedule: None,
            lr_keep: 15,
            lr_decay: 100,
            crop_height: 0,
            crop_width: 0,
            crop_moving: 0.8,
            mirror: false,
            speed_jitter: 1.0,
            paste_share: 0.7,
            w_picture: 4.0,
            w_pasted: 4.0,
            w_critic: 0.1,
            input_noise: 0.0,
            drop_last: false,
            init: Init::Normal,
            ema: 0.0,
            seed: 1,
            select: Select::Validation,
            validate_every: 0,
            lambda: 0.9,
            picture_share: 0.15,
            picture_join: Join::Max,
            picture_window: 3,
            picture_top_share: 0.006,
            picture_memory: 0.8,
            local: false,
            top_share: 0.003,
            score: ScoreChoice::A,
            score_r: Distance::L2,
            score_l: Distance::L2,
            bn_test: BnTest::Running,
            scale: Scale::Terms,
            map_channel: -1,
            smooth: 0.0,
            place_light: false,
            scene_change: true,
            undo_light: true,
            undo_shift: true,
            false_alarms_per_hour: 1.0,
        }
    }
}

/// What the losses and the step need to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// Weight of the adversarial loss.
    pub w_adv: f64,
    /// Weight of the contextual loss.
    pub w_con: f64,
    /// Weight of the latent loss.
    pub w_lat: f64,
    /// Weight of D's loss as a critic of changed pictures.
    pub w_critic: f64,
    /// On logits or on probabilities.
    pub bce: Bce,
    /// D's target for real pictures.
    pub real_label: f64,
    /// Whether the latent term is part of D's loss.
    pub d_latent: bool,
    /// Order of the updates.
    pub order: Order,
    /// D is drawn anew below this loss; 0: never.
    pub reinit_d: f64,
    /// Initial weights (for drawing D anew).
    pub init: Init,
    /// Seed (for drawing D anew).
    pub seed: u64,
    /// Distance of R.
    pub score_r: Distance,
    /// Distance of L.
    pub score_l: Distance,
    /// Channel of the anomaly map; `None`: mean over all.
    pub map_channel: Option<usize>,
}

/// Names of the presets, the default first.
pub const PRESETS: [&str; 5] = ["video", "motion", "official", "paper", "autoencoder"];

/// Fewest rows and columns in which motion can be found.
const LEAST_MOTION_SIDE: usize = 16;

/// Keys that scores of a trained network depend on (those of a calibration's basis), what is done where the scene changes,
/// and the one that alarms depend on.
pub const SCORING_KEYS: [&str; 20] = [
    "lambda",
    "picture_share",
    "picture_join",
    "picture_window",
    "picture_top_share",
    "picture_memory",
    "local",
    "top_share",
    "score",
    "score_r",
    "score_l",
    "features",
    "bn_test",
    "scale",
    "map_channel",
    "smooth",
    "scene_change",
    "undo_light",
    "undo_shift",
    "false_alarms_per_hour",
];

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No preset of that name.
    #[error("there is no preset '{0}'; choose one of: {list}", list = PRESETS.join(", "))]
    UnknownPreset(String),
    /// Text that is not TOML, an unknown key, or a value of the wrong kind.
    #[error("{origin}: {message}")]
    Invalid {
        /// File, preset or `KEY=VALUE`.
        origin: String,
        /// What is wrong, with the key.
        message: String,
    },
    /// A number outside its range.
    #[error("{key} = {value}: must be {range}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// What was given.
        value: String,
        /// What it may be.
        range: &'static str,
    },
    /// A network that cannot be built.
    #[error(transparent)]
    Spec(#[from] SpecError),
}

impl Config {
    /// The preset of that name.
    ///
    /// # Errors
    /// [`ConfigError::UnknownPreset`].
    pub fn preset(name: &str) -> Result<Config, ConfigError> {
        let text = match name {
            "video" => include_str!("presets/video.toml"),
            "motion" => include_str!("presets/motion.toml"),
            "official" => include_str!("presets/official.toml"),
            "paper" => include_str!("presets/paper.toml"),
            "autoencoder" => include_str!("presets/autoencoder.toml"),
            _ => return Err(ConfigError::UnknownPreset(name.into())),
        };
        Config { preset: name.into(), ..Config::default() }.with_toml(&format!("preset {name}"), text)
    }

    /// This page with the keys of a TOML text laid over it; `origin` names the text in errors.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for text that is not TOML, unknown keys and wrong kinds; [`ConfigError::OutOfRange`].
    pub fn with_toml(&self, origin: &str, text: &str) -> Result<Config, ConfigError> {
        let config = self.overlaid(origin, text)?;
        config.check()?;
        Ok(config)
    }

    /// This page with the keys of a TOML text laid over it, not checked as a whole.
    fn overlaid(&self, origin: &str, text: &str) -> Result<Config, ConfigError> {
        let invalid = |message: String| ConfigError::Invalid { origin: origin.into(), message: one_line(&message) };
        let over: toml::Table = text.parse().map_err(|error: toml::de::Error| invalid(error.to_string()))?;
        let mut page = toml::Table::try_from(self).map_err(|error| invalid(error.to_string()))?;
        page.extend(over);
        page.try_into().map_err(|error: toml::de::Error| invalid(error.to_string()))
    }

    /// This page with one `KEY=VALUE` laid over it; a value that is not TOML is taken as text.
    ///
    /// # Errors
    /// As [`Config::with_toml`].
    pub fn with_set(&self, assignment: &str) -> Result<Config, ConfigError> {
        self.with_sets(std::iter::once(assignment))
    }

    /// As [`Config::with_set`] with several, which are checked together: their order does not matter, but the last of one key holds.
    ///
    /// # Errors
    /// As [`Config::with_toml`].
    pub fn with_sets<'a>(&self, assignments: impl IntoIterator<Item = &'a str>) -> Result<Config, ConfigError> {
        let mut config = self.clone();
        for assignment in assignments {
            let told = format!("--set {assignment}");
            let Some((key, value)) = assignment.split_once('=') else {
                return Err(ConfigError::Invalid { origin: told, message: "expected KEY=VALUE".into() });
            };
            let (key, value) = (key.trim(), value.trim());
            let line = format!("{key} = {value}");
            let line = if line.parse::<toml::Table>().is_ok() { line } else { format!("{key} = {}", toml::Value::from(value)) };
            config = config.overlaid(&told, &line)?;
        }
        config.check()?;
        Ok(config)
    }

    /// As [`Config::with_set`], for a network that is already trained: only settings that scores depend on can change. What the network
    /// is, how frames reach it and how its state was chosen stay what they were.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for any other key.
    pub fn with_scoring_set(&self, assignment: &str) -> Result<Config, ConfigError> {
        let key = assignment.split('=').next().unwrap_or_default().trim();
        let changed = self.with_set(assignment)?;
        if SCORING_KEYS.contains(&key) {
            return Ok(changed);
        }
        let message = format!("belongs to the training and cannot change afterwards; these can: {}", SCORING_KEYS.join(", "));
        Err(ConfigError::Invalid { origin: format!("--set {assignment}"), message })
    }

    /// The page as TOML text, every key present.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a configuration is a flat table")
    }

    /// Rows and columns of the network's picture, for footage of `aspect` = (width, height).
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] where `height` is left to the aspect and that is not known or absurd.
    pub fn picture(&self, aspect: Option<(usize, usize)>) -> Result<(usize, usize), ConfigError> {
        if self.side > 0 {
            return Ok((self.side, self.side));
        }
        if self.sees.motion() && self.height == 0 {
            return self.bounded_picture(aspect);
        }
        if self.height > 0 {
            return Ok((self.height, self.width));
        }
        let unknown = ConfigError::OutOfRange { key: "height", value: "0".into(), range: "given, where the footage's aspect is not known" };
        let (source_width, source_height) = aspect.filter(|&(w, h)| w > 0 && h > 0).ok_or(unknown)?;
        let multiple = 16usize.max(1 << self.g_levels.max(self.d_levels).min(12));
        let exact = self.width as f64 * source_height as f64 / source_width as f64;
        let height = ((exact / multiple as f64).round() as usize).clamp(1, 4096 / multiple) * multiple;
        Ok((height, self.width))
    }

    /// Where motion is seen: `width` columns and the rows of the aspect, or where that is a tall picture as many of both as keep the area
    /// within `width`² (36,864 pixels at 192), multiples of 16 or of 2^levels.
    fn bounded_picture(&self, aspect: Option<(usize, usize)>) -> Result<(usize, usize), ConfigError> {
        let multiple = 16usize.max(1 << self.g_levels.max(self.d_levels).min(12));
        let rows = |width: usize| Config { sees: Sees::Frames, width, ..self.clone() }.picture(aspect).map(|(height, _)| height);
        let most = self.width * self.width;
        let mut width = self.width;
        while width > multiple && rows(width)? * width > most {
            width = (width - 1) / multiple * multiple;
        }
        Ok((rows(width)?, width))
    }

    /// Refuses pictures too small for motion to be found in.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`].
    pub fn check_motion_size(&self, height: usize, width: usize) -> Result<(), ConfigError> {
        if !self.sees.motion() || height.min(width) >= LEAST_MOTION_SIDE {
            return Ok(());
        }
        let value = format!("{width}x{height}");
        Err(ConfigError::OutOfRange { key: "width", value, range: "at least 16 rows and columns where motion is seen" })
    }

    /// The two networks for pictures of that size.
    ///
    /// # Errors
    /// [`ConfigError::Spec`] where they cannot be built.
    pub fn spec(&self, height: usize, width: usize) -> Result<Spec, ConfigError> {
        let levels = if self.g_levels > 0 { self.g_levels } else { full_levels(height.min(width)) };
        let channels = self.sees.channels(self.channels, self.history);
        let (published, rows, cols) = DiscriminatorSpec::published_levels(height, width);
        let d_levels = if self.d_levels > 0 { self.d_levels } else { published };
        let (rows, cols) = if self.d_levels > 0 { (height >> d_levels, width >> d_levels) } else { (rows, cols) };
        let spec = Spec {
            generator: GeneratorSpec {
                input_channels: channels.input,
                output_channels: channels.target,
                width: self.g_width,
                cap: self.g_cap,
                levels,
                bottleneck_norm: self.bottleneck_norm,
                bottleneck_slope: self.bottleneck_slope,
                skips: match &self.skips {
                    Skips::All(on) => vec![*on; levels.saturating_sub(1)],
                    Skips::Levels(flags) => flags.clone(),
                },
                skip_slope: self.skip_slope,
                taps: self.taps,
                output: self.output,
                bias: self.bias,
            },
            discriminator: DiscriminatorSpec {
                input_channels: channels.context + channels.target,
                width: self.d_width,
                cap: (self.d_cap > 0).then_some(self.d_cap),
                levels: d_levels,
                head: match self.head {
                    HeadChoice::Latent => Head::Latent { nz: self.nz, rows, cols },
                    HeadChoice::Patch => Head::Patch,
                },
                loss_features: features(self.loss_features, d_levels),
                score_features: features(self.features, d_levels),
                bias: self.bias,
            },
        };
        spec.check()?;
        spec.check_picture(height, width)?;

        Ok(spec)
    }

    /// What the losses and the step need to know.
    pub fn objective(&self) -> Objective {
        Objective {
            w_adv: self.w_adv,
            w_con: self.w_con,
            w_lat: self.w_lat,
            w_critic: self.w_critic,
            bce: self.bce,
            real_label: self.real_label,
            d_latent: self.d_latent,
            order: self.order,
            reinit_d: self.reinit_d,
            init: self.init,
            seed: self.seed,
            score_r: self.score_r,
            score_l: self.score_l,
            map_channel: match self.map_channel {
                -2 => self.sees.channels(self.channels, self.history).target.checked_sub(1),
                other => usize::try_from(other).ok(),
            },
        }
    }

    /// Why numbers made with this page are not strict (EVALUATION.md §1); empty where they are.
    pub fn not_strict_because(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.bn_test == BnTest::Batch {
            reasons.push("bn_test = batch: a score depends on the other frames of its batch".into());
        }
        if self.scale == Scale::TestMinmax {
            reasons.push("scale = test_minmax: scores are scaled by the test set's own extremes".into());
        }
        if self.select == Select::TestBest {
            reasons.push("select = test_best: the epoch was chosen by the test set's labels".into());
        }
        reasons
    }

    /// Rows and columns of what is trained on, for pictures of that size: crops, where they are smaller.
    pub fn training_size(&self, height: usize, width: usize) -> (usize, usize) {
        let side = |crop: usize, whole: usize| if crop == 0 { whole } else { crop.min(whole) };
        (side(self.crop_height, height), side(self.crop_width, width))
    }
}

/// Halvings until the short side would turn odd or is 1.
fn full_levels(short_side: usize) -> usize {
    short_side.trailing_zeros().max(1) as usize
}

fn features(choice: FeatureChoice, levels: usize) -> Features {
    match choice {
        FeatureChoice::Latent => Features::Latent,
        FeatureChoice::LastHidden => Features::Levels(vec![levels.saturating_sub(1)]),
        FeatureChoice::All => Features::Levels((0..levels).collect()),
    }
}

/// TOML's errors are several lines with a drawing; a program's message is one.
fn one_line(message: &str) -> String {
    let told = message.lines().filter(|line| !line.contains(" | ") && !line.trim_start().starts_with('|') && !line.trim().is_empty());
    told.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_loads_and_builds() {
        for name in PRESETS {
            let config = Config::preset(name).expect(name);
            let (height, width) = config.picture(Some((360, 240))).expect(name);
            config.spec(height, width).expect(name);
            assert_eq!(config.preset, name);
        }
    }

    #[test]
    fn video_is_192_wide_and_follows_the_aspect() {
        let video = Config::preset("video").expect("video");
        assert_eq!(video.picture(Some((360, 240))).expect("known aspect"), (128, 192));
        assert_eq!(video.picture(Some((640, 360))).expect("known aspect"), (112, 192));
        assert!(video.picture(None).is_err());
    }

    #[test]
    fn the_map_is_the_latest_frames_whatever_the_history() {
        let stacked = Config { channels: 1, history: 3, map_channel: -2, ..Config::default() };
        assert_eq!(stacked.objective().map_channel, Some(2));
        let single = stacked.with_set("history=1").expect("one frame has a last channel too");
        assert_eq!(single.objective().map_channel, Some(0));
        assert_eq!(stacked.with_set("map_channel=-1").expect("the mean").objective().map_channel, None);
        for outside in ["map_channel=-3", "map_channel=3"] {
            assert!(stacked.with_set(outside).expect_err(outside).to_string().contains("map_channel"));
        }
    }

    #[test]
    fn set_takes_numbers_and_words() {
        let config = Config::preset("official").expect("official");
        let config = config.with_set("order=repaired").and_then(|c| c.with_set("side = 64")).expect("known keys");
        assert_eq!((config.order, config.side), (Order::Repaired, 64));
        assert_eq!(config.spec(64, 64).expect("published network").generator.levels, 6);
    }

    #[test]
    fn an_unknown_key_and_a_wrong_kind_are_named() {
        let config = Config::default();
        for (assignment, word) in [("lamda=0.5", "lamda"), ("order=sideways", "sideways"), ("lr=-1", "lr"), ("nonsense", "KEY=VALUE")] {
            let message = config.with_set(assignment).expect_err(assignment).to_string();
            assert!(message.contains(word) && !message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn a_blend_needs_a_usual_picture_and_no_noise() {
        for (preset, assignment, word) in [("motion", "output=blend", "restore"), ("video", "input_noise=0.1", "blend")] {
            let message = Config::preset(preset).and_then(|config| config.with_set(assignment)).expect_err(assignment).to_string();
            assert!(message.contains(word), "{message}");
        }
        let mut spec = Config::preset("video").and_then(|config| config.spec(64, 96)).expect("video");
        spec.generator.input_channels = 1;
        assert!(spec.check().is_err(), "a blend of one picture");
    }

    #[test]
    fn a_trained_network_takes_settings_of_scores_only() {
        let config = Config::preset("official").expect("official");
        assert_eq!(config.with_scoring_set("lambda = 0.5").expect("a setting of scores").lambda, 0.5);
        for assignment in ["select=validation", "fit=stretch", "output=linear", "g_width=32"] {
            let message = config.with_scoring_set(assignment).expect_err(assignment).to_string();
            assert!(message.contains(assignment) && message.contains("lambda"), "{message}");
        }
    }

    #[test]
    fn a_page_survives_its_own_text() {
        for name in PRESETS {
            let config = Config::preset(name).expect(name);
            assert_eq!(Config::default().with_toml("copy", &config.to_toml()).expect(name), config);
        }
    }
}
