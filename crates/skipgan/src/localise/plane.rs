//! One picture-shaped array in rows; the common currency of maps (`f64`) and masks (`u8`). Not an image: no colour, no stride.

/// A picture-shaped array, row after row.
///
/// # Shapes
/// `values` is `[height, width]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plane<T> {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Row-major values, `height · width` of them.
    pub values: Vec<T>,
}

impl<T: Copy> Plane<T> {
    /// Wraps `values`.
    ///
    /// # Panics
    /// If `values` does not hold `height · width` items.
    pub fn new(height: usize, width: usize, values: Vec<T>) -> Self {
        assert_eq!(values.len(), height * width, "a plane of {height} × {width} needs that many values");
        Self { height, width, values }
    }

    /// Makes this plane `height × width`, every value `fill`, reusing its memory.
    pub fn reset(&mut self, height: usize, width: usize, fill: T) {
        self.height = height;
        self.width = width;
        self.values.clear();
        self.values.resize(height * width, fill);
    }

    /// Row `y`, `width` values.
    ///
    /// # Panics
    /// If `y` is not below `height`.
    pub fn row(&self, y: usize) -> &[T] {
        &self.values[y * self.width..(y + 1) * self.width]
    }

    /// Whether the two planes have the same height and width.
    pub fn same_size<U>(&self, other: &Plane<U>) -> bool {
        self.height == other.height && self.width == other.width
    }
}
