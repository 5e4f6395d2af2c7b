//! The averaged motion of a clip, frame by frame.

use super::dis::{Dis, DisSettings};
use super::field::Flow;
use super::mean::{MeanSettings, MotionMean};

/// Frames of a clip go in, the averaged motion at each comes out.
#[derive(Debug)]
pub struct MotionStream {
    dis: Dis,
    mean: MotionMean,
    flow: Flow,
    previous: Option<Vec<u8>>,
    spare: Vec<u8>,
}

impl MotionStream {
    /// For frames of `width` × `height` pixels, at the start of a clip.
    ///
    /// # Panics
    /// As [`Dis::new`] and [`MotionMean::new`].
    pub fn new(width: usize, height: usize, dis: DisSettings, mean: MeanSettings) -> Self {
        Self {
            dis: Dis::new(width, height, dis),
            mean: MotionMean::new(width, height, mean),
            flow: Flow::still(width, height),
            previous: None,
            spare: vec![0; width * height],
        }
    }

    /// Forgets: the next frame is the first of another clip.
    pub fn reset(&mut self) {
        if let Some(previous) = self.previous.take() {
            self.spare = previous;
        }
        self.mean.reset();
    }

    /// The averaged motion at this frame, or nothing for the first of a clip, which has no past.
    ///
    /// # Shapes
    /// 8-bit grey, `height` rows of `width`.
    ///
    /// # Panics
    /// If the frame has another size.
    pub fn push(&mut self, frame: &[u8]) -> Option<&Flow> {
        assert_eq!(frame.len(), self.flow.across.len(), "a frame of {}x{}", self.flow.width, self.flow.height);
        let Some(previous) = &mut self.previous else {
            let mut first = std::mem::take(&mut self.spare);
            first.copy_from_slice(frame);
            self.previous = Some(first);
            return None;
        };
        self.dis.flow(previous, frame, &mut self.flow);
        previous.copy_from_slice(frame);
        Some(self.mean.push(&self.flow))
    }

    /// The motion from the frame before the last one pushed to that one, not averaged.
    pub fn latest(&self) -> &Flow {
        &self.flow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_starts_anew() {
        let frame = |t: usize| (0..40 * 24).map(|i| ((i % 40 + 3 * t) * 5 % 160 + i / 40) as u8).collect::<Vec<u8>>();
        let mut stream = MotionStream::new(40, 24, DisSettings::default(), MeanSettings::default());
        assert!(stream.push(&frame(0)).is_none());
        let second = stream.push(&frame(1)).cloned().unwrap();
        assert_eq!(stream.latest(), &second);
        assert_ne!(stream.push(&frame(5)).unwrap(), &second);
        stream.reset();
        assert!(stream.push(&frame(0)).is_none());
        assert_eq!(stream.push(&frame(1)).unwrap(), &second);
    }
}
