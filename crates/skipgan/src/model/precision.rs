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
    /// The fastest that this processor has for the network: bytes, or 32-bit floats where those are as fast.
    Int8,
}

/// Largest share of a network's work in layers that join pictures for which bytes pay on AVX2 alone. Those layers have few channels, and bytes
/// no form for that there: `official` (3 %, with a width of 16 channels 10 %) is 1.1 to 1.7 times as fast in bytes, `video` (21 %) 0.8 times.
const PICTURES: f64 = 0.125;

impl Precision {
    /// The instruction set that a network's bytes are multiplied with; `None`: numbers.
    pub fn bytes(self, pool: &Pool, spec: &Spec) -> Option<ByteLevel> {
        let level = pool.bytes().filter(|_| self == Precision::Int8)?;
        (level != ByteLevel::Avx2 || Work::at_pictures(spec) <= PICTURES).then_some(level)
    }

    /// What runs, as score files and measurements name it: `f32 avx2`, `int8 avx512-vnni`.
    pub fn arithmetic(self, pool: &Pool, spec: &Spec) -> String {
        let level: Level = pool.level();
        self.bytes(pool, spec).map_or_else(|| format!("f32 {level}"), |bytes| format!("int8 {bytes}"))
    }
}
