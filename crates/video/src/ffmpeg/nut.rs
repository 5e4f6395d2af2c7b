//! NUT, the pipe's format: one raw video stream with times.
//!
//! Only what ffmpeg's muxer writes for one stream is read. Sizes are checked against what a
//! frame must have before memory is reserved.

use std::io::{BufRead, Read};

const FILE_ID: &[u8] = b"nut/multimedia container\0";
const MAIN: u64 = 0x4E4D_7A56_1F5F_04AD;
const STREAM: u64 = 0x4E53_1140_5BF2_F9DB;
const SYNCPOINT: u64 = 0x4E4B_E4AD_EECA_4569;

/// Longest header accepted.
const MAX_HEADER: u64 = 64 << 10;

mod flag {
    pub(super) const CODED_PTS: u64 = 8;
    pub(super) const STREAM_ID: u64 = 16;
    pub(super) const SIZE_MSB: u64 = 32;
    pub(super) const CHECKSUM: u64 = 64;
    pub(super) const RESERVED: u64 = 128;
    pub(super) const SIDE_DATA: u64 = 256;
    pub(super) const HEADER_INDEX: u64 = 1024;
    pub(super) const MATCH_TIME: u64 = 2048;
    pub(super) const CODED: u64 = 4096;
    pub(super) const INVALID: u64 = 8192;
}

/// The stream's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) time_base: (u32, u32),
}

/// One frame.
#[derive(Debug)]
pub(super) struct NutFrame {
    pub(super) pts: i64,
    pub(super) data: Vec<u8>,
}

/// What a frame code stands for.
#[derive(Clone, Copy, Debug, Default)]
struct Code {
    flags: u64,
    pts_delta: i64,
    size_factor: u64,
    size_rest: u64,
    reserved: u64,
}

/// Reads frames from a pipe.
pub(super) struct NutReader<R> {
    input: R,
    stream: Stream,
    codes: Vec<Code>,
    /// Bytes that are left out at the front of each frame, by number.
    fronts: Vec<Vec<u8>>,
    time_bases: Vec<(u32, u32)>,
    shift: u32,
    last_pts: i64,
}

type Nut<T> = Result<T, String>;

impl<R: BufRead> NutReader<R> {
    /// Reads the headers.
    pub(super) fn open(mut input: R) -> Nut<Self> {
        let mut id = [0; 25];
        input.read_exact(&mut id).map_err(|_| "it gave nothing")?;
        if id != FILE_ID {
            return Err("it did not give NUT".into());
        }
        let mut reader = Self {
            input,
            stream: Stream { width: 0, height: 0, time_base: (0, 1) },
            codes: Vec::new(),
            fronts: vec![Vec::new()],
            time_bases: Vec::new(),
            shift: 0,
            last_pts: 0,
        };
        while reader.stream.width == 0 {
            let Some(start) = reader.byte()? else { return Err("it ended in its headers".into()) };
            reader.header(start)?;
        }
        Ok(reader)
    }

    pub(super) fn stream(&self) -> Stream {
        self.stream
    }

    /// The next frame, which must have `bytes` bytes; `None` at the end.
    pub(super) fn next(&mut self, bytes: usize) -> Nut<Option<NutFrame>> {
        loop {
            let Some(code) = self.byte()? else { return Ok(None) };
            if code == b'N' {
                self.header(code)?;
            } else {
                return self.frame(code, bytes);
            }
        }
    }

    fn byte(&mut self) -> Nut<Option<u8>> {
        let mut byte = [0];
        match self.input.read_exact(&mut byte) {
            Ok(()) => {
                let [byte] = byte;
                Ok(Some(byte))
            }
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn number(&mut self) -> Nut<u64> {
        number(&mut self.input)
    }

    /// A header packet, whose start code's first byte is read already.
    fn header(&mut self, first: u8) -> Nut<()> {
        let mut rest = [0; 7];
        self.input.read_exact(&mut rest).map_err(|e| e.to_string())?;
        let code = rest.iter().fold(u64::from(first), |code, &byte| code << 8 | u64::from(byte));
        let length = self.number()?;
        if length > 4096 {
            // A checksum of the packet's head.
            self.skip(4)?;
        }
        if length > MAX_HEADER {
            return Err(format!("a header of {length} bytes"));
        }
        let mut data = Vec::new();
        (&mut self.input).take(length).read_to_end(&mut data).map_err(|e| e.to_string())?;
        let mut data = data.as_slice();
        match code {
            MAIN => self.main_header(&mut data),
            STREAM => self.stream_header(&mut data),
            SYNCPOINT => self.syncpoint(&mut data),
            _ => Ok(()),
        }
    }

    fn skip(&mut self, count: u64) -> Nut<()> {
        std::io::copy(&mut (&mut self.input).take(count), &mut std::io::sink()).map_err(|e| e.to_string())?;
        Ok(())
    }

    fn main_header(&mut self, data: &mut &[u8]) -> Nut<()> {
        let version = number(data)?;
        if version > 3 {
            number(data)?;
        }
        number(data)?;
        number(data)?;
        self.time_bases.clear();
        for _ in 0..number(data)?.min(1024) {
            let pair = (number(data)?, number(data)?);
            let base = u32::try_from(pair.0).ok().zip(u32::try_from(pair.1).ok());
            self.time_bases.push(base.ok_or("a time base beyond 32 bits")?);
        }
        self.code_table(data)?;
        self.fronts = vec![Vec::new()];
        for _ in 0..number(data)?.min(127) {
            self.fronts.push(bytes(data)?.to_vec());
        }
        Ok(())
    }

    /// The table from frame code to flags, sizes and time steps.
    fn code_table(&mut self, data: &mut &[u8]) -> Nut<()> {
        self.codes.clear();
        let (mut pts_delta, mut size_factor) = (0i64, 1u64);
        while self.codes.len() < 256 {
            let flags = number(data)?;
            let fields = number(data)?;
            let mut field = |index: u64, default: u64| if fields > index { number(data) } else { Ok(default) };
            if fields > 0 {
                pts_delta = signed(field(0, 0)?);
            }
            size_factor = field(1, size_factor)?;
            field(2, 0)?;
            let size_rest = field(3, 0)?;
            let reserved = field(4, 0)?;
            let count = field(5, size_factor.saturating_sub(size_rest))?;
            for index in 6..fields.min(64) {
                field(index, 0)?;
            }
            for step in 0..count.min(256) {
                if self.codes.len() == usize::from(b'N') {
                    self.codes.push(Code { flags: flag::INVALID, ..Code::default() });
                }
                if self.codes.len() < 256 {
                    self.codes.push(Code { flags, pts_delta, size_factor, size_rest: size_rest + step, reserved });
                }
            }
            if count == 0 && data.is_empty() {
                return Err("a broken table of frame codes".into());
            }
        }
        Ok(())
    }

    fn stream_header(&mut self, data: &mut &[u8]) -> Nut<()> {
        number(data)?;
        if number(data)? != 0 {
            return Err("a stream that is no video".into());
        }
        bytes(data)?;
        let base = usize::try_from(number(data)?).ok();
        let time_base = base.and_then(|index| self.time_bases.get(index)).copied();
        self.shift = u32::try_from(number(data)?.min(32)).unwrap_or(32);
        for _ in 0..3 {
            number(data)?;
        }
        bytes(data)?;
        let side = |value: u64| u32::try_from(value).map_err(|_| "a picture side beyond 32 bits".to_string());
        let (width, height) = (side(number(data)?)?, side(number(data)?)?);
        if width == 0 || height == 0 {
            return Err("pictures of no size".into());
        }
        self.stream = Stream { width, height, time_base: time_base.ok_or("an unknown time base")? };
        Ok(())
    }

    /// A syncpoint sets the time that later short times refer to.
    fn syncpoint(&mut self, data: &mut &[u8]) -> Nut<()> {
        let coded = number(data)?;
        let count = u64::try_from(self.time_bases.len()).unwrap_or(1).max(1);
        let (index, ticks) = (usize::try_from(coded % count).unwrap_or(0), coded / count);
        let (numerator, denominator) = self.time_bases.get(index).copied().unwrap_or(self.stream.time_base);
        let (own_numerator, own_denominator) = self.stream.time_base;
        let value = u128::from(ticks) * u128::from(numerator) * u128::from(own_denominator);
        let scale = u128::from(denominator) * u128::from(own_numerator.max(1));
        self.last_pts = i64::try_from(value / scale.max(1)).unwrap_or(i64::MAX);
        Ok(())
    }

    fn frame(&mut self, code: u8, wanted: usize) -> Nut<Option<NutFrame>> {
        let code = self.codes.get(usize::from(code)).copied().ok_or("a frame code without a meaning")?;
        let mut flags = code.flags;
        if flags & flag::INVALID != 0 {
            return Err("an invalid frame code".into());
        }
        if flags & flag::CODED != 0 {
            flags ^= self.number()?;
        }
        if flags & flag::STREAM_ID != 0 {
            self.number()?;
        }
        let pts = if flags & flag::CODED_PTS != 0 {
            let coded = self.number()?;
            self.full_pts(coded)
        } else {
            self.last_pts.saturating_add(code.pts_delta)
        };
        self.last_pts = pts;
        let msb = if flags & flag::SIZE_MSB != 0 { self.number()? } else { 0 };
        let size = code.size_factor.saturating_mul(msb).saturating_add(code.size_rest);
        if flags & flag::MATCH_TIME != 0 {
            self.number()?;
        }
        let front = if flags & flag::HEADER_INDEX != 0 { usize::try_from(self.number()?).unwrap_or(usize::MAX) } else { 0 };
        let mut reserved = code.reserved;
        if flags & flag::RESERVED != 0 {
            reserved = self.number()?;
        }
        for _ in 0..reserved.min(64) {
            self.number()?;
        }
        if flags & flag::CHECKSUM != 0 {
            self.skip(4)?;
        }
        if flags & flag::SIDE_DATA != 0 {
            return Err("side data within frames".into());
        }
        self.frame_data(size, front, wanted).map(|data| data.map(|data| NutFrame { pts, data }))
    }

    fn frame_data(&mut self, size: u64, front: usize, wanted: usize) -> Nut<Option<Vec<u8>>> {
        let front = self.fronts.get(front).ok_or("an unknown frame front")?;
        let whole = usize::try_from(size).ok();
        if whole != Some(wanted) {
            return Err(format!("a frame of {size} bytes instead of {wanted}"));
        }
        let mut data = Vec::with_capacity(wanted);
        data.extend_from_slice(front);
        let left = size.saturating_sub(u64::try_from(front.len()).unwrap_or(0));
        (&mut self.input).take(left).read_to_end(&mut data).map_err(|e| e.to_string())?;
        // The child ended within a frame: what came before stands.
        Ok((data.len() == wanted).then_some(data))
    }

    /// A time from its low bits, or in full.
    fn full_pts(&self, coded: u64) -> i64 {
        let modulus = 1i64 << self.shift;
        let coded = i64::try_from(coded).unwrap_or(i64::MAX);
        if coded >= modulus {
            return coded - modulus;
        }
        let mask = modulus - 1;
        let delta = self.last_pts - mask / 2;
        ((coded - delta) & mask) + delta
    }
}

/// A number of variable length, seven bits a byte.
fn number(input: &mut impl Read) -> Nut<u64> {
    let mut value = 0u64;
    for _ in 0..10 {
        let mut byte = [0];
        input.read_exact(&mut byte).map_err(|_| "it ended within a number")?;
        let [byte] = byte;
        value = value << 7 | u64::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number of more than 64 bits".into())
}

/// 0, 1, 2, 3, 4 → 0, 1, −1, 2, −2.
fn signed(value: u64) -> i64 {
    let half = i64::try_from(value.div_ceil(2)).unwrap_or(i64::MAX);
    if value % 2 == 1 { half } else { -half }
}

fn bytes<'a>(data: &mut &'a [u8]) -> Nut<&'a [u8]> {
    let length = usize::try_from(number(data)?).unwrap_or(usize::MAX);
    let (head, tail) = data.split_at_checked(length).ok_or("a header that is cut short")?;
    *data = tail;
    Ok(head)
}
