//! Which arithmetic scores: numbers, or bytes where the processor multiplies them faster.

use super::work::Work;
use crate::spec::Spec;
use kernels::arch::ByteLevel;
use kernels::{Level, Pool};

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
    /// The fastest that this processor has for the network: bytes, or 32-bit floats where those are faster.
    Int8,
}

/// Largest share of a network's work in layers that join pictures for which bytes pay on AVX2 alone: those layers have few channels, and bytes
/// no form for that there. `official` has 3 %, with a width of 16 channels 10 %, `video` 21 % (docs/performance.md has their speeds).
const PICTURES: f64 = 0.125;

/// Whether bytes are faster than numbers.
fn pay(level: ByteLevel, spec: &Spec) -> bool {
    level != ByteLevel::Avx2 || Work::at_pictures(spec) <= PICTURES
}

impl Precision {
    /// The instruction set that a network's bytes are multiplied with; `None`: numbers.
    pub fn bytes(self, pool: &Pool, spec: &Spec) -> Option<ByteLevel> {
        pool.bytes().filter(|&level| self == Precision::Int8 && pay(level, spec))
    }

    /// What runs, as score files and measurements name it: `f32 avx2`, `int8 avx512-vnni`.
    pub fn arithmetic(self, pool: &Pool, spec: &Spec) -> String {
        let level: Level = pool.level();
        self.bytes(pool, spec).map_or_else(|| format!("f32 {level}"), |bytes| format!("int8 {bytes}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn on_avx2_alone_wide_networks_take_bytes_and_the_default_numbers() {
        let spec = |preset: &str, side: usize| Config::preset(preset).and_then(|config| config.spec(side, side)).expect("a preset");
        let (published, default) = (spec("official", 64), spec("video", 64));
        assert!(pay(ByteLevel::Avx2, &published) && !pay(ByteLevel::Avx2, &default));
        assert!(pay(ByteLevel::AvxVnni, &default));
        let pool = Pool::new(1).expect("a pool");
        assert_eq!(Precision::F32.bytes(&pool, &published), None);
        assert_eq!(Precision::Int8.bytes(&pool, &published), pool.bytes());
    }
}
