//! Where a map lies in a buffer: what makes a skip concatenation an address. No data, no arithmetic.

use kernels::{Map, MapMut, Real};
use std::ops::Range;

/// A channels-last map within a buffer of wider pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// Channels of the map.
    pub channels: usize,
    /// Channels of the buffer.
    pub pixel: usize,
    /// First channel of the map in the buffer.
    pub offset: usize,
}

impl Place {
    /// A map that fills its buffer.
    pub fn dense(rows: usize, cols: usize, channels: usize) -> Place {
        Place { rows, cols, channels, pixel: channels, offset: 0 }
    }

    /// `channels` of this map from `offset` on.
    pub fn part(self, offset: usize, channels: usize) -> Place {
        Place { offset: self.offset + offset, channels, ..self }
    }

    /// Elements of the buffer that one image takes.
    pub fn image(&self) -> usize {
        self.rows * self.cols * self.pixel
    }

    /// The map of some of the buffer's images.
    ///
    /// # Panics
    /// If the buffer has fewer images.
    pub fn of<'a, T: Real>(&self, data: &'a [T], images: Range<usize>) -> Map<'a, T> {
        let piece = &data[images.start * self.image()..images.end * self.image()];
        Map::new(&piece[self.offset..], images.len(), self.rows, self.cols, self.channels, self.pixel)
    }

    /// The map of some of the buffer's images, to write.
    ///
    /// # Panics
    /// If the buffer has fewer images.
    pub fn of_mut<'a, T: Real>(&self, data: &'a mut [T], images: Range<usize>) -> MapMut<'a, T> {
        let piece = &mut data[images.start * self.image()..images.end * self.image()];
        MapMut::new(&mut piece[self.offset..], images.len(), self.rows, self.cols, self.channels, self.pixel)
    }
}
