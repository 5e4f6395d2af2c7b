//! Which segments of long footage are kept under a limit: evenly spaced ones.
//!
//! Footage is cut into segments of [`SEGMENT_FRAMES`] frames. The share kept is a fraction; segment s is kept where the running sum of
//! that fraction passes a whole number at s. Halving the fraction keeps a subset of what was kept before, so a cache that turns out too
//! large (headers lie about lengths) can be thinned in place.

use crate::data::cache::SEGMENT_FRAMES;
use serde::{Deserialize, Serialize};

/// The share of segments kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Keep {
    numerator: u64,
    denominator: u64,
}

impl Keep {
    /// Everything.
    pub(super) const ALL: Keep = Keep { numerator: 1, denominator: 1 };

    /// The share for `frames` frames (as headers state them) where `allowed` may be kept.
    pub(super) fn planned(frames: u64, allowed: u64) -> Keep {
        if frames <= allowed {
            return Keep::ALL;
        }
        // In thousandths, rounded down; a thousandth at least (halving does the rest).
        let numerator = (u128::from(allowed) * 1000 / u128::from(frames.max(1))).max(1);
        Keep { numerator: u64::try_from(numerator).unwrap_or(1), denominator: 1000 }
    }

    /// Half of it.
    pub(super) fn halved(self) -> Keep {
        Keep { denominator: self.denominator.saturating_mul(2), ..self }
    }

    /// Whether frame `frame` of clip `clip` is kept. The clip shifts the count, so that of many short clips some are kept whole.
    pub(super) fn keeps(self, clip: u64, frame: u64) -> bool {
        let segment = u128::from(clip) + u128::from(frame / SEGMENT_FRAMES);
        let (n, d) = (u128::from(self.numerator), u128::from(self.denominator.max(1)));
        (segment + 1) * n / d > segment * n / d
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_kept_where_it_fits() {
        assert_eq!(Keep::planned(1000, 1000), Keep::ALL);
        assert!((0..10_000).all(|frame| Keep::ALL.keeps(3, frame)));
    }

    #[test]
    fn half_keeps_every_other_segment() {
        let half = Keep::planned(3600, 1800);
        let kept: Vec<u64> = (0..3600).filter(|&frame| half.keeps(0, frame)).collect();
        assert_eq!(kept.len(), 1800);
        assert!(kept.iter().all(|frame| (frame / SEGMENT_FRAMES) % 2 == 1));
    }

    #[test]
    fn halving_keeps_a_subset() {
        let mut keep = Keep::planned(100_000, 70_000);
        for _ in 0..4 {
            let half = keep.halved();
            let count = |k: Keep| (0..100_000).filter(|&f| k.keeps(2, f)).count();
            assert!((0..100_000).all(|frame| keep.keeps(2, frame) || !half.keeps(2, frame)));
            assert!(count(half) < count(keep) && count(half) > 0);
            keep = half;
        }
    }
}
