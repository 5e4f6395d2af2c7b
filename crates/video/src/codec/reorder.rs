//! From decoding order to display order.
//!
//! Pictures are sorted by the codec's own order (which sequence, then picture order count),
//! never by the container's times: files exist whose times are wrong. The times are sorted by
//! themselves and handed out one a picture. A lost picture has no order of its own, so it takes
//! its place by its time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::{Lost, Picture, Shown};

/// Holds pictures until no earlier one can come.
#[derive(Debug, Default)]
pub(crate) struct Reorder {
    /// Pictures that may wait: the codec's picture buffer.
    depth: usize,
    sequence: u64,
    arrivals: u64,
    /// By sequence, picture order count, arrival.
    waiting: BTreeMap<(u64, i64, u64), Picture>,
    times: BinaryHeap<Reverse<i64>>,
    lost: Vec<(i64, Lost)>,
}

impl Reorder {
    /// Sets how many pictures may wait, at most 16 (the largest buffer of H.264 and HEVC).
    pub(crate) fn set_depth(&mut self, depth: usize) {
        self.depth = depth.min(16);
    }

    /// Begins a sequence (after an IDR picture): everything before it is shown first.
    pub(crate) fn begin_sequence(&mut self, out: &mut Vec<Shown>) {
        self.flush(out);
        self.sequence += 1;
    }

    pub(crate) fn good(&mut self, order: i64, pts: i64, picture: Picture, out: &mut Vec<Shown>) {
        self.arrivals += 1;
        self.waiting.insert((self.sequence, order, self.arrivals), picture);
        self.times.push(Reverse(pts));
        self.release(out);
    }

    pub(crate) fn lost(&mut self, pts: i64, lost: Lost, out: &mut Vec<Shown>) {
        self.lost.push((pts, lost));
        self.times.push(Reverse(pts));
        self.release(out);
    }

    fn release(&mut self, out: &mut Vec<Shown>) {
        while self.times.len() > self.depth {
            if !self.show_next(out) {
                return;
            }
        }
    }

    pub(crate) fn flush(&mut self, out: &mut Vec<Shown>) {
        while self.show_next(out) {}
    }

    fn show_next(&mut self, out: &mut Vec<Shown>) -> bool {
        let Some(Reverse(pts)) = self.times.pop() else {
            return false;
        };
        let lost_here = self.lost.iter().position(|(time, _)| *time == pts);
        let lost_here = lost_here.or_else(|| self.waiting.is_empty().then_some(0).filter(|_| !self.lost.is_empty()));
        let picture = match lost_here {
            Some(index) => Err(self.lost.remove(index).1),
            None => match self.waiting.pop_first() {
                Some((_, picture)) => Ok(picture),
                None => return false,
            },
        };
        out.push(Shown { pts, picture });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Matrix, Plane, Range};

    fn picture(value: u8) -> Picture {
        let y = Plane::new(vec![value], 1, 1).unwrap();
        Picture { planes: [y, Plane::default(), Plane::default()], range: Range::Full, matrix: Matrix::Unknown, objection: None }
    }

    fn values(out: &[Shown]) -> Vec<(i64, Option<u8>)> {
        out.iter().map(|s| (s.pts, s.picture.as_ref().ok().map(|p| p.planes[0].data[0]))).collect()
    }

    #[test]
    fn codec_order_wins_over_wrong_times() {
        let mut reorder = Reorder::default();
        reorder.set_depth(2);
        let mut out = Vec::new();
        // Decoding order I P B; times written in decoding order.
        for (order, pts) in [(0, 0), (4, 1), (2, 2)] {
            reorder.good(order, pts, picture(u8::try_from(order).unwrap()), &mut out);
        }
        reorder.begin_sequence(&mut out);
        reorder.good(0, 3, picture(9), &mut out);
        reorder.flush(&mut out);
        assert_eq!(values(&out), [(0, Some(0)), (1, Some(2)), (2, Some(4)), (3, Some(9))]);
    }

    #[test]
    fn a_lost_picture_takes_its_place_by_time() {
        let mut reorder = Reorder::default();
        reorder.set_depth(2);
        let mut out = Vec::new();
        reorder.good(0, 0, picture(0), &mut out);
        reorder.good(4, 2, picture(4), &mut out);
        reorder.lost(1, Lost::Broken("x".into()), &mut out);
        reorder.good(6, 3, picture(6), &mut out);
        reorder.flush(&mut out);
        assert_eq!(values(&out), [(0, Some(0)), (1, None), (2, Some(4)), (3, Some(6))]);
    }
}
