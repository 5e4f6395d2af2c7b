//! Fragments (`moof`): the samples of a file that is written as it grows.

use super::Sample;
use super::boxes::{FragmentDefaults, Movie, children};
use crate::bytes::Bytes;

/// A sample does not stand alone, in the flags of a fragment.
const NOT_KEY: u32 = 0x1_0000;

/// Appends the samples of one fragment, whose box begins at `start`.
///
/// # Errors
/// Where there are more than `limit` samples.
pub(super) fn append(moof: &[u8], start: u64, movie: &mut Movie, limit: u64, samples: &mut Vec<Sample>) -> Result<(), String> {
    for (_, traf) in children(moof).filter(|(kind, _)| kind == b"traf") {
        let Some((_, header)) = children(traf).find(|(kind, _)| kind == b"tfhd") else { continue };
        let Some(header) = TrackFragment::parse(header, start, movie.defaults) else { continue };
        if header.track_id != movie.track_id {
            continue;
        }
        let time = children(traf).find(|(kind, _)| kind == b"tfdt").and_then(|(_, data)| decode_time(data));
        let mut run = Run { header, dts: time.unwrap_or(movie.fragment_end), position: header.base };
        for (_, data) in children(traf).filter(|(kind, _)| kind == b"trun") {
            let _ = run.take(data, limit, samples);
            if u64::try_from(samples.len()).unwrap_or(u64::MAX) > limit {
                return Err(format!("its fragments hold more than {limit} pictures"));
            }
        }
        movie.fragment_end = run.dts;
    }
    Ok(())
}

/// `tfhd`, with what it leaves unsaid filled in.
#[derive(Clone, Copy, Debug)]
struct TrackFragment {
    track_id: u32,
    base: u64,
    defaults: FragmentDefaults,
}

impl TrackFragment {
    fn parse(data: &[u8], start: u64, mut defaults: FragmentDefaults) -> Option<Self> {
        let mut bytes = Bytes::new(data);
        let flags = bytes.u32_be()? & 0xFF_FFFF;
        let track_id = bytes.u32_be()?;
        // Without a stated base: the fragment's own start (all writers in use mean that).
        let base = if flags & 0x1 != 0 { bytes.u64_be()? } else { start };
        if flags & 0x2 != 0 {
            bytes.skip(4)?;
        }
        if flags & 0x8 != 0 {
            defaults.duration = bytes.u32_be()?;
        }
        if flags & 0x10 != 0 {
            defaults.size = bytes.u32_be()?;
        }
        if flags & 0x20 != 0 {
            defaults.flags = bytes.u32_be()?;
        }
        Some(Self { track_id, base, defaults })
    }
}

fn decode_time(data: &[u8]) -> Option<i64> {
    let mut bytes = Bytes::new(data);
    let version = bytes.u8()?;
    bytes.skip(3)?;
    if version == 1 { i64::try_from(bytes.u64_be()?).ok() } else { bytes.u32_be().map(i64::from) }
}

/// Where the next sample of a track fragment lies and when it is decoded.
struct Run {
    header: TrackFragment,
    dts: i64,
    position: u64,
}

impl Run {
    /// One `trun`; entries that do not exist end it.
    fn take(&mut self, data: &[u8], limit: u64, samples: &mut Vec<Sample>) -> Option<()> {
        let mut bytes = Bytes::new(data);
        let flags = bytes.u32_be()? & 0xFF_FFFF;
        let count = bytes.u32_be()?;
        if flags & 0x1 != 0 {
            self.position = self.header.base.saturating_add_signed(bytes.i32_be()?.into());
        }
        let mut first_flags = if flags & 0x4 != 0 { Some(bytes.u32_be()?) } else { None };
        let defaults = self.header.defaults;
        for _ in 0..count {
            let mut field = |present: u32, default: u32| if flags & present != 0 { bytes.u32_be() } else { Some(default) };
            let duration = field(0x100, defaults.duration)?;
            let size = field(0x200, defaults.size)?;
            let own_flags = field(0x400, defaults.flags)?;
            let shift = field(0x800, 0)?.cast_signed();
            let own_flags = first_flags.take().unwrap_or(own_flags);
            samples.push(Sample { offset: self.position, size, key: own_flags & NOT_KEY == 0, pts: self.dts.saturating_add(shift.into()) });
            self.position = self.position.saturating_add(size.into());
            self.dts = self.dts.saturating_add(duration.into());
            if u64::try_from(samples.len()).unwrap_or(u64::MAX) > limit {
                return None;
            }
        }
        Some(())
    }
}
