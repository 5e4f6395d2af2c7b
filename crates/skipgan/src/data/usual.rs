//! Fits what is usual at a camera to normal training footage: the unit of speed and the background (DETECTION.md §3.4, §3.8). Histograms of
//! fixed size, so memory does not grow with the footage.
#![allow(clippy::indexing_slicing)] // bins are clamped, sizes are the cache's own

use super::motion_cache::MotionCache;
use super::view_fit::{View, ViewFitter};
use super::{DataError, FrameCache, Span, WindowIndex};
use crate::usual::UsualView;

/// One frame in this many gives its speeds.
const SPEED_EVERY: usize = 5;
/// One frame in this many gives its grey levels.
const BACKGROUND_EVERY: usize = 12;
/// One frame in this many is fitted to the background.
const VIEW_EVERY: usize = 5;
/// Bins of a pixel a frame.
const BINS_PER_PIXEL: f32 = 256.0;
/// Fastest motion that is told apart, in pixels a frame.
const FASTEST: usize = 64;
/// Slowest unit of speed, in pixels a frame: below it motion is noise.
const SLOWEST_UNIT: f32 = 0.25;

/// q: the 0.9-quantile of the speeds above 5 % of their 0.9999-quantile, in pixels a frame, at least a quarter.
///
/// # Errors
/// [`DataError::Motionless`]; what reading gives.
pub fn usual_speed(cache: &FrameCache, motion: &MotionCache, spans: &[Span]) -> Result<f32, DataError> {
    let mut counts = vec![0u64; FASTEST * BINS_PER_PIXEL as usize];
    let mut field = Vec::new();
    for span in spans {
        for frame in (span.start..span.end).step_by(SPEED_EVERY) {
            let window = WindowIndex { clip: span.clip, frame };
            if cache.segment_start(window) == frame {
                continue;
            }
            motion.read(window, &mut field)?;
            let (across, down) = field.split_at(field.len() / 2);
            for (x, y) in across.iter().zip(down) {
                let bin = ((x * x + y * y).sqrt() * BINS_PER_PIXEL) as usize;
                counts[bin.min(FASTEST * BINS_PER_PIXEL as usize - 1)] += 1;
            }
        }
    }
    let fastest = quantile_bin(&counts, 0.9999).ok_or(DataError::Motionless)?;
    let least = (0.05 * fastest as f64).ceil() as usize;
    counts[..least.max(1)].fill(0);
    let unit = quantile_bin(&counts, 0.9).ok_or(DataError::Motionless)?;
    Ok(((unit as f32 + 0.5) / BINS_PER_PIXEL).max(SLOWEST_UNIT))
}

/// B: the median of each pixel, in grey levels, `[height, width]`.
///
/// # Errors
/// What reading gives.
pub fn usual_picture(cache: &FrameCache, spans: &[Span]) -> Result<Vec<f32>, DataError> {
    let samples = cache.settings().samples();
    let mut counts = vec![0u32; samples * 256];
    let mut frame = vec![0u8; samples];
    let mut frames = 0u32;
    for span in spans {
        for index in (span.start..span.end).step_by(BACKGROUND_EVERY) {
            cache.read(span.clip, index, &mut frame)?;
            for (pixel, &value) in frame.iter().enumerate() {
                counts[pixel * 256 + usize::from(value)] += 1;
            }
            frames += 1;
        }
    }
    Ok(counts.chunks_exact(256).map(|levels| median_level(levels, frames)).collect())
}

/// How pictures lie against the background on normal footage; `None` of nothing.
///
/// # Errors
/// What reading gives.
pub fn usual_view(cache: &FrameCache, background: &[f32], spans: &[Span]) -> Result<Option<UsualView>, DataError> {
    let settings = cache.settings();
    let mut fitter = ViewFitter::new(background, settings.height, settings.width);
    let (mut frame, mut fits) = (vec![0u8; settings.samples()], Vec::new());
    for span in spans {
        for index in (span.start..span.end).step_by(VIEW_EVERY) {
            cache.read(span.clip, index, &mut frame)?;
            let picture: Vec<f32> = frame.iter().map(|&value| f32::from(value)).collect();
            fits.push(fitter.fit(&picture, &View::SAME));
        }
    }
    Ok(UsualView::of_fits(&fits))
}

/// The median of `frames` counted levels: the mean of the middle two where their number is even.
fn median_level(levels: &[u32], frames: u32) -> f32 {
    let at = |rank: u32| {
        let mut below = 0;
        let level = levels.iter().position(|&count| {
            below += count;
            below > rank
        });
        level.unwrap_or(0) as f32
    };
    if frames == 0 { 0.0 } else { 0.5 * (at((frames - 1) / 2) + at(frames / 2)) }
}

/// The bin in which that quantile lies; `None` of nothing.
fn quantile_bin(counts: &[u64], quantile: f64) -> Option<usize> {
    let total: u64 = counts.iter().sum();
    let wanted = ((quantile * total as f64).ceil() as u64).max(1);
    let mut seen = 0;
    counts.iter().position(|count| {
        seen += count;
        seen >= wanted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_levels() {
        let mut levels = [0; 256];
        (levels[3], levels[9]) = (1, 1);
        assert_eq!(median_level(&levels, 2), 6.0);
        levels[200] = 1;
        assert_eq!(median_level(&levels, 3), 9.0);
        assert_eq!(median_level(&levels, 0), 0.0);
    }

    #[test]
    fn quantiles_of_counts() {
        assert_eq!(quantile_bin(&[0, 9, 0, 1], 0.9), Some(1));
        assert_eq!(quantile_bin(&[0, 9, 0, 1], 0.91), Some(3));
        assert_eq!(quantile_bin(&[0, 0], 0.5), None);
    }
}
