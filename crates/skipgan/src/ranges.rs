//! The range of every map of both networks on normal footage: what an executor that computes in bytes ([`crate::model::ByteEngine`]) needs to know
//! beside the weights (post-training quantisation). Measured by the executor that computes in numbers.

use kernels::{Map, Real};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of the range of what G sees.
pub const INPUT: &str = "g.input";
/// Name of the range of what D sees.
pub const PICTURES: &str = "d.input";

/// Activations beyond it are no footage's: with some headroom a range stays far within f32.
const MOST: f32 = 1e30;

/// Lowest and highest value a channel, after batch-norm and before the activation, by the name of the layer that makes the map (`g.enc.1`);
/// [`INPUT`] and [`PICTURES`] for what comes from outside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ranges {
    maps: BTreeMap<String, Vec<(f32, f32)>>,
}

impl Ranges {
    /// A map's range, a pair a channel; `None` where it was never seen or has another number of channels.
    pub fn of(&self, name: &str, channels: usize) -> Option<&[(f32, f32)]> {
        self.maps.get(name).map(Vec::as_slice).filter(|ranges| ranges.len() == channels)
    }

    /// Whether all numbers are in order and of a size that activations have: what a checkpoint may carry.
    pub fn is_sound(&self) -> bool {
        self.maps.values().flatten().all(|(low, high)| low <= high && *low >= -MOST && *high <= MOST)
    }

    /// Widens a map's range by what `map` holds, seen as scale · v + shift.
    pub(crate) fn widen<T: Real>(&mut self, name: &str, map: Map<'_, T>, (scale, shift): (&[T], &[T])) {
        let seen = extremes(map).into_iter().zip(scale.iter().zip(shift)).map(|((low, high), (scale, shift))| {
            // A negative scale exchanges them.
            let ends = [low, high].map(|end| scale.to_f32() * end + shift.to_f32());
            (ends[0].min(ends[1]), ends[0].max(ends[1]))
        });
        self.reach(name, seen);
    }

    /// The same for maps that are seen as they are, side by side.
    pub(crate) fn widen_bare<T: Real>(&mut self, name: &str, maps: &[Map<'_, T>]) {
        self.reach(name, maps.iter().flat_map(|&map| extremes(map)));
    }

    fn reach(&mut self, name: &str, seen: impl Iterator<Item = (f32, f32)>) {
        let ranges = self.maps.entry(name.into()).or_default();
        for (channel, (low, high)) in seen.enumerate() {
            match ranges.get_mut(channel) {
                Some(range) => *range = (range.0.min(low), range.1.max(high)),
                None => ranges.push((low, high)),
            }
        }
    }
}

/// Lowest and highest stored value, channel by channel.
fn extremes<T: Real>(map: Map<'_, T>) -> Vec<(f32, f32)> {
    let mut found = vec![(f32::INFINITY, f32::NEG_INFINITY); map.channels];
    for pixel in 0..map.pixels() {
        for ((low, high), &value) in found.iter_mut().zip(map.nth(pixel)) {
            let value = value.to_f32();
            *low = low.min(value);
            *high = high.max(value);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_widen_and_a_negative_scale_turns_them() {
        let mut ranges = Ranges::default();
        ranges.widen("a", Map::dense(&[1.0, 2.0, -3.0, 4.0], 1, 1, 2, 2), (&[1.0, -2.0], &[0.0, 1.0]));
        assert_eq!(ranges.of("a", 2), Some(&[(-3.0, 1.0), (-7.0, -3.0)][..]));
        ranges.widen("a", Map::dense(&[5.0, 0.0], 1, 1, 1, 2), (&[1.0, -2.0], &[0.0, 1.0]));
        assert_eq!(ranges.of("a", 2), Some(&[(-3.0, 5.0), (-7.0, 1.0)][..]));
        let left = Map::dense(&[1.0, 2.0, 3.0, 4.0], 1, 1, 2, 2);
        ranges.widen_bare("beside", &[left, Map::dense(&[-5.0, 6.0], 1, 1, 2, 1)]);
        ranges.widen_bare("beside", &[left, Map::dense(&[7.0], 1, 1, 1, 1)]);
        assert_eq!(ranges.of("beside", 3), Some(&[(1.0, 3.0), (2.0, 4.0), (-5.0, 7.0)][..]));
        assert!(ranges.is_sound() && ranges.of("a", 3).is_none() && ranges.of("b", 2).is_none());
        assert!(!Ranges { maps: [("a".to_string(), vec![(1.0, 0.0)])].into() }.is_sound());
    }
}
