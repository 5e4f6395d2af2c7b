//! What an H.264 sequence header (SPS, ITU-T H.264 §7.3.2.1 and annex E) states of size, range,
//! matrix and reordering.

use super::Lost;
use crate::bits::Bits;
use crate::frame::{Matrix, Range};
use crate::limits::Limits;

/// Profiles whose header states chroma format and bit depth.
const HIGH_PROFILES: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// A sequence header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SequenceHeader {
    profile: u32,
    level: u32,
    constraint_set3: bool,
    chroma_format: u32,
    bit_depth: u32,
    order_type: u32,
    references: u32,
    width: u32,
    height: u32,
    progressive: bool,
    pub(crate) crop_left: u32,
    pub(crate) crop_top: u32,
    pub(crate) range: Range,
    pub(crate) matrix: Matrix,
    buffering: Option<u32>,
}

impl SequenceHeader {
    /// Reads a header's payload (after the unit's first byte); `None` where it ends early. An
    /// unreadable annex E (usage information) counts as absent, as players do.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(payload);
        let mut header = Self { profile: bits.bits(8)?, chroma_format: 1, bit_depth: 8, ..Self::default() };
        let constraints = bits.bits(8)?;
        header.constraint_set3 = constraints & 0x10 != 0;
        header.level = bits.bits(8)?;
        bits.unsigned()?;
        if HIGH_PROFILES.contains(&header.profile) {
            header.take_format(&mut bits)?;
        }
        header.take_order(&mut bits)?;
        header.take_size(&mut bits)?;
        if bits.flag()? {
            let _ = header.take_usage(&mut bits);
        }
        Some(header)
    }

    fn take_format(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        self.chroma_format = bits.unsigned()?;
        if self.chroma_format == 3 {
            bits.flag()?;
        }
        self.bit_depth = 8 + bits.unsigned()?.max(bits.unsigned()?).min(8);
        bits.flag()?;
        if bits.flag()? {
            let lists = if self.chroma_format == 3 { 12 } else { 8 };
            for list in 0..lists {
                if bits.flag()? {
                    skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
        Some(())
    }

    fn take_order(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        bits.unsigned()?;
        self.order_type = bits.unsigned()?;
        match self.order_type {
            0 => {
                bits.unsigned()?;
            }
            1 => {
                bits.flag()?;
                bits.signed()?;
                bits.signed()?;
                for _ in 0..bits.unsigned()?.min(255) {
                    bits.signed()?;
                }
            }
            _ => {}
        }
        self.references = bits.unsigned()?;
        bits.flag().map(|_| ())
    }

    fn take_size(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        self.width = bits.unsigned()?.checked_add(1)?.checked_mul(16)?;
        let units = bits.unsigned()?.checked_add(1)?;
        self.progressive = bits.flag()?;
        let rows = if self.progressive { 16 } else { 32 };
        self.height = units.checked_mul(rows)?;
        if !self.progressive {
            bits.flag()?;
        }
        bits.flag()?;
        if bits.flag()? {
            let vertical = if self.progressive { 2 } else { 4 };
            self.crop_left = bits.unsigned()?.checked_mul(2)?;
            bits.unsigned()?;
            self.crop_top = bits.unsigned()?.checked_mul(vertical)?;
            bits.unsigned()?;
        }
        Some(())
    }

    /// Annex E, up to the buffer sizes.
    fn take_usage(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        if bits.flag()? && bits.bits(8)? == 255 {
            bits.skip(32)?;
        }
        if bits.flag()? {
            bits.flag()?;
        }
        if bits.flag()? {
            bits.skip(3)?;
            self.range = if bits.flag()? { Range::Full } else { Range::Limited };
            if bits.flag()? {
                bits.skip(16)?;
                self.matrix = Matrix::from_h273(u8::try_from(bits.bits(8)?).ok()?);
            }
        }
        if bits.flag()? {
            bits.unsigned()?;
            bits.unsigned()?;
        }
        if bits.flag()? {
            bits.skip(65)?;
        }
        let network = bits.flag()?;
        if network {
            skip_buffer_model(bits)?;
        }
        let coded = bits.flag()?;
        if coded {
            skip_buffer_model(bits)?;
        }
        if network || coded {
            bits.flag()?;
        }
        bits.flag()?;
        if bits.flag()? {
            bits.flag()?;
            for _ in 0..5 {
                bits.unsigned()?;
            }
            self.buffering = Some(bits.unsigned()?);
        }
        Some(())
    }

    /// Refuses what the decoder must not be shown: sizes beyond the limits, more references
    /// than the standard has (it would reserve memory for them).
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), Lost> {
        if self.width > limits.max_width + 15 || self.height > limits.max_height + 31 {
            return Err(Lost::Broken(format!("the stream states pictures of {}×{}", self.width, self.height)));
        }
        if u64::from(self.width) * u64::from(self.height) > limits.max_pixels {
            return Err(Lost::Broken(format!("the stream states pictures of {}×{}", self.width, self.height)));
        }
        if self.references > 16 {
            return Err(Lost::Broken(format!("the stream states {} reference pictures (16 are allowed)", self.references)));
        }
        match (self.chroma_format, self.bit_depth) {
            (1, 8) => Ok(()),
            (0, 8) => Err(Lost::Unsupported("grey pictures (4:0:0)".into())),
            (_, 8) => Err(Lost::Unsupported("colour that is not 4:2:0".into())),
            (_, depth) => Err(Lost::Unsupported(format!("{depth} bits a sample"))),
        }
    }

    /// How many pictures may wait for an earlier one: the stated buffer, else the level's
    /// (table A-1), at most 16. The buffer rather than the stated reordering: a longer wait
    /// costs nothing here, and encoders have stated too little.
    pub(crate) fn reorder_depth(&self) -> usize {
        if self.profile == 66 || self.order_type == 2 {
            return 0;
        }
        let depth = self.buffering.unwrap_or_else(|| self.level_buffer());
        usize::try_from(depth.min(16)).unwrap_or(16)
    }

    fn level_buffer(&self) -> u32 {
        let macroblocks = match self.level {
            11 if self.constraint_set3 => 396,
            0..=10 => 396,
            11 => 900,
            12 | 13 | 20 => 2376,
            21 => 4752,
            22 | 30 => 8100,
            31 => 18_000,
            32 => 20_480,
            40 | 41 => 32_768,
            42 => 34_816,
            50 => 110_400,
            51 | 52 => 184_320,
            _ => 696_320,
        };
        let picture = (self.width / 16).max(1) * (self.height / 16).max(1);
        (macroblocks / picture).clamp(1, 16)
    }

    /// The profile in words.
    pub(crate) fn profile_name(&self) -> String {
        let name = match self.profile {
            66 => "Baseline",
            77 => "Main",
            88 => "Extended",
            100 => "High",
            110 => "High 10",
            122 => "High 4:2:2",
            244 => "High 4:4:4 Predictive",
            44 => "CAVLC 4:4:4 Intra",
            other => return format!("profile {other}"),
        };
        name.to_string()
    }
}

fn skip_scaling_list(bits: &mut Bits<'_>, count: u32) -> Option<()> {
    let (mut last, mut next) = (8i64, 8i64);
    for _ in 0..count {
        if next != 0 {
            next = (last + bits.signed()? + 256).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

fn skip_buffer_model(bits: &mut Bits<'_>) -> Option<()> {
    let count = bits.unsigned()?.min(31);
    bits.skip(8)?;
    for _ in 0..=count {
        bits.unsigned()?;
        bits.unsigned()?;
        bits.flag()?;
    }
    bits.skip(20)
}
