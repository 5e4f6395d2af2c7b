//! Working memory: buffers on cache lines, and pointers that jobs of one run share.

/// One cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// Numbers that begin on a cache line: vectors of a [whole line](Line) never straddle two.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    lines: Vec<Line>,
    length: usize,
}

impl Buffer {
    /// At least `length` numbers; grows if there are fewer. New ones are 0.
    pub(crate) fn reserve(&mut self, length: usize) {
        if length > self.length {
            self.lines.resize(length.div_ceil(16), Line([0.0; 16]));
            self.length = length;
        }
    }

    pub(crate) fn new(length: usize) -> Self {
        let mut buffer = Self::default();
        buffer.reserve(length);
        buffer
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        // SAFETY: `reserve` keeps length ≤ 16 · lines, and a line is 16 numbers without padding.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.length) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.length) }
    }
}

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
