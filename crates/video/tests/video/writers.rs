//! Writers: what they write reads back, here and with ffmpeg.

use crate::support::{distance, drain, ffmpeg, folder, has_ffmpeg, options, pattern, read};
use video::write::{Pixels, WriteError, WriteOptions, create};
use video::{Backend, Decoder, OpenOptions, TimeBase};

fn write(path: &std::path::Path, frames: u32) {
    let options = WriteOptions::new(70, 46, TimeBase::new(1001, 30_000).unwrap());
    let mut writer = create(path, &options).unwrap();
    for time in 0..frames {
        writer.write(Pixels::Grey(&pattern(70, 46, time))).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn avi_round_trip() {
    let folder = folder();
    let path = folder.path().join("a.avi");
    write(&path, 25);
    let mut source = video::open(&path, &OpenOptions::default()).unwrap();
    let info = source.info().clone();
    assert_eq!((info.width, info.height, info.declared_frames), (70, 46, Some(25)));
    assert_eq!((info.backend, info.codec.as_str()), (Backend::Builtin, "MJPEG"));
    let frames = drain(source.as_mut()).unwrap();
    assert_eq!(frames.len(), 25);
    assert_eq!(source.damage_log().total, 0);
    for (frame, time) in frames.iter().zip(0..) {
        assert_eq!((frame.index, frame.pts), (u64::from(time), i64::from(time)));
        assert!((frame.time_s().unwrap() - f64::from(time) * 1001.0 / 30_000.0).abs() < 1e-12);
        assert!(distance(&frame.y.data, &pattern(70, 46, time)) < 24, "frame {time} is another picture");
        assert!(frame.is_grey());
    }
}

#[test]
fn avi_is_read_and_sought_by_ffmpeg() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder();
    let path = folder.path().join("a.avi");
    write(&path, 90);
    let shown = path.display();
    let all = ffmpeg(folder.path(), &format!("-xerror -err_detect explode -i {shown} -pix_fmt gray -f rawvideo"), "all.raw");
    assert_eq!(std::fs::metadata(all).unwrap().len(), 90 * 70 * 46);
    let late = ffmpeg(folder.path(), &format!("-ss 2 -i {shown} -pix_fmt gray -f rawvideo"), "late.raw");
    assert_eq!(std::fs::metadata(late).unwrap().len(), 30 * 70 * 46);
}

#[test]
fn y4m_round_trip() {
    let folder = folder();
    let path = folder.path().join("a.y4m");
    write(&path, 5);
    let frames = read(&path, &options(Decoder::Builtin)).unwrap();
    assert_eq!(frames.len(), 5);
    for (frame, time) in frames.iter().zip(0..) {
        let wanted: Vec<u8> = pattern(70, 46, time).iter().map(|&v| (f32::from(v) * 219.0 / 255.0 + 16.5) as u8).collect();
        assert_eq!(frame.y.data, wanted);
    }
}

#[test]
fn unknown_endings_are_refused() {
    let options = WriteOptions::new(8, 8, TimeBase::new(1, 25).unwrap());
    let error = create("a.mkv".as_ref(), &options).err().unwrap();
    assert!(matches!(error, WriteError::Extension { .. }));
    let error = create("/nowhere/a.avi".as_ref(), &options).err().unwrap();
    assert!(error.to_string().contains("/nowhere/a.avi: creating failed"), "{error}");
}
