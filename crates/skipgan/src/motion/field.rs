//! A field of motion vectors.

/// Motion at each pixel of a frame, in pixels of that frame a frame: from the previous frame to this one, laid out on this
/// one. What moved to the right and down has positive numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// To the right, row after row.
    pub across: Vec<f32>,
    /// Down, row after row.
    pub down: Vec<f32>,
}

impl Flow {
    /// No motion.
    ///
    /// # Panics
    /// If a side is 0.
    pub fn still(width: usize, height: usize) -> Self {
        assert!(width > 0 && height > 0, "a field of {width}x{height} has no pixels");
        Self { width, height, across: vec![0.0; width * height], down: vec![0.0; width * height] }
    }

    /// How fast the pixel at an index moves, in pixels a frame.
    ///
    /// # Panics
    /// If the index is not below width · height.
    pub fn speed(&self, index: usize) -> f32 {
        self.across[index].hypot(self.down[index])
    }
}
