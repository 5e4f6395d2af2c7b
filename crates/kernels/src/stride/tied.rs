//! `up` with tied taps: nearest ×2 and a 3×3 convolution in one, 25 products where 64 taps (or the fast form's 36) would be, and like
//! that form's by additions and halves alone.
//!
//! Along an axis the 3 taps w and 4 pixels d give 4 results: d1·(w1+w2) + d0·w0, d1·(w0+w1) + d2·w2, and the same of d2 one further on. What
//! is doubled lies on both sides of an even place, so that of the six points of F(4, 3) the one at −1 sees nothing; with the other pair at ±i
//! (which both see d1−d2) all factors are 0, 1 or ½:
//!
//! | product | data | weight | results |
//! |---|---|---|---|
//! | m0 | d0−d2 | w0 | + . . . |
//! | m1 | d1+d2 | (w0+w1+w2)/2 | + + + + |
//! | m2 | d1−d2 | (w1+w2−w0)/2 | + . − . |
//! | m3 | d1−d2 | (w0+w1−w2)/2 | . + . − |
//! | m4 | d3−d1 | w2 | . . . + |
//!
//! Two products share their data: 16 points of a patch meet 25 weights.

use super::axes::{Axis, Products};
use super::fast::Fast;
use crate::arch::Lanes;

/// `up`: 4 × 4 pixels, 16 points, 25 products, 4 × 4 results.
pub(super) struct Up;

impl Fast<4, 4, 4, 5, 4> for Up {
    type Data = Data;
    type Results = Results;
    const MOST: usize = 4;

    fn factor(point: usize) -> (usize, usize, usize) {
        let ((row, rows), (col, cols)) = (OF_POINT[point / 4], OF_POINT[point % 4]);
        (point, PLACE[row][col], rows * cols)
    }
}

/// Per axis: the first product of a point, and how many it has.
const OF_POINT: [(usize, usize); 4] = [(0, 1), (1, 1), (2, 2), (4, 1)];

/// Where product (i, j) stands among the 25: those of one point side by side.
pub(super) const PLACE: [[usize; 5]; 5] = places();

const fn places() -> [[usize; 5]; 5] {
    let (mut place, mut next, mut point) = ([[0; 5]; 5], 0, 0);
    while point < 16 {
        let ((row, rows), (col, cols)) = (OF_POINT[point / 4], OF_POINT[point % 4]);
        let mut n = 0;
        while n < rows * cols {
            place[row + n / cols][col + n % cols] = next;
            (next, n) = (next + 1, n + 1);
        }
        point += 1;
    }
    place
}

/// The points of four pixels.
pub(super) struct Data;

impl Axis<4, 4> for Data {
    #[inline(always)]
    fn along<L: Lanes>(d: [L; 4]) -> [L; 4] {
        [d[0].sub(d[2]), d[1].add(d[2]), d[1].sub(d[2]), d[3].sub(d[1])]
    }
}

/// The results of five products.
pub(super) struct Results;

impl Axis<5, 4> for Results {
    #[inline(always)]
    fn along<L: Lanes>(m: [L; 5]) -> [L; 4] {
        [m[0].add(m[1]).add(m[2]), m[1].add(m[3]), m[1].sub(m[2]), m[1].sub(m[3]).add(m[4])]
    }
}

impl Products<5, 4> for Results {
    const PLACE: [[usize; 5]; 5] = PLACE;
}

/// The five weights of an axis from its four taps, of which t0+t2 = t1+t3.
pub(super) struct Taps;

impl Axis<4, 5> for Taps {
    #[inline(always)]
    fn along<L: Lanes>(t: [L; 4]) -> [L; 5] {
        let half = L::splat(0.5);
        [t[3], t[1].add(t[3]).mul(half), t[1].sub(t[3]).mul(half), t[2].sub(t[0]).mul(half), t[0]]
    }
}
