//! How far R reaches at each place of normal single pictures: s of DETECTION.md §3.8 for |I − Î|. Pictures of one thing in one pose are
//! harder to restore at some places than at others.
//!
//! s(p) = max(largest window mean of |I − Î| at p over normal pictures, g), blurred; g = median over pictures of the picture's largest
//! window mean. The largest is the 0.999-quantile of as many pictures as are looked at.

use super::error::ScoreError;
use super::forward::Forward;
use super::local::halve;
use super::place::blurred;
use crate::config::Config;
use crate::data::{Footage, Span, WindowIndex, WindowReader};
use crate::model::engine::Engine;
use crate::usual::Usual;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};

/// Most pictures that are looked at, evenly spaced.
const MOST_PICTURES: usize = 1000;
/// Least scale: a quarter of a grey level is below what eight bits tell apart.
const LEAST: f32 = 0.25 / 127.5;

/// The scale of each place over the pictures of `spans`, the training part, as the network in `engine` restores them; `batch` as in
/// [`Forward::new`]. `footage` must not know a scale yet.
///
/// # Errors
/// [`ScoreError::Interrupted`] once `cancel` is set; [`ScoreError::Data`].
pub fn usual_stills(
    engine: &mut dyn Engine,
    footage: Footage<'_>,
    spans: &[Span],
    config: &Config,
    batch: usize,
    cancel: Option<&AtomicBool>,
) -> Result<Usual, ScoreError> {
    let (height, width) = (footage.sight.picture.height, footage.sight.picture.width);
    let mut forward = Forward::new(engine, config, footage.sight, batch);
    let (mut reader, mut window) = (WindowReader::new(footage), footage.sight.windows());
    let mut reach = Reach { places: vec![0.0; height * width], largest: Vec::new() };
    let all = spans.iter().flat_map(|span| (span.start..span.end).map(|frame| WindowIndex { clip: span.clip, frame }));
    let all: Vec<WindowIndex> = all.collect();
    for &picture in all.iter().step_by(all.len().div_ceil(MOST_PICTURES).max(1)) {
        window.clear();
        reader.read(picture, &mut window)?;
        forward.push(&window);
        if forward.is_full() {
            reach.look(&mut forward);
        }
        if cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return Err(ScoreError::Interrupted);
        }
    }
    reach.look(&mut forward);
    Ok(Usual::of_stills(height, width, reach.scale(height, width)))
}

/// The largest window means.
struct Reach {
    /// At each place.
    places: Vec<f32>,
    /// Of each picture.
    largest: Vec<f32>,
}

impl Reach {
    /// Takes the pictures that wait.
    fn look(&mut self, forward: &mut Forward<'_>) {
        let shown = forward.run(&mut |measured| {
            let map = &measured.maps.recon;
            self.places.iter_mut().zip(map).for_each(|(place, &value)| *place = place.max(value));
            self.largest.push(map.iter().copied().fold(0.0, f32::max));
            Ok::<(), Infallible>(())
        });
        match shown {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    /// s on the half-size grid.
    fn scale(mut self, height: usize, width: usize) -> Vec<f32> {
        self.largest.sort_unstable_by(f32::total_cmp);
        let floor = self.largest.get(self.largest.len() / 2).copied().unwrap_or(LEAST).max(LEAST);
        self.places.iter_mut().for_each(|place| *place = place.max(floor));
        let mut half = Vec::new();
        halve(&self.places, height, width, &mut half);
        blurred(&half, height / 2, width / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_rises_only_where_normal_pictures_do() {
        let mut places = vec![0.1; 64 * 64];
        (0..16).for_each(|row| places[row * 64..row * 64 + 16].fill(0.8));
        let scale = Reach { places, largest: vec![0.2, 0.2, 0.8] }.scale(64, 64);
        assert_eq!(scale.len(), 32 * 32);
        assert!(scale[0] > 0.7 && (scale[31 * 32 + 31] - 0.2).abs() < 1e-5, "{} {}", scale[0], scale[31 * 32 + 31]);
    }
}
