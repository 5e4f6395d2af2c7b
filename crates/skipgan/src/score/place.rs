//! What is normal at each place: s of the term P (DETECTION.md §3.8).
//!
//! s(p) = max(0.999-quantile of the window means of |I − B| at p over normal frames, g), blurred; g = median over frames of the frame's
//! largest window mean. The floor is essential: the scale may only rise where normal footage is busier than usual; dividing by small
//! local values turns noise into alarms.

use super::local::{PIXEL_WINDOW, WindowMean, halve};
use crate::config::Config;
use crate::data::usual::{usual_picture, usual_speed, usual_view};
use crate::data::view_fit::{View, ViewFitter};
use crate::data::{DataError, FrameCache, MotionCache, Span};
use crate::usual::Usual;

/// Share of normal frames whose window mean lies below s.
const QUANTILE: f64 = 0.999;
/// Deviation of the blur, in cells of the half-size grid.
const BLUR: f32 = 3.0;
/// Bins of a grey level.
const BINS: usize = 4;
/// Least scale, in grey levels: a quarter of a level is below what eight bits tell apart.
const LEAST: f32 = 0.25;

/// Undoes the light of a picture before it is compared with the background: a cloud is not a thing.
#[derive(Clone, Debug)]
pub struct PlaceLight(ViewFitter);

impl PlaceLight {
    /// For pictures of that camera.
    pub fn new(usual: &Usual) -> PlaceLight {
        PlaceLight(ViewFitter::new(&usual.background, usual.height, usual.width))
    }

    /// Brings grey levels to the light of the background. Shapes: `[height, width]`.
    pub fn undo(&mut self, picture: &mut [f32]) {
        let View { gain, offset, .. } = self.0.fit(picture, &View::SAME).view;
        picture.iter_mut().for_each(|value| *value = (*value - offset) / gain);
    }
}

/// What is usual over the frames of `spans`: the training part of normal footage.
///
/// # Errors
/// [`DataError::Motionless`]; what reading gives.
pub fn usual(config: &Config, cache: &FrameCache, motion: &MotionCache, spans: &[Span]) -> Result<Usual, DataError> {
    let (height, width) = (cache.settings().height, cache.settings().width);
    let speed = usual_speed(cache, motion, spans)?;
    let background = usual_picture(cache, spans)?;
    let place = usual_places(config, cache, &background, spans)?;
    let view = usual_view(cache, &background, spans)?;
    Ok(Usual { height, width, speed, background, place, view })
}

/// s on the half-size grid, `[height / 2, width / 2]`, in grey levels, over the frames of `spans`.
///
/// # Errors
/// What reading gives.
pub fn usual_places(config: &Config, cache: &FrameCache, background: &[f32], spans: &[Span]) -> Result<Vec<f32>, DataError> {
    let (height, width) = (cache.settings().height, cache.settings().width);
    let (rows, cols, levels) = (height / 2, width / 2, 256 * BINS);
    let mut counts = vec![0u32; rows * cols * levels];
    let (mut frame, mut largest) = (vec![0u8; cache.settings().samples()], Vec::new());
    let (mut half, mut means, mut window) = (Vec::new(), Vec::new(), WindowMean::default());
    let mut light = config.place_light.then(|| PlaceLight(ViewFitter::new(background, height, width)));
    for span in spans {
        for index in span.start..span.end {
            cache.read(span.clip, index, &mut frame)?;
            let mut off: Vec<f32> = frame.iter().map(|&grey| f32::from(grey)).collect();
            if let Some(light) = &mut light {
                light.undo(&mut off);
            }
            off.iter_mut().zip(background).for_each(|(grey, &usual)| *grey = (*grey - usual).abs());
            halve(&off, height, width, &mut half);
            window.of(&half, rows, cols, PIXEL_WINDOW, &mut means);
            for (cell, &mean) in means.iter().enumerate() {
                counts[cell * levels + ((mean * BINS as f32) as usize).min(levels - 1)] += 1;
            }
            largest.push(means.iter().copied().fold(0.0, f32::max));
        }
    }
    largest.sort_unstable_by(f32::total_cmp);
    let floor = largest.get(largest.len() / 2).copied().unwrap_or(LEAST).max(LEAST);
    let wanted = ((QUANTILE * largest.len() as f64).ceil() as u32).max(1);
    let scale: Vec<f32> = counts.chunks_exact(levels).map(|cell| quantile(cell, wanted).max(floor)).collect();
    Ok(blurred(&scale, rows, cols))
}

/// The middle of the bin in which the count of `wanted` is reached.
fn quantile(counts: &[u32], wanted: u32) -> f32 {
    let mut seen = 0;
    let bin = counts.iter().position(|count| {
        seen += count;
        seen >= wanted
    });
    (bin.unwrap_or(0) as f32 + 0.5) / BINS as f32
}

/// Gaussian means, the border repeated.
pub(super) fn blurred(map: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    let reach = (3.0 * BLUR).ceil() as isize;
    let weights: Vec<f32> = (-reach..=reach).map(|step| (-0.5 * (step as f32 / BLUR).powi(2)).exp()).collect();
    let all: f32 = weights.iter().sum();
    let along = |map: &[f32], at: &dyn Fn(isize, isize, isize) -> usize| -> Vec<f32> {
        let cells = (0..rows as isize).flat_map(|row| (0..cols as isize).map(move |col| (row, col)));
        let mean = |(row, col)| weights.iter().zip(-reach..).map(|(&w, step)| w * map[at(row, col, step)]).sum::<f32>() / all;
        cells.map(mean).collect()
    };
    let inside = |value: isize, count: usize| value.clamp(0, count as isize - 1) as usize;
    let across = along(map, &|row, col, step| row as usize * cols + inside(col + step, cols));
    along(&across, &|row, col, step| inside(row + step, rows) * cols + col as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_is_undone_and_a_thing_stays() {
        let background: Vec<f32> = (0..32 * 48).map(|i| 60.0 + ((i * 7) % 90) as f32).collect();
        let usual = Usual { height: 32, width: 48, speed: 1.0, background: background.clone(), place: vec![1.0; 16 * 24], view: None };
        let mut picture: Vec<f32> = background.iter().map(|value| 0.7 * value + 12.0).collect();
        picture[10 * 48..14 * 48].iter_mut().for_each(|value| *value = 200.0);
        PlaceLight::new(&usual).undo(&mut picture);
        let off = |pixels: std::ops::Range<usize>| pixels.map(|i| (picture[i] - background[i]).abs()).fold(0.0, f32::max);
        assert!(off(0..9 * 48) < 2.0 && off(16 * 48..32 * 48) < 2.0 && off(10 * 48..14 * 48) > 60.0);
    }

    #[test]
    fn quantiles_are_bin_middles() {
        let mut counts = vec![0; 1024];
        (counts[3], counts[40]) = (9, 1);
        assert_eq!((quantile(&counts, 9), quantile(&counts, 10)), (0.875, 10.125));
    }

    #[test]
    fn a_blur_keeps_flat_maps_and_spreads_peaks() {
        assert!(blurred(&[2.0; 20], 4, 5).iter().all(|value| (value - 2.0).abs() < 1e-5));
        let mut peak = vec![0.0; 25 * 25];
        peak[12 * 25 + 12] = 100.0;
        let soft = blurred(&peak, 25, 25);
        assert!((soft.iter().sum::<f32>() - 100.0).abs() < 1e-2 && soft[12 * 25 + 12] < 3.0 && soft[12 * 25 + 12] > soft[12 * 25 + 15]);
    }
}
