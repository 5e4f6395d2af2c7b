//! What ffmpeg says a file is: codec, sample format, range, matrix, rotation, rates.
//!
//! Read from the lines that `ffmpeg -i FILE` prints, because only that executable is sure to be
//! there (its companion ffprobe is not).

use std::path::Path;

use super::child::Child;
use super::{input, last_line};
use crate::frame::{Matrix, Range};
use crate::source::{OpenOptions, Planes, SourceError};

/// The video stream's description.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Probe {
    pub(super) version: Option<(u32, u32)>,
    pub(super) codec: String,
    pub(super) format: String,
    pub(super) range: Range,
    pub(super) matrix: Matrix,
    pub(super) rotation: u16,
    pub(super) frame_rate: Option<f64>,
    /// Ticks a second of the file's own clock, as printed (two decimals).
    pub(super) ticks: Option<f64>,
}

impl Probe {
    pub(super) fn run(path: &Path, options: &OpenOptions) -> Result<Self, SourceError> {
        let mut arguments = vec!["-nostdin".into()];
        arguments.extend(input(path));
        let mut child = Child::start(path, options, &arguments)?;
        if child.wait(options.stall_timeout).is_none() {
            return Err(SourceError::Stalled { path: path.to_path_buf(), seconds: options.stall_timeout.as_secs() });
        }
        let text = child.messages();
        if let Some(probe) = Self::parse(&text) {
            return Ok(probe);
        }
        // With no output named it always ends with an error; a known file with that one only.
        if text.contains("Input #0") {
            return Err(SourceError::NoFrames { path: path.to_path_buf(), reason: "ffmpeg finds no video stream in it".into() });
        }
        let stderr = last_line(&text).unwrap_or_default();
        Err(SourceError::ChildFailed { path: path.to_path_buf(), status: "it cannot read the file".into(), stderr })
    }

    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().find(|line| line.trim_start().starts_with("Stream #0:") && line.contains(": Video: "))?;
        let (_, description) = line.split_once(": Video: ")?;
        let fields = fields(description);
        let (format, colour) = split_brackets(fields.get(1)?);
        let mut probe = Self { version: version(text), codec: codec_words(fields.first()?), format: format.to_string(), ..Self::default() };
        for word in colour.split(", ") {
            match word {
                "tv" => probe.range = Range::Limited,
                "pc" => probe.range = Range::Full,
                other => probe.matrix = matrix(other).unwrap_or(probe.matrix),
            }
        }
        if probe.format.starts_with("yuvj") {
            probe.range = Range::Full;
        }
        probe.frame_rate = rate(&fields, " fps");
        probe.ticks = rate(&fields, " tbn");
        probe.rotation = rotation(text);
        Some(probe)
    }
}

/// Splits at commas that stand in no brackets.
fn fields(text: &str) -> Vec<String> {
    let mut depth = 0u32;
    let mut out = vec![String::new()];
    for character in text.chars() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                out.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = out.last_mut() {
            last.push(character);
        }
    }
    out.iter().map(|field| field.trim().to_string()).collect()
}

/// `yuv420p(tv, bt709)` → `yuv420p`, `tv, bt709`.
fn split_brackets(field: &str) -> (&str, &str) {
    let (name, rest) = field.split_once('(').unwrap_or((field, ""));
    (name.trim(), rest.trim_end_matches(')'))
}

/// `h264 (High) (avc1 / 0x31637661)` → `h264 (High)`.
fn codec_words(field: &str) -> String {
    let brackets = field
        .match_indices(" (")
        .map(|(at, _)| at)
        .find(|&at| field.get(at..).is_some_and(|rest| rest.contains(" / 0x") && !rest.contains(") (")));
    field.get(..brackets.unwrap_or(field.len())).unwrap_or(field).to_string()
}

/// Matrix of `bt709` or `bt470bg/unknown/unknown`; `None` for other words (`progressive`).
fn matrix(word: &str) -> Option<Matrix> {
    match word.split('/').next()? {
        "bt709" => Some(Matrix::Bt709),
        "bt470bg" | "smpte170m" => Some(Matrix::Bt601),
        "bt2020nc" => Some(Matrix::Bt2020),
        _ => None,
    }
}

/// A number before a unit, with `k` for thousands.
fn rate(fields: &[String], unit: &str) -> Option<f64> {
    let text = fields.iter().find_map(|field| field.split_once(unit).map(|(number, _)| number.trim()))?;
    let (digits, factor) = text.strip_suffix('k').map_or((text, 1.0), |digits| (digits, 1000.0));
    digits.parse::<f64>().ok().map(|value| value * factor)
}

/// Clockwise rotation; ffmpeg prints anticlockwise degrees.
fn rotation(text: &str) -> u16 {
    let degrees = text.lines().find_map(|line| line.split_once("rotation of ")?.1.split_whitespace().next()?.parse::<f64>().ok());
    let turned = degrees.map_or(0.0, |degrees| (-degrees).rem_euclid(360.0));
    [90, 180, 270].into_iter().find(|&r| (turned - f64::from(r)).abs() < 1.0).unwrap_or(0)
}

fn version(text: &str) -> Option<(u32, u32)> {
    let words = text.lines().next()?.strip_prefix("ffmpeg version ")?;
    let mut numbers = words.trim_start_matches('n').split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().unwrap_or(0)))
}

/// In which form the child is to hand out samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// ffmpeg's name.
    pub(super) format: &'static str,
    pub(super) filter: Option<String>,
    pub(super) range: Range,
    /// Columns and rows of luma per chroma sample; `None` = no chroma.
    subsampling: Option<(u32, u32)>,
}

impl Layout {
    pub(super) fn of(probe: &Probe, planes: Planes) -> Self {
        let name = probe.format.as_str();
        let family = |prefix: &str| {
            name.strip_prefix("yuvj")
                .or_else(|| name.strip_prefix("yuva"))
                .or_else(|| name.strip_prefix("yuv"))
                .is_some_and(|rest| rest.starts_with(prefix))
        };
        let full = name.starts_with("yuvj");
        let (format, subsampling) = if name.starts_with("gray") || name.starts_with("mono") || name.starts_with("ya") {
            ("gray", None)
        } else if family("420") || name.starts_with("nv12") || name.starts_with("nv21") || name.starts_with("p010") || family("41") {
            (if full { "yuvj420p" } else { "yuv420p" }, Some((2, 2)))
        } else if family("422") || name.starts_with("yuyv") || name.starts_with("uyvy") {
            (if full { "yuvj422p" } else { "yuv422p" }, Some((2, 1)))
        } else {
            (if full { "yuvj444p" } else { "yuv444p" }, Some((1, 1)))
        };
        let range = if probe.range == Range::Unknown { Range::Limited } else { probe.range };
        if planes == Planes::Luma && subsampling.is_some() {
            // The plane itself: asking for the format "gray" would stretch the range.
            let filter = format!("format={format},extractplanes=y");
            return Self { format: "gray", filter: Some(filter), range, subsampling: None };
        }
        Self { format, filter: None, range, subsampling }
    }

    /// Size of a chroma plane; `None` = no chroma.
    pub(super) fn chroma(&self, width: u32, height: u32) -> Option<(u32, u32)> {
        self.subsampling.map(|(columns, rows)| (width.div_ceil(columns), height.div_ceil(rows)))
    }

    /// Bytes of a frame.
    pub(super) fn bytes(&self, width: u32, height: u32) -> Option<usize> {
        let (columns, rows) = self.chroma(width, height).unwrap_or((0, 0));
        usize::try_from(u64::from(width) * u64::from(height) + 2 * u64::from(columns) * u64::from(rows)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers
Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:a.mp4':
  Stream #0:0[0x1](und): Video: h264 (High) (avc1 / 0x31637661), yuvj420p(pc, bt470bg/unknown/unknown, progressive), 320x180 [SAR 1:1 DAR 16:9], 258 kb/s, 29.97 fps, 29.97 tbr, 30k tbn (default)
    Side data:
      displaymatrix: rotation of -90.00 degrees
";

    #[test]
    fn the_stream_line_is_understood() {
        let probe = Probe::parse(TEXT).unwrap();
        let wanted = Probe {
            version: Some((5, 1)),
            codec: "h264 (High)".into(),
            format: "yuvj420p".into(),
            range: Range::Full,
            matrix: Matrix::Bt601,
            rotation: 90,
            frame_rate: Some(29.97),
            ticks: Some(30_000.0),
        };
        assert_eq!(probe, wanted);
        assert_eq!(Probe::parse("file:x: Invalid data found"), None);
        assert_eq!(codec_words("mpeg4 (Simple Profile) (XVID / 0x44495658)"), "mpeg4 (Simple Profile)");
        assert_eq!(codec_words("hevc (Main)"), "hevc (Main)");
    }

    #[test]
    fn layouts_keep_planes_untouched() {
        let layout = |format: &str, planes| Layout::of(&Probe { format: format.into(), ..Probe::default() }, planes);
        assert_eq!(layout("yuvj420p", Planes::All).format, "yuvj420p");
        assert_eq!(layout("yuv422p10le", Planes::All).format, "yuv422p");
        assert_eq!(layout("gbrp", Planes::All).format, "yuv444p");
        let luma = layout("yuv420p", Planes::Luma);
        assert_eq!((luma.format, luma.bytes(5, 3)), ("gray", Some(15)));
        assert_eq!(layout("yuv420p", Planes::All).bytes(5, 3), Some(15 + 2 * 6));
    }
}
