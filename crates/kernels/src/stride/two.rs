//! F(2, 2) on the pixel phases: two results of two taps by three products along an axis, nine products where the taps need 16.
//!
//! With d the data and g the taps: m = (d0−d1)·g0, d1·(g0+g1), (d1−d2)·g1; results m0+m1 and m1−m2 (Lavin and Gray's minimal filtering,
//! arXiv 1509.09308, on the phases of a strided convolution, arXiv 2002.00552).

use super::axes::{Axis, Products};
use super::fast::Fast;
use crate::arch::Lanes;

/// `down`: 6 × 6 pixels, nine points of each phase, 2 × 2 results.
pub(super) struct Down;

impl Fast<6, 3, 3, 3, 2> for Down {
    type Data = Data;
    type Results = Results;
}

/// `up`: 4 × 4 pixels of the small map, 25 points of which each phase of the large one takes nine, 2 × 2 results of each phase.
pub(super) struct Up;

impl Fast<4, 4, 5, 3, 2> for Up {
    type Data = BothPhases;
    type Results = Results;
    const PHASES: usize = 2;
    const FACTORS: usize = 36;

    fn factor(product: usize) -> (usize, usize, usize) {
        (point_of_up(product), product, 1)
    }
}

/// Which of the 25 points of `up` the product of phase (p, q) and point (a, b), of nine, is of: odd phases begin two points further on.
pub(crate) fn point_of_up(product: usize) -> usize {
    let (phase, point) = (product / 9, product % 9);
    (phase / 2 * 2 + point / 3) * 5 + phase % 2 * 2 + point % 3
}

/// The points of one phase.
pub(super) struct Data;

impl Axis<3, 3> for Data {
    #[inline(always)]
    fn along<L: Lanes>(d: [L; 3]) -> [L; 3] {
        [d[0].sub(d[1]), d[1], d[1].sub(d[2])]
    }
}

/// The points of d0 to d2, then those of d1 to d3, which share one.
pub(super) struct BothPhases;

impl Axis<4, 5> for BothPhases {
    #[inline(always)]
    fn along<L: Lanes>(d: [L; 4]) -> [L; 5] {
        [d[0].sub(d[1]), d[1], d[1].sub(d[2]), d[2], d[2].sub(d[3])]
    }
}

/// The results of three products.
pub(super) struct Results;

impl Axis<3, 2> for Results {
    #[inline(always)]
    fn along<L: Lanes>(m: [L; 3]) -> [L; 2] {
        [m[0].add(m[1]), m[1].sub(m[2])]
    }
}

impl Products<3, 2> for Results {}

/// The weights of two taps; for `pair` the points of the small map, for results and taps change places there.
pub(super) struct Taps;

impl Axis<2, 3> for Taps {
    #[inline(always)]
    fn along<L: Lanes>(g: [L; 2]) -> [L; 3] {
        [g[0], g[0].add(g[1]), g[1]]
    }
}
