//! What holds for every backend: the contract of `FrameSource`, and that the built-in path and
//! the ffmpeg child agree on frames, order, time, rotation.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{distance, drain, ffmpeg, folder, has_ffmpeg, options, pattern, read};
use video::{Backend, Damage, Decoder, Frame, OpenOptions, Planes, Range, SourceError};

const SOURCE: &str = "-f lavfi -i testsrc2=size=160x96:rate=25:duration=2,noise=alls=4:allf=t -pix_fmt yuv420p";

/// Both backends' frames, which agree on everything but planes.
fn both(path: &Path) -> (Vec<Frame>, Vec<Frame>) {
    let mut sources = [Decoder::Builtin, Decoder::Ffmpeg].map(|decoder| video::open(path, &options(decoder)).unwrap());
    let backends = sources.each_ref().map(|s| s.info().backend);
    assert_eq!(backends, [Backend::Builtin, Backend::Ffmpeg]);
    let [builtin, child] = sources.each_mut().map(|s| drain(s.as_mut()).unwrap());
    assert_eq!(builtin.len(), child.len(), "{}: number of frames", path.display());
    for (a, b) in builtin.iter().zip(&child) {
        assert_eq!((a.index, a.pts, a.rotation, a.range), (b.index, b.pts, b.rotation, b.range), "{}: frame {}", path.display(), a.index);
        assert_eq!(a.time_s(), b.time_s(), "{}: frame {}", path.display(), a.index);
        assert_eq!(b.damage, Damage::Unknown);
    }
    (builtin, child)
}

/// Both backends' frames, equal in every sample.
fn equal(path: &Path) -> Vec<Frame> {
    let (builtin, child) = both(path);
    for (a, b) in builtin.iter().zip(&child) {
        assert!(a.y == b.y && a.u == b.u && a.v == b.v, "{}: planes of frame {}", path.display(), a.index);
    }
    builtin
}

#[test]
fn both_backends_give_the_same_frames() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder();
    for (name, codec) in [
        ("a.mp4", "-c:v libx264 -bf 3 -g 20"),
        ("a.mkv", "-c:v libx264 -bf 3 -g 20"),
        ("ntsc.mp4", "-r 30000/1001 -c:v libx264 -bf 2"),
        ("annexb.avi", "-c:v libx264 -bf 0"),
        ("frag.mp4", "-c:v libx264 -bf 2 -g 10 -movflags frag_keyframe+empty_moov"),
    ] {
        let path = ffmpeg(folder.path(), &format!("{SOURCE} {codec}"), name);
        let frames = equal(&path);
        assert!(frames.len() >= 50, "{name}: {}", frames.len());
        assert_eq!(frames[0].pts, 0);
    }
}

#[test]
fn mjpeg_planes_are_within_one_level() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder();
    let formats = ["yuvj420p", "yuvj422p", "yuvj444p"];
    let names = ["a.avi", "a.mkv", "a.mp4", "a.mov"];
    for (name, format) in names.iter().flat_map(|name| formats.map(|format| (name, format))) {
        let path = ffmpeg(folder.path(), &format!("{SOURCE} -pix_fmt {format} -c:v mjpeg -q:v 4"), name);
        let (builtin, child) = both(&path);
        for (a, b) in builtin.iter().zip(&child) {
            for (a, b, plane) in [(&a.y, &b.y, "y"), (&a.u, &b.u, "u"), (&a.v, &b.v, "v")] {
                assert_eq!((a.width, a.height), (b.width, b.height), "{name}, {format}: size of {plane}");
                let difference = distance(&a.data, &b.data);
                assert!(difference <= 1, "{name}, {format}: {plane} differs by {difference}");
            }
        }
        assert_eq!(builtin[0].range, Range::Full);
    }
}

#[test]
fn luma_alone_is_the_same_luma() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder();
    let path = ffmpeg(folder.path(), &format!("{SOURCE} -c:v libx264"), "a.mp4");
    let all = read(&path, &options(Decoder::Builtin)).unwrap();
    for decoder in [Decoder::Builtin, Decoder::Ffmpeg] {
        let luma = read(&path, &OpenOptions { planes: Planes::Luma, ..options(decoder) }).unwrap();
        assert!(luma.iter().all(Frame::is_grey));
        assert!(luma.iter().zip(&all).all(|(a, b)| a.y == b.y), "{decoder:?}");
    }
}

#[test]
fn rotation_edit_lists_and_variable_rates_are_kept() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder();
    let plain = ffmpeg(folder.path(), &format!("{SOURCE} -c:v libx264 -bf 2 -g 20"), "plain.mp4");
    let shown = plain.display();
    let mut found: Vec<u16> = [90, 180, 270].map(|turn| turned_as_ffmpeg_turns(&plain, turn)).into();
    found.sort_unstable();
    assert_eq!(found, [90, 180, 270], "each of the three turns is met");

    // The cut keeps the key picture before it, and an edit list hides what is too early.
    let cut = ffmpeg(folder.path(), &format!("-ss 0.5 -i {shown} -c copy"), "cut.mp4");
    let frames = equal(&cut);
    let packets = 50;
    assert!(frames.len() < packets, "{} frames", frames.len());
    let whole = read(&plain, &options(Decoder::Builtin)).unwrap();
    let offset = whole.len() - frames.len();
    assert!(frames.iter().zip(&whole[offset..]).all(|(a, b)| a.y == b.y), "the cut shows the last frames");

    let variable =
        ffmpeg(folder.path(), &format!("{SOURCE} -vf select=not(mod(n\\,5))+gt(n\\,30) -fps_mode vfr -c:v libx264 -bf 2"), "variable.mp4");
    let frames = equal(&variable);
    let steps: Vec<i64> = frames.windows(2).map(|w| w[1].pts - w[0].pts).collect();
    assert_eq!(steps.iter().max().unwrap() / steps.iter().min().unwrap(), 5, "{steps:?}");
    equal(&ffmpeg(folder.path(), &format!("-i {} -c copy", variable.display()), "variable.mkv"));
}

/// Every frame of a turned film as we put it upright is what ffmpeg's own autorotation gives; the turn that was found.
fn turned_as_ffmpeg_turns(plain: &Path, turn: u16) -> u16 {
    let folder = plain.parent().unwrap();
    let path = ffmpeg(folder, &format!("-i {} -c copy -metadata:s:v rotate={turn}", plain.display()), "turned.mp4");
    let frames = equal(&path);
    let (width, height) = frames[0].displayed_size();
    let target = video::Target { width, height, channels: video::Channels::Luma, filter: video::Filter::Area, fit: video::Fit::Stretch };
    let mut resizer = video::Resizer::new(target).unwrap();
    let raw = ffmpeg(folder, &format!("-i {} -fps_mode passthrough -pix_fmt yuv420p -f rawvideo", path.display()), "turned.raw");
    let theirs = std::fs::read(raw).unwrap();
    let area = (width * height) as usize;
    assert_eq!(theirs.len(), frames.len() * area * 3 / 2, "{turn}: as many frames of {width}×{height}");
    for (frame, theirs) in frames.iter().zip(theirs.chunks_exact(area * 3 / 2)) {
        // Samples as they are, so that only the turn is compared.
        let frame = Frame { range: Range::Full, ..frame.clone() };
        assert_eq!(distance(&resizer.resize(&frame).unwrap(), &theirs[..area]), 0, "{turn}: frame {}", frame.index);
    }
    frames[0].rotation
}

#[test]
fn a_broken_start_goes_to_ffmpeg_and_a_broken_rest_does_not() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder();
    let sound = ffmpeg(folder.path(), &format!("{SOURCE} -c:v libx264 -g 10 -crf 18 -threads 1"), "sound.mp4");
    let data = std::fs::read(&sound).unwrap();
    let media = data.windows(4).position(|w| w == b"mdat").unwrap() + 4;
    // The first picture holds the encoder's settings (about 700 bytes) before its slice.
    for (at, backend) in [(media + 2000, Backend::Ffmpeg), (media + (data.len() - media) / 2, Backend::Builtin)] {
        let mut broken = data.clone();
        broken[at..at + 60].fill(0);
        let path = folder.path().join("broken.mp4");
        std::fs::write(&path, broken).unwrap();
        let mut source = video::open(&path, &OpenOptions::default()).unwrap();
        assert_eq!(source.info().backend, backend, "harm at {}", at - media);
        assert_eq!(drain(source.as_mut()).unwrap().len(), 50);
        assert!(source.damage_log().total > 0);
        let nowhere = OpenOptions { ffmpeg: Some("/nowhere/ffmpeg".into()), ..OpenOptions::default() };
        let alone = read(&path, &nowhere).unwrap();
        assert_eq!(alone.len(), 50, "without ffmpeg the rest is still delivered");
    }
}

/// A hole that swallows the last pictures of a group, in Matroska, where the walk finds its way again behind it: nothing that is left
/// decodes wrongly, so the hole itself must count.
#[test]
fn a_hole_at_the_start_goes_to_ffmpeg_and_a_later_one_does_not() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder();
    let sound = ffmpeg(folder.path(), &format!("{SOURCE} -c:v libx264 -bf 0 -g 9 -crf 18 -threads 1 -cluster_time_limit 100"), "sound.mkv");
    let data = std::fs::read(&sound).unwrap();
    let clusters: Vec<usize> = (0..data.len() - 4).filter(|&at| data[at..at + 4] == [0x1F, 0x43, 0xB6, 0x75]).collect();
    // A group lasts 360 ms, a cluster a third of it; each cluster begins with its time, of one or two bytes.
    let time = |cluster: usize| {
        let at = cluster + data[cluster..].iter().position(|&byte| byte == 0xE7).unwrap();
        let bytes = usize::from(data[at + 1] & 0x7F);
        data[at + 2..at + 2 + bytes].iter().fold(0, |time, &byte| time * 256 + u32::from(byte))
    };
    let last_before = |milliseconds: u32| clusters.iter().rposition(|&cluster| time(cluster) < milliseconds).unwrap();
    let path = folder.path().join("hole.mkv");
    for (lost, backend) in [(last_before(360), Backend::Ffmpeg), (last_before(1080), Backend::Builtin)] {
        assert!(lost > 0, "the first pictures are left");
        let mut broken = data.clone();
        broken[clusters[lost]..clusters[lost + 1]].fill(0);
        std::fs::write(&path, broken).unwrap();
        let mut source = video::open(&path, &OpenOptions::default()).unwrap();
        assert_eq!(source.info().backend, backend, "cluster {lost} of {}", clusters.len());
        assert!(!drain(source.as_mut()).unwrap().is_empty());
        let mut alone = video::open(&path, &options(Decoder::Builtin)).unwrap();
        assert_eq!(drain(alone.as_mut()).unwrap().len(), 50, "the built-in path names what lay in the hole as lost");
        assert!(alone.damage_log().total > 0);
    }
}

#[test]
fn what_the_built_in_path_cannot_do_goes_to_ffmpeg() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder();
    for (name, codec, word) in [
        ("xvid.avi", "-c:v mpeg4 -vtag XVID", "MPEG-4 Part 2"),
        ("ten.mp4", "-pix_fmt yuv420p10le -c:v libx264", "10 bits"),
        ("rgb.mp4", "-pix_fmt yuv444p -c:v libx264", "4:2:0"),
        ("interlaced.mp4", "-flags +ilme+ildct -c:v libx264 -x264-params tff=1", "interlace"),
        ("grey.mp4", "-pix_fmt gray -c:v libx264", "4:0:0"),
        ("a.ts", "-c:v libx264", ""),
    ] {
        let path = ffmpeg(folder.path(), &format!("{SOURCE} {codec}"), name);
        let mut source = video::open(&path, &OpenOptions::default()).unwrap();
        assert_eq!(source.info().backend, Backend::Ffmpeg, "{name}");
        assert_eq!(drain(source.as_mut()).unwrap().len(), 50, "{name}");
        let error = read(&path, &options(Decoder::Builtin)).unwrap_err();
        if word.is_empty() {
            assert!(matches!(error, SourceError::UnknownContainer { .. }), "{name}: {error}");
            continue;
        }
        let text = error.to_string();
        assert!(matches!(error, SourceError::Unsupported { .. }), "{name}: {text}");
        assert!(text.contains(word) && text.contains("ffmpeg -i") && text.contains("-c:v libx264 -crf 12"), "{text}");
        assert!(text.contains("drop --decoder builtin") && !text.contains("install"), "{text}");
        let nowhere = OpenOptions { ffmpeg: Some("/nowhere/ffmpeg".into()), ..OpenOptions::default() };
        let text = read(&path, &nowhere).unwrap_err().to_string();
        assert!(text.contains(word) && text.contains("install ffmpeg") && !text.contains("--decoder builtin"), "without ffmpeg: {text}");
    }
    // An AVI's MPEG-4 by the child: bit-equal to ffmpeg's own output is checked by its count above.
}

#[test]
fn a_missing_or_hanging_ffmpeg_is_said() {
    let folder = folder();
    let path = folder.path().join("a.avi");
    write_avi(&path, 3);
    let nowhere = OpenOptions { decoder: Decoder::Ffmpeg, ffmpeg: Some("/nowhere/ffmpeg".into()), ..OpenOptions::default() };
    assert!(matches!(read(&path, &nowhere).unwrap_err(), SourceError::FfmpegMissing { .. }));
    if !cfg!(unix) {
        return;
    }
    let script = |name: &str, text: &str| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        assert!(std::process::Command::new("chmod").arg("+x").arg(&path).status().unwrap().success());
        path
    };
    let stream = "case \"$*\" in *pipe:1*) ;; *) echo 'Stream #0:0: Video: mjpeg, gray, 8x8, 25 fps, 25 tbn' >&2; exit 1;; esac";
    let with = |ffmpeg: PathBuf| OpenOptions {
        decoder: Decoder::Ffmpeg,
        ffmpeg: Some(ffmpeg),
        stall_timeout: Duration::from_millis(300),
        ..OpenOptions::default()
    };
    let hang = script("hang", "trap '' TERM; exec sleep 600");
    assert!(matches!(read(&path, &with(hang)).unwrap_err(), SourceError::Stalled { .. }));
    let later = script("later", &format!("{stream}\nexec sleep 600"));
    assert!(matches!(read(&path, &with(later)).unwrap_err(), SourceError::Stalled { .. }));
    let broken = script("broken", &format!("{stream}\necho 'out of order' >&2; exit 3"));
    let error = read(&path, &with(broken)).unwrap_err().to_string();
    assert!(error.contains("out of order"), "{error}");
    let garbage = script("garbage", &format!("{stream}\nhead -c 5000 /dev/zero"));
    assert!(read(&path, &with(garbage)).is_err());
}

#[test]
fn a_playlist_named_mp4_is_refused_quickly() {
    let folder = folder();
    let path = folder.path().join("list.mp4");
    std::fs::write(&path, "#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/segment.ts\n").unwrap();
    let start = std::time::Instant::now();
    assert!(matches!(read(&path, &OpenOptions::default()).unwrap_err(), SourceError::UnknownContainer { .. }));
    assert!(start.elapsed() < Duration::from_secs(5));
}

fn write_avi(path: &Path, frames: u32) {
    let options = video::write::WriteOptions::new(64, 48, video::TimeBase::new(1, 25).unwrap());
    let mut writer = video::write::create(path, &options).unwrap();
    for time in 0..frames {
        writer.write(video::write::Pixels::Grey(&pattern(64, 48, time))).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn headers_that_lie_about_the_count_change_nothing() {
    let folder = folder();
    let path = folder.path().join("a.avi");
    write_avi(&path, 12);
    let honest = read(&path, &options(Decoder::Builtin)).unwrap();
    let mut data = std::fs::read(&path).unwrap();
    // Total frames, stream length, the sizes of RIFF and movi, the whole index.
    for at in [4, 48, 140] {
        data[at..at + 4].copy_from_slice(&3u32.to_le_bytes());
    }
    let movi = data.windows(4).position(|w| w == b"movi").unwrap();
    data[movi - 4..movi].fill(0);
    let index = data.windows(4).position(|w| w == b"idx1").unwrap();
    data.truncate(index);
    std::fs::write(&path, &data).unwrap();
    let mut source = video::open(&path, &options(Decoder::Builtin)).unwrap();
    assert_eq!(source.info().declared_frames, Some(3));
    assert_eq!(drain(source.as_mut()).unwrap(), honest);
}

#[test]
fn h264_mp4_is_written_where_ffmpeg_is() {
    let folder = folder();
    let path = folder.path().join("a.mp4");
    let mut options = video::write::WriteOptions::new(65, 48, video::TimeBase::new(1, 10).unwrap());
    options.ffmpeg = Some("/nowhere/ffmpeg".into());
    let error = video::write::create(&path, &options).err().unwrap().to_string();
    assert!(error.contains("needs the ffmpeg executable") && error.contains(".avi"), "{error}");
    if !has_ffmpeg() {
        return;
    }
    options.ffmpeg = None;
    let mut writer = video::write::create(&path, &options).unwrap();
    for time in 0..7 {
        writer.write(video::write::Pixels::Grey(&pattern(65, 48, time))).unwrap();
    }
    writer.finish().unwrap();
    let frames = read(&path, &crate::support::options(Decoder::Builtin)).unwrap();
    assert_eq!((frames.len(), frames[0].width, frames[6].time_s()), (7, 66, Some(0.6)));
    let bad = folder.path().join("no/such/folder/a.mp4");
    let mut writer = video::write::create(&bad, &options).unwrap();
    let written = (0..200).try_for_each(|time| writer.write(video::write::Pixels::Grey(&pattern(65, 48, time))));
    let error = written.and_then(|()| writer.finish()).unwrap_err().to_string();
    assert!(error.contains("ffmpeg failed"), "{error}");
}
