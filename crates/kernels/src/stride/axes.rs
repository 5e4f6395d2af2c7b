//! A transform of one axis, and the same along both: all that one fast form's algebra has that another's has not.

use crate::arch::Lanes;

/// N vectors to M.
pub(super) trait Axis<const N: usize, const M: usize> {
    fn along<L: Lanes>(from: [L; N]) -> [L; M];
}

/// Q products to S results, and where those of both axes stand.
pub(super) trait Products<const Q: usize, const S: usize>: Axis<Q, S> {
    /// Where product (i, j) stands among the Q × Q.
    const PLACE: [[usize; Q]; Q] = in_rows();
}

const fn in_rows<const Q: usize>() -> [[usize; Q]; Q] {
    let (mut place, mut next) = ([[0; Q]; Q], 0);
    while next < Q * Q {
        place[next / Q][next % Q] = next;
        next += 1;
    }
    place
}

/// N × N vectors, of which `at` gives the one in a row and a column, through `A` down each column, then along each row; `put` takes M × M.
#[inline(always)]
pub(super) fn on_both<A: Axis<N, M>, L: Lanes, const N: usize, const M: usize>(
    at: impl Fn(usize, usize) -> L,
    mut put: impl FnMut(usize, usize, L),
) {
    let mut lines = [[L::splat(0.0); N]; M];
    for j in 0..N {
        let mut column = [L::splat(0.0); N];
        for (i, value) in column.iter_mut().enumerate() {
            *value = at(i, j);
        }
        for (line, value) in lines.iter_mut().zip(A::along(column)) {
            line[j] = value;
        }
    }
    for (a, line) in lines.into_iter().enumerate() {
        for (b, value) in A::along(line).into_iter().enumerate() {
            put(a, b, value);
        }
    }
}
