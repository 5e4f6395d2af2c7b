//! Broken files: nothing panics or hangs, numbers stay aligned, every loss is said. These tests
//! need no ffmpeg: they run on the clips of `testdata/video/`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::{drain, folder, options};
use video::{Damage, Decoder, Frame, FrameSource, Planes, SourceError};

const CLIPS: [&str; 5] = ["h264_high.mp4", "h264_main.mkv", "h264_fragments.mp4", "hevc_main.mp4", "mjpeg.avi"];

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/video").join(name)
}

fn open(path: &Path) -> Result<Box<dyn FrameSource>, SourceError> {
    video::open(path, &options(Decoder::Builtin))
}

fn frames(name: &str) -> Vec<Frame> {
    drain(open(&testdata(name)).unwrap().as_mut()).unwrap()
}

/// FNV-1a of all planes.
fn digest(frames: &[Frame]) -> u64 {
    let planes = frames.iter().flat_map(|f| [&f.y, &f.u, &f.v]);
    planes.flat_map(|p| &p.data).fold(0xcbf2_9ce4_8422_2325, |digest, &byte| (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[test]
fn without_ffmpeg_the_planes_are_what_ffmpeg_decoded() {
    let table = std::fs::read_to_string(testdata("digests.txt")).unwrap();
    for line in table.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let frames = frames(words[0]);
        assert_eq!(frames.len().to_string(), words[1], "{line}");
        assert_eq!(format!("{:016x}", digest(&frames)), words[2], "{line}");
    }
}

#[test]
fn mpeg4_says_what_it_needs() {
    let error = open(&testdata("xvid.avi")).err().unwrap().to_string();
    for part in ["xvid.avi", "MPEG-4 Part 2", "needs ffmpeg", "ffmpeg -i", "-c:v libx264 -crf 12"] {
        assert!(error.contains(part), "{error}");
    }
}

/// A small generator (splitmix64), so that every run breaks the same bytes.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ z >> 31) % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }
}

/// One of seven kinds of harm.
fn harm(data: &mut Vec<u8>, kind: usize, dice: &mut Dice) {
    let length = data.len();
    let mut header_byte = |range: std::ops::Range<usize>, dice: &mut Dice| {
        let at = range.start + dice.below(range.len());
        data[at] = u8::try_from(dice.below(256)).unwrap();
    };
    match kind {
        0 => data.truncate(dice.below(length)),
        1 => (0..4).for_each(|_| header_byte(0..length.min(600), dice)),
        2 => (0..10).for_each(|_| header_byte(0..length, dice)),
        3 => (0..200).for_each(|_| header_byte(0..length, dice)),
        4 => {
            let start = dice.below(length);
            let end = (start + 1 + dice.below(3000)).min(length);
            data[start..end].fill(0);
        }
        5 => {
            let start = dice.below(length);
            let end = (start + 1 + dice.below(2000)).min(length);
            data.drain(start..end);
        }
        _ => {
            // A length or count field becomes enormous.
            let start = dice.below(length.saturating_sub(4));
            data[start..start + 4].fill(0xFF);
        }
    }
}

#[test]
fn broken_bytes_give_frames_or_an_error_and_nothing_else() {
    let folder = folder();
    for (name, seed) in CLIPS.iter().zip(1u64..) {
        let sound = std::fs::read(testdata(name)).unwrap();
        let mut dice = Dice(seed);
        for round in 0..84 {
            let mut data = sound.clone();
            harm(&mut data, round % 7, &mut dice);
            let path = folder.path().join(name);
            std::fs::write(&path, &data).unwrap();
            let start = Instant::now();
            match open(&path).and_then(|mut source| drain(source.as_mut()).map(|frames| (frames, source.damage_log().clone()))) {
                Ok((frames, log)) => {
                    assert!(!frames.is_empty(), "{name}, round {round}: an empty clip is an error");
                    assert!(frames.iter().zip(0..).all(|(f, index)| f.index == index), "{name}, round {round}");
                    assert!(frames.windows(2).all(|w| w[0].pts < w[1].pts), "{name}, round {round}");
                    let repeated = frames.iter().filter(|f| f.damage == Damage::Repeated).count();
                    assert!(log.total >= u64::try_from(repeated).unwrap(), "{name}, round {round}: every loss is said");
                }
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains(name) && !text.contains('\n'), "{name}, round {round}: {text}");
                }
            }
            assert!(start.elapsed() < Duration::from_secs(5), "{name}, round {round}: {:?}", start.elapsed());
        }
    }
}

#[test]
fn a_recording_that_was_cut_off_plays_to_its_end() {
    let folder = folder();
    for name in ["h264_main.mkv", "h264_fragments.mp4", "mjpeg.avi"] {
        let sound = frames(name);
        let data = std::fs::read(testdata(name)).unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, &data[..data.len() * 7 / 10]).unwrap();
        let mut source = open(&path).unwrap();
        let found = drain(source.as_mut()).unwrap();
        assert!(found.len() * 2 > sound.len() && found.len() < sound.len(), "{name}: {} of {}", found.len(), sound.len());
        // Near the cut a later picture may have lost the earlier ones that are stored after it.
        for frame in found.iter().filter(|f| f.damage == Damage::None) {
            let whole = sound.iter().find(|whole| whole.pts == frame.pts).unwrap();
            assert!(frame.y == whole.y && frame.v == whole.v, "{name}: frame {} is whole", frame.index);
        }
        let aligned = found.iter().zip(&sound).take_while(|(a, b)| a == b).count();
        assert!(aligned + 5 >= found.len(), "{name}: {aligned} of {} in place", found.len());
        assert!(source.damage_log().total > 0, "{name}: the missing end is said");
    }
}

#[test]
fn a_lost_picture_is_repeated_and_the_numbers_stay() {
    let folder = folder();
    // (JPEG data have no redundancy that would tell harm from picture: counts only, above.)
    for name in ["h264_high.mp4", "h264_main.mkv", "h264_fragments.mp4", "hevc_main.mp4"] {
        let sound = frames(name);
        let data = std::fs::read(testdata(name)).unwrap();
        // Somewhere behind the first group of pictures.
        let mut worst = 0;
        for part in [55, 60, 65] {
            let mut broken = data.clone();
            let at = broken.len() * part / 100;
            broken[at..at + 40].fill(0);
            let path = folder.path().join(name);
            std::fs::write(&path, &broken).unwrap();
            let mut source = open(&path).unwrap();
            let found = drain(source.as_mut()).unwrap();
            assert_eq!(found.len(), sound.len(), "{name}, {part} %: {:?}", source.damage_log());
            let touched = found.iter().filter(|f| f.damage != Damage::None).count();
            worst = worst.max(touched);
            for (frame, whole) in found.iter().zip(&sound) {
                assert_eq!((frame.index, frame.pts), (whole.index, whole.pts), "{name}");
                assert!(frame.damage != Damage::None || frame == whole, "{name}: frame {} differs and says nothing", frame.index);
            }
            assert!(source.damage_log().events.iter().all(|e| e.frame <= 25 && !e.reason.is_empty()));
        }
        assert!(worst > 0, "{name}: the harm was seen");
    }
}

#[test]
fn memory_is_bounded_by_construction() {
    // A stream of any length: the source holds no more than the pictures that wait for their
    // turn. Shown on a pipe-like Y4M of 2,000 frames, of which one at a time exists.
    let folder = folder();
    let path = folder.path().join("long.y4m");
    let mut data = b"YUV4MPEG2 W16 H16 F25:1 Cmono\n".to_vec();
    for index in 0..2000u32 {
        data.extend_from_slice(b"FRAME\n");
        data.extend(std::iter::repeat_n(u8::try_from(index % 251).unwrap(), 256));
    }
    std::fs::write(&path, data).unwrap();
    let mut source = open(&path).unwrap();
    let mut count = 0u32;
    while let Some(frame) = source.next().unwrap() {
        assert_eq!(frame.y.data[0], u8::try_from(count % 251).unwrap());
        count += 1;
    }
    assert_eq!(count, 2000);
}

#[test]
fn luma_only_leaves_chroma_empty() {
    let luma = video::OpenOptions { planes: Planes::Luma, ..options(Decoder::Builtin) };
    for name in CLIPS {
        let mut source = video::open(&testdata(name), &luma).unwrap();
        let found = drain(source.as_mut()).unwrap();
        assert!(found.iter().zip(frames(name)).all(|(a, b)| a.is_grey() && a.y == b.y), "{name}");
    }
}
