//! Bits out of the header units of H.264 and HEVC: fixed widths and Exp-Golomb codes.

/// Reads bits, most significant first. Reads give `None` past the end.
#[derive(Clone, Debug)]
pub(crate) struct Bits<'a> {
    data: &'a [u8],
    position: usize,
}

impl<'a> Bits<'a> {
    /// Reads a payload whose emulation prevention bytes are gone already.
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0 }
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        let byte = self.data.get(self.position / 8)?;
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        Some(bit == 1)
    }

    /// Up to 32 bits.
    pub(crate) fn bits(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0u32, |value, _| Some(value << 1 | u32::from(self.flag()?)))
    }

    pub(crate) fn skip(&mut self, count: u32) -> Option<()> {
        (0..count).try_for_each(|_| self.flag().map(|_| ()))
    }

    /// An unsigned Exp-Golomb code; `None` beyond 32 bits too.
    pub(crate) fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.bits(zeros)?;
        Some((1u32 << zeros) - 1 + rest)
    }

    /// A signed Exp-Golomb code.
    pub(crate) fn signed(&mut self) -> Option<i64> {
        let code = i64::from(self.unsigned()?);
        Some(if code % 2 == 1 { (code + 1) / 2 } else { -code / 2 })
    }
}

/// A unit's payload without emulation prevention bytes (the 3 of 0 0 3).
pub(crate) fn payload(unit: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for &byte in unit {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

/// How the units of a packet are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A big-endian length of so many bytes (1 to 4) before each unit.
    Length(usize),
    /// Start codes 0 0 1 (Annex B).
    StartCodes,
}

/// The units of a packet, or the units that could be told apart and a complaint.
pub(crate) fn units(data: &[u8], framing: Framing) -> (Vec<&[u8]>, Option<String>) {
    match framing {
        Framing::Length(size) => length_units(data, size),
        Framing::StartCodes => (start_code_units(data), None),
    }
}

/// Whether units hold bytes that no writer makes: 0 0 followed by 0, 1 or 2 occurs in no unit
/// (up to three zeros at its very end do, left by careless repackaging). The surest sign of a
/// hole in a file, which decoders may decode without a complaint.
pub(crate) fn has_hole(units: &[&[u8]]) -> bool {
    units.iter().any(|unit| {
        let length = unit.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let mut zeros = 0u32;
        let inside = unit.iter().take(length).any(|&byte| {
            let hole = zeros >= 2 && byte <= 2;
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            hole
        });
        inside || unit.len() - length > 3
    })
}

fn length_units(data: &[u8], size: usize) -> (Vec<&[u8]>, Option<String>) {
    let mut units = Vec::new();
    let mut rest = data;
    while let Some((head, tail)) = rest.split_at_checked(size) {
        let length = head.iter().fold(0usize, |value, &byte| value << 8 | usize::from(byte));
        let Some((unit, after)) = tail.split_at_checked(length) else {
            return (units, Some(format!("a unit of {length} bytes in a packet that has {} left", tail.len())));
        };
        if !unit.is_empty() {
            units.push(unit);
        }
        rest = after;
    }
    (units, None)
}

fn start_code_units(data: &[u8]) -> Vec<&[u8]> {
    let mut units = Vec::new();
    let mut starts = data.windows(3).enumerate().filter(|(_, w)| *w == [0, 0, 1]).map(|(at, _)| at + 3).peekable();
    while let Some(start) = starts.next() {
        let end = starts.peek().map_or(data.len(), |next| next - 3);
        let unit = data.get(start..end).unwrap_or_default();
        // Zeros before the next start code belong to it.
        let length = unit.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        if let Some(unit) = unit.get(..length).filter(|unit| !unit.is_empty()) {
            units.push(unit);
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes() {
        // 1 | 010 | 011 | 00100 | 00101 → 0 1 2 3 4; signed 0 1 −1 2 −2
        let data = [0b1010_0110, 0b0100_0010, 0b1000_0000];
        let mut bits = Bits::new(&data);
        assert_eq!([(); 5].map(|()| bits.unsigned()), [0, 1, 2, 3, 4].map(Some));
        let mut bits = Bits::new(&data);
        assert_eq!([(); 5].map(|()| bits.signed()), [0, 1, -1, 2, -2].map(Some));
        assert_eq!(Bits::new(&[0; 9]).unsigned(), None);
        assert_eq!(Bits::new(&[]).flag(), None);
    }

    #[test]
    fn units_of_both_framings() {
        assert_eq!(units(&[0, 2, 9, 8, 0, 1, 7], Framing::Length(2)).0, [&[9, 8][..], &[7]]);
        let (found, complaint) = units(&[0, 1, 9, 0, 9, 7], Framing::Length(2));
        assert_eq!(found, [&[9][..]]);
        assert!(complaint.is_some());
        assert_eq!(units(&[0, 0, 0, 1, 9, 8, 0, 0, 0, 1, 7], Framing::StartCodes).0, [&[9, 8][..], &[7]]);
        assert!(has_hole(&[&[9, 0, 0, 0, 9]]) && has_hole(&[&[9, 0, 0, 1]]));
        assert!(!has_hole(&[&[9, 0, 0, 3, 0, 9], &[9, 0, 0, 0]]) && has_hole(&[&[9, 0, 0, 0, 0]]));
        assert_eq!(payload(&[1, 0, 0, 3, 1, 0, 0, 3]), [1, 0, 0, 1, 0, 0]);
    }
}
