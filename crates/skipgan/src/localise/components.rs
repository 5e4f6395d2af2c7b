//! 8-connected components of a picture of yes and no (EVALUATION §3). Not the boxes: those are in [`super::boxes`].
//!
//! Two passes with a union-find over provisional labels; components are numbered from 1 in the order in which a row-by-row reader
//! meets their first pixel, so the numbering does not depend on the method.

use super::plane::Plane;

/// Which component each pixel belongs to.
#[derive(Clone, Debug, Default)]
pub struct Components {
    /// `[height, width]`: 0 outside, 1 … `count` inside.
    pub labels: Plane<u32>,
    /// Number of components.
    pub count: usize,
}

impl Components {
    /// Pixels of each component; item `k` belongs to label `k + 1`.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.count];
        for &label in self.labels.values.iter().filter(|&&label| label > 0) {
            sizes[label as usize - 1] += 1;
        }
        sizes
    }
}

/// Labels the 8-connected components of the pixels for which `inside` holds.
///
/// # Panics
/// If the plane has 2³² pixels or more.
pub fn connected_components<T: Copy>(plane: &Plane<T>, inside: impl Fn(T) -> bool) -> Components {
    assert!(plane.values.len() < u32::MAX as usize, "a plane of 2^32 pixels or more cannot be labelled");
    let mut labels = Plane::default();
    labels.reset(plane.height, plane.width, 0u32);
    let mut parents = Parents::default();
    for y in 0..plane.height {
        for x in 0..plane.width {
            if inside(plane.values[y * plane.width + x]) {
                let label = join_earlier_neighbours(&labels, &mut parents, y, x);
                labels.values[y * plane.width + x] = label;
            }
        }
    }
    let count = number_in_reading_order(&mut labels.values, &mut parents);
    Components { labels, count }
}

/// The label of (y, x) from its four neighbours that were read before, which become one component; a new label if it has none.
fn join_earlier_neighbours(labels: &Plane<u32>, parents: &mut Parents, y: usize, x: usize) -> u32 {
    let width = labels.width;
    let at = y * width + x;
    let mut label = 0;
    let mut meet = |neighbour: u32| {
        if neighbour > 0 {
            label = if label == 0 { neighbour } else { parents.join(label, neighbour) };
        }
    };
    if x > 0 {
        meet(labels.values[at - 1]);
    }
    if y > 0 {
        for neighbour_x in x.saturating_sub(1)..=(x + 1).min(width - 1) {
            meet(labels.values[at - width - x + neighbour_x]);
        }
    }
    if label == 0 { parents.add() } else { label }
}

fn number_in_reading_order(labels: &mut [u32], parents: &mut Parents) -> usize {
    let mut number = vec![0u32; parents.of.len() + 1];
    let mut count = 0;
    for label in labels.iter_mut().filter(|label| **label > 0) {
        let root = parents.root(*label) as usize;
        if number[root] == 0 {
            count += 1;
            number[root] = count;
        }
        *label = number[root];
    }
    count as usize
}

/// Union-find over labels from 1; the smaller label is always the root.
#[derive(Default)]
pub(crate) struct Parents {
    of: Vec<u32>,
}

impl Parents {
    /// A new label, its own root.
    pub(crate) fn add(&mut self) -> u32 {
        let label = self.of.len() as u32 + 1;
        self.of.push(label);
        label
    }

    /// The smallest label joined with `label`.
    pub(crate) fn root(&mut self, mut label: u32) -> u32 {
        while self.of[label as usize - 1] != label {
            let above = self.of[label as usize - 1];
            self.of[label as usize - 1] = self.of[above as usize - 1]; // halves the path, so later look-ups are short
            label = above;
        }
        label
    }

    /// Joins two labels and returns their root.
    pub(crate) fn join(&mut self, a: u32, b: u32) -> u32 {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        self.of[high as usize - 1] = low;
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(rows: &[&str]) -> Plane<u8> {
        Plane::new(rows.len(), rows[0].len(), rows.concat().bytes().map(|byte| u8::from(byte == b'#')).collect())
    }

    #[test]
    fn diagonal_pixels_are_one_component() {
        let found = connected_components(&picture(&["#..", ".#.", "..#"]), |value| value > 0);
        assert_eq!(found.count, 1);
        assert_eq!(found.sizes(), [3]);
    }

    #[test]
    fn arms_that_meet_late_are_one_component_and_numbers_follow_reading_order() {
        let found = connected_components(&picture(&["#.#.#", "#.#.#", "###..", "....#"]), |value| value > 0);
        assert_eq!(found.count, 3);
        assert_eq!(found.labels.row(0), [1, 0, 1, 0, 2]);
        assert_eq!(found.labels.row(3), [0, 0, 0, 0, 3]);
        assert_eq!(found.sizes(), [7, 2, 1]);
    }

    #[test]
    fn nothing_inside_gives_no_component() {
        assert_eq!(connected_components(&picture(&["...", "..."]), |value| value > 0).count, 0);
        assert_eq!(connected_components(&Plane::<u8>::default(), |value| value > 0).count, 0);
    }
}
