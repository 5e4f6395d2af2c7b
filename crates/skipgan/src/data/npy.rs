//! Reads NumPy's `.npy` arrays: labels and masks come in them. Versions 1 to 3, types b1, u1 … u8, i1 … i8, f4, f8 of either byte order, C
//! and Fortran order. The header's sizes are checked against the file's length before memory is reserved. Writing is not done here.

use crate::data::DataError;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Most bytes of a header.
const MOST_HEADER_BYTES: u64 = 64 << 10;
/// Most numbers that [`NpyFile::read`] and [`NpyFile::read_row`] give at once.
const MOST_NUMBERS: usize = 64 << 20;

/// Type of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Unsigned,
    Signed,
    Float,
}

/// An opened array.
#[derive(Debug)]
pub struct NpyFile {
    path: PathBuf,
    file: File,
    shape: Vec<usize>,
    number: Number,
    item_bytes: usize,
    big_endian: bool,
    fortran: bool,
    data_start: u64,
}

impl NpyFile {
    /// Opens an array and reads its header.
    ///
    /// # Errors
    /// [`DataError::Npy`] for what is no `.npy` file, a type not named above, or a file shorter than its header says; [`DataError::NotFound`],
    /// [`DataError::Io`].
    pub fn open(path: &Path) -> Result<NpyFile, DataError> {
        let fail = |source| DataError::io(path, "reading", source);
        let mut file = File::open(path).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        let (header, data_start) = header(&mut file, path)?;
        let wrong = |what: String| DataError::Npy { path: path.to_path_buf(), what };
        let descr = value(&header, "descr").ok_or_else(|| wrong("its header has no 'descr'".into()))?;
        let descr = descr.trim_matches(['\'', '"']);
        let (big_endian, number, item_bytes) =
            number(descr).ok_or_else(|| wrong(format!("numbers of type '{descr}' are not read; save it as uint8 or float32")))?;
        let fortran = match value(&header, "fortran_order").as_deref() {
            Some("True") => true,
            Some("False") => false,
            _ => return Err(wrong("its header has no 'fortran_order'".into())),
        };
        let shape = value(&header, "shape").and_then(|text| shape(&text)).ok_or_else(|| wrong("its header has no 'shape'".into()))?;
        let count = shape.iter().try_fold(1usize, |product, &side| product.checked_mul(side));
        let bytes = count.and_then(|count| count.checked_mul(item_bytes)).and_then(|bytes| u64::try_from(bytes).ok());
        if bytes.is_none_or(|bytes| bytes > length.saturating_sub(data_start)) {
            return Err(wrong(format!("its header says {shape:?}, the file is too short for that")));
        }
        Ok(NpyFile { path: path.to_path_buf(), file, shape, number, item_bytes, big_endian, fortran, data_start })
    }

    /// Lengths of the axes; empty for a single number.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Numbers in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All numbers in C order (the last axis runs fastest), as f64.
    ///
    /// # Errors
    /// [`DataError::Npy`] for more than 64 Mi numbers; [`DataError::Io`].
    pub fn read(&mut self) -> Result<Vec<f64>, DataError> {
        let stored = self.read_range(0, self.len())?;
        Ok(if self.fortran { to_c_order(&stored, &self.shape) } else { stored })
    }

    /// The numbers with index `row` on the first axis, in C order.
    ///
    /// # Errors
    /// As [`NpyFile::read`]; [`DataError::Npy`] for a row that is not there.
    pub fn read_row(&mut self, row: usize) -> Result<Vec<f64>, DataError> {
        let rows = self.shape.first().copied().unwrap_or(0);
        if row >= rows {
            return Err(DataError::Npy { path: self.path.clone(), what: format!("it has {rows} rows, not row {row}") });
        }
        let length = self.shape.iter().skip(1).product::<usize>();
        if !self.fortran {
            return self.read_range(row.saturating_mul(length), length);
        }
        let all = self.read()?;
        Ok(all.chunks_exact(length.max(1)).nth(row).unwrap_or_default().to_vec())
    }

    fn read_range(&mut self, first: usize, count: usize) -> Result<Vec<f64>, DataError> {
        if count > MOST_NUMBERS {
            return Err(DataError::Npy { path: self.path.clone(), what: format!("{count} numbers at once are more than {MOST_NUMBERS}") });
        }
        let path = self.path.clone();
        let fail = |source| DataError::io(&path, "reading", source);
        let offset = u64::try_from(first.saturating_mul(self.item_bytes)).unwrap_or(u64::MAX);
        self.file.seek(SeekFrom::Start(self.data_start.saturating_add(offset))).map_err(fail)?;
        let mut bytes = vec![0; count * self.item_bytes];
        self.file.read_exact(&mut bytes).map_err(fail)?;
        Ok(bytes.chunks_exact(self.item_bytes).map(|item| self.decode(item)).collect())
    }

    fn decode(&self, item: &[u8]) -> f64 {
        let mut word = [0u8; 8];
        // Little-endian in the low bytes of a word.
        for (order, place) in word.iter_mut().take(item.len()).enumerate() {
            let from = if self.big_endian { item.len() - 1 - order } else { order };
            *place = item.get(from).copied().unwrap_or(0);
        }
        let bits = u64::from_le_bytes(word);
        let unused = 64 - 8 * u32::try_from(item.len()).unwrap_or(8).clamp(1, 8);
        match self.number {
            Number::Unsigned => bits as f64,
            // The sign moves to the top and back down.
            Number::Signed => ((bits << unused).cast_signed() >> unused) as f64,
            Number::Float if item.len() == 4 => f64::from(f32::from_bits(u32::try_from(bits).unwrap_or(0))),
            Number::Float => f64::from_bits(bits),
        }
    }
}

/// The header's text and where the data begin.
fn header(file: &mut File, path: &Path) -> Result<(String, u64), DataError> {
    let wrong = |what: &str| DataError::Npy { path: path.to_path_buf(), what: what.into() };
    let mut start = [0u8; 8];
    file.read_exact(&mut start).map_err(|_| wrong("it is shorter than a header"))?;
    let [0x93, b'N', b'U', b'M', b'P', b'Y', major, _] = start else {
        return Err(wrong("it does not begin with NumPy's signature"));
    };
    let (length, prefix) = match major {
        1 => {
            let mut size = [0u8; 2];
            file.read_exact(&mut size).map_err(|_| wrong("it ends in its header"))?;
            (u64::from(u16::from_le_bytes(size)), 10)
        }
        2 | 3 => {
            let mut size = [0u8; 4];
            file.read_exact(&mut size).map_err(|_| wrong("it ends in its header"))?;
            (u64::from(u32::from_le_bytes(size)), 12)
        }
        _ => return Err(wrong("its format version is not 1, 2 or 3")),
    };
    if length > MOST_HEADER_BYTES {
        return Err(wrong("its header is longer than 64 KiB"));
    }
    let mut text = Vec::new();
    file.take(length).read_to_end(&mut text).map_err(|source| DataError::io(path, "reading", source))?;
    Ok((String::from_utf8_lossy(&text).into_owned(), prefix + length))
}

/// The value of a key in the header's dictionary: a word, a quoted word, or a tuple.
fn value(header: &str, key: &str) -> Option<String> {
    let after = [format!("'{key}'"), format!("\"{key}\"")].iter().find_map(|quoted| header.split_once(quoted.as_str()))?.1;
    let text = after.trim_start().strip_prefix(':')?.trim_start();
    let end = if text.starts_with('(') { text.find(')')?.checked_add(1)? } else { text.find([',', '}'])? };
    Some(text.get(..end)?.trim().to_string())
}

fn shape(text: &str) -> Option<Vec<usize>> {
    let inside = text.strip_prefix('(')?.strip_suffix(')')?;
    let sides = inside.split(',').map(str::trim).filter(|side| !side.is_empty());
    let sides: Option<Vec<usize>> = sides.map(|side| side.trim_end_matches('L').parse().ok()).collect();
    sides.filter(|sides| sides.len() <= 32)
}

fn number(descr: &str) -> Option<(bool, Number, usize)> {
    let (order, rest) = descr.split_at_checked(1)?;
    let big_endian = match order {
        "<" | "|" | "=" => false,
        ">" => true,
        _ => return None,
    };
    let (kind, size) = rest.split_at_checked(1)?;
    let number = match (kind, size) {
        ("b", "1") | ("u", "1" | "2" | "4" | "8") => Number::Unsigned,
        ("i", "1" | "2" | "4" | "8") => Number::Signed,
        ("f", "4" | "8") => Number::Float,
        _ => return None,
    };
    Some((big_endian, number, size.parse().ok()?))
}

/// Fortran order (the first axis runs fastest) to C order.
fn to_c_order(stored: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1usize;
    for &side in shape {
        strides.push(stride);
        stride = stride.saturating_mul(side);
    }
    let mut index = vec![0usize; shape.len()];
    let mut out = Vec::with_capacity(stored.len());
    for _ in 0..stored.len() {
        let at: usize = index.iter().zip(&strides).map(|(&i, &s)| i * s).sum();
        out.push(stored.get(at).copied().unwrap_or(0.0));
        for (place, &side) in index.iter_mut().zip(shape).rev() {
            *place += 1;
            if *place < side {
                break;
            }
            *place = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of version `major` with that header and data.
    fn file(folder: &Path, major: u8, header: &str, data: &[u8]) -> PathBuf {
        let path = folder.join("a.npy");
        let mut bytes = vec![0x93, b'N', b'U', b'M', b'P', b'Y', major, 0];
        if major == 1 {
            bytes.extend(u16::try_from(header.len()).expect("short").to_le_bytes());
        } else {
            bytes.extend(u32::try_from(header.len()).expect("short").to_le_bytes());
        }
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        std::fs::write(&path, bytes).expect("a temporary file");
        path
    }

    #[test]
    fn types_orders_and_versions_are_read() {
        let folder = tempfile::tempdir().expect("folder");
        let read = |major, header: &str, data: &[u8]| {
            NpyFile::open(&file(folder.path(), major, header, data)).and_then(|mut array| array.read()).expect(header)
        };
        assert_eq!(read(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n", &[0, 1, 255]), [0.0, 1.0, 255.0]);
        assert_eq!(read(2, "{'descr': '|b1', 'fortran_order': False, 'shape': (1, 2), }", &[1, 0]), [1.0, 0.0]);
        assert_eq!(read(3, "{'descr': '>i2', 'fortran_order': False, 'shape': (2,)}", &[255, 254, 0, 5]), [-2.0, 5.0]);
        let halves: Vec<u8> = [0.5f32, -1.5].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(read(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", &halves), [0.5, -1.5]);
        // Fortran order of [[1, 2, 3], [4, 5, 6]] is 1 4 2 5 3 6.
        let header = "{'descr': '|i1', 'fortran_order': True, 'shape': (2, 3), }";
        assert_eq!(read(1, header, &[1, 4, 2, 5, 3, 6]), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let mut array = NpyFile::open(&file(folder.path(), 1, header, &[1, 4, 2, 5, 3, 6])).expect("written above");
        assert_eq!(array.read_row(1).expect("two rows"), [4.0, 5.0, 6.0]);
        assert!(array.read_row(2).is_err());
    }

    #[test]
    fn lies_and_foreign_files_are_errors() {
        let folder = tempfile::tempdir().expect("folder");
        for header in [
            "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999,), }",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807, 4), }",
            "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
            "{'descr': '|u1', 'shape': (1,), }",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (x,), }",
            "",
        ] {
            assert!(matches!(NpyFile::open(&file(folder.path(), 1, header, &[0])), Err(DataError::Npy { .. })), "{header}");
        }
        let path = folder.path().join("text.npy");
        std::fs::write(&path, "hello, this is text").expect("a temporary file");
        assert!(NpyFile::open(&path).expect_err("text").to_string().contains("signature"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..120)) {
            let folder = tempfile::tempdir().expect("folder");
            let path = folder.path().join("a.npy");
            let mut whole = vec![0x93, b'N', b'U', b'M', b'P', b'Y', 1, 0];
            whole.extend(bytes);
            std::fs::write(&path, whole).expect("a temporary file");
            let _ = NpyFile::open(&path).and_then(|mut array| array.read());
        }
    }
}
