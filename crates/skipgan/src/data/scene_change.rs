//! Whether the camera still shows the scene as it usually does: light, exposure, shake, a camera that was moved, rain (docs/method.md,
//! "when the scene changes"). Causal, one clip at a time, plain arrays: it knows no network.
//!
//! Each picture is fitted to the usual one ([`ViewFitter`]). Where shift, light or what the fit leaves over go beyond what normal footage
//! showed, the scene has changed until nothing has been odd for two seconds, or until a new view has held for a minute: then its
//! per-pixel median takes over. While the scene has changed, the picture is brought back: its light and its place are undone, so that
//! what is compared is people and not lamps. Where nothing is odd not one bit is changed.
#![allow(clippy::indexing_slicing)] // sizes are asserted where they come in

use super::view_fit::{Fit, View, ViewFitter, WHITE};
use crate::config::Config;
use crate::usual::{Extent, Usual, UsualView};
use std::sync::Arc;

/// Seconds without anything odd after which the scene is itself again.
const CALM_SECONDS: f64 = 2.0;
/// Seconds that a new view must hold before it takes over.
const HOLD_SECONDS: f64 = 60.0;
/// Seconds from one of its samples to the next.
const SAMPLE_SECONDS: f64 = 1.0;
/// Least slack round what normal footage showed, in grey levels: less does next to nothing to a score, and clips differ by as much.
const LEAST_LEVEL: f32 = 3.0;
/// The same of ln g.
const LEAST_CONTRAST: f32 = 0.05;
/// The same in pixels.
const LEAST_SHIFT: f32 = 0.25;
/// Slack of unrest, as a multiple of the highest: one clip's crowd has twice the unrest of all others.
const UNREST_SLACK: f32 = 1.5;
/// Unrest, as a multiple of the usual one, up to which a picture is taken for the usual scene, brought out of place or light.
const KNOWN_UNREST: f32 = 3.0;

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
    /// Fits pictures to the background, or to what took over from it.
    fitter: ViewFitter,
    last: View,
    /// How what took over lies against the background: [`View::SAME`] while nothing has.
    placed: View,
    /// The background, or what took over from it, brought to the place and the light of the background.
    reference: Vec<f32>,
    odd_at: Option<f64>,
    hold: Option<Hold>,
    took_over: bool,
    picture: Vec<f32>,
}

/// A view that may become the usual one.
#[derive(Debug)]
struct Hold {
    since: f64,
    /// Fits to its first picture.
    fitter: ViewFitter,
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
            last: same,
            placed: same,
            reference,
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
        if fit.unrest > self.view.most_unrest() || self.view.is_elsewhere(&fit) {
            self.odd_at = Some(seconds);
        }
        let mut changed = self.odd_at.is_some_and(|at| seconds - at < CALM_SECONDS);
        if !changed {
            self.hold = None;
        } else if self.holds(seconds, plane) {
            self.take_over();
            changed = false;
        }
        let view = if changed && self.view.is_known(&fit) { fit.view.beyond(&self.placed) } else { self.placed };
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

    /// Whether the view has held for long enough; takes its samples.
    fn holds(&mut self, seconds: f64, plane: &[u8]) -> bool {
        let broke = self.hold.as_mut().is_none_or(|hold| {
            let fit = hold.fitter.fit(&self.picture, &View::SAME);
            // Against a single picture, not a median of many: twice the noise, twice the people.
            fit.unrest > 2.0 * self.view.most_unrest() || self.view.is_elsewhere(&fit)
        });
        if broke {
            let fitter = ViewFitter::new(&self.picture, self.usual.height, self.usual.width);
            self.hold = Some(Hold { since: seconds, fitter, samples: Vec::new() });
        }
        let Some(hold) = &mut self.hold else { return false };
        if seconds - hold.since >= SAMPLE_SECONDS * hold.samples.len() as f64 {
            hold.samples.push(plane.to_vec());
        }
        seconds - hold.since >= HOLD_SECONDS
    }

    /// The median of the samples is what pictures are compared with from now on. Scores still compare with the background: pictures are
    /// brought to its place and light as far as both show the same, and differ from it as they differ from what took over.
    fn take_over(&mut self) {
        let Some(hold) = self.hold.take() else { return };
        let mut median: Vec<u8> = median_picture(&hold.samples);
        let real = |picture: &[u8]| picture.iter().map(|&value| f32::from(value)).collect::<Vec<f32>>();
        let (height, width) = (self.usual.height, self.usual.width);
        let now = std::mem::replace(&mut self.picture, real(&median));
        let near = self.last.beyond(&self.placed);
        let fit = ViewFitter::new(&self.usual.background, height, width).fit(&self.picture, &near);
        self.placed = if self.view.is_known(&fit) { fit.view } else { View::SAME };
        self.fitter = ViewFitter::new(&self.picture, height, width);
        self.reference.clone_from(&self.usual.background);
        self.bring_back(&self.placed, &mut median);
        self.reference = real(&median);
        self.picture = now;
        (self.last, self.odd_at, self.took_over) = (View::SAME, None, true);
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
        let (columns, lines) = (Taps::along(width, across), Taps::along(height, down));
        for (row, lines) in lines.iter().enumerate() {
            for (col, columns) in columns.iter().enumerate() {
                let index = row * width + col;
                let usual = self.reference[index];
                let (Some(lines), Some(columns)) = (lines, columns) else {
                    plane[index] = usual.round() as u8;
                    continue;
                };
                let seen = lines.of(|row| columns.of(|col| self.picture[row * width + col]));
                let mut value = (seen - offset) / gain;
                if seen >= WHITE && self.doing.light {
                    value = value.max(usual);
                }
                plane[index] = value.round().clamp(0.0, 255.0) as u8;
            }
        }
    }
}

/// Four pixels in a row and what each counts at a place between the middle two: Catmull and Rom's cubic, which keeps edges.
#[derive(Clone, Copy, Debug)]
struct Taps {
    places: [usize; 4],
    weights: [f32; 4],
}

impl Taps {
    /// For each of `count` places moved by `shift`; none where that is beyond the picture.
    fn along(count: usize, shift: f32) -> Vec<Option<Taps>> {
        let at = |index: usize| {
            let place = index as f32 + shift;
            if !(0.0..=(count - 1) as f32).contains(&place) {
                return None;
            }
            let (first, t) = (place.floor() as usize, place - place.floor());
            let places = [first.saturating_sub(1), first, (first + 1).min(count - 1), (first + 2).min(count - 1)];
            let weights = [
                0.5 * t * (-1.0 + t * (2.0 - t)),
                1.0 + 0.5 * t * t * (3.0 * t - 5.0),
                0.5 * t * (1.0 + t * (4.0 - 3.0 * t)),
                0.5 * t * t * (t - 1.0),
            ];
            Some(Taps { places, weights })
        };
        (0..count).map(at).collect()
    }

    fn of(&self, value: impl Fn(usize) -> f32) -> f32 {
        self.places.iter().zip(&self.weights).map(|(&place, &weight)| weight * value(place)).sum()
    }
}

impl UsualView {
    /// Whether shift or light lie beyond what normal footage showed.
    fn is_elsewhere(&self, fit: &Fit) -> bool {
        let UsualView { level, contrast, across, down, .. } = self;
        let View { across: right, down: below, gain, .. } = fit.view;
        !(level.holds(fit.level) && contrast.holds(gain.ln()) && across.holds(right) && down.holds(below))
    }

    /// Whether a picture shows the scene at all, so that its shift and its light mean something.
    fn is_known(&self, fit: &Fit) -> bool {
        fit.unrest <= KNOWN_UNREST * self.most_unrest()
    }

    /// What normal footage shows, from the fits of its pictures; `None` of nothing.
    pub fn of_fits(fits: &[Fit]) -> Option<UsualView> {
        let most_unrest = fits.iter().map(|fit| fit.unrest).fold(0.0, f32::max);
        let extent = |value: &dyn Fn(&Fit) -> f32, least: f32| Extent::of(fits.iter().map(value), least);
        Some(UsualView {
            level: extent(&|fit| fit.level, LEAST_LEVEL)?,
            contrast: extent(&|fit| fit.view.gain.ln(), LEAST_CONTRAST)?,
            across: extent(&|fit| fit.view.across, LEAST_SHIFT)?,
            down: extent(&|fit| fit.view.down, LEAST_SHIFT)?,
            unrest: extent(&|fit| fit.unrest, UNREST_SLACK * most_unrest)?,
        })
    }
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
