//! From the network's picture back to the displayed frame: letterbox bars are cut off, and what a crop did not see holds the map's lowest
//! value, so that a map always covers the whole frame (DESIGN.md §4).

use video::Geometry;

/// Most rows or columns of a map: a crop of a very long frame is not followed to its ends in more detail than this.
const MAX_SIDE: usize = 8192;

/// A map that covers the whole displayed frame, at its own resolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapView<'a> {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// `[rows, cols]`, higher = more anomalous, finite.
    pub values: &'a [f32],
}

/// Where the network's picture lies in a map of the whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Columns of the network's picture.
    width: usize,
    /// First row, first column, rows and columns of the part of the network's picture that shows footage.
    seen: [usize; 4],
    /// Rows and columns of the map of the whole frame.
    rows: usize,
    cols: usize,
    /// Where the seen part begins in it.
    top: usize,
    left: usize,
}

impl Placement {
    /// For a network's picture of `height` × `width` and the geometry by which frames were brought to it.
    pub fn new((height, width): (usize, usize), geometry: &Geometry) -> Placement {
        let (source, target) = (&geometry.source, &geometry.target);
        let vertical = Axis::new(height, target.top, target.height, source.top, source.height, geometry.displayed_height);
        let horizontal = Axis::new(width, target.left, target.width, source.left, source.width, geometry.displayed_width);
        Placement {
            width,
            seen: [vertical.first, horizontal.first, vertical.count, horizontal.count],
            rows: vertical.whole,
            cols: horizontal.whole,
            top: vertical.start,
            left: horizontal.start,
        }
    }

    /// Rows and columns of the map of the whole frame.
    pub fn size(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// The values that lie on footage, row by row.
    pub fn seen_rows<'m>(&self, map: &'m [f32]) -> impl Iterator<Item = &'m [f32]> {
        let ([first_row, first_col, rows, cols], width) = (self.seen, self.width);
        (first_row..first_row + rows).map(move |row| &map[row * width + first_col..][..cols])
    }

    /// The map of the whole frame, made in `canvas`.
    pub fn place<'c>(&self, map: &[f32], canvas: &'c mut Vec<f32>) -> MapView<'c> {
        let lowest = self.seen_rows(map).flatten().copied().fold(f32::INFINITY, f32::min);
        canvas.clear();
        canvas.resize(self.rows * self.cols, lowest);
        for (row, values) in self.seen_rows(map).enumerate() {
            let start = (self.top + row) * self.cols + self.left;
            canvas[start..start + values.len()].copy_from_slice(values);
        }
        MapView { rows: self.rows, cols: self.cols, values: canvas }
    }
}

/// One axis of a [`Placement`].
struct Axis {
    first: usize,
    count: usize,
    whole: usize,
    start: usize,
}

impl Axis {
    fn new(side: usize, target_start: f64, target_length: f64, source_start: f64, source_length: f64, displayed: u32) -> Axis {
        let first = (target_start.max(0.0).round() as usize).min(side.saturating_sub(1));
        let count = (target_length.max(1.0).round() as usize).min(side - first);
        let scale = count as f64 / source_length.max(f64::MIN_POSITIVE);
        let whole = ((f64::from(displayed) * scale).round() as usize).clamp(count, MAX_SIDE.max(count));
        let start = ((source_start * scale).round().max(0.0) as usize).min(whole - count);
        Axis { first, count, whole, start }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use video::{Channels, Filter, Fit, Target};

    fn placement(fit: Fit, displayed: (u32, u32), (height, width): (u32, u32)) -> Placement {
        let target = Target { width, height, channels: Channels::Luma, filter: Filter::Bilinear, fit };
        Placement::new((height as usize, width as usize), &Geometry::new(displayed.0, displayed.1, &target))
    }

    #[test]
    fn stretched_maps_stay_as_they_are() {
        let map: Vec<f32> = (0..6).map(|value| value as f32).collect();
        let mut canvas = Vec::new();
        let view = placement(Fit::Stretch, (360, 240), (2, 3)).place(&map, &mut canvas);
        assert_eq!((view.rows, view.cols, view.values), (2, 3, &map[..]));
    }

    #[test]
    fn letterbox_bars_are_cut_off() {
        let placement = placement(Fit::Letterbox, (80, 40), (4, 4)); // 4 wide, 2 high, one bar of one row above and below
        let map: Vec<f32> = (0..16).map(|value| value as f32).collect();
        let mut canvas = Vec::new();
        let view = placement.place(&map, &mut canvas);
        assert_eq!((view.rows, view.cols), (2, 4));
        assert_eq!(view.values, &map[4..12]);
    }

    #[test]
    fn what_a_crop_did_not_see_holds_the_lowest_value() {
        let placement = placement(Fit::Crop, (80, 40), (2, 2)); // the middle 40 of 80 columns
        let mut canvas = Vec::new();
        let view = placement.place(&[5.0, 6.0, 7.0, 4.0], &mut canvas);
        assert_eq!((view.rows, view.cols), (2, 4));
        assert_eq!(view.values, &[4.0, 5.0, 6.0, 4.0, 4.0, 7.0, 4.0, 4.0]);
    }

    #[test]
    fn absurd_frames_have_bounded_maps() {
        for (displayed, fit) in [((16384, 1), Fit::Crop), ((1, 16384), Fit::Letterbox), ((1, 1), Fit::Crop)] {
            let placement = placement(fit, displayed, (4, 4));
            let (rows, cols) = placement.size();
            assert!(rows <= MAX_SIDE && cols <= MAX_SIDE && rows > 0 && cols > 0);
            placement.place(&[0.0; 16], &mut Vec::new());
        }
    }
}
