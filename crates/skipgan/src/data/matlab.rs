//! MATLAB's files, version 5 (what `save` writes unless told `-v7.3`, and SciPy's `savemat`): cell arrays of matrices of numbers, which is
//! how labels of data sets come. Compressed elements are read as they are inflated, one cell at a time, so that the masks of a clip never
//! lie in memory together.
//!
//! The bytes are not trusted: every size is bounded before memory is reserved, and memory grows with the bytes that are really there.
//! Structures, characters, sparse and complex matrices are not read; version 7.3 is another format (HDF5) and is refused by name.

use crate::data::DataError;
use flate2::read::ZlibDecoder;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes before the first element.
const HEADER: usize = 128;
/// Variables that are looked through for the wanted one.
const MOST_VARIABLES: usize = 1000;
/// Cells of an array at most: half a day at 25 frames a second.
const MOST_CELLS: usize = 1 << 20;
/// Numbers of a cell at most.
const MOST_NUMBERS: usize = 1 << 24;
/// Bytes of a name, or of the sides of an array, at most.
const MOST_SMALL: usize = 4096;
/// Sides of an array at most.
const MOST_SIDES: usize = 8;
/// Bytes that are read at once.
const CHUNK: usize = 1 << 16;

/// Kinds of element, by MATLAB's numbers.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// Classes of array, by MATLAB's numbers.
const CELL: u8 = 1;
const NUMBERS: std::ops::RangeInclusive<u8> = 6..=15;

/// The cells of one variable, read one after another.
pub(in crate::data) struct Cells {
    path: PathBuf,
    source: Box<dyn Read + Send>,
    big_endian: bool,
    /// Cells in all.
    count: usize,
    next: usize,
}

impl std::fmt::Debug for Cells {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Cells")
            .field("path", &self.path)
            .field("count", &self.count)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// A matrix of numbers, column after column as MATLAB has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::data) struct Matrix {
    /// Rows.
    pub(in crate::data) rows: usize,
    /// Columns.
    pub(in crate::data) cols: usize,
    /// Shapes: `[cols, rows]`.
    pub(in crate::data) values: Vec<f64>,
}

impl Cells {
    /// Opens the cell array of that name.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Array`] for another format, a file without such a variable, and one that is no cell array.
    pub(in crate::data) fn open(path: &Path, name: &str) -> Result<Cells, DataError> {
        let told = |source| DataError::io(path, "reading", source);
        let mut file = File::open(path).map_err(told)?;
        let length = file.metadata().map_err(told)?.len();
        let big_endian = check_header(path, &mut file)?;
        let mut at = HEADER as u64;
        let mut seen: Vec<String> = Vec::new();
        while at + 8 <= length && seen.len() < MOST_VARIABLES {
            file.seek(SeekFrom::Start(at)).map_err(told)?;
            let faults = Faults { path, big_endian };
            let tag = faults.tag(&mut file)?;
            if tag.size > length - at - 8 {
                return Err(faults.wrong("it ends in the middle of a variable: copy it again"));
            }
            at += 8 + tag.size;
            let part = BufReader::with_capacity(CHUNK, file.try_clone().map_err(told)?).take(tag.size);
            let mut source: Box<dyn Read + Send> = match tag.kind {
                MATRIX => Box::new(part),
                COMPRESSED => {
                    let mut inflated = ZlibDecoder::new(part);
                    let inner = faults.tag(&mut inflated)?;
                    if inner.kind != MATRIX {
                        continue;
                    }
                    Box::new(inflated.take(inner.size))
                }
                _ => continue,
            };
            let head = faults.array_head(&mut source)?;
            if head.name != name {
                seen.push(head.name);
                continue;
            }
            if head.class != CELL {
                return Err(faults.wrong(&format!("its variable {name} is no cell array")));
            }
            let count = head.count().filter(|&count| count <= MOST_CELLS);
            let count = count.ok_or_else(|| faults.wrong(&format!("its variable {name} has more than {MOST_CELLS} cells")))?;
            return Ok(Cells { path: path.to_path_buf(), source, big_endian, count, next: 0 });
        }
        seen.truncate(8);
        let found = if seen.is_empty() { "none".to_string() } else { seen.join(", ") };
        Err(DataError::Array { path: path.to_path_buf(), what: format!("it has no variable {name} (found: {found})") })
    }

    /// Cells in all.
    pub(in crate::data) fn count(&self) -> usize {
        self.count
    }

    /// The next cell, read into `matrix`; `false` at the end. An empty cell has no rows.
    ///
    /// # Errors
    /// [`DataError::Array`] for a cell that holds no real numbers, is too large, or is cut short.
    pub(in crate::data) fn next(&mut self, matrix: &mut Matrix) -> Result<bool, DataError> {
        if self.next == self.count {
            return Ok(false);
        }
        let cell = self.next + 1;
        self.next = cell;
        let faults = Faults { path: &self.path, big_endian: self.big_endian };
        let wrong = |what: &str| faults.wrong(&format!("cell {cell} of {}: {what}", self.count));
        matrix.values.clear();
        (matrix.rows, matrix.cols) = (0, 0);
        let tag = faults.tag(&mut self.source)?;
        if tag.kind != MATRIX {
            return Err(wrong("it is no matrix"));
        }
        if tag.size == 0 {
            return Ok(true);
        }
        let mut source = (&mut self.source).take(tag.size);
        let head = faults.array_head(&mut source)?;
        if !NUMBERS.contains(&head.class) || head.complex {
            return Err(wrong("it holds no plain matrix of real numbers"));
        }
        let count = head.count().filter(|&count| count <= MOST_NUMBERS);
        let count = count.ok_or_else(|| wrong(&format!("it has more than {MOST_NUMBERS} numbers")))?;
        let &[rows, cols] = head.sides.as_slice() else {
            return Err(wrong(&format!("it has {} sides, a matrix has two", head.sides.len())));
        };
        faults.numbers(&mut source, count, &mut matrix.values)?;
        (matrix.rows, matrix.cols) = (rows, cols);
        std::io::copy(&mut source, &mut std::io::sink()).map_err(|error| faults.unreadable(&error))?;
        Ok(true)
    }
}

/// Whether the numbers of the file have their highest byte first.
fn check_header(path: &Path, file: &mut File) -> Result<bool, DataError> {
    let wrong = |what: &str| DataError::Array { path: path.to_path_buf(), what: what.to_string() };
    let mut head = Vec::new();
    file.take(HEADER as u64).read_to_end(&mut head).map_err(|source| DataError::io(path, "reading", source))?;
    let is_hdf = |bytes: &[u8]| bytes.starts_with(b"\x89HDF");
    if head.starts_with(b"MATLAB 7.3") || is_hdf(&head) {
        return Err(wrong("this MATLAB file is of version 7.3 (HDF5), which is not read; save it again with save(…, '-v7')"));
    }
    match (head.get(124..126), head.get(126..128)) {
        (Some([0x00, 0x01]), Some(b"IM")) => Ok(false),
        (Some([0x01, 0x00]), Some(b"MI")) => Ok(true),
        (Some([0x00, 0x02]), Some(b"IM")) => {
            Err(wrong("this MATLAB file is of version 7.3 (HDF5), which is not read; save it again with save(…, '-v7')"))
        }
        _ => Err(wrong("this is no MATLAB file of version 5 to 7; save it again with save(…, '-v7')")),
    }
}

/// What stands before an element.
struct Tag {
    kind: u32,
    size: u64,
    /// The data themselves, where they fit into the tag.
    inside: Option<[u8; 4]>,
}

/// What stands before the content of an array.
struct Head {
    class: u8,
    complex: bool,
    sides: Vec<usize>,
    name: String,
}

impl Head {
    fn count(&self) -> Option<usize> {
        self.sides.iter().try_fold(1usize, |count, &side| count.checked_mul(side))
    }
}

/// Reads pieces of a file whose faults name it.
#[derive(Clone, Copy)]
struct Faults<'a> {
    path: &'a Path,
    big_endian: bool,
}

impl Faults<'_> {
    fn wrong(&self, what: &str) -> DataError {
        DataError::Array { path: self.path.to_path_buf(), what: format!("this MATLAB file cannot be used: {what}") }
    }

    fn unreadable(&self, error: &std::io::Error) -> DataError {
        self.wrong(&format!("it is cut short or damaged ({error}): copy it again"))
    }

    fn word(&self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn exact<const N: usize>(&self, source: &mut dyn Read) -> Result<[u8; N], DataError> {
        let mut bytes = [0; N];
        source.read_exact(&mut bytes).map_err(|error| self.unreadable(&error))?;
        Ok(bytes)
    }

    fn tag(&self, source: &mut dyn Read) -> Result<Tag, DataError> {
        let kind = self.word(self.exact(source)?);
        let second: [u8; 4] = self.exact(source)?;
        // Up to four bytes of data stand in the tag, their number in the upper half of its first word.
        match kind >> 16 {
            0 => Ok(Tag { kind, size: u64::from(self.word(second)), inside: None }),
            size @ 1..=4 => Ok(Tag { kind: kind & 0xffff, size: u64::from(size), inside: Some(second) }),
            _ => Err(self.wrong("an element has an impossible size")),
        }
    }

    /// A small element whole, up to its padding.
    fn small(&self, source: &mut dyn Read) -> Result<(u32, Vec<u8>), DataError> {
        let tag = self.tag(source)?;
        let size = usize::try_from(tag.size).ok().filter(|&size| size <= MOST_SMALL);
        let size = size.ok_or_else(|| self.wrong("the head of an array is too long"))?;
        if let Some(inside) = tag.inside {
            return Ok((tag.kind, inside.get(..size).unwrap_or_default().to_vec()));
        }
        let mut bytes = vec![0; size.next_multiple_of(8)];
        source.read_exact(&mut bytes).map_err(|error| self.unreadable(&error))?;
        bytes.truncate(size);
        Ok((tag.kind, bytes))
    }

    /// Class, sides and name.
    fn array_head(&self, source: &mut dyn Read) -> Result<Head, DataError> {
        let (_, flags) = self.small(source)?;
        let flags: [u8; 4] = flags.get(..4).and_then(|four| four.try_into().ok()).ok_or_else(|| self.wrong("an array has no class"))?;
        let flags = self.word(flags);
        let (_, sides) = self.small(source)?;
        let (sides, rest) = sides.as_chunks::<4>();
        if !rest.is_empty() || sides.len() > MOST_SIDES {
            return Err(self.wrong("the sides of an array are not numbers"));
        }
        let side = |bytes: &[u8; 4]| usize::try_from(self.word(*bytes)).ok().filter(|&side| side <= i32::MAX as usize);
        let sides: Option<Vec<usize>> = sides.iter().map(side).collect();
        let sides = sides.ok_or_else(|| self.wrong("an array has a negative side"))?;
        let (_, name) = self.small(source)?;
        let name = String::from_utf8_lossy(&name).into_owned();
        Ok(Head { class: (flags & 0xff) as u8, complex: flags & 0x0800 != 0, sides, name })
    }

    /// The numbers of an array.
    fn numbers(&self, source: &mut dyn Read, count: usize, values: &mut Vec<f64>) -> Result<(), DataError> {
        let tag = self.tag(source)?;
        let kind = Kind::of(tag.kind).ok_or_else(|| self.wrong("an array holds numbers of an unknown kind"))?;
        if tag.size != count as u64 * kind.bytes() as u64 {
            return Err(self.wrong(&format!("an array of {count} numbers has {} bytes of them", tag.size)));
        }
        if let Some(inside) = tag.inside {
            let bytes = inside.get(..count * kind.bytes()).unwrap_or_default();
            values.extend(bytes.chunks_exact(kind.bytes()).map(|bytes| kind.number(bytes, self.big_endian)));
            return Ok(());
        }
        let mut chunk = vec![0; CHUNK.min(count * kind.bytes())];
        let mut left = count * kind.bytes();
        while left > 0 {
            let part = chunk.get_mut(..left.min(CHUNK)).unwrap_or_default();
            source.read_exact(part).map_err(|error| self.unreadable(&error))?;
            values.extend(part.chunks_exact(kind.bytes()).map(|bytes| kind.number(bytes, self.big_endian)));
            left -= part.len();
        }
        Ok(())
    }
}

/// How a number is stored; whole numbers of any class may lie in fewer bytes than the class has.
#[derive(Clone, Copy)]
enum Kind {
    Signed(usize),
    Unsigned(usize),
    Float(usize),
}

impl Kind {
    fn of(number: u32) -> Option<Kind> {
        Some(match number {
            1 => Kind::Signed(1),
            2 => Kind::Unsigned(1),
            3 => Kind::Signed(2),
            4 => Kind::Unsigned(2),
            5 => Kind::Signed(4),
            6 => Kind::Unsigned(4),
            7 => Kind::Float(4),
            9 => Kind::Float(8),
            12 => Kind::Signed(8),
            13 => Kind::Unsigned(8),
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Kind::Signed(bytes) | Kind::Unsigned(bytes) | Kind::Float(bytes) => bytes,
        }
    }

    fn number(self, bytes: &[u8], big_endian: bool) -> f64 {
        let mut bits = 0u64;
        let shifted = |bits: u64, byte: &u8| bits << 8 | u64::from(*byte);
        bits = if big_endian { bytes.iter().fold(bits, shifted) } else { bytes.iter().rev().fold(bits, shifted) };
        let unused = 64 - 8 * bytes.len() as u32;
        match self {
            Kind::Unsigned(_) => bits as f64,
            Kind::Signed(_) => ((bits << unused) as i64 >> unused) as f64,
            Kind::Float(4) => f64::from(f32::from_bits(bits as u32)),
            Kind::Float(_) => f64::from_bits(bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/matlab").join(name)
    }

    fn all(path: &Path, name: &str) -> Result<Vec<Matrix>, DataError> {
        let mut cells = Cells::open(path, name)?;
        let mut found = Vec::new();
        let mut matrix = Matrix::default();
        while cells.next(&mut matrix)? {
            found.push(matrix.clone());
        }
        assert_eq!(found.len(), cells.count());
        Ok(found)
    }

    /// What `make.py` wrote: frame f of 5, 3 rows and 4 columns, pixel (f, f + 1) set to 1 in frames 1 and 2.
    fn expected() -> Vec<Matrix> {
        let pixel =
            |frame: usize, row: usize, col: usize| f64::from(u8::from((1..=2).contains(&frame) && (row, col) == (frame, frame + 1)));
        let values = |frame: usize| (0..4).flat_map(|col| (0..3).map(move |row| pixel(frame, row, col))).collect();
        (0..5).map(|frame| Matrix { rows: 3, cols: 4, values: values(frame) }).collect()
    }

    #[test]
    fn cells_of_every_kind_of_number_plain_and_compressed() {
        for name in ["1_label.mat", "plain.mat", "double.mat", "logical.mat", "big_endian.mat"] {
            assert_eq!(all(&fixture(name), "volLabel").expect(name), expected(), "{name}");
        }
    }

    #[test]
    fn another_variable_before_the_wanted_one_is_skipped_and_small_data_are_read() {
        let gt = all(&fixture("gt.mat"), "gt").expect("intervals");
        let numbers: Vec<&[f64]> = gt.iter().map(|cell| cell.values.as_slice()).collect();
        assert_eq!(numbers, [&[2.0, 3.0, 5.0, 6.0][..], &[], &[1.0, 4.0]]);
        assert_eq!((gt[0].rows, gt[0].cols), (2, 2));
    }

    #[test]
    fn version_7_3_and_foreign_files_are_named() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.mat");
        let message = |bytes: &[u8], name: &str| {
            std::fs::write(&path, bytes).expect("writable");
            Cells::open(&path, name).expect_err("not readable").to_string()
        };
        let mut new = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".to_vec();
        new.resize(600, b' ');
        assert!(message(&new, "volLabel").contains("7.3") && message(&new, "volLabel").contains("-v7'"));
        assert!(message(b"hello", "volLabel").contains("no MATLAB file"));
        assert!(message(b"", "volLabel").contains("no MATLAB file"));
        let good = std::fs::read(fixture("gt.mat")).expect("fixture");
        assert!(message(&good, "volLabel").contains("no variable volLabel (found: note, gt)"), "{}", message(&good, "volLabel"));
        assert!(message(&good, "note").contains("no cell array"));
        assert!(message(&good[..good.len() - 9], "nothing").contains("copy it again"));
    }

    /// A cell that claims a billion numbers in a file of a few bytes reserves nothing and is an error.
    #[test]
    fn claims_are_checked_before_memory_is_reserved() {
        let good = std::fs::read(fixture("plain.mat")).expect("fixture");
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.mat");
        // The sides of the first cell, 3 × 4, stand somewhere behind those of the array, 1 × 5.
        let sides = [3u32.to_le_bytes(), 4u32.to_le_bytes()].concat();
        let at = good.windows(8).position(|window| window == sides).expect("3 × 4");
        for (rows, cols, told) in [(1u32 << 20, 1u32 << 20, "more than"), (1 << 12, 1 << 12, "has 12 bytes"), (u32::MAX, 1, "negative")] {
            let mut bytes = good.clone();
            bytes[at..at + 4].copy_from_slice(&rows.to_le_bytes());
            bytes[at + 4..at + 8].copy_from_slice(&cols.to_le_bytes());
            std::fs::write(&path, bytes).expect("writable");
            let message = all(&path, "volLabel").expect_err("a lie").to_string();
            assert!(message.contains(told), "{message}");
        }
    }

    #[test]
    fn no_change_of_a_file_makes_it_panic() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.mat");
        let mut state = 7u32;
        for name in ["plain.mat", "1_label.mat", "gt.mat", "big_endian.mat"] {
            let good = std::fs::read(fixture(name)).expect("fixture");
            for round in 0..600 {
                let mut bytes = good.clone();
                for _ in 0..1 + round % 3 {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let at = HEADER - 8 + (state >> 8) as usize % (bytes.len() - HEADER + 8);
                    bytes[at] = (state >> 16) as u8;
                }
                if round % 4 == 0 {
                    bytes.truncate((state >> 4) as usize % bytes.len());
                }
                std::fs::write(&path, bytes).expect("writable");
                let _ = all(&path, "volLabel").map(|cells| cells.len());
                let _ = all(&path, "gt").map(|cells| cells.len());
            }
        }
    }
}
