//! Instruction sets that multiply bytes: four products of unsigned by signed bytes and their sum in 32 bits, a word at a time. Sums are
//! exact, so every set gives the same bits.

use std::fmt;

use super::lanes::Words;
use super::pairs::PairWords;
use super::portable_bytes::{Bytes, Four};

/// An instruction set for 8-bit products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ByteLevel {
    /// Plain Rust, on every processor: the definition, slower than `f32`.
    Portable,
    /// x86-64 with AVX2: eight words, through 16-bit numbers.
    Avx2,
    /// x86-64 with AVX-VNNI: eight words.
    AvxVnni,
    /// x86-64 with AVX-512 VNNI: sixteen words.
    Avx512Vnni,
    /// x86-64 with AMX (8-bit tiles) under Linux: sixteen by sixteen sums at once; what follows them as AVX-512 VNNI.
    Amx,
}

impl ByteLevel {
    /// All, slowest first.
    pub const ALL: [ByteLevel; 5] = [ByteLevel::Portable, ByteLevel::Avx2, ByteLevel::AvxVnni, ByteLevel::Avx512Vnni, ByteLevel::Amx];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            ByteLevel::Portable => "portable",
            ByteLevel::Avx2 => "avx2",
            ByteLevel::AvxVnni => "avx-vnni",
            ByteLevel::Avx512Vnni => "avx512-vnni",
            ByteLevel::Amx => "amx-int8",
        }
    }

    /// Whether this processor has it.
    pub fn available(self) -> bool {
        match self {
            ByteLevel::Portable => true,
            #[cfg(target_arch = "x86_64")]
            ByteLevel::Avx2 => super::Level::Avx2.available(),
            #[cfg(target_arch = "x86_64")]
            ByteLevel::AvxVnni => std::is_x86_feature_detected!("avxvnni") && super::Level::Avx2.available(),
            #[cfg(target_arch = "x86_64")]
            ByteLevel::Avx512Vnni => {
                std::is_x86_feature_detected!("avx512vnni")
                    && std::is_x86_feature_detected!("avx512bw")
                    && std::is_x86_feature_detected!("avx512vl")
                    && super::Level::Avx512.available()
            }
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            ByteLevel::Amx => ByteLevel::Avx512Vnni.available() && super::amx::available(),
            #[allow(unreachable_patterns, reason = "which arms remain depends on the target")]
            _ => false,
        }
    }

    /// Those this processor has, slowest first.
    pub fn all_available() -> impl Iterator<Item = ByteLevel> {
        Self::ALL.into_iter().filter(|level| level.available())
    }

    /// The fastest of a processor that is to be taken for one with `level`; `None` where numbers are faster: in plain Rust, and beside AVX-512
    /// without byte products.
    pub(crate) fn within(level: super::Level) -> Option<ByteLevel> {
        let fit = match level {
            super::Level::Avx512 => &[ByteLevel::Avx512Vnni, ByteLevel::Amx],
            super::Level::Avx2 => &[ByteLevel::Avx2, ByteLevel::AvxVnni],
            _ => return None,
        };
        fit.iter().copied().rfind(|found| found.available())
    }
}

impl fmt::Display for ByteLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Words that hold four bytes each, and what becomes of their sums: one panel's sixteen at a time. No product is fused with a sum here, so
/// that all instruction sets round alike.
pub(crate) trait ByteWords: Words {
    /// `PANEL` numbers.
    type Values: Copy;
    /// `PANEL` sums.
    type Sums: Copy;
    /// The same instruction set's products of 16-bit numbers.
    type Pairs: PairWords;

    /// `PANEL` numbers.
    ///
    /// # Safety
    /// They must be readable.
    unsafe fn numbers(from: *const f32) -> Self::Values;
    /// `PANEL` sums.
    ///
    /// # Safety
    /// They must be readable.
    unsafe fn sums(from: *const i32) -> Self::Sums;
    /// `values` with the next numbers of `from` in the places whose bits are set, lowest first.
    ///
    /// # Safety
    /// As many as there are bits must be readable.
    unsafe fn insert(values: Self::Values, from: *const f32, places: u16) -> Self::Values;
    /// All 0.
    fn nothing() -> Self::Values;
    /// Numbers moved `by` (0..PANEL) places down; what comes from above is 0.
    fn moved(values: Self::Values, by: usize) -> Self::Values;
    /// gain · (sum − zero) + offset.
    fn values(sums: Self::Sums, zero: Self::Sums, gain: Self::Values, offset: Self::Values) -> Self::Values;
    /// value > 0 ? value : slope · value, for slopes of at most 1.
    fn leaky(values: Self::Values, slope: f32) -> Self::Values;
    /// Writes the first `count` (1..=PANEL) numbers.
    ///
    /// # Safety
    /// They must be writable.
    unsafe fn put_numbers(values: Self::Values, to: *mut f32, count: usize);
    /// Writes the first `count` (1..=PANEL) as bytes: value · inverse + shift, rounded to even, clamped; NaN becomes 0.
    ///
    /// # Safety
    /// They must be writable.
    unsafe fn put_bytes(values: Self::Values, inverse: Self::Values, shift: Self::Values, to: *mut u8, count: usize);
}

/// An algorithm over [`ByteWords`]: a record of its arguments.
pub(crate) trait ByteKernel {
    /// Runs it. Must be `#[inline(always)]`.
    fn run<W: ByteWords>(self);
}

/// Runs a kernel under an instruction set.
///
/// # Panics
/// If the processor has not got it.
pub(crate) fn dispatch_bytes<K: ByteKernel>(level: ByteLevel, kernel: K) {
    assert!(level.available(), "this processor has no {level}");
    match level {
        ByteLevel::Portable => kernel.run::<Four<Bytes>>(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: asserted above.
        ByteLevel::Avx2 => unsafe { super::avx2_bytes::enter(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        ByteLevel::AvxVnni => unsafe { super::vnni::enter_avx(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        ByteLevel::Avx512Vnni | ByteLevel::Amx => unsafe { super::vnni::enter_avx512(kernel) },
        #[allow(unreachable_patterns, reason = "which arms remain depends on the target")]
        _ => unreachable!("{level} is not an instruction set of this architecture"),
    }
}
