//! What is seen of a map: a lens as addresses, and square patches of pixels, which may reach beyond the edge.

use crate::arch::Lanes;
use crate::{Lens, Map};

/// A lens as addresses; null where the map is read as it is.
#[derive(Clone, Copy)]
pub(super) struct Glass {
    scale: *const f32,
    shift: *const f32,
    slope: *const f32,
}

impl Glass {
    pub(super) fn new(lens: Option<Lens<'_, f32>>) -> Self {
        match lens {
            Some(lens) => Self { scale: lens.scale.as_ptr(), shift: lens.shift.as_ptr(), slope: lens.slope.as_ptr() },
            None => Self { scale: std::ptr::null(), shift: std::ptr::null(), slope: std::ptr::null() },
        }
    }

    #[inline(always)]
    pub(super) fn clear(&self) -> bool {
        self.scale.is_null()
    }

    /// The three coefficients of the channels from `channel` on.
    ///
    /// # Safety
    /// Not clear, and `channel + WIDTH` channels exist.
    #[inline(always)]
    pub(super) unsafe fn at<L: Lanes>(&self, channel: usize) -> [L; 3] {
        // SAFETY: the caller's promise.
        unsafe { [L::load(self.scale.add(channel)), L::load(self.shift.add(channel)), L::load(self.slope.add(channel))] }
    }

    /// The three coefficients of one channel, each in every place.
    ///
    /// # Safety
    /// Not clear, and the channel exists.
    #[inline(always)]
    pub(super) unsafe fn one<L: Lanes>(&self, channel: usize) -> [L; 3] {
        // SAFETY: the caller's promise.
        unsafe { [L::broadcast(self.scale.add(channel)), L::broadcast(self.shift.add(channel)), L::broadcast(self.slope.add(channel))] }
    }
}

/// A lens's addresses, read by all jobs of a call.
#[derive(Clone, Copy)]
pub(super) struct Shared(pub(super) Glass);

// SAFETY: only read; the lens is borrowed for the whole call.
unsafe impl Sync for Shared {}

impl Shared {
    #[inline(always)]
    pub(super) fn get(&self) -> Glass {
        self.0
    }
}

/// A square patch of N × N pixels, which may reach beyond the map.
pub(super) struct Patch<const N: usize> {
    /// Its first pixel; the distances to the next row and to the next pixel.
    pub(super) first: *const f32,
    pub(super) line: usize,
    pub(super) pixel: usize,
    /// Bit i: whether row or column i is within the map.
    pub(super) rows: u32,
    pub(super) cols: u32,
    /// Whether some are not.
    pub(super) edge: bool,
}

impl<const N: usize> Patch<N> {
    /// N × N pixels from (row, col), which may lie outside.
    #[inline(always)]
    pub(super) fn at(map: &Map<'_, f32>, image: usize, row: isize, col: isize) -> Self {
        let bits = |first: isize, count: usize| {
            let inside = |i: usize| (first + i as isize >= 0 && first + (i as isize) < count as isize) as u32;
            (0..N).fold(0, |bits, i| bits | inside(i) << i)
        };
        let last = N as isize - 1;
        let edge = row < 0 || col < 0 || row + last >= map.rows as isize || col + last >= map.cols as isize;
        let all = (1 << N) - 1;
        let (rows, cols) = if edge { (bits(row, map.rows), bits(col, map.cols)) } else { (all, all) };
        let index = ((image * map.rows) as isize + row) * map.cols as isize + col;
        let first = map.data.as_ptr().wrapping_offset(index * map.pixel as isize);
        Self { first, line: map.cols * map.pixel, pixel: map.pixel, rows, cols, edge }
    }

    /// What is seen of a vector of channels of pixel (i, j); 0 outside the map.
    ///
    /// # Safety
    /// Pixels within the map are readable, and all are if not `EDGE`.
    #[inline(always)]
    pub(super) unsafe fn see<L: Lanes, const LENS: bool, const EDGE: bool>(&self, i: usize, j: usize, channel: usize, glass: &[L; 3]) -> L {
        if EDGE && (self.rows >> i & self.cols >> j & 1) == 0 {
            return L::splat(0.0);
        }
        // By line, then by pixel: one register a line and one a column, for all pixels.
        let line = self.first.wrapping_add(i * self.line + channel);
        // SAFETY: the caller's promise.
        let value = unsafe { L::load(line.wrapping_add(j * self.pixel)) };
        if LENS { glass[0].mul_add(value, glass[1]).leaky(glass[2]) } else { value }
    }
}
