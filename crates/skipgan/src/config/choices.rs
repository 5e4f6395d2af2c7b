//! The words of a configuration: each choice that the method leaves, published or ours (METHOD.md §6 names the switches). No numbers here.

use serde::{Deserialize, Serialize};

/// How a frame is brought to the network's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FitChoice {
    /// Stretched to the size, aspect not kept.
    Stretch,
    /// Scaled to fit, bars of grey.
    Letterbox,
    /// Short side scaled to the size, centre cut out (the authors' way: the sides of a wide frame are never seen).
    Crop,
}

/// What the network sees at one instant, what it must produce, and what D sees beside that (docs/method.md, "what the network sees").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sees {
    /// G sees and reconstructs the frames t − history + 1 … t (published: one picture).
    Frames,
    /// G sees the picture, its rows and where things move which way, with the speed saturated; it must supply the speed that is usual.
    Motion,
    /// G sees the picture, the usual picture of the place, its rows and columns and where things move which way; it must supply picture and
    /// motion as they usually are. In training, things are put into what it sees that do not belong, and it must take them out.
    Restore,
    /// Single pictures: G sees the picture and must supply it as it usually is. In training, regions of what it sees are replaced by what
    /// does not belong there.
    Still,
}

/// Channels of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelCounts {
    /// What G sees.
    pub input: usize,
    /// What G must produce.
    pub target: usize,
    /// What D sees beside it.
    pub context: usize,
}

impl Sees {
    /// Channels for pictures of `planes` planes and `history` frames a window.
    pub fn channels(self, planes: usize, history: usize) -> ChannelCounts {
        match self {
            Sees::Frames | Sees::Still => ChannelCounts { input: planes * history, target: planes * history, context: 0 },
            Sees::Motion => ChannelCounts { input: 4, target: 2, context: 2 },
            Sees::Restore => ChannelCounts { input: 6, target: 3, context: 3 },
        }
    }

    /// Whether motion is seen.
    pub fn motion(self) -> bool {
        matches!(self, Sees::Motion | Sees::Restore)
    }

    /// Whether in training something is put into what G sees that does not belong there.
    pub fn restores(self) -> bool {
        matches!(self, Sees::Restore | Sees::Still)
    }

    /// Whether a trained network comes with what is usual at its camera, or for its pictures.
    pub fn knows_usual(self) -> bool {
        self != Sees::Frames
    }
}

/// How R̃ of the picture joins R̃ of the motion, where G restores both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// The larger: what departs does so in how it looks or in how it moves. What is strange in one way alone (a person who waits) is not
    /// added to what is not (how the others walk).
    #[default]
    Max,
    /// Their sum.
    Sum,
}

/// Which number the `score` column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreChoice {
    /// A = λR̃ + (1−λ)L̃: the paper's score.
    A,
    /// S = A + (Ũ − 1)⁺ + (P̃ − 1)⁺: A with two further references of normality, rest (Ũ) and the background (P̃).
    S,
    /// Ũ alone: motion against rest; no network is asked.
    Flow,
    /// P̃ alone: the picture against the background; no network is asked.
    Place,
    /// Ũ + P̃: what is left without the network, by the same windows and calibration.
    FlowPlace,
}

/// Resampling filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilterChoice {
    /// Antialiased bilinear convolution.
    Bilinear,
    /// Area mean.
    Box,
}

/// Adversarial loss: on logits, or on probabilities as published (logarithm clamped at −100).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bce {
    /// BCE with logits.
    Logits,
    /// σ first, then BCE with log clamped at −100.
    Prob,
}

/// Order of the two updates in a step (METHOD.md §4, DETECTION.md §3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// One G pass, two D passes, both gradients, both updates.
    Repaired,
    /// As the authors' code: D meets the reconstruction a third time (its running statistics move once more).
    Official,
    /// Before December 2019: D first; the latent term has no gradient for G.
    FirstRelease,
    /// D first, then D(x̂) and D(x) again with its new weights; f(x) held fixed for G.
    DFirst,
}

/// Distance of R or L at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// Mean square (the authors' code).
    L2,
    /// Mean absolute difference (the paper's text for R).
    L1,
    /// Length of the difference over all channels: for motion, how far one velocity is from the other.
    Length,
}

/// Which of D's maps are f(·).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureChoice {
    /// The latent vector (the authors' code).
    Latent,
    /// LeakyReLU output of the last level (the paper's words).
    LastHidden,
    /// LeakyReLU outputs of all levels.
    All,
}

/// D's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadChoice {
    /// A latent vector over the whole map (published).
    Latent,
    /// A logit a cell.
    Patch,
}

/// Batch-norm statistics while scoring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BnTest {
    /// Running statistics.
    Running,
    /// Statistics of the test batch (published; a score then depends on its batch: not strict).
    Batch,
    /// Statistics of each image alone.
    Instance,
}

/// How raw scores become the `score` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// R̃ and L̃ each standardised by held-out normal footage, then λR̃ + (1−λ)L̃.
    Terms,
    /// λR + (1−λ)L standardised as a whole.
    Total,
    /// Min-max over the test set (published; needs all test scores: not strict).
    TestMinmax,
}

/// Which training state is kept as `best`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// Least contextual loss on held-out normal clips.
    Validation,
    /// The last step.
    Last,
    /// Highest AUC on the test set (the authors' habit; the number is labelled so).
    TestBest,
}

/// Learning-rate schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LrSchedule {
    /// No change.
    Constant,
    /// 1 − max(0, epoch + 1 − lr_keep)/(lr_decay + 1).
    Linear,
    /// Cosine from lr/25 up to lr over the first tenth of the steps, then down to lr/250,000; β₁ runs from 0.95 to 0.85 and back.
    OneCycle,
}

/// Initial weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// N(0, 0.02), norm scales N(1, 0.02), shifts and biases 0 (published).
    Normal,
    /// U(±1/√fan_in) for weights and biases, norm scales 1, shifts 0.
    FanIn,
}

/// `skips = true`, `false`, or a list of flags.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Skips {
    /// All or none.
    All(bool),
    /// One flag a level, outermost first; `g_levels − 1` of them.
    Levels(Vec<bool>),
}
