//! The head of a safetensors file: eight bytes of length, then JSON that names every tensor and carries our metadata
//! (<https://github.com/huggingface/safetensors>, format). Bounded and checked before anything else is believed.

use super::error::CheckpointError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Longest JSON that is accepted: names of a few hundred tensors and a page of configuration are below 100 kB.
pub(super) const MAX_HEADER: u64 = 4 << 20;

/// Kind, shape and place of one tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Such as `F32`.
    pub dtype: String,
    /// Row-major.
    pub shape: Vec<u64>,
    /// First byte and end, counted from the end of the header.
    pub data_offsets: [u64; 2],
}

impl Entry {
    /// As an error message tells it.
    pub fn describe(&self) -> String {
        format!("{} {:?}", self.dtype, self.shape)
    }
}

/// The parsed head. Maps are sorted, so that the same content always gives the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    /// Text by key.
    #[serde(rename = "__metadata__")]
    pub metadata: BTreeMap<String, String>,
    /// Tensors by name.
    #[serde(flatten)]
    pub tensors: BTreeMap<String, Entry>,
}

impl Header {
    /// Length and JSON, padded so that tensors start at a multiple of eight bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec(self).expect("maps with text keys");
        json.resize(json.len().next_multiple_of(8), b' ');
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.extend(json);
        bytes
    }

    /// Reads the head of a file of `file_length` bytes; with it the number of bytes that it takes.
    pub fn read(path: &Path, file_length: u64, source: &mut dyn Read) -> Result<(Header, u64), CheckpointError> {
        let not = |reason: String, byte: u64| CheckpointError::NotACheckpoint { path: path.to_path_buf(), reason, byte };
        if file_length < 8 {
            return Err(not(format!("it has only {file_length} bytes"), 0));
        }
        let mut length = [0; 8];
        source.read_exact(&mut length).map_err(|error| CheckpointError::from_io(path, "read", 0, error))?;
        let length = u64::from_le_bytes(length);
        if !(2..=MAX_HEADER).contains(&length) {
            return Err(not(format!("its header claims {length} bytes"), 0));
        }
        if 8 + length > file_length {
            return Err(CheckpointError::Size { path: path.to_path_buf(), expected: 8 + length, found: file_length });
        }
        let mut json = vec![0; usize::try_from(length).unwrap_or(0)];
        source.read_exact(&mut json).map_err(|error| CheckpointError::from_io(path, "read", 0, error))?;
        let header =
            serde_json::from_slice(&json).map_err(|error| not(format!("its header is not the JSON of safetensors: {error}"), 8))?;
        Ok((header, 8 + length))
    }

    /// A metadata text.
    pub fn text(&self, path: &Path, key: &'static str) -> Result<&str, CheckpointError> {
        let missing = || CheckpointError::Metadata { path: path.to_path_buf(), key, message: "is missing".into() };
        self.metadata.get(key).map(String::as_str).ok_or_else(missing)
    }

    /// A metadata value kept as JSON.
    pub fn json<T: serde::de::DeserializeOwned>(&self, path: &Path, key: &'static str) -> Result<T, CheckpointError> {
        let wrong = |error: serde_json::Error| CheckpointError::Metadata {
            path: path.to_path_buf(),
            key,
            message: format!("cannot be understood ({error})"),
        };
        serde_json::from_str(self.text(path, key)?).map_err(wrong)
    }
}
