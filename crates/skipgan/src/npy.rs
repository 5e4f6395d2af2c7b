//! NumPy's array files (`.npy`): labels come in them, anomaly maps go out in them.
//!
//! Format versions 1 to 3, whole and floating numbers and truth values of either byte order, C and Fortran order; no objects, no
//! records, no complex numbers. Sizes in a header are checked against the file before memory is reserved. Values are read as `f64`
//! (whole numbers beyond 2⁵³ are rounded); maps are written as `<f4`, `[frames, height, width]`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Longest header that is read.
const HEADER_LIMIT: usize = 1 << 16;
/// Length of the headers written here, a multiple of 64 as the format asks.
const HEADER_WRITTEN: usize = 128;
/// Most dimensions that are read.
const RANK_LIMIT: usize = 8;

/// A file that is no usable `.npy`, or one that the operating system keeps back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are the words of the message
pub enum NpyError {
    /// The operating system refused.
    #[error("{}: {doing} failed: {source}", path.display())]
    Io { path: PathBuf, doing: &'static str, source: std::io::Error },
    /// The bytes are not an array that can be used.
    #[error("{}: not a usable .npy array: {why}", path.display())]
    Format { path: PathBuf, why: String },
}

/// How one number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unsigned,
    Signed,
    Float,
}

/// What stands before the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Header {
    kind: Kind,
    bytes: usize,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
}

/// An array in C order, whatever the order in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct NpyArray {
    /// Length of each dimension; empty for a single number.
    pub shape: Vec<usize>,
    /// The numbers, last dimension fastest.
    pub values: Vec<f64>,
}

/// Reads a whole array of at most `limit` numbers.
///
/// # Errors
/// What the operating system says, another format, more numbers than `limit`, fewer bytes than the header promises.
pub fn read(path: &Path, limit: usize) -> Result<NpyArray, NpyError> {
    let mut open = Open::new(path)?;
    let count = open.header.count();
    if count > limit {
        return Err(bad(path, format!("it holds {count} numbers, the limit here is {limit}")));
    }
    let mut values = Vec::new();
    open.read_values(0, count, &mut values)?;
    let Header { fortran, shape, .. } = open.header;
    let values = if fortran { from_fortran(&shape, &values) } else { values };
    Ok(NpyArray { shape, values })
}

/// Maps of a clip, `[frames, height, width]`, read one frame at a time; in bounded memory if they are in C order, as ours are.
#[derive(Debug)]
pub struct MapReader {
    open: Open,
    whole: Option<Vec<f64>>,
}

impl MapReader {
    /// Numbers of a Fortran-ordered file at most; such a file must be held whole.
    const FORTRAN_LIMIT: usize = 1 << 26;

    /// Opens the maps of one clip.
    ///
    /// # Errors
    /// As [`read`], and an array that has not three dimensions.
    pub fn open(path: &Path) -> Result<Self, NpyError> {
        let open = Open::new(path)?;
        let [_, height, width] = open.header.shape[..] else {
            return Err(bad(path, format!("maps are [frames, height, width], this has the shape {:?}", open.header.shape)));
        };
        if height * width == 0 {
            return Err(bad(path, format!("its maps are {width}×{height}")));
        }
        let whole = if open.header.fortran { Some(read(path, Self::FORTRAN_LIMIT)?.values) } else { None };
        Ok(Self { open, whole })
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.open.header.shape[0]
    }

    /// Rows of a map.
    pub fn height(&self) -> usize {
        self.open.header.shape[1]
    }

    /// Columns of a map.
    pub fn width(&self) -> usize {
        self.open.header.shape[2]
    }

    /// Reads map `frame` into `values`, `height · width` numbers, row after row.
    ///
    /// # Errors
    /// A frame that is not there, or what the operating system says.
    pub fn read_frame(&mut self, frame: usize, values: &mut Vec<f64>) -> Result<(), NpyError> {
        if frame >= self.frames() {
            return Err(bad(&self.open.path, format!("it holds {} frames, so frame {frame} is missing", self.frames())));
        }
        let area = self.height() * self.width();
        if let Some(whole) = &self.whole {
            values.clear();
            values.extend_from_slice(&whole[frame * area..(frame + 1) * area]);
            return Ok(());
        }
        self.open.read_values(frame * area, area, values)
    }
}

/// Writes maps as `<f4` `[frames, height, width]` one frame at a time; the number of frames is put into the header at the end.
#[derive(Debug)]
pub struct MapWriter<W: Write + Seek> {
    out: W,
    path: PathBuf,
    size: (usize, usize),
    frames: usize,
    bytes: Vec<u8>,
}

impl<W: Write + Seek> MapWriter<W> {
    /// Starts a file of `height × width` maps; `path` is for messages.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(mut out: W, path: &Path, height: usize, width: usize) -> Result<Self, NpyError> {
        out.write_all(&header_bytes(0, height, width)).map_err(io(path, "writing"))?;
        Ok(Self { out, path: path.to_owned(), size: (height, width), frames: 0, bytes: Vec::new() })
    }

    /// Writes the next map, `height · width` numbers.
    ///
    /// # Errors
    /// What the writer says, and a number that is not finite.
    ///
    /// # Panics
    /// If the map has another size.
    pub fn push(&mut self, map: &[f32]) -> Result<(), NpyError> {
        assert_eq!(map.len(), self.size.0 * self.size.1, "a map of {} × {}", self.size.0, self.size.1);
        if let Some(value) = map.iter().find(|value| !value.is_finite()) {
            return Err(bad(&self.path, format!("the map of frame {} holds {value}: the model or the input is broken", self.frames)));
        }
        self.bytes.clear();
        self.bytes.extend(map.iter().flat_map(|value| value.to_le_bytes()));
        self.out.write_all(&self.bytes).map_err(io(&self.path, "writing"))?;
        self.frames += 1;
        Ok(())
    }

    /// Number of maps written so far.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Puts the number of frames into the header and gives the writer back.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> Result<W, NpyError> {
        let header = header_bytes(self.frames, self.size.0, self.size.1);
        self.out.seek(SeekFrom::Start(0)).map_err(io(&self.path, "writing"))?;
        self.out.write_all(&header).map_err(io(&self.path, "writing"))?;
        self.out.seek(SeekFrom::End(0)).map_err(io(&self.path, "writing"))?;
        self.out.flush().map_err(io(&self.path, "writing"))?;
        Ok(self.out)
    }
}

fn header_bytes(frames: usize, height: usize, width: usize) -> Vec<u8> {
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({frames}, {height}, {width}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((HEADER_WRITTEN as u16 - 10).to_le_bytes());
    bytes.extend(text.bytes());
    bytes.resize(HEADER_WRITTEN - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// An opened file whose header is known and whose length fits it.
#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    header: Header,
    data: u64,
}

impl Open {
    fn new(path: &Path) -> Result<Self, NpyError> {
        let mut file = File::open(path).map_err(io(path, "opening"))?;
        let length = file.metadata().map_err(io(path, "reading"))?.len();
        let text = read_header_text(&mut file, path)?;
        let data = file.stream_position().map_err(io(path, "reading"))?;
        let header = parse_header(&text).map_err(|why| bad(path, why))?;
        let needed = (header.count() as u64).saturating_mul(header.bytes as u64);
        if length.saturating_sub(data) < needed {
            let why =
                format!("its shape {:?} needs {needed} bytes, {} are there: it was cut off", header.shape, length.saturating_sub(data));
            return Err(bad(path, why));
        }
        Ok(Self { file, path: path.to_owned(), header, data })
    }

    /// Reads `count` numbers from number `first` on, in the file's order.
    fn read_values(&mut self, first: usize, count: usize, values: &mut Vec<f64>) -> Result<(), NpyError> {
        let Header { kind, bytes, big_endian, .. } = self.header;
        let start = self.data + first as u64 * bytes as u64;
        self.file.seek(SeekFrom::Start(start)).map_err(io(&self.path, "reading"))?;
        let mut raw = vec![0; count * bytes];
        self.file.read_exact(&mut raw).map_err(io(&self.path, "reading"))?;
        values.clear();
        values.extend(raw.chunks_exact(bytes).map(|number| decode(kind, big_endian, number)));
        Ok(())
    }
}

fn read_header_text(file: &mut File, path: &Path) -> Result<String, NpyError> {
    let short = |_| bad(path, "it is shorter than its header".to_owned());
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(short)?;
    if &start[..6] != b"\x93NUMPY" {
        return Err(bad(path, "it does not begin with \\x93NUMPY".to_owned()));
    }
    let mut field = [0; 4];
    let used = match start[6] {
        1 => 2,
        2 | 3 => 4,
        version => return Err(bad(path, format!("format version {version} is not known"))),
    };
    file.read_exact(&mut field[..used]).map_err(short)?;
    let length = u32::from_le_bytes(field) as usize;
    if length > HEADER_LIMIT {
        return Err(bad(path, format!("its header is said to have {length} bytes, the limit is {HEADER_LIMIT}")));
    }
    let mut text = vec![0; length];
    file.read_exact(&mut text).map_err(short)?;
    String::from_utf8(text).map_err(|_| bad(path, "its header is not text".to_owned()))
}

/// The three entries of the Python dictionary.
fn parse_header(text: &str) -> Result<Header, String> {
    let entry = |name: &str| {
        let quoted = [format!("'{name}'"), format!("\"{name}\"")];
        let after = quoted.iter().find_map(|key| text.split_once(key.as_str())).map(|(_, after)| after.trim_start());
        after.and_then(|after| after.strip_prefix(':')).map(str::trim_start).ok_or_else(|| format!("its header has no {name}"))
    };
    let descr = entry("descr")?;
    let quote = descr.chars().next().filter(|mark| matches!(mark, '\'' | '"'));
    let descr = quote.and_then(|mark| descr[1..].split_once(mark)).map(|(inside, _)| inside);
    let (kind, bytes, big_endian) = parse_kind(descr.ok_or("records are not read")?)?;
    let order = entry("fortran_order")?;
    let fortran = match () {
        () if order.starts_with("True") => true,
        () if order.starts_with("False") => false,
        () => return Err("fortran_order is neither True nor False".to_owned()),
    };
    let shape = entry("shape")?.strip_prefix('(').and_then(|shape| shape.split_once(')')).ok_or("its shape is not a tuple")?.0;
    Ok(Header { kind, bytes, big_endian, fortran, shape: parse_shape(shape)? })
}

fn parse_kind(descr: &str) -> Result<(Kind, usize, bool), String> {
    let unknown = || format!("numbers of type {descr:?} are not read");
    let (big_endian, rest) = match descr.as_bytes().first() {
        Some(b'<' | b'|' | b'=') => (false, &descr[1..]),
        Some(b'>') => (true, &descr[1..]),
        _ => (false, descr),
    };
    let known = match rest {
        "b1" | "u1" | "u2" | "u4" | "u8" => Kind::Unsigned,
        "i1" | "i2" | "i4" | "i8" => Kind::Signed,
        "f4" | "f8" => Kind::Float,
        _ => return Err(unknown()),
    };
    let bytes = rest[1..].parse().map_err(|_| unknown())?;
    Ok((known, bytes, big_endian))
}

fn parse_shape(text: &str) -> Result<Vec<usize>, String> {
    let parts = text.split(',').map(|part| part.trim().trim_end_matches('L')).filter(|part| !part.is_empty());
    let shape: Vec<usize> = parts.map(|part| part.parse().map_err(|_| format!("its shape holds {part:?}"))).collect::<Result<_, _>>()?;
    if shape.len() > RANK_LIMIT {
        return Err(format!("it has {} dimensions, the limit is {RANK_LIMIT}", shape.len()));
    }
    let fits = shape.iter().try_fold(1usize, |count, &side| count.checked_mul(side)).filter(|&count| count <= isize::MAX as usize / 8);
    fits.map(|_| shape.clone()).ok_or_else(|| format!("its shape {shape:?} is too large"))
}

impl Header {
    fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// One number; `bytes` are 1, 2, 4 or 8.
fn decode(kind: Kind, big_endian: bool, bytes: &[u8]) -> f64 {
    let mut number = [0; 8];
    for (slot, &byte) in number.iter_mut().zip(bytes) {
        *slot = byte;
    }
    if big_endian {
        number[..bytes.len()].reverse();
    }
    let bits = u64::from_le_bytes(number);
    let unused = 64 - 8 * bytes.len() as u32;
    match (kind, bytes.len()) {
        (Kind::Unsigned, _) => bits as f64,
        (Kind::Signed, _) => (((bits << unused) as i64) >> unused) as f64,
        (Kind::Float, 4) => f64::from(f32::from_bits(bits as u32)),
        (Kind::Float, _) => f64::from_bits(bits),
    }
}

/// First dimension fastest → last dimension fastest.
fn from_fortran(shape: &[usize], values: &[f64]) -> Vec<f64> {
    let mut position = vec![0; shape.len()];
    let mut strides = vec![1; shape.len()];
    for at in 1..shape.len() {
        strides[at] = strides[at - 1] * shape[at - 1];
    }
    let mut ordered = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        ordered.push(values[position.iter().zip(&strides).map(|(at, stride)| at * stride).sum::<usize>()]);
        for at in (0..shape.len()).rev() {
            position[at] += 1;
            if position[at] < shape[at] {
                break;
            }
            position[at] = 0;
        }
    }
    ordered
}

fn bad(path: &Path, why: String) -> NpyError {
    NpyError::Format { path: path.to_owned(), why }
}

fn io(path: &Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> NpyError {
    let path = path.to_owned();
    move |source| NpyError::Io { path, doing, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("array.npy");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(data);
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    fn described(descr: &str, order: &str, shape: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n")
    }

    #[test]
    fn every_kind_of_number() {
        let cases: [(&str, &[u8], f64); 11] = [
            ("|b1", &[1], 1.0),
            ("|u1", &[200], 200.0),
            ("|i1", &[0xFF], -1.0),
            ("<u2", &[1, 2], 513.0),
            (">u2", &[2, 1], 513.0),
            ("<i2", &[0xFE, 0xFF], -2.0),
            ("<i4", &[0xFE, 0xFF, 0xFF, 0xFF], -2.0),
            (">i8", &[0xFF; 8], -1.0),
            ("<f4", &1.5f32.to_le_bytes(), 1.5),
            (">f8", &(-2.25f64).to_be_bytes(), -2.25),
            ("<u8", &7u64.to_le_bytes(), 7.0),
        ];
        for (descr, data, expected) in cases {
            let (_folder, path) = file(&described(descr, "False", "(1,)"), data);
            assert_eq!(read(&path, 10).unwrap(), NpyArray { shape: vec![1], values: vec![expected] }, "{descr}");
        }
    }

    #[test]
    fn fortran_order_becomes_c_order() {
        let (_folder, path) = file(&described("|u1", "True", "(2, 3)"), &[1, 4, 2, 5, 3, 6]);
        assert_eq!(read(&path, 10).unwrap().values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let (_folder, path) = file(&described("|u1", "True", "(2, 1, 2)"), &[1, 3, 2, 4]);
        let mut values = Vec::new();
        MapReader::open(&path).unwrap().read_frame(1, &mut values).unwrap();
        assert_eq!(values, [3.0, 4.0]);
    }

    #[test]
    fn maps_come_back_frame_by_frame() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maps.npy");
        let mut writer = MapWriter::new(File::create(&path).unwrap(), &path, 1, 2).unwrap();
        writer.push(&[0.1, 2.0]).unwrap();
        writer.push(&[3.0, -4.0]).unwrap();
        assert!(writer.push(&[f32::NAN, 0.0]).is_err());
        writer.finish().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 128 + 16);
        let mut reader = MapReader::open(&path).unwrap();
        assert_eq!((reader.frames(), reader.height(), reader.width()), (2, 1, 2));
        let mut values = Vec::new();
        reader.read_frame(1, &mut values).unwrap();
        assert_eq!(values, [3.0, -4.0]);
        reader.read_frame(0, &mut values).unwrap();
        assert_eq!(values, [f64::from(0.1f32), 2.0]);
        assert!(reader.read_frame(2, &mut values).is_err());
    }

    #[test]
    fn lies_and_foreign_types_are_refused() {
        for (header, data) in [
            (described("<f4", "False", "(4,)"), vec![0; 15]),
            (described("<f4", "False", "(9223372036854775807, 9)"), vec![]),
            (described("|O", "False", "(1,)"), vec![0]),
            (described("<c8", "False", "(1,)"), vec![0; 8]),
            (described("<f4", "Maybe", "(1,)"), vec![0; 4]),
            (described("<f4", "False", "(-1,)"), vec![0; 4]),
            (described("<f4", "False", "(1,1,1,1,1,1,1,1,1)"), vec![0; 4]),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}".to_owned(), vec![0; 4]),
            ("no dictionary".to_owned(), vec![]),
        ] {
            let (_folder, path) = file(&header, &data);
            assert!(matches!(read(&path, 10), Err(NpyError::Format { .. })), "{header}");
        }
        let (_folder, path) = file(&described("|u1", "False", "(11,)"), &[0; 11]);
        assert!(read(&path, 10).is_err(), "more than the limit");
    }

    #[test]
    fn no_change_of_a_file_makes_it_panic() {
        let (_folder, path) = file(&described("<f4", "True", "(2, 2, 1)"), &[0; 16]);
        let good = std::fs::read(&path).unwrap();
        let mut state = 12345u32;
        for round in 0..400 {
            let mut bytes = good.clone();
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = state as usize % bytes.len();
            bytes[at] = (state >> 16) as u8;
            bytes.truncate(if round % 3 == 0 { at } else { bytes.len() });
            std::fs::write(&path, bytes).unwrap();
            let _ = read(&path, 100);
            let _ = MapReader::open(&path).map(|mut maps| maps.read_frame(0, &mut Vec::new()));
        }
    }
}
