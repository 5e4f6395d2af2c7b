//! A transform along one axis, and the same along both: a fast form's algebra is what it does along one.

use crate::arch::Lanes;

/// N vectors to M, inlined into the kernel whose instruction set they are of (`#[inline(always)]`).
pub(super) trait Axis<const N: usize, const M: usize> {
    fn along<L: Lanes>(from: [L; N]) -> [L; M];
}

/// Q products to S results, and where those of both axes stand.
pub(super) trait Products<const Q: usize, const S: usize>: Axis<Q, S> {
    /// Where product (i, j) stands among the Q × Q.
    const PLACE: [[usize; Q]; Q] = in_rows();
    /// Refuses, when it is compiled, a form that has not every place once: who reads the products relies on it.
    const CHECK: () = assert!(each_once(&Self::PLACE), "a place for each product");
}

const fn in_rows<const Q: usize>() -> [[usize; Q]; Q] {
    let (mut place, mut next) = ([[0; Q]; Q], 0);
    while next < Q * Q {
        place[next / Q][next % Q] = next;
        next += 1;
    }
    place
}

const fn each_once<const Q: usize>(place: &[[usize; Q]; Q]) -> bool {
    let mut found = 0u64;
    let mut next = 0;
    while next < Q * Q {
        let at = place[next / Q][next % Q];
        if at >= Q * Q || found >> at & 1 == 1 {
            return false;
        }
        (found, next) = (found | 1 << at, next + 1);
    }
    true
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
