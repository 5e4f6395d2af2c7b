//! Frames of the training footage kept for fitting: evenly spaced, of one size, bounded in number. Beyond the bound every second one is let go
//! and from then on half as many are taken, so that a week of footage costs no more than hours.

use super::median::Place;
use super::{BaselineError, GreyFrame, check_size};

/// What is kept of each frame is a `T`.
#[derive(Clone, Debug)]
pub(super) struct Spaced<T> {
    every: usize,
    offered: usize,
    size: (usize, usize),
    kept: Vec<(Place, T)>,
}

impl<T> Spaced<T> {
    pub(super) fn new() -> Self {
        Self { every: 1, offered: 0, size: (0, 0), kept: Vec::new() }
    }

    /// Rows and columns of the frames.
    pub(super) fn size(&self) -> (usize, usize) {
        self.size
    }

    /// Takes note of a frame whose number in its clip is a multiple of `stride`; `keep` is what to keep of it, at most `most` (at least 2) in all.
    pub(super) fn offer(
        &mut self,
        place: Place,
        frame: GreyFrame<'_>,
        stride: usize,
        most: usize,
        keep: impl FnOnce(GreyFrame<'_>) -> T,
    ) -> Result<(), BaselineError> {
        if self.offered == 0 {
            self.size = (frame.height, frame.width);
        }
        check_size(frame, place.frame, self.size)?;
        if !place.frame.is_multiple_of(stride) {
            return Ok(());
        }
        if self.offered.is_multiple_of(self.every) {
            self.kept.push((place, keep(frame)));
        }
        self.offered += 1;
        if self.kept.len() > most.max(2) {
            let mut stays = false;
            self.kept.retain(|_| {
                stays = !stays;
                stays
            });
            self.every *= 2;
        }
        Ok(())
    }

    /// Those whose place is `chosen`.
    pub(super) fn chosen(&self, chosen: impl Fn(Place) -> bool) -> impl Iterator<Item = &T> {
        self.kept.iter().filter(move |(place, _)| chosen(*place)).map(|(_, kept)| kept)
    }

    /// Where those that are kept stand.
    #[cfg(test)]
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.kept.iter().map(|(place, _)| *place)
    }

    /// How many are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_every_second_goes_and_half_as_many_are_taken() {
        let mut spaced = Spaced::new();
        for frame in 0..100 {
            let grey = GreyFrame { height: 1, width: 1, samples: &[7] };
            spaced.offer(Place { clip: 0, frame }, grey, 2, 8, |_| frame).expect("one size");
        }
        let kept: Vec<usize> = spaced.chosen(|place| place.frame < 90).copied().collect();
        let steps: Vec<usize> = kept.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(spaced.len() <= 8 && kept.len() >= 3 && steps.iter().all(|&step| step == steps[0] && step % 2 == 0), "{kept:?}");
        let wide = GreyFrame { height: 1, width: 2, samples: &[7, 7] };
        assert!(spaced.offer(Place { clip: 1, frame: 0 }, wide, 2, 8, |_| 0).is_err());
    }
}
