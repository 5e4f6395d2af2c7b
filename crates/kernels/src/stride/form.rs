//! Which form a shape takes, and what each needs.

use super::fast::Fast;
use super::{fast_pair, four, narrow, narrow_four, narrow_tied, narrow_up, small, tied, two};
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
    /// Whether the weight's taps are tied, as [`super::Filter::tied`] has it.
    pub(super) tied: bool,
    /// Whether larger errors are allowed, as [`super::Filter::quick`] has it.
    pub(super) quick: bool,
}

/// How a shape is computed: `pair`, and both other kernels where nothing else is known of the weight.
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

/// How `down` of a shape is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DownForm {
    Usual(Form),
    /// [`Form::Winograd`] where more error is allowed: F(4, 2) on the pixel phases.
    WinogradFour,
    /// [`Form::Narrow`] where more error is allowed: F(4, 2) along the rows.
    NarrowFour,
}

/// How `up` of a shape is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UpForm {
    Usual(Form),
    /// [`Form::Winograd`] of tied taps: 25 products for 64 taps.
    Tied,
    /// [`Form::Narrow`] of tied taps: nine rows of products for sixteen.
    NarrowTied,
}

/// Smallest side and pixels of a small map for which F(4, 2) pays: on fewer tiles its weights, 25 for 9, are read for too few.
const FOUR_SIDE: usize = 12;
const FOUR_PIXELS: usize = 384;

impl Shape {
    /// # Panics
    /// If an extent is 0.
    pub(super) fn checked(wide: usize, deep: usize, rows: usize, cols: usize, images: usize) -> Self {
        assert!(wide > 0 && deep > 0 && rows > 0 && cols > 0 && images > 0, "an empty filter");
        Self { wide, deep, rows, cols, images, tied: false, quick: false }
    }

    /// # Panics
    /// If a weight of that length is not of this shape.
    pub(super) fn check_weight(&self, length: usize) {
        assert_eq!(length, 16 * self.wide * self.deep, "a 4x4 weight of {} by {}", self.wide, self.deep);
    }

    /// Of `down`.
    pub(super) fn down_form(&self) -> DownForm {
        match self.form() {
            Form::Winograd if self.quick && self.rows.min(self.cols) >= FOUR_SIDE && self.rows * self.cols >= FOUR_PIXELS => {
                DownForm::WinogradFour
            }
            Form::Narrow if self.quick && self.rows >= 4 => DownForm::NarrowFour,
            form => DownForm::Usual(form),
        }
    }

    /// Of `up`.
    pub(super) fn up_form(&self) -> UpForm {
        match self.form() {
            Form::Winograd if self.tied => UpForm::Tied,
            Form::Narrow if self.tied => UpForm::NarrowTied,
            form => UpForm::Usual(form),
        }
    }

    /// Of `pair`. By shape alone, without the number of images: an image's bits must not depend on its batch.
    pub(super) fn form(&self) -> Form {
        if self.wide < 16 {
            Form::Narrow
        } else if self.rows < 4 || self.cols < 4 || self.rows * self.cols <= 16 {
            Form::Small
        } else {
            Form::Winograd
        }
    }

    /// Whether few wide channels decide the form.
    pub(super) fn is_narrow(&self) -> bool {
        self.form() == Form::Narrow
    }

    /// Numbers the three kernels need in any form: for all jobs together, for each thread.
    pub(super) fn needs(&self) -> (usize, usize) {
        match self.form() {
            Form::Winograd => {
                let maps = (self.images, self.rows, self.cols);
                let (down, up) = ((self.wide, self.deep), (self.deep, self.wide));
                let needs = [
                    two::Down::needs(down, maps),
                    four::Down::needs(down, maps),
                    two::Up::needs(up, maps),
                    tied::Up::needs(up, maps),
                    (fast_pair::needs(down, maps), 0),
                ];
                needs.into_iter().fold((0, 0), |most, needs| (most.0.max(needs.0), most.1.max(needs.1)))
            }
            Form::Narrow => narrow::needs(self),
            Form::Small => small::needs(self),
        }
    }

    /// Numbers of a gradient before its last stage, where that is apart.
    pub(super) fn gradient(&self) -> usize {
        if self.form() == Form::Winograd { fast_pair::products(self.wide, self.deep) } else { 0 }
    }

    /// Row offsets they need.
    pub(super) fn offsets(&self) -> usize {
        if self.form() == Form::Small { 16 * self.images * self.rows * self.cols } else { 0 }
    }

    /// Numbers of a weight prepared for `down`.
    pub(super) fn down_weight(&self) -> usize {
        let panels = self.deep.div_ceil(PANEL) * PANEL;
        match self.down_form() {
            DownForm::Usual(Form::Winograd) => two::Down::weight(self.wide, self.deep),
            DownForm::WinogradFour => four::Down::weight(self.wide, self.deep),
            DownForm::Usual(Form::Narrow) => panels * 16 * self.wide,
            DownForm::NarrowFour => narrow_four::weight(self.wide, self.deep),
            DownForm::Usual(Form::Small) => small::live(self.rows, self.cols).count() * panels * self.wide,
        }
    }

    /// Numbers of a weight prepared for `up`.
    pub(super) fn up_weight(&self) -> usize {
        let panels = self.wide.div_ceil(PANEL) * PANEL;
        match self.up_form() {
            UpForm::Usual(Form::Winograd) => two::Up::weight(self.deep, self.wide),
            UpForm::Tied => tied::Up::weight(self.deep, self.wide),
            UpForm::Usual(Form::Narrow) => narrow_up::weight(self.wide, self.deep),
            UpForm::NarrowTied => narrow_tied::weight(self.wide, self.deep),
            UpForm::Usual(Form::Small) => small::live(self.rows, self.cols).count() * panels * self.deep,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_the_forms() {
        let shape = |wide, rows, cols| Shape::checked(wide, 64, rows, cols, 1).form();
        assert_eq!((shape(64, 4, 5), shape(64, 4, 4)), (Form::Winograd, Form::Small));
        assert_eq!(shape(64, 3, 40), Form::Small);
        assert_eq!(shape(3, 40, 40), Form::Narrow);
        assert_eq!(shape(3, 1, 1), Form::Narrow);
    }

    #[test]
    fn quick_down_and_tied_up_take_their_own_forms() {
        let plain = |wide, rows, cols| Shape::checked(wide, 64, rows, cols, 1);
        let down = |wide, rows, cols| Shape { quick: true, ..plain(wide, rows, cols) }.down_form();
        let up = |wide, rows, cols| Shape { tied: true, ..plain(wide, rows, cols) }.up_form();
        let (usual_down, usual_up) = (DownForm::Usual, UpForm::Usual);
        // A side of 12 and 384 pixels, either way around.
        assert_eq!([down(16, 12, 32), down(16, 32, 12)], [DownForm::WinogradFour; 2]);
        for (rows, cols) in [(11, 40), (40, 11), (12, 31), (19, 20)] {
            assert_eq!(down(16, rows, cols), usual_down(Form::Winograd), "{rows}x{cols}");
        }
        assert_eq!((down(15, 4, 1), down(15, 3, 400)), (DownForm::NarrowFour, usual_down(Form::Narrow)));
        assert_eq!([down(16, 4, 4), down(16, 3, 400)], [usual_down(Form::Small); 2]);
        assert_eq!((up(16, 4, 5), up(15, 1, 1), up(16, 4, 4)), (UpForm::Tied, UpForm::NarrowTied, usual_up(Form::Small)));
        // Each switch is for its direction alone.
        for (wide, rows, cols) in [(16, 40, 40), (15, 40, 40), (16, 2, 2)] {
            let shape = plain(wide, rows, cols);
            let (down, up) = (usual_down(shape.form()), usual_up(shape.form()));
            assert_eq!((shape.down_form(), shape.up_form()), (down, up));
            assert_eq!((Shape { tied: true, ..shape }.down_form(), Shape { quick: true, ..shape }.up_form()), (down, up));
        }
    }

    #[test]
    fn a_one_pixel_map_keeps_four_taps() {
        let shape = Shape::checked(32, 32, 1, 1, 1);
        assert_eq!((shape.down_weight(), shape.up_weight()), (4 * 1024, 4 * 1024));
    }
}
