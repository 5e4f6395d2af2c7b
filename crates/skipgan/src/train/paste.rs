//! Puts things into training pictures that do not belong there (DETECTION.md §6): cut out of other frames of the same normal footage, put
//! where such a thing is never seen standing, or never seen moving that way. G must take them out; D is told where they are.

use super::TrainError;
use super::belongs::{Behaviour, Belongs, direction, draw_place};
use crate::data::random::SplitMix64;
use crate::data::{Cut, Footage, Patch, Span, WindowIndex, WindowReader};

/// Foreground above this is a thing.
const THING: f32 = 1.0;
/// A thing reaches as far as its foreground is above this.
const OUTLINE: f32 = 0.4;
/// Share of things that move.
const MOVE: f64 = 0.4;
/// Share of things that are cut out along their outline; the rest are pieces of texture.
const OUTLINED: f64 = 0.75;
/// Tries to find a thing and a place for it.
const TRIES: usize = 4;

/// Takes things out of footage and puts them into crops.
pub(super) struct Paster<'a> {
    belongs: Belongs,
    donor: WindowReader<'a>,
    frames: Vec<WindowIndex>,
    foreground: Vec<f32>,
}

/// A crop with something in it.
pub(super) struct Pasted {
    /// What it shows.
    pub patch: Patch,
    /// How much of each pixel is what was put in, 0 … 1.
    pub share: Vec<f32>,
}

/// Ellipse and place of a thing.
struct Shape {
    /// Row and column in the donor's picture, and in the crop.
    from: (f32, f32),
    to: (f32, f32),
    zoom: f32,
    radii: (f32, f32),
    outlined: bool,
}

impl<'a> Paster<'a> {
    /// For the training part of `footage`; frames without a past lend nothing.
    pub fn new(footage: Footage<'a>, spans: &[Span]) -> Result<Paster<'a>, TrainError> {
        let belongs = Belongs::learn(footage, spans)?;
        let frames = spans.iter().flat_map(|span| (span.start..span.end).map(|frame| WindowIndex { clip: span.clip, frame })).collect();
        Ok(Paster { belongs, donor: WindowReader::new(footage), frames, foreground: Vec::new() })
    }

    /// `clean`, taken with `cut`, of `size`, with one or two things in it that do not belong.
    pub fn paste(&mut self, clean: &Patch, cut: Cut, size: (usize, usize), random: &mut SplitMix64) -> Result<Pasted, TrainError> {
        let mut pasted = Pasted { patch: clean.clone(), share: vec![0.0; size.0 * size.1] };
        let things = if random.unit() < 0.5 { 1 } else { 2 };
        for _ in 0..things {
            for _ in 0..TRIES {
                if self.put(&mut pasted, cut, size, random)? {
                    break;
                }
            }
        }
        Ok(pasted)
    }

    /// Puts one thing in; whether a place for it was found.
    fn put(&mut self, into: &mut Pasted, cut: Cut, size: (usize, usize), random: &mut SplitMix64) -> Result<bool, TrainError> {
        let frame = self.frames[pick(self.frames.len(), random)];
        self.donor.load(frame)?;
        let sight = self.donor.sight();
        let (usual, whole) = (sight.usual()?, (sight.picture.height, sight.picture.width));
        self.belongs.foreground(usual, self.donor.newest(), &mut self.foreground);
        let donor = self.donor.patch(Cut::NONE, whole)?;
        let outlined = random.unit() < OUTLINED;
        let foreground = &self.foreground;
        let thing = draw_place(whole, random, |row, col| !outlined || foreground[row * whole.1 + col] > THING);
        let Some((row, col)) = thing else { return Ok(false) };
        let turn = if random.unit() < 0.5 { -1.0 } else { 1.0 };
        let [across, down] = donor.motion[row * whole.1 + col].map(|part| part * turn);
        let moves = random.unit() < MOVE && across.abs() + down.abs() > super::belongs::MOVING;
        let behaviour = if moves { Behaviour::Moves(direction(across, down)) } else { Behaviour::Stands };
        let strange = |row: usize, col: usize| self.belongs.is_strange(cut.top + row, cut.left + col, behaviour);
        let Some(place) = draw_place(size, random, strange) else { return Ok(false) };
        let shape = Shape {
            from: (row as f32, col as f32),
            to: (place.0 as f32, place.1 as f32),
            zoom: between(0.7, 1.6, random),
            radii: (between(4.0, 18.0, random), between(3.0, 12.0, random)),
            outlined,
        };
        let gain = between(0.85, 1.15, random);
        for row in 0..size.0 {
            for col in 0..size.1 {
                if !strange(row, col) {
                    continue;
                }
                let share = shape.share(row, col, foreground, whole);
                if share <= 0.0 {
                    continue;
                }
                let pixel = row * size.1 + col;
                let (y, x) = shape.source(row, col);
                let rest = 1.0 - share;
                // Gain acts on light, not on signed numbers.
                let grey = (sample(&|at| donor.grey[at], (y, x), whole) + 1.0) * gain - 1.0;
                let patch = &mut into.patch;
                patch.grey[pixel] = (rest * patch.grey[pixel] + share * grey).clamp(-1.0, 1.0);
                for part in 0..2 {
                    let moved = if moves { turn * sample(&|at| donor.motion[at][part], (y, x), whole) } else { 0.0 };
                    patch.motion[pixel][part] = rest * patch.motion[pixel][part] + share * moved;
                }
                into.share[pixel] = into.share[pixel].max(share);
            }
        }
        Ok(true)
    }
}

impl Shape {
    /// Where a pixel of the crop comes from.
    fn source(&self, row: usize, col: usize) -> (f32, f32) {
        ((row as f32 - self.to.0) / self.zoom + self.from.0, (col as f32 - self.to.1) / self.zoom + self.from.1)
    }

    /// How much of the pixel is the thing: an ellipse with a soft edge, and within it the thing's outline.
    fn share(&self, row: usize, col: usize, foreground: &[f32], whole: (usize, usize)) -> f32 {
        let (y, x) = ((row as f32 - self.to.0) / self.radii.0, (col as f32 - self.to.1) / self.radii.1);
        let ellipse = ((1.3 - y * y - x * x) / 0.4).clamp(0.0, 1.0);
        if ellipse == 0.0 || !self.outlined {
            return ellipse;
        }
        // Nine samples soften the outline by about a pixel.
        let (y, x) = self.source(row, col);
        let steps = [-1.0f32, 0.0, 1.0];
        let inside = steps
            .iter()
            .flat_map(|dy| steps.iter().map(move |dx| (y + dy, x + dx)))
            .filter(|&at| sample(&|pixel| foreground[pixel], at, whole) > OUTLINE);
        ellipse * (1.5 * inside.count() as f32 / 9.0).min(1.0)
    }
}

/// Bilinear, the border repeated.
fn sample(values: &dyn Fn(usize) -> f32, (y, x): (f32, f32), (rows, cols): (usize, usize)) -> f32 {
    let (y, x) = (y.clamp(0.0, (rows - 1) as f32), x.clamp(0.0, (cols - 1) as f32));
    let (top, left) = (y as usize, x as usize);
    let (below, right) = ((top + 1).min(rows - 1), (left + 1).min(cols - 1));
    let (dy, dx) = (y - top as f32, x - left as f32);
    let at = |row: usize, col: usize| values(row * cols + col);
    (at(top, left) * (1.0 - dx) + at(top, right) * dx) * (1.0 - dy) + (at(below, left) * (1.0 - dx) + at(below, right) * dx) * dy
}

fn between(low: f64, high: f64, random: &mut SplitMix64) -> f32 {
    (low + (high - low) * random.unit()) as f32
}

/// A whole number below `count`.
pub(super) fn pick(count: usize, random: &mut SplitMix64) -> usize {
    ((random.unit() * count as f64) as usize).min(count.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::fake::small;

    #[test]
    fn things_are_put_where_they_do_not_belong_and_the_rest_stays() {
        let config = small().with_toml("test", "sees = 'restore'\nhistory = 1\norder = 'd_first'").expect("valid keys");
        let footage = crate::train::tests::Footage::made(&config);
        let (motion, sight) = footage.moving(&config);
        let seen = Footage { cache: &footage.cache, motion: Some(&motion), sight: &sight };
        let mut paster = Paster::new(seen, &footage.split.train).expect("footage");
        let stands = |row: usize, col: usize| row >= 8 || col < 12;
        paster.belongs = Belongs::where_things_stand((16, 16), stands);
        let mut reader = WindowReader::new(seen);
        reader.load(WindowIndex { clip: 0, frame: 3 }).expect("footage");
        let (cut, size) = (Cut { top: 4, left: 8, ..Cut::NONE }, (12, 8));
        let clean = reader.patch(cut, size).expect("footage");
        let (mut random, mut put) = (SplitMix64::new(7), vec![0; size.0 * size.1]);
        for _ in 0..60 {
            let Pasted { patch, share } = paster.paste(&clean, cut, size, &mut random).expect("footage");
            for (pixel, &share) in share.iter().enumerate() {
                assert!((0.0..=1.0).contains(&share) && patch.grey[pixel].abs() <= 1.0, "{share} of {}", patch.grey[pixel]);
                let same = (patch.grey[pixel], patch.motion[pixel]) == (clean.grey[pixel], clean.motion[pixel]);
                assert!(same || share > 0.0, "changed where nothing is put in");
                put[pixel] += usize::from(share > 0.0);
            }
        }
        // In the crop: four rows of the picture, and the right half of the columns.
        for (pixel, &put) in put.iter().enumerate() {
            let belongs = stands(cut.top + pixel / size.1, cut.left + pixel % size.1);
            assert_eq!(put == 0, belongs, "{put} times at {pixel}");
        }
    }

    #[test]
    fn samples_lie_between_pixels_and_inside() {
        let values = [0.0f32, 4.0, 8.0, 12.0];
        let at = |y: f32, x: f32| sample(&|pixel| values[pixel], (y, x), (2, 2));
        assert_eq!((at(0.0, 0.5), at(0.5, 0.5), at(-3.0, 9.0)), (2.0, 6.0, 4.0));
    }

    #[test]
    fn a_shape_is_whole_in_its_middle_and_nothing_far_away() {
        let shape = Shape { from: (0.0, 0.0), to: (10.0, 10.0), zoom: 1.0, radii: (4.0, 4.0), outlined: false };
        assert_eq!((shape.share(10, 10, &[], (1, 1)), shape.share(10, 15, &[], (1, 1))), (1.0, 0.0));
    }
}
