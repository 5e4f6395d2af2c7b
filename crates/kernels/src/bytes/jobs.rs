//! How a call in bytes is cut into jobs, and which windows each has.

use super::filter::{ByteFilter, Phase, Region};
use crate::arch::PANEL;

/// Panels that a job takes at most.
const PANELS: usize = 8;
/// Images from which on regions are computed apart.
const IMAGES: usize = 4;
/// Windows that a job takes at most.
pub(super) const MOST_WINDOWS: usize = Multiplier::Matrix.rows() * PANELS;

/// What sums products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Multiplier {
    /// The words of the filter's instruction set.
    Vectors,
    /// Matrix registers; the filter's instruction set finishes.
    Matrix,
}

impl Multiplier {
    /// Windows that a job of [`PANELS`] panels takes, a multiple of what a block of registers has: its sums stay in the first cache.
    const fn rows(self) -> usize {
        match self {
            Multiplier::Vectors => 48,
            Multiplier::Matrix => 64,
        }
    }
}

/// How a call is cut into jobs: phase by phase, panels by panels, region by region, windows by windows.
pub(super) struct Jobs<'a> {
    filter: &'a ByteFilter,
    images: usize,
    /// Whether regions are computed apart: where images are few, a region's windows would be too.
    by_region: bool,
    /// Windows of a job.
    tall: usize,
    /// Of a phase: groups of panels, regions at most, groups of windows at most.
    across: usize,
    most: usize,
    down: usize,
}

/// What a job computes.
#[derive(Clone, Copy)]
pub(super) struct Share<'a> {
    pub(super) phase: &'a Phase,
    pub(super) region: &'a Region,
    /// Windows, counted within the region.
    pub(super) first: usize,
    pub(super) count: usize,
    pub(super) panel: usize,
    pub(super) columns: usize,
}

/// Windows side by side.
#[derive(Clone, Copy)]
pub(super) struct Stretch {
    pub(super) image: usize,
    /// Of the first, in the grid.
    pub(super) row: usize,
    pub(super) col: usize,
    pub(super) count: usize,
}

impl<'a> Jobs<'a> {
    /// Where panels are few, jobs have more windows, but not so many that there were fewer than two jobs a thread.
    pub(super) fn new(filter: &'a ByteFilter, images: usize, multiplier: Multiplier, threads: usize) -> Self {
        let rows = multiplier.rows();
        let panels = filter.columns.div_ceil(PANEL);
        let (across, windows) = (panels.div_ceil(PANELS), images * filter.grid.0 * filter.grid.1);
        let fair = (windows * across * filter.phases.len()).div_ceil(2 * threads);
        let tall = (rows * PANELS / panels.min(PANELS)).min(fair.max(rows));
        // Whole rows of the grid, where that leaves out little: a cut within one leaves few windows side by side.
        let rows = tall - tall % filter.grid.1;
        let tall = if 4 * rows >= 3 * tall { rows } else { tall };
        let mut jobs = Self { filter, images, by_region: images >= IMAGES, tall, across, most: 1, down: windows.div_ceil(tall) };
        jobs.most = filter.phases.iter().map(|phase| jobs.regions(phase).len()).max().unwrap_or(1);
        jobs
    }

    /// Sums of a job, at most.
    pub(super) fn sums(&self) -> usize {
        self.tall * self.filter.columns.div_ceil(PANEL).min(PANELS) * PANEL
    }

    fn regions(&self, phase: &'a Phase) -> &'a [Region] {
        if self.by_region && !phase.parts.is_empty() { &phase.parts } else { std::slice::from_ref(&phase.whole) }
    }

    pub(super) fn count(&self) -> usize {
        self.filter.phases.len() * self.across * self.most * self.down
    }

    /// Jobs that share weights follow each other. None where a phase has fewer regions, or a region fewer windows, than there could be.
    pub(super) fn at(&self, job: usize) -> Option<Share<'a>> {
        let (first, rest) = (job % self.down * self.tall, job / self.down);
        let (part, rest) = (rest % self.most, rest / self.most);
        let (panel, phase) = (rest % self.across * PANELS, &self.filter.phases[rest / self.across]);
        let region = self.regions(phase).get(part)?;
        let windows = self.images * region.rows.outputs.len() * region.cols.outputs.len();
        let columns = (PANELS * PANEL).min(self.filter.columns - panel * PANEL);
        (first < windows).then(|| Share { phase, region, first, count: self.tall.min(windows - first), panel, columns })
    }
}

impl Share<'_> {
    /// All windows, by rows of the map.
    #[inline(always)]
    pub(super) fn stretches(&self) -> impl Iterator<Item = Stretch> + Clone + use<> {
        let Share { region, first, count, .. } = *self;
        let (top, left) = (region.rows.outputs.start, region.cols.outputs.start);
        let (lines, line) = (region.rows.outputs.len(), region.cols.outputs.len());
        let (mut image, mut row, mut col, mut rest) = (first / (lines * line), first / line % lines, first % line, count);
        std::iter::from_fn(move || {
            let count = rest.min(line - col);
            let stretch = (count > 0).then_some(Stretch { image, row: top + row, col: left + col, count });
            (rest, col, row) = (rest - count, 0, row + 1);
            if row == lines {
                (row, image) = (0, image + 1);
            }
            stretch
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Affine, ByteMap};
    use super::*;
    use crate::arch::ByteLevel;
    use std::collections::HashSet;

    #[test]
    fn every_output_is_one_jobs() {
        for (rows, cols, wide, deep, images, threads) in [
            (1, 1, 3, 16, 1, 1),
            (2, 2, 16, 150, 5, 2),
            (8, 12, 8, 40, 3, 2),
            (7, 100, 1, 16, 2, 3),
            (3, 600, 2, 20, 1, 1),
            (4, 4, 4, 64, 4, 8),
        ] {
            let map = ByteMap::new(images, 2 * rows, 2 * cols, &vec![(0.0, 1.0); wide]);
            let affine = Affine { scale: &vec![1.0; deep], shift: &vec![0.0; deep] };
            let filter = ByteFilter::down(ByteLevel::Portable, &map, &vec![0.5; 16 * wide * deep], deep, affine);
            for multiplier in [Multiplier::Vectors, Multiplier::Matrix] {
                let what = format!("{rows}x{cols}, {wide} → {deep}, {images} images, {threads} threads, {multiplier:?}");
                let jobs = Jobs::new(&filter, images, multiplier, threads);
                let mut seen = HashSet::new();
                for share in (0..jobs.count()).filter_map(|job| jobs.at(job)) {
                    let windows: usize = share.stretches().map(|stretch| stretch.count).sum();
                    assert!(windows == share.count && windows <= MOST_WINDOWS && windows * share.columns <= jobs.sums(), "{what}");
                    for stretch in share.stretches() {
                        for (col, panel) in (0..stretch.count).flat_map(|i| (0..share.columns.div_ceil(PANEL)).map(move |panel| (i, panel)))
                        {
                            let output = (stretch.image, stretch.row, stretch.col + col, share.panel + panel);
                            assert!(seen.insert(output), "{what}: {output:?} twice");
                        }
                    }
                }
                assert_eq!(seen.len(), images * rows * cols * deep.div_ceil(PANEL), "{what}");
            }
        }
    }
}
