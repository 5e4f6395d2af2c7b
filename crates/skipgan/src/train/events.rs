//! TensorBoard's event files: TFRecord frames (length, masked CRC-32C, payload, masked CRC-32C) around two protobuf messages, `Event` and
//! `Summary`, of which only scalars and pictures are written. Not a protobuf library: five field kinds suffice.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes events to one file.
pub struct EventWriter {
    out: BufWriter<File>,
    path: PathBuf,
}

impl EventWriter {
    /// A new event file in `folder`, its name as TensorBoard expects it, with the first step it will hold.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(folder: &Path, first_step: u64) -> io::Result<EventWriter> {
        let seconds = now();
        let path = folder.join(format!("events.out.tfevents.{:010}.skipgan.{}.{first_step}", seconds as u64, std::process::id()));
        let mut writer = EventWriter { out: BufWriter::new(File::create(&path)?), path };
        let mut event = Vec::new();
        put_double(&mut event, 1, seconds);
        put_bytes(&mut event, 3, b"brain.Event:2");
        writer.record(&event)?;
        writer.flush()?;
        Ok(writer)
    }

    /// Where it writes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One number under a tag.
    ///
    /// # Errors
    /// What the file system says.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f64) -> io::Result<()> {
        let mut summary = Vec::new();
        put_bytes(&mut summary, 1, tag.as_bytes());
        put_float(&mut summary, 2, value as f32);
        self.summary(step, &summary)
    }

    /// One PNG picture of `width` × `height` with three channels under a tag.
    ///
    /// # Errors
    /// What the file system says.
    pub fn picture(&mut self, tag: &str, step: u64, (width, height): (u32, u32), png: &[u8]) -> io::Result<()> {
        let mut picture = Vec::new();
        put_integer(&mut picture, 1, u64::from(height));
        put_integer(&mut picture, 2, u64::from(width));
        put_integer(&mut picture, 3, 3);
        put_bytes(&mut picture, 4, png);
        let mut summary = Vec::new();
        put_bytes(&mut summary, 1, tag.as_bytes());
        put_bytes(&mut summary, 4, &picture);
        self.summary(step, &summary)
    }

    /// Puts everything on disk, so that a viewer sees it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn summary(&mut self, step: u64, value: &[u8]) -> io::Result<()> {
        let mut summary = Vec::new();
        put_bytes(&mut summary, 1, value);
        let mut event = Vec::new();
        put_double(&mut event, 1, now());
        put_integer(&mut event, 2, step);
        put_bytes(&mut event, 5, &summary);
        self.record(&event)
    }

    fn record(&mut self, payload: &[u8]) -> io::Result<()> {
        self.out.write_all(&frame(payload))
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |passed| passed.as_secs_f64())
}

/// A TFRecord around a payload.
fn frame(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    let mut bytes = length.to_vec();
    bytes.extend(masked_crc(&length).to_le_bytes());
    bytes.extend(payload);
    bytes.extend(masked_crc(payload).to_le_bytes());
    bytes
}

/// CRC-32C (Castagnoli; the crate `crc32fast` has the other polynomial) turned and shifted, as TFRecord wants it.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = crc_table();
    !bytes.iter().fold(!0, |crc, byte| (crc >> 8) ^ TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize])
}

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let (mut crc, mut bit) = (index as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_integer(out: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(out, field << 3);
    put_varint(out, value);
}

fn put_double(out: &mut Vec<u8>, field: u64, value: f64) {
    put_varint(out, (field << 3) | 1);
    out.extend(value.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    put_varint(out, (field << 3) | 2);
    put_varint(out, value.len() as u64);
    out.extend(value);
}

fn put_float(out: &mut Vec<u8>, field: u64, value: f32) {
    put_varint(out, (field << 3) | 5);
    out.extend(value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, appendix B.4, and the check value of the CRC catalogue.
    #[test]
    fn crc32c_of_known_bytes() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        let rising: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&rising), 0x46dd_794e);
    }

    #[test]
    fn a_record_is_length_crc_payload_crc() {
        let record = frame(b"123456789");
        assert_eq!(record[..8], 9u64.to_le_bytes());
        assert_eq!(record[12..21], *b"123456789");
        // 0xe3069283 turned right by 15 bits is 0x2507c60d; plus the mask's constant
        assert_eq!(record[21..], 0xe306_9283u32.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes());
        assert_eq!(0xe306_9283u32.rotate_right(15), 0x2507_c60d);
        assert_eq!(record.len(), 25);
    }

    #[test]
    fn a_scalar_is_the_protobuf_that_tensorboard_reads() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut writer = EventWriter::create(folder.path(), 0).expect("writable");
        writer.scalar("loss", 300, 0.5).expect("writable");
        writer.picture("sample", 300, (2, 1), b"png").expect("writable");
        writer.flush().expect("writable");
        let bytes = std::fs::read(writer.path()).expect("there");
        let records = records(&bytes);
        assert_eq!(records.len(), 3);
        assert_eq!(records[0][9..], [26, 13].iter().chain(b"brain.Event:2").copied().collect::<Vec<u8>>());
        // step 300, then summary { value { tag "loss", simple_value 0.5 } }
        let wanted = [&[0x10, 0xac, 0x02, 0x2a, 13, 0x0a, 11, 0x0a, 4][..], b"loss", &[0x15, 0, 0, 0, 0x3f]].concat();
        assert_eq!(records[1][9..], wanted);
        let wanted = [&[0x0a, 6][..], b"sample", &[0x22, 11, 8, 1, 16, 2, 24, 3, 0x22, 3], b"png"].concat();
        assert!(records[2].ends_with(&wanted));
    }

    /// Payloads, each checksum verified.
    fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight")) as usize;
            assert_eq!(bytes[8..12], masked_crc(&bytes[..8]).to_le_bytes());
            let payload = bytes[12..12 + length].to_vec();
            assert_eq!(bytes[12 + length..16 + length], masked_crc(&payload).to_le_bytes());
            all.push(payload);
            bytes = &bytes[16 + length..];
        }
        all
    }
}
