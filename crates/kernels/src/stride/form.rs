//! Which form a shape takes, and what each needs.

use super::{narrow, narrow_up, small, winograd};
use crate::arch::PANEL;

/// What a weight joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) wide: usize,
    pub(super) deep: usize,
    /// Of the small map.
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) images: usize,
}

/// How a shape is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// F(2, 2) on the pixel phases: 9 products for 16 taps.
    Winograd,
    /// Few wide channels (pictures): all 16 taps are one row of a matrix.
    Narrow,
    /// Maps up to 4 × 4: tap by tap, so that taps on padding cost nothing (23 % of the work at 4 × 4, 44 % at 2 × 2, 75 %
    /// at 1 × 1). Weights are most of the traffic there, and 36 points would move more of them than 16 taps: at 4 × 4 a
    /// training step takes as long in both forms, one scored image half as long in this one.
    Small,
}

impl Shape {
    /// # Panics
    /// If an extent is 0.
    pub(super) fn checked(wide: usize, deep: usize, rows: usize, cols: usize, images: usize) -> Self {
        assert!(wide > 0 && deep > 0 && rows > 0 && cols > 0 && images > 0, "an empty filter");
        Self { wide, deep, rows, cols, images }
    }

    /// # Panics
    /// If a weight of that length is not of this shape.
    pub(super) fn check_weight(&self, length: usize) {
        assert_eq!(length, 16 * self.wide * self.deep, "a 4x4 weight of {} by {}", self.wide, self.deep);
    }

    /// By shape alone, without the number of images: an image's bits must not depend on its batch.
    pub(super) fn form(&self) -> Form {
        if self.wide < 16 {
            Form::Narrow
        } else if self.rows < 4 || self.cols < 4 || self.rows * self.cols <= 16 {
            Form::Small
        } else {
            Form::Winograd
        }
    }

    /// Numbers the three kernels need: for all jobs together, for each thread.
    pub(super) fn needs(&self) -> (usize, usize) {
        match self.form() {
            Form::Winograd => winograd::needs(self.wide, self.deep, self.rows, self.cols, self.images),
            Form::Narrow => narrow::needs(self),
            Form::Small => small::needs(self),
        }
    }

    /// Numbers of a gradient before its last stage, where that is apart.
    pub(super) fn gradient(&self) -> usize {
        if self.form() == Form::Winograd { winograd::products(self.wide, self.deep) } else { 0 }
    }

    /// Row offsets they need.
    pub(super) fn offsets(&self) -> usize {
        if self.form() == Form::Small { 16 * self.images * self.rows * self.cols } else { 0 }
    }

    /// Numbers of a weight prepared for `down`.
    pub(super) fn down_weight(&self) -> usize {
        let panels = self.deep.div_ceil(PANEL) * PANEL;
        match self.form() {
            Form::Winograd => 9 * panels * 4 * self.wide,
            Form::Narrow => panels * 16 * self.wide,
            Form::Small => small::live(self.rows, self.cols).count() * panels * self.wide,
        }
    }

    /// Numbers of a weight prepared for `up`.
    pub(super) fn up_weight(&self) -> usize {
        let panels = self.wide.div_ceil(PANEL) * PANEL;
        match self.form() {
            Form::Winograd => 36 * panels * self.deep,
            Form::Narrow => narrow_up::weight(self.wide, self.deep),
            Form::Small => small::live(self.rows, self.cols).count() * panels * self.deep,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_the_forms() {
        let shape = |wide, rows, cols| Shape { wide, deep: 64, rows, cols, images: 1 }.form();
        assert_eq!((shape(64, 4, 5), shape(64, 4, 4)), (Form::Winograd, Form::Small));
        assert_eq!(shape(64, 3, 40), Form::Small);
        assert_eq!(shape(3, 40, 40), Form::Narrow);
        assert_eq!(shape(3, 1, 1), Form::Narrow);
    }

    #[test]
    fn a_one_pixel_map_keeps_four_taps() {
        let shape = Shape { wide: 32, deep: 32, rows: 1, cols: 1, images: 1 };
        assert_eq!((shape.down_weight(), shape.up_weight()), (4 * 1024, 4 * 1024));
    }
}
