//! Working memory: buffers on cache lines, and pointers that jobs of one run share.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::sync::Arc;

/// Numbers that begin on a cache line, so that no vector straddles two; large ones on huge pages where the system has
/// them: the kernels stride through megabytes, and an address translation a row costs more than the row.
#[derive(Debug)]
pub(crate) struct Buffer {
    start: *mut f32,
    length: usize,
    layout: Layout,
}

// SAFETY: the memory is this value's alone, like a vector's.
unsafe impl Send for Buffer {}
// SAFETY: as above; shared references only read.
unsafe impl Sync for Buffer {}

impl Default for Buffer {
    fn default() -> Self {
        Self { start: std::ptr::dangling_mut(), length: 0, layout: Layout::new::<()>() }
    }
}

/// Bytes of a huge page, from twice which on they are asked for.
const HUGE: usize = 2 << 20;

impl Buffer {
    /// `length` zeros.
    pub(crate) fn new(length: usize) -> Self {
        if length == 0 {
            return Self::default();
        }
        let bytes = length.checked_mul(4).expect("a buffer within the address space");
        let align = if bytes >= 2 * HUGE { HUGE } else { 64 };
        let layout = Layout::from_size_align(bytes, align).expect("a buffer within the address space");
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc(layout) }.cast::<f32>();
        if start.is_null() {
            handle_alloc_error(layout);
        }
        if align == HUGE {
            ask_for_huge_pages(start, bytes);
        }
        // SAFETY: just allocated for `length` numbers; all bits 0 is 0.0.
        unsafe { start.write_bytes(0, length) };
        Self { start, length, layout }
    }

    /// At least `length` numbers; a larger buffer replaces a smaller one, and holds zeros.
    pub(crate) fn reserve(&mut self, length: usize) {
        if length > self.length {
            *self = Self::default();
            *self = Self::new(length);
        }
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        // SAFETY: `new` made `length` numbers at `start` (none where it dangles).
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: as above, borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.length) }
    }
}

/// What a value shares with others, for it to change: from then on its own, and empty if it was shared.
pub(crate) fn own<B: Default>(shared: &mut Arc<B>) -> &mut B {
    if Arc::get_mut(shared).is_none() {
        *shared = Arc::default();
    }
    Arc::get_mut(shared).expect("nobody else has it")
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.length > 0 {
            // SAFETY: allocated by `new` with this layout.
            unsafe { dealloc(self.start.cast(), self.layout) };
        }
    }
}

/// Linux: before the first touch, so that pages are huge from the start. A refusal changes nothing but speed.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn ask_for_huge_pages(start: *mut f32, bytes: usize) {
    unsafe extern "C" {
        fn madvise(start: *mut f32, bytes: usize, advice: i32) -> i32;
    }
    const HUGE_PAGES: i32 = 14;
    // SAFETY: whole pages of memory this process has just allocated (`start` is aligned; the end is rounded down); the
    // advice changes no contents.
    unsafe { madvise(start, bytes / HUGE * HUGE, HUGE_PAGES) };
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn ask_for_huge_pages(_: *mut f32, _: usize) {}

/// A mutable slice whose parts jobs of one run write: which part is whose is the run's business.
#[derive(Clone, Copy)]
pub(crate) struct Common {
    start: *mut f32,
    length: usize,
}

// SAFETY: only a pointer; every access through it is an unsafe block that says why it is alone.
unsafe impl Send for Common {}
// SAFETY: as above.
unsafe impl Sync for Common {}

impl Common {
    pub(crate) fn new(slice: &mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), length: slice.len() }
    }

    /// Address of `offset`, from which `length` numbers are within the slice.
    ///
    /// # Panics
    /// If they are not.
    #[inline(always)]
    pub(crate) fn at(&self, offset: usize, length: usize) -> *mut f32 {
        assert!(length <= self.length && offset <= self.length - length, "{offset}..+{length} of {}", self.length);
        self.start.wrapping_add(offset)
    }

    /// A part of the slice.
    ///
    /// # Panics
    /// If it is not within the slice.
    pub(crate) fn part(&self, offset: usize, length: usize) -> Common {
        Common { start: self.at(offset, length), length }
    }

    /// The slice before and from `middle` on.
    ///
    /// # Panics
    /// If `middle` is beyond the end.
    pub(crate) fn split(&self, middle: usize) -> (Common, Common) {
        (self.part(0, middle), self.part(middle, self.length - middle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_zeros_and_grow() {
        let mut buffer = Buffer::default();
        assert!(buffer.as_slice().is_empty());
        for length in [1, 100, 3 << 20] {
            buffer.reserve(length);
            assert_eq!(buffer.as_slice().len(), length);
            assert!(buffer.as_slice().iter().all(|&v| v == 0.0));
            assert_eq!(buffer.as_slice().as_ptr() as usize % 64, 0);
            buffer.as_mut_slice().fill(1.0);
            buffer.reserve(length);
            assert!(buffer.as_slice().iter().all(|&v| v == 1.0));
        }
    }
}
