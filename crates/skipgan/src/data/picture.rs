//! How a frame is brought to the network's size: the part of the configuration that a cache and a stream must agree on.

use crate::config::{Config, FilterChoice, FitChoice};
use serde::{Deserialize, Serialize};
use video::{Channels, Filter, Fit, ResizeError, Resizer, Target};

/// Size, channels, fit and filter of the network's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureSettings {
    /// Rows, 1 to 4096.
    pub height: usize,
    /// Columns, 1 to 4096.
    pub width: usize,
    /// 1: luma. 3: R, G, B; a grey source gives three equal planes.
    pub channels: usize,
    /// What to do where aspects differ.
    pub fit: FitChoice,
    /// Resampling filter.
    pub filter: FilterChoice,
    /// Frames a second that are looked at, where footage has more; 0: every frame.
    pub analysed_rate: u32,
}

impl PictureSettings {
    /// The settings of `config` for a picture of that size (see [`Config::picture`]).
    #[must_use]
    pub fn new(config: &Config, height: usize, width: usize) -> PictureSettings {
        PictureSettings {
            height,
            width,
            channels: config.channels,
            fit: config.fit,
            filter: config.filter,
            analysed_rate: config.analysed_rate,
        }
    }

    /// k, where every k-th frame of footage with that many frames a second is looked at: 2 at 25, 3 at 30, 1 at 10 or where it is not known.
    #[must_use]
    pub fn every(&self, frame_rate: Option<f64>) -> u64 {
        match frame_rate {
            Some(rate) if self.analysed_rate > 0 && rate.is_finite() => {
                ((rate / f64::from(self.analysed_rate) - 0.5).ceil()).clamp(1.0, 1e6) as u64
            }
            _ => 1,
        }
    }

    /// Bytes of one resized frame: channels · height · width.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// What the resizer makes. Shapes: planar, channels · height · width.
    #[must_use]
    pub fn target(&self) -> Target {
        Target {
            width: u32::try_from(self.width).unwrap_or(0),
            height: u32::try_from(self.height).unwrap_or(0),
            channels: if self.channels == 3 { Channels::Rgb } else { Channels::Luma },
            filter: match self.filter {
                FilterChoice::Bilinear => Filter::Bilinear,
                FilterChoice::Box => Filter::Area,
            },
            fit: match self.fit {
                FitChoice::Stretch => Fit::Stretch,
                FitChoice::Letterbox => Fit::Letterbox,
                FitChoice::Crop => Fit::Crop,
            },
        }
    }

    /// A resizer to these settings.
    ///
    /// # Errors
    /// [`ResizeError::EmptyTarget`] where a side is 0.
    pub fn resizer(&self) -> Result<Resizer, ResizeError> {
        Resizer::new(self.target())
    }
}
