//! MJPEG in AVI, seekable, with a correct index and correct counts.
//!
//! Layout: one RIFF of at most 1 GB with the old index (`idx1`) that every player reads, then
//! further RIFFs (OpenDML, "AVIX"); each has a chunk index (`ix00`), found through the master
//! index in the header. Sizes and counts are patched in at the end.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::{Pixels, VideoWriter, WriteError, WriteOptions};

/// A new RIFF begins before one grows beyond this.
const RIFF_BYTES: u64 = 1_000_000_000;
/// Entries of the master index, one a RIFF: 256 GB.
const MASTER_ENTRIES: usize = 256;
const KEY_FRAME: u32 = 0x10;
const HAS_INDEX: u32 = 0x10;

/// Writes MJPEG AVI into anything that can seek.
pub struct AviWriter<W: Write + Seek + Send> {
    path: PathBuf,
    out: W,
    options: WriteOptions,
    position: u64,
    riff_limit: u64,
    /// Of the current RIFF: its start, its movi list's start, its pictures.
    riff: Riff,
    first: Option<FirstRiff>,
    master: Vec<MasterEntry>,
    frames: u32,
    largest: u32,
    jpeg: Vec<u8>,
}

#[derive(Default)]
struct Riff {
    start: u64,
    movi: u64,
    /// Position of each picture's data, and its length.
    pictures: Vec<(u64, u32)>,
}

/// What of the first RIFF must be patched at the end.
struct FirstRiff {
    frames: u32,
}

struct MasterEntry {
    position: u64,
    size: u32,
    frames: u32,
}

/// Positions of the header's fields that are patched at the end; the header is of fixed size.
mod field {
    pub(super) const RIFF_SIZE: u64 = 4;
    pub(super) const TOTAL_FRAMES: u64 = 48;
    pub(super) const MAIN_BUFFER: u64 = 60;
    pub(super) const STREAM_LENGTH: u64 = 140;
    pub(super) const STREAM_BUFFER: u64 = 144;
    pub(super) const MASTER_USED: u64 = 224;
    pub(super) const MASTER_FIRST: u64 = 244;
}

impl<W: Write + Seek + Send> AviWriter<W> {
    /// A writer into `out`, which is at its start; `path` is for messages.
    ///
    /// # Errors
    /// [`WriteError::Size`], or why the header cannot be written.
    pub fn new(path: &Path, out: W, options: &WriteOptions) -> Result<Self, WriteError> {
        Self::with_riff_limit(path, out, options, RIFF_BYTES)
    }

    fn with_riff_limit(path: &Path, out: W, options: &WriteOptions, riff_limit: u64) -> Result<Self, WriteError> {
        let side = 1..=u32::from(u16::MAX);
        if !side.contains(&options.width) || !side.contains(&options.height) {
            return Err(WriteError::Size {
                path: path.to_path_buf(),
                format: "MJPEG",
                limit: u16::MAX.into(),
                width: options.width,
                height: options.height,
            });
        }
        let mut writer = Self {
            path: path.to_path_buf(),
            out,
            options: options.clone(),
            position: 0,
            riff_limit,
            riff: Riff::default(),
            first: None,
            master: Vec::new(),
            frames: 0,
            largest: 0,
            jpeg: Vec::new(),
        };
        let header = writer.header();
        writer.append(&header)?;
        writer.open_movi()?;
        Ok(writer)
    }

    fn append(&mut self, data: &[u8]) -> Result<(), WriteError> {
        self.out.write_all(data).map_err(|e| WriteError::io(&self.path, "writing", e))?;
        self.position += length(data);
        Ok(())
    }

    fn patch(&mut self, position: u64, value: u32) -> Result<(), WriteError> {
        let failed = |e| WriteError::io(&self.path, "writing", e);
        self.out.seek(SeekFrom::Start(position)).map_err(failed)?;
        self.out.write_all(&value.to_le_bytes()).map_err(failed)
    }

    /// Everything before the first movi list. Counts and sizes are 0 until the end.
    fn header(&self) -> Vec<u8> {
        let o = &self.options;
        let (scale, rate) = (o.frame_time.numerator, o.frame_time.denominator);
        let microseconds = u64::from(scale) * 1_000_000 / u64::from(rate);
        let mut avih = Vec::new();
        words(&mut avih, &[u32::try_from(microseconds).unwrap_or(u32::MAX), 0, 0, HAS_INDEX, 0, 0, 1, 0]);
        words(&mut avih, &[o.width, o.height, 0, 0, 0, 0]);

        let mut strh = b"vidsMJPG".to_vec();
        words(&mut strh, &[0, 0, 0, scale, rate, 0, 0, 0, u32::MAX, 0]);
        // The frame rectangle, 16 bits a side.
        words(&mut strh, &[0, (o.height << 16) | o.width]);

        let mut strf = Vec::new();
        words(&mut strf, &[40, o.width, o.height, 1 | (24 << 16)]);
        strf.extend_from_slice(b"MJPG");
        words(&mut strf, &[o.width * o.height * 3, 0, 0, 0, 0]);

        let mut indx = Vec::new();
        // 4 words an entry, index of indices, no entry yet, its chunk, reserved.
        words(&mut indx, &[4, 0]);
        indx.extend_from_slice(b"00dc");
        indx.resize(24 + MASTER_ENTRIES * 16, 0);

        let mut stream = b"strl".to_vec();
        for (name, data) in [(b"strh", &strh), (b"strf", &strf), (b"indx", &indx)] {
            chunk(&mut stream, name, data);
        }
        let mut open_dml = b"odml".to_vec();
        chunk(&mut open_dml, b"dmlh", &[0; 248]);
        let mut list = b"hdrl".to_vec();
        chunk(&mut list, b"avih", &avih);
        chunk(&mut list, b"LIST", &stream);
        chunk(&mut list, b"LIST", &open_dml);
        let mut header = b"RIFF\0\0\0\0AVI ".to_vec();
        chunk(&mut header, b"LIST", &list);
        header
    }

    fn open_movi(&mut self) -> Result<(), WriteError> {
        self.riff.movi = self.position;
        self.append(b"LIST\0\0\0\0movi")
    }

    /// Ends the current RIFF: its chunk index, in the first one the old index too.
    fn close_riff(&mut self) -> Result<(), WriteError> {
        if self.master.len() >= MASTER_ENTRIES {
            return Err(WriteError::TooLong { path: self.path.clone(), limit: "256 GB" });
        }
        let riff = std::mem::take(&mut self.riff);
        let index = chunk_index(&riff);
        let frames = count(riff.pictures.len());
        self.master.push(MasterEntry { position: self.position, size: count(index.len()), frames });
        self.append(&index)?;
        let movi_size = self.position - riff.movi - 8;
        if self.first.is_none() {
            let mut old = Vec::new();
            for &(position, size) in &riff.pictures {
                old.extend_from_slice(b"00dc");
                // From the word "movi" to the chunk's header.
                words(&mut old, &[KEY_FRAME, narrow(position - 8 - (riff.movi + 8)), size]);
            }
            let mut data = Vec::new();
            chunk(&mut data, b"idx1", &old);
            self.append(&data)?;
            self.first = Some(FirstRiff { frames });
        }
        let end = self.position;
        self.patch(riff.movi + 4, narrow(movi_size))?;
        self.patch(riff.start + field::RIFF_SIZE, narrow(end - riff.start - 8))?;
        self.out.seek(SeekFrom::Start(end)).map_err(|e| WriteError::io(&self.path, "writing", e))?;
        Ok(())
    }

    fn next_riff(&mut self) -> Result<(), WriteError> {
        self.close_riff()?;
        self.riff.start = self.position;
        self.append(b"RIFF\0\0\0\0AVIX")?;
        self.open_movi()
    }

    fn encode(&mut self, pixels: Pixels<'_>) -> Result<(), WriteError> {
        let refused = |e: jpeg_encoder::EncodingError| WriteError::Encoder { path: self.path.clone(), reason: e.to_string() };
        let (data, kind) = match pixels {
            Pixels::Grey(data) => (data, ColorType::Luma),
            Pixels::Rgb(data) => (data, ColorType::Rgb),
        };
        self.jpeg.clear();
        let mut encoder = Encoder::new(&mut self.jpeg, self.options.quality.clamp(1, 100));
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        // Sides were checked to fit 16 bits when the writer was made.
        let (width, height) = (self.options.width, self.options.height);
        let side = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
        encoder.encode(data, side(width), side(height), kind).map_err(refused)
    }

    fn write_picture(&mut self, pixels: Pixels<'_>) -> Result<(), WriteError> {
        self.options.check(&self.path, &pixels)?;
        self.encode(pixels)?;
        let jpeg = std::mem::take(&mut self.jpeg);
        let size = u32::try_from(jpeg.len()).map_err(|_| self.too_long())?;
        // Index entries count too: 8 bytes of ix00 and 16 of idx1 a picture.
        let indices = length(&self.riff.pictures) * 24;
        let grown = self.position - self.riff.start + u64::from(size) + indices;
        if grown > self.riff_limit && !self.riff.pictures.is_empty() {
            self.next_riff()?;
        }
        self.frames = self.frames.checked_add(1).ok_or_else(|| self.too_long())?;
        self.largest = self.largest.max(size);
        let mut head = b"00dc".to_vec();
        words(&mut head, &[size]);
        self.append(&head)?;
        self.riff.pictures.push((self.position, size));
        self.append(&jpeg)?;
        if size % 2 == 1 {
            self.append(&[0])?;
        }
        self.jpeg = jpeg;
        Ok(())
    }

    fn too_long(&self) -> WriteError {
        WriteError::TooLong { path: self.path.clone(), limit: "4 GB or four billion pictures" }
    }

    fn complete(&mut self) -> Result<(), WriteError> {
        self.close_riff()?;
        let first_frames = self.first.as_ref().map_or(0, |first| first.frames);
        self.patch(field::TOTAL_FRAMES, first_frames)?;
        self.patch(field::MAIN_BUFFER, self.largest)?;
        self.patch(field::STREAM_LENGTH, self.frames)?;
        self.patch(field::STREAM_BUFFER, self.largest)?;
        self.patch(field::MASTER_USED, count(self.master.len()))?;
        let mut at = field::MASTER_FIRST;
        for entry in std::mem::take(&mut self.master) {
            // Low word, then high word.
            self.patch(at, narrow(entry.position & 0xFFFF_FFFF))?;
            self.patch(at + 4, narrow(entry.position >> 32))?;
            self.patch(at + 8, entry.size)?;
            self.patch(at + 12, entry.frames)?;
            at += 16;
        }
        // dmlh: all frames of all RIFFs. After the master index: LIST size odml dmlh size.
        let total = field::MASTER_FIRST + length(&[0u8; MASTER_ENTRIES * 16]) + 20;
        self.patch(total, self.frames)?;
        self.out.flush().map_err(|e| WriteError::io(&self.path, "writing", e))
    }
}

impl<W: Write + Seek + Send> VideoWriter for AviWriter<W> {
    fn write(&mut self, pixels: Pixels<'_>) -> Result<(), WriteError> {
        self.write_picture(pixels)
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        self.complete()
    }
}

/// The OpenDML index of one movi list: where each picture's data begin, from the list's RIFF on.
fn chunk_index(riff: &Riff) -> Vec<u8> {
    let mut data = Vec::new();
    // 2 words an entry, index of chunks.
    words(&mut data, &[2 | (1 << 24), count(riff.pictures.len())]);
    data.extend_from_slice(b"00dc");
    words(&mut data, &[narrow(riff.start & 0xFFFF_FFFF), narrow(riff.start >> 32), 0]);
    for &(position, size) in &riff.pictures {
        words(&mut data, &[narrow(position - riff.start), size]);
    }
    let mut index = Vec::new();
    chunk(&mut index, b"ix00", &data);
    index
}

fn words(out: &mut Vec<u8>, values: &[u32]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn chunk(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    out.extend_from_slice(name);
    words(out, &[count(data.len())]);
    out.extend_from_slice(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
}

fn length<T>(data: &[T]) -> u64 {
    u64::try_from(data.len()).unwrap_or(u64::MAX)
}

fn count(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A size that is below 4 GB by construction (one RIFF).
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::TimeBase;
    use std::io::Cursor;

    /// A cursor whose bytes outlive the writer.
    #[derive(Clone, Default)]
    struct Shared(std::sync::Arc<std::sync::Mutex<Cursor<Vec<u8>>>>);
    impl Write for Shared {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(data)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    impl Seek for Shared {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            self.0.lock().unwrap().seek(to)
        }
    }

    fn word(data: &[u8], at: u64) -> u32 {
        let at = usize::try_from(at).unwrap();
        u32::from_le_bytes(data[at..at + 4].try_into().unwrap())
    }

    #[test]
    fn several_riffs_are_indexed_and_counted() {
        let options = WriteOptions::new(16, 8, TimeBase::new(1, 25).unwrap());
        let out = Shared::default();
        // A tiny limit makes many RIFFs out of few pictures.
        let mut writer = AviWriter::with_riff_limit(Path::new("a.avi"), out.clone(), &options, 9000).unwrap();
        for value in 0..40u8 {
            writer.write(Pixels::Grey(&[value * 6; 128])).unwrap();
        }
        Box::new(writer).finish().unwrap();
        let data = out.0.lock().unwrap().get_ref().clone();
        let used = word(&data, field::MASTER_USED);
        assert!(used > 1, "{used} RIFFs");
        assert_eq!(word(&data, field::STREAM_LENGTH), 40);
        let mut total = 0;
        for entry in 0..u64::from(used) {
            let at = field::MASTER_FIRST + entry * 16;
            let index = usize::try_from(word(&data, at)).unwrap();
            assert_eq!(&data[index..index + 4], b"ix00");
            let base = word(&data, u64::try_from(index).unwrap() + 20);
            for picture in 0..word(&data, at + 12) {
                let entry = u64::try_from(index).unwrap() + 32 + u64::from(picture) * 8;
                let start = usize::try_from(base + word(&data, entry)).unwrap();
                assert_eq!(&data[start..start + 2], [0xFF, 0xD8], "a picture begins where the index says");
                total += 1;
            }
        }
        assert_eq!(total, 40);
        let dmlh = data.windows(4).position(|w| w == b"dmlh").unwrap();
        assert_eq!(word(&data, u64::try_from(dmlh).unwrap() + 8), 40);
    }

    #[test]
    fn a_full_disk_is_an_error_not_a_panic() {
        struct Full(u64);
        impl Write for Full {
            fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
                self.0 = self.0.checked_sub(length(data)).ok_or(std::io::ErrorKind::StorageFull)?;
                Ok(data.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        impl Seek for Full {
            fn seek(&mut self, _: SeekFrom) -> std::io::Result<u64> {
                Ok(0)
            }
        }
        let options = WriteOptions::new(16, 8, TimeBase::new(1, 25).unwrap());
        assert!(AviWriter::new(Path::new("a.avi"), Full(100), &options).is_err());
        let mut writer = AviWriter::new(Path::new("a.avi"), Full(6000), &options).unwrap();
        let error = (0..100).find_map(|_| writer.write(Pixels::Grey(&[9; 128])).err()).unwrap();
        assert!(error.to_string().starts_with("a.avi: writing failed"), "{error}");
    }

    #[test]
    fn a_picture_of_another_size_is_refused() {
        let options = WriteOptions::new(16, 8, TimeBase::new(1, 25).unwrap());
        let mut writer = AviWriter::new(Path::new("a.avi"), Shared::default(), &options).unwrap();
        assert!(matches!(writer.write(Pixels::Rgb(&[0; 128])), Err(WriteError::PictureSize { given: 128, .. })));
    }
}
