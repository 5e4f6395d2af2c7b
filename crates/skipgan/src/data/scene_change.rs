//! Whether the camera still shows the scene as it usually does: light, exposure, shake, a camera that was moved, rain (docs/method.md,
//! "when the scene changes"). Causal, one clip at a time, plain arrays: it knows no network.
//!
//! Each picture is fitted to the usual one ([`ViewFitter`]). Where shift, light or what the fit leaves over go beyond what normal footage
//! showed, the scene has changed until nothing has been odd for two seconds, or until a new view has held for a minute: then its
//! per-pixel median takes over. While the scene has changed, the picture is brought back: its light and its place are undone, so that
//! what is compared is people and not lamps. Where nothing is odd not one bit is changed.
#![allow(clippy::indexing_slicing)] // sizes are asserted where they come in

use super::view_fit::{Fit, View, ViewFitter};
use crate::config::Config;
use crate::usual::{Extent, Usual, UsualView};
use std::sync::Arc;

/// Seconds without anything odd after which the scene is itself again.
const CALM_SECONDS: f64 = 2.0;
/// Seconds that a new view must hold before it takes over.
const HOLD_SECONDS: f64 = 60.0;
/// Seconds from one of its samples to the next.
const SAMPLE_SECONDS: f64 = 1.0;
/// Grey level from which on a pixel is white and says no more.
const WHITE: u8 = 250;
/// Least slack round what normal footage showed: what fits of one picture and the next differ by. Grey levels.
const LEAST_LEVEL: f32 = 1.0;
/// The same of ln g.
const LEAST_CONTRAST: f32 = 0.02;
/// The same in pixels.
const LEAST_SHIFT: f32 = 0.15;
/// The same in grey levels.
const LEAST_UNREST: f32 = 0.25;

/// What is done about changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steadying {
    /// Whether changes are looked for.
    pub detect: bool,
    /// Whether the light is undone.
    pub light: bool,
    /// Whether the shift is undone.
    pub shift: bool,
}

impl Steadying {
    /// As a configuration says.
    pub fn of(config: &Config) -> Steadying {
        Steadying { detect: config.scene_change, light: config.undo_light, shift: config.undo_shift }
    }
}

/// The state of one clip.
#[derive(Debug)]
pub struct SceneChange {
    doing: Steadying,
    usual: Arc<Usual>,
    view: UsualView,
    fitter: ViewFitter,
    /// What pictures are compared with: the background, or what took over from it, in the place and the light of the background.
    reference: Vec<f32>,
    /// How the reference lies in pictures as they come: [`View::SAME`] until something took over.
    centre: View,
    last: View,
    odd_at: Option<f64>,
    hold: Option<Hold>,
    took_over: bool,
    picture: Vec<f32>,
}

/// A view that may become the usual one.
#[derive(Debug)]
struct Hold {
    since: f64,
    fit: Fit,
    samples: Vec<Vec<u8>>,
}

impl SceneChange {
    /// At the start of a clip; `None` where changes are not looked for, or nothing is known of what is usual.
    pub fn new(doing: Steadying, usual: &Arc<Usual>) -> Option<SceneChange> {
        let view = usual.view.filter(|_| doing.detect)?;
        let reference = usual.background.clone();
        let fitter = ViewFitter::new(&reference, usual.height, usual.width);
        let same = View::SAME;
        Some(SceneChange {
            doing,
            usual: Arc::clone(usual),
            view,
            fitter,
            reference,
            centre: same,
            last: same,
            odd_at: None,
            hold: None,
            took_over: false,
            picture: Vec::new(),
        })
    }

    /// Takes the next picture, `seconds` after the clip's start, and brings it back where the scene has changed. Whether it has.
    ///
    /// # Panics
    /// Where the picture has another size than the background.
    pub fn take(&mut self, seconds: f64, plane: &mut [u8]) -> bool {
        assert_eq!(plane.len(), self.reference.len(), "a picture of the background's size");
        self.picture.clear();
        self.picture.extend(plane.iter().map(|&value| f32::from(value)));
        let fit = self.fitter.fit(&self.picture, &self.last);
        self.last = fit.view;
        if self.is_odd(&fit, &self.centre) {
            self.odd_at = Some(seconds);
        }
        let mut changed = self.odd_at.is_some_and(|at| seconds - at < CALM_SECONDS);
        if !changed {
            self.hold = None;
        } else if self.holds(seconds, &fit, plane) {
            self.take_over();
            changed = false;
        }
        // A picture in which nothing is known again says nothing of shift and light.
        let known = fit.unrest <= 4.0 * self.view.most_unrest();
        let view = if changed && known { fit.view } else { self.centre };
        self.bring_back(&view, plane);
        changed
    }

    /// Once something has taken over: the picture as it would be before the usual background, which is what scores compare with.
    pub fn before_background(&self, plane: &[u8], out: &mut Vec<u8>) -> bool {
        out.clear();
        if self.took_over {
            let pixels = plane.iter().zip(self.reference.iter().zip(&self.usual.background));
            out.extend(pixels.map(|(&value, (now, usual))| (f32::from(value) - now + usual).round().clamp(0.0, 255.0) as u8));
        }
        self.took_over
    }

    /// Whether a fit lies beyond what normal footage showed, seen from `centre`.
    fn is_odd(&self, fit: &Fit, centre: &View) -> bool {
        fit.unrest > self.view.most_unrest() || self.is_elsewhere(fit, centre)
    }

    fn is_elsewhere(&self, fit: &Fit, centre: &View) -> bool {
        let seen = fit.view.from(centre);
        let level = (fit.level - self.level_of(centre)) / centre.gain;
        let UsualView { level: levels, contrast, across, down, .. } = self.view;
        !(levels.holds(level) && contrast.holds(seen.gain.ln()) && across.holds(seen.across) && down.holds(seen.down))
    }

    fn level_of(&self, view: &View) -> f32 {
        let mean = self.reference.iter().sum::<f32>() / self.reference.len().max(1) as f32;
        (view.gain - 1.0) * mean + view.offset
    }

    /// Whether the view has held for long enough; takes its samples.
    fn holds(&mut self, seconds: f64, fit: &Fit, plane: &[u8]) -> bool {
        let broke = self.hold.as_ref().is_none_or(|hold| {
            let other = || hold.samples.first().is_none_or(|first| block_difference(first, plane, self.usual.width) > 2.0 * self.view.most_unrest());
            if fit.unrest <= self.view.most_unrest() { self.is_elsewhere(fit, &hold.fit.view) } else { other() }
        });
        if broke {
            self.hold = Some(Hold { since: seconds, fit: *fit, samples: Vec::new() });
        }
        let Some(hold) = &mut self.hold else { return false };
        if seconds - hold.since >= SAMPLE_SECONDS * hold.samples.len() as f64 {
            hold.samples.push(plane.to_vec());
        }
        seconds - hold.since >= HOLD_SECONDS
    }

    /// The median of the samples becomes the reference, brought to the place and the light of the background as far as it shows the same.
    fn take_over(&mut self) {
        let Some(hold) = self.hold.take() else { return };
        let mut median: Vec<u8> = median_picture(&hold.samples);
        let picture: Vec<f32> = median.iter().map(|&value| f32::from(value)).collect();
        let (height, width) = (self.usual.height, self.usual.width);
        self.reference.clone_from(&self.usual.background);
        let fit = ViewFitter::new(&self.reference, height, width).fit(&picture, &self.last);
        self.centre = if fit.unrest <= self.view.most_unrest() { fit.view } else { View::SAME };
        self.picture = picture;
        self.bring_back(&self.centre.clone(), &mut median);
        self.reference = median.iter().map(|&value| f32::from(value)).collect();
        self.fitter = ViewFitter::new(&self.reference, height, width);
        (self.last, self.odd_at, self.took_over) = (self.centre, None, true);
    }

    /// Undoes a view: what stands at x + d comes to x, in the light of the reference. What lies beyond the picture, and what is so white that
    /// it may be as bright as usual, is taken for usual.
    fn bring_back(&self, view: &View, plane: &mut [u8]) {
        let (across, down) = if self.doing.shift { (view.across, view.down) } else { (0.0, 0.0) };
        let (gain, offset) = if self.doing.light { (view.gain, view.offset) } else { (1.0, 0.0) };
        if (across, down, gain, offset) == (0.0, 0.0, 1.0, 0.0) {
            return;
        }
        let (height, width) = (self.usual.height, self.usual.width);
        let place = |index: usize, shift: f32, count: usize| {
            let at = index as f32 + shift;
            let first = at.floor().clamp(0.0, (count - 1) as f32);
            let inside = at >= 0.0 && at <= (count - 1) as f32;
            inside.then_some((first as usize, (first as usize + 1).min(count - 1), at - first))
        };
        let columns: Vec<Option<(usize, usize, f32)>> = (0..width).map(|col| place(col, across, width)).collect();
        for row in 0..height {
            let rows = place(row, down, height);
            for (col, columns) in columns.iter().enumerate() {
                let index = row * width + col;
                let usual = self.reference[index];
                let (Some((top, bottom, below)), Some((left, right, beside))) = (rows, *columns) else {
                    plane[index] = usual.round() as u8;
                    continue;
                };
                let line = |row: usize| self.picture[row * width + left] * (1.0 - beside) + self.picture[row * width + right] * beside;
                let seen = line(top) * (1.0 - below) + line(bottom) * below;
                let mut value = (seen - offset) / gain;
                if seen >= f32::from(WHITE) && self.doing.light {
                    value = value.max(usual);
                }
                plane[index] = value.round().clamp(0.0, 255.0) as u8;
            }
        }
    }
}

impl UsualView {
    /// What normal footage shows, from the fits of its pictures; `None` of nothing.
    pub fn of_fits(fits: &[Fit]) -> Option<UsualView> {
        let extent = |value: &dyn Fn(&Fit) -> f32, least: f32| Extent::of(fits.iter().map(value), least);
        Some(UsualView {
            level: extent(&|fit| fit.level, LEAST_LEVEL)?,
            contrast: extent(&|fit| fit.view.gain.ln(), LEAST_CONTRAST)?,
            across: extent(&|fit| fit.view.across, LEAST_SHIFT)?,
            down: extent(&|fit| fit.view.down, LEAST_SHIFT)?,
            unrest: extent(&|fit| fit.unrest, LEAST_UNREST)?,
        })
    }
}

/// Median over blocks of 8 × 8 pixels of the mean difference of two pictures.
fn block_difference(a: &[u8], b: &[u8], width: usize) -> f32 {
    let across = width.div_ceil(8);
    let mut sums = vec![(0u32, 0u32); across * (a.len() / width).div_ceil(8)];
    for (index, (a, b)) in a.iter().zip(b).enumerate() {
        let (sum, count) = &mut sums[index / width / 8 * across + index % width / 8];
        (*sum, *count) = (*sum + u32::from(a.abs_diff(*b)), *count + 1);
    }
    let mut means: Vec<f32> = sums.iter().map(|&(sum, count)| sum as f32 / count.max(1) as f32).collect();
    means.sort_unstable_by(f32::total_cmp);
    means.get(means.len() / 2).copied().unwrap_or_default()
}

fn median_picture(samples: &[Vec<u8>]) -> Vec<u8> {
    let mut levels = vec![0u8; samples.len()];
    let at = |pixel: usize| {
        levels.iter_mut().zip(samples).for_each(|(level, sample)| *level = sample[pixel]);
        let middle = levels.len() / 2;
        *levels.select_nth_unstable(middle).1
    };
    (0..samples.first().map_or(0, Vec::len)).map(at).collect()
}
