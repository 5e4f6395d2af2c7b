//! Keeps frame numbers aligned with the recording when pictures are lost.
//!
//! A lost picture is delivered as a copy of the last good one, so that frame `n` out is frame
//! `n` of the recording and joins with ground truth. Losses before the first good picture wait
//! (as numbers, not as pictures) and are then delivered as copies of that first one.

use std::collections::VecDeque;

use crate::frame::{Damage, Frame};
use crate::limits::Limits;
use crate::source::{DamageLog, SourceError};

/// Numbers frames and fills gaps. A waiting loss costs a few bytes, not a picture.
#[derive(Debug)]
pub(crate) struct Aligner {
    limits: Limits,
    next_index: u64,
    /// What is to come: the picture, or `None` where it is lost, and its time.
    waiting: VecDeque<(i64, Option<Frame>)>,
    /// The picture that a loss repeats: the last one given, or the first that came.
    good: Option<Frame>,
    origin: Option<i64>,
    last_pts: i64,
    log: DamageLog,
    ended: bool,
}

/// A source that decodes into an [`Aligner`], some input at a time.
pub(crate) trait Aligned {
    fn aligner(&mut self) -> &mut Aligner;

    /// Takes more input; [`Aligner::end`] where there is none.
    fn advance(&mut self) -> Result<(), SourceError>;

    /// The next frame; after an error and after the end `None`.
    fn next_aligned(&mut self) -> Result<Option<Frame>, SourceError> {
        loop {
            if let Some(frame) = self.aligner().pop() {
                return Ok(Some(frame));
            }
            if self.aligner().ended {
                return Ok(None);
            }
            if let Err(error) = self.advance() {
                self.aligner().end();
                return Err(error);
            }
        }
    }
}

impl Aligner {
    pub(crate) fn new(limits: Limits) -> Self {
        let (waiting, log) = (VecDeque::new(), DamageLog::default());
        Self { limits, next_index: 0, waiting, good: None, origin: None, last_pts: -1, log, ended: false }
    }

    pub(crate) fn log(&self) -> &DamageLog {
        &self.log
    }

    /// How many pictures were met, lost ones too.
    fn met(&self) -> u64 {
        self.next_index + u64::try_from(self.waiting.len()).unwrap_or(u64::MAX)
    }

    /// Whether a good picture was met.
    pub(crate) fn has_picture(&self) -> bool {
        self.good.is_some()
    }

    /// Takes a good picture shown at `frame.pts`; its index is filled in later. `reason` says
    /// why it is not whole, where its damage says so.
    pub(crate) fn good(&mut self, frame: Frame, reason: Option<String>) {
        if let Some(reason) = reason {
            self.log.note(&self.limits, self.met(), reason);
        }
        if self.good.is_none() {
            self.good = Some(frame.clone());
        }
        self.waiting.push_back((frame.pts, Some(frame)));
    }

    /// Takes a lost picture that would be shown at `pts`.
    pub(crate) fn lost(&mut self, pts: i64, reason: impl Into<String>) {
        self.log.note(&self.limits, self.met(), reason);
        self.waiting.push_back((pts, None));
    }

    /// Notes something that loses no further picture, such as a missing end.
    pub(crate) fn remark(&mut self, reason: impl Into<String>) {
        self.log.note(&self.limits, self.met(), reason);
    }

    /// There is no more input.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// The next frame, numbered, or `None` where more input is needed.
    pub(crate) fn pop(&mut self) -> Option<Frame> {
        // Losses at the start wait for the first good picture.
        let good = self.good.as_mut()?;
        let (pts, picture) = self.waiting.pop_front()?;
        let mut frame = match picture {
            Some(frame) => {
                good.clone_from(&frame);
                frame
            }
            None => Frame { damage: Damage::Repeated, ..good.clone() },
        };
        frame.index = self.next_index;
        self.next_index += 1;
        let origin = *self.origin.get_or_insert(pts);
        // Strictly rising whatever the file says.
        let pts = pts.saturating_sub(origin);
        frame.pts = pts.max(self.last_pts.saturating_add(1));
        self.last_pts = frame.pts;
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Matrix, Plane, Range};

    fn picture(value: u8, pts: i64) -> Frame {
        let y = Plane::new(vec![value], 1, 1).unwrap();
        let mut frame = Frame::still([y, Plane::default(), Plane::default()], Range::Full, Matrix::Unknown);
        frame.pts = pts;
        frame
    }

    fn drain(aligner: &mut Aligner) -> Vec<(u64, i64, u8, Damage)> {
        std::iter::from_fn(|| aligner.pop()).map(|f| (f.index, f.pts, f.y.data[0], f.damage)).collect()
    }

    #[test]
    fn losses_keep_their_numbers() {
        let mut aligner = Aligner::new(Limits::default());
        aligner.lost(10, "a");
        aligner.lost(20, "b");
        assert!(aligner.pop().is_none());
        aligner.good(picture(7, 30), None);
        aligner.lost(40, "c");
        aligner.good(picture(8, 50), None);
        assert_eq!(
            drain(&mut aligner),
            [
                (0, 0, 7, Damage::Repeated),
                (1, 10, 7, Damage::Repeated),
                (2, 20, 7, Damage::None),
                (3, 30, 7, Damage::Repeated),
                (4, 40, 8, Damage::None),
            ]
        );
        let frames: Vec<u64> = aligner.log().events.iter().map(|e| e.frame).collect();
        assert_eq!(frames, [0, 1, 3]);
    }

    #[test]
    fn times_rise_even_where_the_file_repeats_them() {
        let mut aligner = Aligner::new(Limits::default());
        for pts in [5, 5, 4] {
            aligner.good(picture(1, pts), None);
        }
        let times: Vec<i64> = drain(&mut aligner).iter().map(|f| f.1).collect();
        assert_eq!(times, [0, 1, 2]);
    }

    #[test]
    fn the_log_is_bounded() {
        let limits = Limits { max_damage_entries: 2, ..Limits::default() };
        let mut aligner = Aligner::new(limits);
        (0..5).for_each(|pts| aligner.lost(pts, "x"));
        assert_eq!((aligner.log().events.len(), aligner.log().total), (2, 5));
    }
}
