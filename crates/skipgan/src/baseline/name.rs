//! The names of the baselines, as the program's user types them.

use super::{BaselineError, Detector, Fitted, FrameDifference, NearestFrame, RunningBackground, TrainingMedian};
use crate::config::ScoreChoice;
use std::fmt;
use std::str::FromStr;

/// A baseline by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Baseline {
    /// Mean absolute frame difference.
    FdMean,
    /// Largest 15 × 15 box mean of the absolute frame difference.
    FdMax15,
    /// Largest 31 × 31 box mean of the absolute frame difference.
    FdMax31,
    /// Mean absolute difference from the median picture of the training footage.
    TmMean,
    /// Largest 15 × 15 box mean of the absolute difference from a background that follows slowly.
    Background,
    /// Mean absolute difference from the nearest training frame, both in little.
    Nearest,
}

/// A baseline made of the default score's terms that need no network: the same windows, calibration and rule of combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TermBaseline {
    /// Ũ: motion against rest, by optical flow.
    Flow,
    /// P̃: the picture against the background.
    Place,
    /// Ũ + P̃.
    FlowPlace,
}

impl TermBaseline {
    /// All of them.
    pub const ALL: [TermBaseline; 3] = [TermBaseline::Flow, TermBaseline::Place, TermBaseline::FlowPlace];

    /// The name to type.
    pub fn name(self) -> &'static str {
        match self {
            TermBaseline::Flow => "flow",
            TermBaseline::Place => "place",
            TermBaseline::FlowPlace => "flow-place",
        }
    }

    /// Which number of the default score it is.
    pub fn score(self) -> ScoreChoice {
        match self {
            TermBaseline::Flow => ScoreChoice::Flow,
            TermBaseline::Place => ScoreChoice::Place,
            TermBaseline::FlowPlace => ScoreChoice::FlowPlace,
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<TermBaseline> {
        Self::ALL.into_iter().find(|baseline| baseline.name() == name)
    }
}

/// Whether frames follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Footage {
    /// Clips of consecutive frames.
    Clips,
    /// Pictures that have nothing to do with each other.
    Stills,
}

impl Baseline {
    /// All of them, the simplest first.
    pub const ALL: [Baseline; 6] =
        [Baseline::FdMean, Baseline::FdMax15, Baseline::FdMax31, Baseline::TmMean, Baseline::Background, Baseline::Nearest];

    /// The name to type.
    pub fn name(self) -> &'static str {
        match self {
            Baseline::FdMean => "fd-mean",
            Baseline::FdMax15 => "fd-max15",
            Baseline::FdMax31 => "fd-max31",
            Baseline::TmMean => "tm-mean",
            Baseline::Background => "background",
            Baseline::Nearest => "nearest",
        }
    }

    /// What it is, in one line.
    pub fn description(self) -> &'static str {
        match self {
            Baseline::FdMean => "mean absolute difference from the frame before",
            Baseline::FdMax15 => "largest 15×15 box mean of the absolute difference from the frame before",
            Baseline::FdMax31 => "largest 31×31 box mean of the absolute difference from the frame before",
            Baseline::TmMean => "mean absolute difference from the median of every 10th training frame",
            Baseline::Background => "largest 15×15 box mean of the absolute difference from a running background (a tenth a frame)",
            Baseline::Nearest => "mean absolute difference from the nearest of every 10th training frame, as 16×8 cells",
        }
    }

    /// The names of all baselines, these and [`TermBaseline`]s, for messages.
    pub fn list() -> String {
        let all: Vec<&str> = Self::ALL.into_iter().map(Self::name).chain(TermBaseline::ALL.map(TermBaseline::name)).collect();
        all.join(", ")
    }

    /// Whether training footage is needed before the first score (not only for the scale of the scores).
    pub fn needs_fitting(self) -> bool {
        matches!(self, Baseline::TmMean | Baseline::Nearest)
    }

    /// Refuses footage that this baseline cannot judge.
    ///
    /// # Errors
    /// [`BaselineError::NeedsConsecutiveFrames`] for frame differences and running backgrounds on stills.
    pub fn accept(self, footage: Footage) -> Result<(), BaselineError> {
        match footage {
            Footage::Stills if !self.needs_fitting() => Err(BaselineError::NeedsConsecutiveFrames { name: self.name() }),
            _ => Ok(()),
        }
    }

    /// The detector; `fitted` is what it took from the training footage, where it [needs to](Baseline::needs_fitting).
    ///
    /// # Errors
    /// [`BaselineError::TooFewFrames`] where a baseline that needs fitting is not given what it needs.
    pub fn detector(self, fitted: Option<Fitted>) -> Result<Box<dyn Detector>, BaselineError> {
        let missing = BaselineError::TooFewFrames { name: self.name(), frames: 0, least: 1 };
        Ok(match (self, fitted) {
            (Baseline::FdMean, _) => Box::new(FrameDifference::mean()),
            (Baseline::FdMax15, _) => Box::new(FrameDifference::maximum(15)),
            (Baseline::FdMax31, _) => Box::new(FrameDifference::maximum(31)),
            (Baseline::Background, _) => Box::new(RunningBackground::default()),
            (Baseline::TmMean, Some(Fitted::Median(picture))) => Box::new(TrainingMedian::new(picture)),
            (Baseline::Nearest, Some(Fitted::Thumbnails(known))) => Box::new(NearestFrame::new(known)),
            (Baseline::TmMean | Baseline::Nearest, _) => return Err(missing),
        })
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Baseline {
    type Err = BaselineError;

    fn from_str(name: &str) -> Result<Self, BaselineError> {
        Self::ALL.into_iter().find(|baseline| baseline.name() == name).ok_or_else(|| BaselineError::Unknown { name: name.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for baseline in Baseline::ALL {
            assert_eq!(baseline.to_string().parse::<Baseline>().unwrap(), baseline);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones_in_one_line() {
        let message = "fd-max".parse::<Baseline>().unwrap_err().to_string();
        let names = "fd-mean, fd-max15, fd-max31, tm-mean, background, nearest, flow, place, flow-place";
        assert_eq!(message, format!("there is no baseline 'fd-max'; choose one of: {names}"));
    }

    #[test]
    fn frame_differences_refuse_stills() {
        let message = Baseline::FdMax31.accept(Footage::Stills).unwrap_err().to_string();
        assert!(message.contains("fd-max31 needs consecutive frames"), "{message}");
        assert!(Baseline::Background.accept(Footage::Stills).is_err());
        assert!(Baseline::TmMean.accept(Footage::Stills).is_ok() && Baseline::Nearest.accept(Footage::Stills).is_ok());
        assert!(Baseline::FdMean.accept(Footage::Clips).is_ok());
        assert!(Baseline::TmMean.detector(None).is_err() && Baseline::Nearest.detector(None).is_err());
    }
}
