//! R of the picture as it has been of late: the causal mean of its map along a clip, M(t) = memory·M(t−1) + (1−memory)·R(t).
//!
//! Who stands where nobody stands is there in the next frame too, while the errors of those who walk move on with them: the mean keeps
//! the one and thins out the other. It is the picture's counterpart of the motion's causal mean ([`crate::motion`]); not in the paper.

/// The mean of one clip's maps so far.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    memory: f32,
    mean: Vec<f32>,
    /// Frames of the clip so far, 2 for more.
    frames: u8,
}

impl Recent {
    /// `memory` is at least 0 and below 1; 0 changes nothing, to the bit.
    pub(super) fn new(memory: f64) -> Recent {
        Recent { memory: memory as f32, mean: Vec::new(), frames: 0 }
    }

    /// The next map is the first of a clip.
    pub(super) fn begin(&mut self) {
        self.frames = 0;
    }

    /// Takes the next frame's map in and makes it the mean; whether it changed. A clip's first frame has no motion, so that whoever walks
    /// seems to stand: it is not remembered, and the mean begins with the second one.
    pub(super) fn take(&mut self, map: &mut [f32]) -> bool {
        let past = self.frames == 2 && self.mean.len() == map.len();
        self.frames = (self.frames + 1).min(2);
        if self.memory == 0.0 {
            return false;
        }
        if past {
            let (old, new) = (self.memory, 1.0 - self.memory);
            map.iter_mut().zip(&self.mean).for_each(|(value, mean)| *value = old * mean + new * *value);
        }
        self.mean.clear();
        self.mean.extend_from_slice(map);
        past
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_that_begins_with_a_clips_second_frame() {
        let mut recent = Recent::new(0.75);
        let mut next = |begins: bool, value: f32| {
            if begins {
                recent.begin();
            }
            let mut map = [value, 2.0 * value];
            let changed = recent.take(&mut map);
            assert_eq!(map[1], 2.0 * map[0]);
            (map[0], changed)
        };
        assert_eq!([next(true, 100.0), next(false, 4.0), next(false, 8.0)], [(100.0, false), (4.0, false), (5.0, true)]);
        assert_eq!([next(false, 5.0), next(true, 40.0), next(false, 1.0)], [(5.0, true), (40.0, false), (1.0, false)]);
    }

    #[test]
    fn without_memory_nothing_changes() {
        let mut recent = Recent::new(0.0);
        for value in [3.0, 1.0, 0.1] {
            let mut map = [value];
            assert!(!recent.take(&mut map));
            assert_eq!(map, [value]);
        }
    }
}
