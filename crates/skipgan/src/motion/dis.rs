//! Dense inverse search optical flow (Kroeger et al., "Fast optical flow using dense inverse search", 2016), with the
//! departures of OpenCV's implementation, which is what was measured on surveillance video and is compared field against
//! field in the tests.

use kernels::Level;

use super::field::Flow;
use super::pyramid::{Scale, scales};
use super::refine::{Refinement, Refiner};
use super::search::{PatchSearch, Step};

/// Numbers of the flow. The default is what was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DisSettings {
    /// Pixels from one patch to the next, 1 … 8.
    pub stride: usize,
    /// Steps of a patch at each scale, half of them in each of two sweeps.
    pub steps: usize,
    /// How long they are.
    pub step: Step,
    /// The smoothing of each scale's field.
    pub refinement: Refinement,
}

impl Default for DisSettings {
    fn default() -> Self {
        Self { stride: 4, steps: 8, step: Step::Eighth, refinement: Refinement::default() }
    }
}

impl DisSettings {
    /// The variant with whole Gauss–Newton steps. To be chosen on training clips, if at all.
    pub fn full_steps() -> Self {
        Self { step: Step::Full, ..Self::default() }
    }
}

/// Finds motion between frames of one size. All its memory is taken at the start.
#[derive(Debug)]
pub struct Dis {
    settings: DisSettings,
    level: Level,
    /// Finest first, as everything below.
    scales: Vec<Scale>,
    searches: Vec<PatchSearch>,
    refiners: Vec<Refiner>,
}

impl Dis {
    /// For frames of `width` × `height` pixels.
    ///
    /// # Panics
    /// If a side is under 8 or the stride not 1 … 8.
    pub fn new(width: usize, height: usize, settings: DisSettings) -> Self {
        // A wrong SKIPGAN_CPU is the pool's to report. All levels give the same bits.
        Self::with_level(width, height, settings, Level::detect().unwrap_or(Level::Portable))
    }

    /// The same on a given instruction set.
    ///
    /// # Panics
    /// As [`Dis::new`]; if this processor has not got the set, in [`Dis::flow`].
    pub fn with_level(width: usize, height: usize, settings: DisSettings, level: Level) -> Self {
        assert!((1..=kernels::flow::PATCH).contains(&settings.stride), "patches every {} pixels leave gaps", settings.stride);
        let sizes: Vec<_> = (0..scales(width, height)).map(|scale| (height >> scale, width >> scale)).collect();
        Self {
            settings,
            level,
            scales: sizes.iter().map(|&(rows, cols)| Scale::new(rows, cols)).collect(),
            searches: sizes.iter().map(|&(rows, cols)| PatchSearch::new(rows, cols, settings.stride)).collect(),
            refiners: sizes.iter().map(|&(rows, cols)| Refiner::new(rows, cols)).collect(),
        }
    }

    /// The motion from `previous` to `current`, laid out on `current`: found from `current` back to `previous`, its sign
    /// reversed.
    ///
    /// # Shapes
    /// Frames are 8-bit grey, `height` rows of `width`; `out` is of that size.
    ///
    /// # Panics
    /// If a frame or `out` has another size.
    pub fn flow(&mut self, previous: &[u8], current: &[u8], out: &mut Flow) {
        let (height, width) = (self.scales[0].rows, self.scales[0].cols);
        assert!(previous.len() == width * height && current.len() == width * height, "frames of {width}x{height}");
        assert!((out.width, out.height) == (width, height), "a field of {width}x{height}");
        self.take(previous, current);
        for scale in (0..self.scales.len()).rev() {
            self.start(scale);
            let (views, field) = self.scales[scale].split();
            let search = &mut self.searches[scale];
            search.run(self.level, &views, field, self.settings.steps, self.settings.step);
            search.densify(self.level, &views, field);
            if self.settings.refinement.outer > 0 {
                self.refiners[scale].run(self.level, &mut self.scales[scale], &self.settings.refinement);
            }
        }
        for (out, field) in [&mut out.across, &mut out.down].into_iter().zip(&self.scales[0].field) {
            for (out, &found) in out.iter_mut().zip(field) {
                *out = -found;
            }
        }
    }

    fn take(&mut self, previous: &[u8], current: &[u8]) {
        self.scales[0].take(self.level, previous, current);
        for scale in 1..self.scales.len() {
            let (finer, coarser) = self.scales.split_at_mut(scale);
            coarser[0].take_half(self.level, &finer[scale - 1]);
        }
    }

    /// The field a scale starts from: the coarser one's, or none.
    fn start(&mut self, scale: usize) {
        let (finer, coarser) = self.scales.split_at_mut(scale + 1);
        match coarser.first() {
            Some(coarser) => finer[scale].start_from(self.level, coarser),
            None => finer[scale].field.iter_mut().for_each(|plane| plane.fill(0.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A smooth textured plane seen at (x, y).
    fn texture(x: f32, y: f32) -> f32 {
        let waves = [(0.31, 0.12, 1.0), (-0.17, 0.28, 2.0), (0.45, -0.38, 0.3), (0.08, 0.51, 4.0), (0.6, 0.1, 5.0)];
        125.0 + waves.iter().map(|&(a, b, phase)| 22.0 * (a * x + b * y + phase).sin()).sum::<f32>()
    }

    fn frame(width: usize, height: usize, dx: f32, dy: f32) -> Vec<u8> {
        (0..width * height).map(|i| texture((i % width) as f32 - dx, (i / width) as f32 - dy).round() as u8).collect()
    }

    /// The largest error a hundredth of the inner pixels exceed.
    fn error(flow: &Flow, dx: f32, dy: f32) -> f32 {
        let inner = |i: &usize| {
            let (x, y) = (i % flow.width, i / flow.width);
            x >= 8 && y >= 8 && x + 8 < flow.width && y + 8 < flow.height
        };
        let indices = (0..flow.across.len()).filter(inner);
        let mut errors: Vec<f32> = indices.map(|i| (flow.across[i] - dx).hypot(flow.down[i] - dy)).collect();
        errors.sort_by(f32::total_cmp);
        errors[errors.len() * 99 / 100]
    }

    #[test]
    fn shifts_are_found_to_a_fraction_of_a_pixel() {
        for settings in [DisSettings::default(), DisSettings::full_steps()] {
            for (width, height) in [(96, 64), (77, 51)] {
                let mut dis = Dis::new(width, height, settings);
                let mut flow = Flow::still(width, height);
                for (dx, dy) in [(0.25, 0.0), (-0.5, 0.75), (1.3, -0.4), (3.2, 2.1)] {
                    dis.flow(&frame(width, height, 0.0, 0.0), &frame(width, height, dx, dy), &mut flow);
                    assert!(error(&flow, dx, dy) < 0.06, "{settings:?} {width}x{height} {dx} {dy}: {}", error(&flow, dx, dy));
                }
            }
        }
    }

    #[test]
    fn what_stands_still_has_no_motion() {
        let mut dis = Dis::new(80, 48, DisSettings::default());
        let mut flow = Flow::still(80, 48);
        let still = frame(80, 48, 0.0, 0.0);
        dis.flow(&still, &still, &mut flow);
        assert!(flow.across.iter().chain(&flow.down).all(|v| v.abs() < 1e-6));
        // A plane without structure, and one that grew brighter, do not move either.
        dis.flow(&[90; 80 * 48], &[110; 80 * 48], &mut flow);
        assert!(flow.across.iter().chain(&flow.down).all(|v| v.abs() < 1e-6));
        let brighter: Vec<u8> = still.iter().map(|v| v + 4).collect();
        dis.flow(&still, &brighter, &mut flow);
        assert!(error(&flow, 0.0, 0.0) < 0.2, "{}", error(&flow, 0.0, 0.0));
    }

    #[test]
    fn the_same_bits_on_every_level_and_every_time() {
        let (previous, current) = (frame(75, 43, 0.0, 0.0), frame(75, 43, 1.7, -0.6));
        let run = |dis: &mut Dis| {
            let mut flow = Flow::still(75, 43);
            dis.flow(&previous, &current, &mut flow);
            flow
        };
        let mut first = Dis::with_level(75, 43, DisSettings::default(), Level::Portable);
        let expected = run(&mut first);
        first.flow(&current, &previous, &mut Flow::still(75, 43));
        assert_eq!(run(&mut first), expected, "memory of an earlier pair");
        for level in Level::all_available() {
            assert_eq!(run(&mut Dis::with_level(75, 43, DisSettings::default(), level)), expected, "{level}");
        }
    }

    #[test]
    fn noise_gives_numbers() {
        let noise =
            |seed: u32| (0..64 * 40).map(|i: u32| (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13) as u8).collect::<Vec<u8>>();
        let mut flow = Flow::still(64, 40);
        Dis::new(64, 40, DisSettings::full_steps()).flow(&noise(1), &noise(77_777), &mut flow);
        assert!(flow.across.iter().chain(&flow.down).all(|v| v.is_finite()));
    }
}
