//! Boxes with inclusive corners, their overlap decided in integers, and the regions of a map as boxes with a score (EVALUATION §3).

use super::components::{Components, connected_components};
use super::plane::Plane;

/// A box on the pixel grid; both corners belong to it, so its width is `x1 − x0 + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PixelBox {
    /// First column.
    pub x0: u32,
    /// First row.
    pub y0: u32,
    /// Last column, at least `x0`.
    pub x1: u32,
    /// Last row, at least `y0`.
    pub y1: u32,
}

impl PixelBox {
    /// Number of pixels inside.
    pub fn area(&self) -> u128 {
        side(self.x0, self.x1) * side(self.y0, self.y1)
    }

    /// Number of pixels that both boxes hold.
    pub fn intersection(&self, other: &Self) -> u128 {
        side(self.x0.max(other.x0), self.x1.min(other.x1)) * side(self.y0.max(other.y0), self.y1.min(other.y1))
    }

    /// Whether intersection over union is at least one tenth (β of RBDC), compared as 10·I ≥ U: no rounding decides.
    pub fn overlaps_a_tenth(&self, other: &Self) -> bool {
        let shared = self.intersection(other);
        shared * 10 >= self.area() + other.area() - shared
    }

    /// The smallest box that holds this one and the pixel (x, y).
    pub(crate) fn grown_to(self, x: u32, y: u32) -> Self {
        Self { x0: self.x0.min(x), y0: self.y0.min(y), x1: self.x1.max(x), y1: self.y1.max(y) }
    }
}

fn side(first: u32, last: u32) -> u128 {
    if last < first { 0 } else { u128::from(last - first) + 1 }
}

/// A connected region of a map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// The smallest box around it.
    pub bounds: PixelBox,
    /// The map's maximum inside the region.
    pub score: f64,
    /// Its number of pixels.
    pub pixels: usize,
}

/// Boxes around the components, item `k` for label `k + 1`.
pub fn component_boxes(components: &Components) -> Vec<PixelBox> {
    let mut boxes: Vec<Option<PixelBox>> = vec![None; components.count];
    let width = components.labels.width.max(1);
    for (at, &label) in components.labels.values.iter().enumerate().filter(|(_, label)| **label > 0) {
        let (x, y) = ((at % width) as u32, (at / width) as u32);
        let slot = &mut boxes[label as usize - 1];
        *slot = Some(slot.map_or(PixelBox { x0: x, y0: y, x1: x, y1: y }, |bounds| bounds.grown_to(x, y)));
    }
    boxes.into_iter().flatten().collect()
}

/// The regions of `map` strictly above `threshold` (τ0), in reading order of their first pixel.
///
/// # Shapes
/// `map` is `[height, width]`; boxes are in its pixels. Values that are not a number are never above.
pub fn regions_above(map: &Plane<f64>, threshold: f64) -> Vec<Region> {
    let components = connected_components(map, |value| value > threshold);
    let mut regions: Vec<Region> =
        component_boxes(&components).into_iter().map(|bounds| Region { bounds, score: f64::NEG_INFINITY, pixels: 0 }).collect();
    for (&value, &label) in map.values.iter().zip(&components.labels.values).filter(|(_, label)| **label > 0) {
        let region = &mut regions[label as usize - 1];
        region.score = region.score.max(value);
        region.pixels += 1;
    }
    regions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_is_decided_in_integers() {
        let whole = PixelBox { x0: 0, y0: 0, x1: 9, y1: 9 };
        let strip = PixelBox { x0: 0, y0: 0, x1: 0, y1: 9 };
        let taller = PixelBox { x0: 0, y0: 0, x1: 9, y1: 10 };
        assert!(whole.overlaps_a_tenth(&strip)); // 10 / 100
        assert!(!taller.overlaps_a_tenth(&strip)); // 10 / 110
        let everything = PixelBox { x0: 0, y0: 0, x1: u32::MAX, y1: u32::MAX };
        assert!(everything.overlaps_a_tenth(&everything)); // no overflow
    }

    #[test]
    fn regions_are_strictly_above_and_carry_their_maximum() {
        let map = Plane::new(2, 4, vec![0.5, 0.6, 0.1, 0.9, 0.1, 0.1, 0.7, 0.1]);
        let regions = regions_above(&map, 0.5);
        assert_eq!(regions.len(), 1);
        assert_eq!(regions[0], Region { bounds: PixelBox { x0: 1, y0: 0, x1: 3, y1: 1 }, score: 0.9, pixels: 3 });
    }
}
