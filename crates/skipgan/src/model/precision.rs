//! Which arithmetic scores: numbers, or bytes where the processor multiplies them faster.

use kernels::arch::ByteLevel;
use kernels::{Level, Pool};

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
    /// The fastest that this processor has: bytes where it has an instruction for them, else 32-bit floats.
    Int8,
}

impl Precision {
    /// The instruction set that bytes are multiplied with; `None`: numbers.
    pub fn bytes(self, pool: &Pool) -> Option<ByteLevel> {
        if self == Precision::Int8 { ByteLevel::within(pool.level()) } else { None }
    }

    /// What runs, as score files and measurements name it: `f32 avx2`, `int8 avx512-vnni`.
    pub fn arithmetic(self, pool: &Pool) -> String {
        let level: Level = pool.level();
        self.bytes(pool).map_or_else(|| format!("f32 {level}"), |bytes| format!("int8 {bytes}"))
    }
}
