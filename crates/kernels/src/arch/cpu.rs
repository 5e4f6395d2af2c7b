//! Which instruction set runs: found at run time, or forced by `SKIPGAN_CPU`.

use std::fmt;

use super::ByteLevel;

/// An instruction set the kernels exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// Plain Rust, on every processor.
    Portable,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512F.
    Avx512,
    /// aarch64.
    Neon,
}

/// Why an instruction set could not be chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CpuError {
    /// `SKIPGAN_CPU` holds a word that names no instruction set.
    #[error("SKIPGAN_CPU is '{word}': write portable, avx2, avx2-vnni, avx512 or neon, or leave it unset")]
    Unknown {
        /// What it holds.
        word: String,
    },
    /// The instruction set exists but this processor has not got it.
    #[error("this processor has no {wanted}: choose one of {available}, or leave SKIPGAN_CPU unset")]
    Unavailable {
        /// The one asked for.
        wanted: &'static str,
        /// Those it has, in words.
        available: String,
    },
    /// The system would not start another thread.
    #[error("the system does not start {threads} threads ({why}): ask for fewer with --threads")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// What the system says.
        why: String,
    },
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Level {
    /// All, slowest first.
    pub const ALL: [Level; 4] = [Level::Portable, Level::Neon, Level::Avx2, Level::Avx512];

    /// The word `SKIPGAN_CPU` takes.
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
            Level::Neon => "neon",
        }
    }

    /// Whether this processor has it.
    pub fn available(self) -> bool {
        match self {
            Level::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => std::is_x86_feature_detected!("avx512f") && Level::Avx2.available(),
            #[cfg(target_arch = "aarch64")]
            Level::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[allow(unreachable_patterns, reason = "which arms remain depends on the target")]
            _ => false,
        }
    }

    /// Those this processor has, slowest first.
    pub fn all_available() -> impl Iterator<Item = Level> {
        Self::ALL.into_iter().filter(|level| level.available())
    }

    /// The fastest this processor has, or the one that `SKIPGAN_CPU` names.
    ///
    /// # Errors
    /// If the variable holds an unknown word or names a set this processor has not got.
    pub fn detect() -> Result<Level, CpuError> {
        match std::env::var("SKIPGAN_CPU") {
            Ok(word) if !word.is_empty() => Self::named(&word),
            _ => Ok(Self::all_available().last().unwrap_or(Level::Portable)),
        }
    }

    /// The set of this name, if this processor has it; `avx2-vnni` is AVX2 with the byte products of [`ByteLevel::AvxVnni`].
    ///
    /// # Errors
    /// If the word is unknown or this processor has not got the set.
    pub fn named(word: &str) -> Result<Level, CpuError> {
        if word.eq_ignore_ascii_case(AVX2_VNNI) {
            return if ByteLevel::AvxVnni.available() { Ok(Level::Avx2) } else { Err(CpuError::unavailable(AVX2_VNNI)) };
        }
        Self::ALL
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(word))
            .ok_or_else(|| CpuError::Unknown { word: word.to_owned() })?
            .require()
    }

    /// Itself, if this processor has it.
    ///
    /// # Errors
    /// If it has not.
    pub fn require(self) -> Result<Level, CpuError> {
        if self.available() { Ok(self) } else { Err(CpuError::unavailable(self.name())) }
    }
}

/// The word for AVX2 with byte products, which plain `avx2` does without even where there are some.
const AVX2_VNNI: &str = "avx2-vnni";

impl CpuError {
    fn unavailable(wanted: &'static str) -> Self {
        let available: Vec<&str> = Level::all_available().map(Level::name).collect();
        CpuError::Unavailable { wanted, available: available.join(", ") }
    }
}

impl ByteLevel {
    /// The fastest set for bytes beside that of [`Level::detect`]; `SKIPGAN_CPU=avx2` means no more than AVX2.
    pub(crate) fn detect(level: Level) -> Option<ByteLevel> {
        let plain = std::env::var("SKIPGAN_CPU").is_ok_and(|word| word.eq_ignore_ascii_case(Level::Avx2.name()));
        if plain { Some(ByteLevel::Avx2).filter(|bytes| bytes.available()) } else { Self::within(level) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_levels() {
        assert_eq!(Level::named("portable"), Ok(Level::Portable));
        assert_eq!(Level::named("Portable"), Ok(Level::Portable));
        assert!(matches!(Level::named("sse9"), Err(CpuError::Unknown { word }) if word == "sse9"));
        let foreign = if cfg!(target_arch = "x86_64") { "neon" } else { "avx2" };
        let error = Level::named(foreign).unwrap_err();
        assert!(error.to_string().contains("portable"), "{error}");
        assert!(matches!(error, CpuError::Unavailable { .. }));
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn avx2_with_byte_products_is_a_word_of_its_own() {
        let named = Level::named("avx2-vnni");
        if ByteLevel::AvxVnni.available() {
            assert_eq!(named, Ok(Level::Avx2));
        } else {
            assert!(named.is_err_and(|error| error.to_string().contains("no avx2-vnni")));
        }
    }

    #[test]
    fn portable_is_always_there() {
        assert_eq!(Level::all_available().next(), Some(Level::Portable));
    }

    #[test]
    #[cfg(target_arch = "aarch64")]
    fn neon_is_every_arm_processors() {
        // Otherwise the tests of all available levels would pass there without ever running it.
        assert_eq!(Level::all_available().last(), Some(Level::Neon));
    }
}
