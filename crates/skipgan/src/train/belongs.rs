//! What belongs where, told by normal footage itself (DETECTION.md §6): how often a place holds something that stands, and how often
//! something that moves, and which way. What the footage never shows at a place is what [`super::paste`] puts there.
//!
//! Cells of 4 × 4 pixels; a cell is occupied where a fifth of the pixels within a cell of it are.

use crate::data::light;
use crate::data::random::SplitMix64;
use crate::data::{DataError, Footage, Span, WindowIndex, WindowReader};
use crate::usual::Usual;

/// Pixels of a cell's side.
const CELL: usize = 4;
/// Directions that are told apart: eighths of a turn.
pub(super) const DIRECTIONS: usize = 8;
/// How many eighths a way may turn and still be the same way: what is wrong is to go against the others.
const SAME_WAY: usize = 2;
/// One frame in this many is looked at.
const EVERY: usize = 3;
/// |u_x| + |u_y| above this share of the usual speed moves.
pub(super) const MOVING: f32 = 0.3;
/// Foreground above this, where it does not move, stands.
const STANDING: f32 = 0.5;
/// A cell is occupied where more than this share of the pixels round it are.
const OCCUPIED: f32 = 0.2;
/// What is seen in less than this share of frames does not belong.
const RARE: f32 = 0.005;
/// A direction can only be wrong where something moves in at least this share of frames: elsewhere nobody knows.
const KNOWN: f32 = 0.02;
/// Bins of a grey level in histograms of differences.
const BINS: f32 = 4.0;

/// What does not belong where.
#[derive(Clone, Debug)]
pub(super) struct Belongs {
    rows: usize,
    cols: usize,
    /// Cells where nothing ever stands.
    never_stands: Vec<bool>,
    /// By direction: cells where things move, but never that way, or nearly so.
    never_moves: Vec<Vec<bool>>,
    /// Grey levels that make a foreground of 1.
    unit: f32,
}

/// What a thing that is put somewhere does there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    /// It stands.
    Stands,
    /// It moves in this direction.
    Moves(usize),
}

impl Belongs {
    /// Looks at the frames of `spans`.
    pub fn learn(footage: Footage<'_>, spans: &[Span]) -> Result<Belongs, DataError> {
        let usual = footage.sight.usual()?;
        let (rows, cols) = (usual.height / CELL, usual.width / CELL);
        let mut belongs =
            Belongs { rows, cols, never_stands: Vec::new(), never_moves: Vec::new(), unit: foreground_unit(footage, usual, spans)? };
        let mut counts = vec![vec![0u32; rows * cols]; DIRECTIONS + 1];
        let (mut reader, mut foreground, mut frames) = (WindowReader::new(footage), Vec::new(), 0u32);
        for span in spans {
            for frame in (span.start..span.end).step_by(EVERY) {
                reader.load(WindowIndex { clip: span.clip, frame })?;
                let Some(motion) = reader.motion() else { continue };
                belongs.foreground(usual, reader.newest(), &mut foreground);
                belongs.count(usual, motion, &foreground, &mut counts);
                frames += 1;
            }
        }
        let free = |counts: &Vec<u32>| counts.iter().map(|&count| (count as f32) < RARE * frames as f32).collect::<Vec<bool>>();
        belongs.never_stands = free(&counts[DIRECTIONS]);
        let busiest = |cell: usize| counts[..DIRECTIONS].iter().map(|counts| counts[cell]).max().unwrap_or(0);
        let known: Vec<bool> = (0..rows * cols).map(|cell| busiest(cell) as f32 >= KNOWN * frames as f32).collect();
        let wrong = |counts: &Vec<u32>| free(counts).into_iter().zip(&known).map(|(free, &known)| free && known).collect();
        belongs.never_moves = counts[..DIRECTIONS].iter().map(wrong).collect();
        Ok(belongs)
    }

    /// Adds a frame's occupied cells: one count a direction, and one for what stands.
    fn count(&self, usual: &Usual, motion: &[f32], foreground: &[f32], counts: &mut [Vec<u32>]) {
        let mut seen = vec![vec![0u16; self.rows * self.cols]; DIRECTIONS + 1];
        let (across, down) = motion.split_at(motion.len() / 2);
        let bound = MOVING * usual.speed;
        for row in 0..self.rows * CELL {
            for col in 0..self.cols * CELL {
                let pixel = row * usual.width + col;
                let cell = row / CELL * self.cols + col / CELL;
                if across[pixel].abs() + down[pixel].abs() > bound {
                    let towards = direction(across[pixel], down[pixel]);
                    for turn in 0..=2 * SAME_WAY {
                        seen[(towards + DIRECTIONS + turn - SAME_WAY) % DIRECTIONS][cell] += 1;
                    }
                } else if foreground[pixel] > STANDING {
                    seen[DIRECTIONS][cell] += 1;
                }
            }
        }
        for (seen, counts) in seen.iter().zip(counts) {
            for (cell, count) in counts.iter_mut().enumerate() {
                let (row, col) = (cell / self.cols, cell % self.cols);
                let (rows, cols) = (row.saturating_sub(1)..(row + 2).min(self.rows), col.saturating_sub(1)..(col + 2).min(self.cols));
                let pixels = rows.len() * cols.len() * CELL * CELL;
                let occupied: u32 =
                    rows.flat_map(|row| cols.clone().map(move |col| (row, col))).map(|(r, c)| u32::from(seen[r * self.cols + c])).sum();
                *count += u32::from(occupied as f32 > OCCUPIED * pixels as f32);
            }
        }
    }

    /// d: how much each pixel of a frame differs from the background in the light of the frame, over its usual amount, 0 … 6.
    pub fn foreground(&self, usual: &Usual, frame: &[u8], out: &mut Vec<f32>) {
        let gain = light::gain(frame, &usual.background);
        let differences = frame.iter().zip(&usual.background).map(|(&grey, &background)| (f32::from(grey) - gain * background).abs());
        out.clear();
        out.extend(differences.map(|difference| (difference / self.unit).min(6.0)));
    }

    /// Things move everywhere and every way, and stand in cells whose first pixel `stands` names.
    #[cfg(test)]
    pub fn where_things_stand(size: (usize, usize), stands: impl Fn(usize, usize) -> bool) -> Belongs {
        let (rows, cols) = (size.0 / CELL, size.1 / CELL);
        let never_stands = (0..rows * cols).map(|cell| !stands(cell / cols * CELL, cell % cols * CELL)).collect();
        Belongs { rows, cols, never_stands, never_moves: vec![vec![false; rows * cols]; DIRECTIONS], unit: 10.0 }
    }

    /// Whether a thing that behaves so is never seen at a pixel.
    pub fn is_strange(&self, row: usize, col: usize, behaviour: Behaviour) -> bool {
        let cell = (row / CELL).min(self.rows - 1) * self.cols + (col / CELL).min(self.cols - 1);
        match behaviour {
            Behaviour::Stands => self.never_stands[cell],
            Behaviour::Moves(direction) => self.never_moves[direction][cell],
        }
    }
}

/// The nearest eighth of a turn; right is 0, down 2.
pub(super) fn direction(across: f32, down: f32) -> usize {
    let eighths = down.atan2(across) / std::f32::consts::FRAC_PI_4;
    (eighths.round() as i32).rem_euclid(DIRECTIONS as i32) as usize
}

/// The 0.9-quantile of the differences above 5 % of the largest, at least one grey level.
fn foreground_unit(footage: Footage<'_>, usual: &Usual, spans: &[Span]) -> Result<f32, DataError> {
    let mut counts = vec![0u64; (512.0 * BINS) as usize];
    let mut frame = vec![0; footage.cache.settings().samples()];
    for span in spans {
        for index in (span.start..span.end).step_by(5) {
            footage.cache.read(span.clip, index, &mut frame)?;
            let gain = light::gain(&frame, &usual.background);
            for (&grey, &background) in frame.iter().zip(&usual.background) {
                let bin = ((f32::from(grey) - gain * background).abs() * BINS) as usize;
                counts[bin.min((512.0 * BINS) as usize - 1)] += 1;
            }
        }
    }
    let largest = counts.iter().rposition(|&count| count > 0).unwrap_or(0);
    counts[..largest / 20 + 1].fill(0);
    let wanted = (0.9 * counts.iter().sum::<u64>() as f64) as u64;
    let mut seen = 0;
    let bin = counts.iter().position(|count| {
        seen += count;
        seen > wanted
    });
    Ok((bin.unwrap_or(0) as f32 / BINS).max(1.0))
}

/// One of the places that `fits`, drawn evenly; `None` where there is none.
pub(super) fn draw_place(size: (usize, usize), random: &mut SplitMix64, fits: impl Fn(usize, usize) -> bool) -> Option<(usize, usize)> {
    let places: Vec<usize> = (0..size.0 * size.1).filter(|&place| fits(place / size.1, place % size.1)).collect();
    let place = *places.get((random.unit() * places.len() as f64) as usize)?;
    Some((place / size.1, place % size.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_eighths_of_a_turn() {
        let found = [(1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (-1.0, 0.1), (0.0, -1.0), (1.0, -0.9)].map(|(x, y)| direction(x, y));
        assert_eq!(found, [0, 1, 2, 4, 6, 7]);
    }

    #[test]
    fn a_cell_is_occupied_where_a_fifth_of_what_lies_round_it_is() {
        // Of three by three cells the middle one: 16 pixels of the 64 round a corner, of the 96 and 144 round the others.
        let side = 3 * CELL;
        let middle = |pixel: usize| [pixel / side, pixel % side].iter().all(|at| (CELL..2 * CELL).contains(at));
        let corners = [1, 0, 1, 0, 0, 0, 1, 0, 1];
        let usual = Usual { height: side, width: side, speed: 2.0, background: vec![100.0; side * side], place: vec![1.0; 36], view: None };
        let belongs = Belongs { rows: 3, cols: 3, never_stands: Vec::new(), never_moves: Vec::new(), unit: 1.0 };
        let count = |across: f32, foreground: f32| {
            let within = |value: f32| (0..side * side).map(move |pixel| if middle(pixel) { value } else { 0.0 });
            let motion: Vec<f32> = within(across).chain(within(0.0)).collect();
            let mut counts = vec![vec![0; 9]; DIRECTIONS + 1];
            belongs.count(&usual, &motion, &within(foreground).collect::<Vec<f32>>(), &mut counts);
            counts
        };
        // To the left, and an eighth or two to either side, whatever stands out there.
        let moving = count(-1.0, 6.0);
        for (way, counts) in moving.iter().enumerate() {
            assert_eq!(*counts, if (2..=6).contains(&way) { corners } else { [0; 9] }, "{way}");
        }
        // Slower than three tenths of the usual speed it stands, if it stands out.
        let standing = count(0.5, 0.6);
        assert_eq!(standing[DIRECTIONS], corners);
        assert!(standing[..DIRECTIONS].iter().chain(&count(0.5, 0.4)).flatten().all(|&count| count == 0));
    }

    #[test]
    fn a_change_of_light_is_no_foreground() {
        let usual = Usual { height: 4, width: 4, speed: 1.0, background: vec![100.0; 16], place: vec![1.0; 4], view: None };
        let belongs = Belongs { rows: 1, cols: 1, never_stands: vec![true], never_moves: vec![vec![false]; DIRECTIONS], unit: 10.0 };
        let mut frame = vec![130; 16];
        frame[5] = 160;
        let mut found = Vec::new();
        belongs.foreground(&usual, &frame, &mut found);
        assert_eq!((found[0], found[5]), (0.0, 3.0));
        assert!(belongs.is_strange(3, 3, Behaviour::Stands) && !belongs.is_strange(0, 0, Behaviour::Moves(2)));
    }
}
