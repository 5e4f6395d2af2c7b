//! Initial values (METHOD.md §2): N(0, 0.02) and its alternative. Numbers come from our own generator, one stream a tensor,
//! so that a seed means the same network on every machine and adding a tensor changes no other.

use crate::config::Init;
use crate::params::{Params, State};
use crate::spec::{Spec, Taps};

/// A whole state to start from: drawn parameters, running means 0 and variances 1, no moments.
pub fn state(spec: &Spec, init: Init, seed: u64) -> State {
    let mut state = State::zeros(spec);
    draw(spec, init, seed, &mut state.parameters);
    state
}

/// The seed of a network that is drawn anew after so many steps (`reinit_d`).
pub fn redraw_seed(seed: u64, step: u64) -> u64 {
    seed.wrapping_add(step.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// Draws every parameter.
pub fn draw(spec: &Spec, init: Init, seed: u64, parameters: &mut Params) {
    let layout = parameters.layout.clone();
    for slot in &layout.slots {
        let mut stream = Stream::new(seed, &slot.name);
        let scale = slot.name.ends_with("bn.weight");
        let shift = slot.name.ends_with("bn.bias");
        let bias = slot.name.ends_with("bias") && !shift;
        let weight_shape = || {
            let weight = slot.name.replace("bias", "weight");
            layout.find(&weight).map_or(&slot.shape, |slot| &slot.shape)
        };
        let values = &mut parameters.values[slot.range()];
        match init {
            _ if shift => values.fill(0.0),
            Init::Normal if bias => values.fill(0.0),
            Init::Normal => stream.normal(if scale { 1.0 } else { 0.0 }, 0.02, values),
            Init::FanIn if scale => values.fill(1.0),
            Init::FanIn => {
                let bound = 1.0 / (fan_in(spec, &slot.name, weight_shape()) as f64).sqrt();
                values.iter_mut().for_each(|v| *v = stream.uniform(bound));
            }
        }
    }
}

/// Products that one output sums, as PyTorch counts them: the second extent times the taps; of a tied layer (a 3×3
/// convolution in disguise) nine times its input's channels.
fn fan_in(spec: &Spec, name: &str, shape: &[usize]) -> usize {
    let tied = spec.generator.taps == Taps::Tied && name.starts_with("g.dec.");
    let channels = if tied { shape[0] } else { shape[1] };
    channels * shape[2..].iter().product::<usize>()
}

/// SplitMix64 from the seed and the tensor's name (FNV-1a).
struct Stream {
    state: u64,
}

impl Stream {
    fn new(seed: u64, name: &str) -> Stream {
        let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325u64, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
        let mut stream = Stream { state: hash ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) };
        stream.state = stream.next();
        stream
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In [0, 1), 53 bits.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// U(−bound, bound).
    fn uniform(&mut self, bound: f64) -> f32 {
        ((2.0 * self.unit() - 1.0) * bound) as f32
    }

    /// N(mean, deviation) by Box and Muller, two at a time.
    fn normal(&mut self, mean: f64, deviation: f64, values: &mut [f32]) {
        for pair in values.chunks_mut(2) {
            let radius = deviation * (-2.0 * (1.0 - self.unit()).ln()).sqrt();
            let (sine, cosine) = (std::f64::consts::TAU * self.unit()).sin_cos();
            pair.iter_mut().zip([cosine, sine]).for_each(|(v, part)| *v = (mean + radius * part) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn moments(values: &[f32]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        (mean, (values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n).sqrt())
    }

    #[test]
    fn published_weights_have_the_published_spread() {
        let spec = Config { g_width: 16, d_width: 16, ..Config::default() }.spec(32, 32).expect("published shape");
        let state = state(&spec, Init::Normal, 3);
        let (mean, deviation) = moments(state.parameters.get("g.enc.2.conv.weight").expect("a level"));
        assert!(mean.abs() < 5e-4 && (deviation - 0.02).abs() < 5e-4, "{mean} {deviation}");
        let (mean, deviation) = moments(state.parameters.get("g.enc.3.bn.weight").expect("a norm"));
        assert!((mean - 1.0).abs() < 0.01 && (deviation - 0.02).abs() < 0.005, "{mean} {deviation}");
        assert!(state.parameters.get("g.dec.0.conv.bias").expect("the one bias").iter().all(|&v| v == 0.0));
    }

    #[test]
    fn a_seed_is_a_network() {
        let spec = Config { g_width: 4, d_width: 4, ..Config::default() }.spec(32, 32).expect("published shape");
        let draw = |seed| state(&spec, Init::Normal, seed).parameters.values;
        assert_eq!(draw(5), draw(5));
        assert_ne!(draw(5), draw(6));
    }

    #[test]
    fn fan_in_bounds_weights_and_biases() {
        let spec = Config {
            preset: String::new(),
            bias: crate::spec::Bias::Unnormed,
            taps: Taps::Tied,
            ..Config::preset("video").expect("video")
        };
        let spec = spec.spec(64, 96).expect("the small network");
        let state = state(&spec, Init::FanIn, 1);
        for (name, fan) in [("g.enc.0.conv.weight", 6 * 16), ("g.enc.0.conv.bias", 6 * 16), ("g.dec.3.conv.weight", 64 * 9)] {
            let bound = 1.0 / f64::from(fan).sqrt();
            let largest = state.parameters.get(name).expect(name).iter().fold(0.0f64, |m, &v| m.max(f64::from(v).abs()));
            assert!(largest <= bound && largest > 0.7 * bound, "{name}: {largest} of {bound}");
        }
    }
}
