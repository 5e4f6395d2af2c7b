//! The built-in decoders against ffmpeg: every plane of every frame.

use std::path::Path;
use std::process::Command;

use crate::support::{distance, drain, ffmpeg, folder, has_ffmpeg, options};
use video::{Backend, Damage, Decoder, Frame, Matrix, Range};

/// A moving test picture with noise, so that every coding tool has work.
fn source(size: &str, rate: &str, seconds: f32) -> String {
    format!("-f lavfi -i testsrc2=size={size}:rate={rate}:duration={seconds},noise=alls=6:allf=t -pix_fmt yuv420p")
}

/// The planes as ffmpeg decodes them, one after the other.
fn reference(path: &Path, format: &str) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-noautorotate", "-i"])
        .arg(path)
        .args(["-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", format, "-f", "rawvideo", "-"])
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

/// All built-in frames, which must equal ffmpeg's.
fn equal_frames(path: &Path, format: &str, tolerance: u8) -> Vec<Frame> {
    let mut source = video::open(path, &options(Decoder::Builtin)).unwrap();
    assert_eq!(source.info().backend, Backend::Builtin);
    let frames = drain(source.as_mut()).unwrap();
    assert_eq!(source.damage_log().total, 0, "{:?}", source.damage_log());
    let planes: Vec<u8> = frames.iter().flat_map(|f| [&f.y.data[..], &f.u.data, &f.v.data].concat()).collect();
    let wanted = reference(path, format);
    let frame = frames[0].y.data.len() + frames[0].u.data.len() * 2;
    assert_eq!(planes.len() / frame, wanted.len() / frame, "{}: number of frames", path.display());
    let difference = distance(&planes, &wanted);
    assert!(difference <= tolerance, "{}: planes differ by {difference}", path.display());
    for (frame, index) in frames.iter().zip(0..) {
        assert_eq!((frame.index, frame.damage), (index, Damage::None));
    }
    frames
}

#[test]
fn h264_planes_equal_ffmpeg() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder();
    let main = source("320x180", "25", 1.6);
    let cases = [
        ("baseline.mp4", format!("{main} -c:v libx264 -profile:v baseline")),
        ("main_b.mp4", format!("{main} -c:v libx264 -profile:v main -bf 3 -g 12")),
        ("high.mp4", format!("{main} -c:v libx264 -profile:v high -preset slow")),
        ("high.mkv", format!("{main} -c:v libx264 -profile:v high -preset slow -g 15")),
        (
            "slices.mkv",
            format!(
                "{main} -c:v libx264 -x264-params slices=4:ref=6:bframes=5:b-pyramid=normal:direct=temporal:open-gop=1:keyint=14:weightp=2"
            ),
        ),
        ("odd.mp4", format!("{} -c:v libx264", source("358x238", "30", 1.0))),
        ("fragments.mp4", format!("{main} -c:v libx264 -g 10 -movflags frag_keyframe+empty_moov+default_base_moof")),
        ("fragments_plain.mp4", format!("{main} -c:v libx264 -g 10 -movflags frag_keyframe+empty_moov")),
        ("annexb.avi", format!("{main} -c:v libx264 -bf 0 -bsf:v h264_mp4toannexb")),
    ];
    for (name, arguments) in cases {
        let path = ffmpeg(folder.path(), &arguments, name);
        let frames = equal_frames(&path, "yuv420p", 0);
        assert_eq!(frames[0].range, Range::Limited, "{name}");
    }
}

#[test]
fn range_and_matrix_come_from_the_stream() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder();
    let main = source("320x180", "25", 0.4);
    let full = ffmpeg(
        folder.path(),
        &format!("{main} -vf scale=out_range=full -color_range pc -c:v libx264 -x264-params colormatrix=bt709"),
        "full.mp4",
    );
    let frames = equal_frames(&full, "yuvj420p", 0);
    assert_eq!((frames[0].range, frames[0].matrix), (Range::Full, Matrix::Bt709));
}

#[test]
fn mjpeg_planes_are_within_one_level_of_ffmpeg() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder();
    for (format, chroma) in [("yuvj420p", (162, 91)), ("yuvj422p", (162, 181)), ("yuvj444p", (323, 181))] {
        let noise = "-f lavfi -i testsrc=size=323x181:rate=25:duration=0.6,noise=alls=6:allf=t";
        let path = ffmpeg(folder.path(), &format!("{noise} -pix_fmt {format} -c:v mjpeg -q:v 3"), "full.avi");
        let frames = equal_frames(&path, format, 1);
        assert_eq!(frames[0].range, Range::Full);
        assert_eq!([&frames[0].u, &frames[0].v].map(|plane| (plane.width, plane.height)), [chroma; 2], "{format}");
        // Luma alone is the same, and nothing is said against it.
        let luma = video::OpenOptions { planes: video::Planes::Luma, ..options(Decoder::Builtin) };
        let mut source = video::open(&path, &luma).unwrap();
        let alone = drain(source.as_mut()).unwrap();
        assert_eq!(source.damage_log().total, 0, "{format}: {:?}", source.damage_log());
        assert!(alone.iter().zip(&frames).all(|(a, b)| a.is_grey() && a.y == b.y), "{format}");
    }
    let path = folder.path().join("grey.avi");
    let options = video::write::WriteOptions::new(70, 46, video::TimeBase::new(1, 25).unwrap());
    let mut writer = video::write::create(&path, &options).unwrap();
    for time in 0..5 {
        writer.write(video::write::Pixels::Grey(&crate::support::pattern(70, 46, time))).unwrap();
    }
    writer.finish().unwrap();
    assert!(equal_frames(&path, "gray", 1)[0].is_grey());
}

#[test]
fn hevc_planes_equal_ffmpeg() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder();
    let main = source("320x180", "25", 1.2);
    let x265 = "-c:v libx265 -x265-params log-level=error";
    for (name, arguments) in [
        ("main.mp4", format!("{main} {x265}:keyint=15:bframes=4")),
        ("main.mkv", format!("{main} {x265}:keyint=12:open-gop=1")),
        ("odd.mp4", format!("{} {x265}", source("358x238", "30", 0.6))),
    ] {
        let path = ffmpeg(folder.path(), &arguments, name);
        assert_eq!(equal_frames(&path, "yuv420p", 0)[0].range, Range::Limited, "{name}");
        let mut child = video::open(&path, &options(Decoder::Ffmpeg)).unwrap();
        let times: Vec<i64> = drain(child.as_mut()).unwrap().iter().map(|f| f.pts).collect();
        let own: Vec<i64> = crate::support::read(&path, &options(Decoder::Builtin)).unwrap().iter().map(|f| f.pts).collect();
        assert_eq!(own, times, "{name}: times");
    }
    let ten = ffmpeg(folder.path(), &format!("{main} {x265} -pix_fmt yuv420p10le"), "ten.mp4");
    let error = video::open(&ten, &options(Decoder::Builtin)).err().unwrap().to_string();
    assert!(error.contains("HEVC") && error.contains("10 bits"), "{error}");
}
