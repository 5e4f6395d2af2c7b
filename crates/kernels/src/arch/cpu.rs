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
    #[error("SKIPGAN_CPU is '{word}': write portable, avx2, avx2-vnni, avx512-vnni, avx512 or neon, or leave it unset")]
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

    /// The set of this name, if this processor has it; `avx2-vnni` and `avx512-vnni` name one for bytes beside it.
    ///
    /// # Errors
    /// If the word is unknown or this processor has not got the set.
    pub fn named(word: &str) -> Result<Level, CpuError> {
        if let Some((word, level, bytes)) = with_bytes(word) {
            return if bytes.available() { Ok(level) } else { Err(CpuError::unavailable(word)) };
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

/// Words that name a set for bytes too: plain `avx2` leaves out what byte products there are, and plain `avx512` takes all.
const WITH_BYTES: [(&str, Level, ByteLevel); 2] =
    [("avx2-vnni", Level::Avx2, ByteLevel::AvxVnni), ("avx512-vnni", Level::Avx512, ByteLevel::Avx512Vnni)];

fn with_bytes(word: &str) -> Option<(&'static str, Level, ByteLevel)> {
    WITH_BYTES.into_iter().find(|(name, ..)| name.eq_ignore_ascii_case(word))
}

impl CpuError {
    fn unavailable(wanted: &'static str) -> Self {
        let further = WITH_BYTES.into_iter().filter(|(.., bytes)| bytes.available()).map(|(word, ..)| word);
        let available: Vec<&str> = Level::all_available().map(Level::name).chain(further).collect();
        CpuError::Unavailable { wanted, available: available.join(", ") }
    }
}

impl ByteLevel {
    /// The set for bytes beside that of [`Level::detect`].
    pub(crate) fn detect(level: Level) -> Option<ByteLevel> {
        Self::named(&std::env::var("SKIPGAN_CPU").unwrap_or_default(), level)
    }

    /// The set for bytes that a word of `SKIPGAN_CPU` means, whose set for numbers is `level`.
    fn named(word: &str, level: Level) -> Option<ByteLevel> {
        if let Some((.., bytes)) = with_bytes(word) {
            return Some(bytes);
        }
        let plain = word.eq_ignore_ascii_case(Level::Avx2.name());
        if plain { Some(ByteLevel::Avx2) } else { Self::within(level) }
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
    fn words_name_a_set_for_bytes_too() {
        for (word, level, bytes) in WITH_BYTES {
            if bytes.available() {
                assert_eq!((Level::named(word), ByteLevel::named(word, level)), (Ok(level), Some(bytes)));
            } else {
                assert!(Level::named(word).is_err_and(|error| error.to_string().contains(word)));
            }
        }
        assert_eq!(ByteLevel::named("portable", Level::Portable), None);
        if Level::Avx2.available() {
            assert_eq!(ByteLevel::named("AVX2", Level::Avx2), Some(ByteLevel::Avx2));
            assert_eq!(ByteLevel::named("", Level::Avx2), ByteLevel::within(Level::Avx2));
            assert!(ByteLevel::within(Level::Avx2) >= Some(ByteLevel::Avx2));
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
