//! Placeholder until the overlay lands.
use super::CommandError;
use crate::calibration::Calibration;
use crate::score::{FrameScore, MapView};
use std::path::Path;

/// Annotated video.
pub struct OverlayOutput {}

impl OverlayOutput {
    /// x
    pub fn create(_path: &Path, _clips: usize, _calibration: &Calibration, _ffmpeg: Option<&Path>) -> Result<OverlayOutput, CommandError> {
        Ok(OverlayOutput {})
    }
    /// x
    pub fn announce(&mut self, _clip: &str, _info: &video::StreamInfo) {}
    /// x
    pub fn keep(&mut self, _frame: &video::Frame) {}
    /// x
    pub fn push(&mut self, _row: &FrameScore, _map: &MapView<'_>) -> Result<(), CommandError> {
        Ok(())
    }
    /// x
    pub fn finish(self) -> Result<Vec<String>, CommandError> {
        Ok(Vec::new())
    }
}
