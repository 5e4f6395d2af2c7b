//! The frame cache and the windows made from it.

use crate::trees::{clip, picture};
use skipgan::config::{FilterChoice, FitChoice};
use skipgan::data::window::FrameStatus;
use skipgan::data::{
    CacheOptions, Clip, DataError, DiscoverOptions, Footage, FrameCache, MotionCache, PictureSettings, Sight, WindowIndex, WindowReader,
    WindowStream, discover,
};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tempfile::tempdir;
use video::OpenOptions;

const SETTINGS: PictureSettings =
    PictureSettings { height: 8, width: 12, channels: 1, fit: FitChoice::Stretch, filter: FilterChoice::Box, analysed_rate: 0 };

fn clips(path: &Path) -> Vec<Clip> {
    discover(&[path.to_path_buf()], &DiscoverOptions::default()).expect("clips").unassigned
}

fn build(root: &Path, clips: &[Clip], settings: &PictureSettings) -> FrameCache {
    let open = OpenOptions::default();
    FrameCache::build(&root.join("cache"), clips, settings, &CacheOptions::new(&open)).expect("a cache")
}

#[test]
fn what_is_current_is_not_decoded_again() {
    let folder = tempdir().expect("folder");
    let root = folder.path();
    clip(&root.join("in/a"), 5);
    clip(&root.join("in/b"), 4);
    let found = clips(&root.join("in"));
    let cache = build(root, &found, &SETTINGS);
    assert_eq!((cache.reused(), cache.frames()), (0, vec![5, 4]));
    assert_eq!(cache.bytes(), 9 * 96);
    assert!(cache.summary().contains("9 frames of 2 clips at 12×8"), "{}", cache.summary());
    assert_eq!(build(root, &found, &SETTINGS).reused(), 2);

    // A changed picture makes its clip stale, the other stays.
    picture(&root.join("in/b/002.png"), 24, 16, 99);
    let changed = build(root, &found, &SETTINGS);
    assert_eq!(changed.reused(), 1);
    let mut frames = [[0; 96]; 2];
    for (cache, frame) in [&cache, &changed].into_iter().zip(&mut frames) {
        // The old one still reads its open file or fails; the new one has the new picture.
        let _ = cache.read(1, 1, frame);
    }
    assert_ne!(frames[0], frames[1]);

    // Other settings: everything anew, and nothing of the old is left.
    let wide = PictureSettings { width: 16, ..SETTINGS };
    assert_eq!(build(root, &found, &wide).reused(), 0);
    assert_eq!(fs::read_dir(root.join("cache")).expect("folder").count(), 5);

    // A file cut short is noticed, and so is an unfinished cache.
    let file = fs::read_dir(root.join("cache")).expect("folder").map(|e| e.expect("entry").path());
    let planes = file.into_iter().find(|path| path.extension().is_some_and(|e| e == "planes")).expect("a file of planes");
    fs::write(&planes, [0; 10]).expect("cut");
    assert_eq!(build(root, &found, &wide).reused(), 1);
    fs::write(root.join("cache/manifest.json"), "{\"version\":").expect("cut");
    assert_eq!(build(root, &found, &wide).reused(), 2);
}

#[test]
fn beyond_the_limit_evenly_spaced_segments_are_kept_and_that_is_said() {
    let folder = tempdir().expect("folder");
    let root = folder.path();
    for frame in 0..1000 {
        picture(&root.join(format!("in/{frame}.png")), 8, 8, frame);
    }
    let found = clips(&root.join("in"));
    let tiny = PictureSettings { height: 4, width: 4, ..SETTINGS };
    let open = OpenOptions::default();
    let limited = |frames: u64| {
        let options = CacheOptions { limit_bytes: frames * 16, ..CacheOptions::new(&open) };
        FrameCache::build(&root.join("cache"), &found, &tiny, &options)
    };
    let cache = limited(600).expect("half");
    let entry = &cache.clips()[0];
    assert!(entry.frames <= 600 && entry.frames >= 360 && entry.source_frames == 1000, "{entry:?}");
    assert!(entry.segments.len() >= 2 && cache.bytes() <= 600 * 16);
    assert!(cache.summary().contains("of 1000 frames were taken"), "{}", cache.summary());
    assert_eq!(limited(600).expect("half").reused(), 1);
    // A window does not reach over a gap: at a segment's start all its frames are that frame.
    let sight = Sight::frames(cache.settings(), 3);
    let mut reader = WindowReader::new(Footage { cache: &cache, motion: None, sight: &sight });
    let mut window = sight.windows();
    reader.read(WindowIndex { clip: 0, frame: entry.segments[1] }, &mut window).expect("a window");
    assert!(window.input().chunks_exact(3).all(|pixel| pixel[0] == pixel[2] && pixel[1] == pixel[2]));
    // Which segments are kept is part of what a cache is: another limit may keep as many, and others.
    let kept: Vec<String> = [600, 480].into_iter().map(|frames| limited(frames).expect("a part").kept_sha256()).collect();
    assert_ne!(kept[0], kept[1]);
    // Whole again when the limit allows; nonsense limits are errors.
    assert_eq!(limited(1000).expect("whole").frames(), [1000]);
    assert!(matches!(limited(0), Err(DataError::CacheLimit { .. })));
}

#[test]
fn cached_and_streamed_windows_are_equal_to_the_bit() {
    let folder = tempdir().expect("folder");
    let root = folder.path();
    clip(&root.join("in/a"), 6);
    let found = clips(&root.join("in"));
    for (channels, fit, filter) in [
        (1, FitChoice::Stretch, FilterChoice::Box),
        (3, FitChoice::Letterbox, FilterChoice::Bilinear),
        (1, FitChoice::Crop, FilterChoice::Box),
    ] {
        let settings = PictureSettings { channels, fit, filter, ..SETTINGS };
        let cache = build(root, &found, &settings);
        for history in [1, 3, 9] {
            let sight = Sight::frames(&settings, history);
            let mut reader = WindowReader::new(Footage { cache: &cache, motion: None, sight: &sight });
            let mut stream = WindowStream::open(&found[0], &OpenOptions::default(), &sight).expect("a stream");
            let mut cached = sight.windows();
            for frame in 0..6 {
                let streamed = stream.next_window().expect("a frame").expect("six frames");
                cached.clear();
                reader.read(WindowIndex { clip: 0, frame }, &mut cached).expect("a window");
                assert_eq!(streamed.index, frame as u64);
                assert_eq!(streamed.warmup, frame + 1 < history);
                assert_eq!(streamed.status, FrameStatus::Ok);
                assert_eq!(streamed.window, &cached);
            }
            assert!(stream.next_window().expect("the end").is_none());
        }
    }
}

#[test]
fn motion_of_each_kept_segment_begins_without_a_past() {
    let folder = tempdir().expect("folder");
    let root = folder.path();
    for frame in 0..800 {
        picture(&root.join(format!("in/{frame:03}.png")), 24, 16, frame);
    }
    let settings = PictureSettings { height: 16, width: 24, ..SETTINGS };
    let open = OpenOptions::default();
    let options = CacheOptions { limit_bytes: 500 * 24 * 16, ..CacheOptions::new(&open) };
    let cache = FrameCache::build(&root.join("cache"), &clips(&root.join("in")), &settings, &options).expect("a part");
    let entry = &cache.clips()[0];
    assert!(entry.segments.len() >= 2 && entry.frames < 800, "{:?} of {}", entry.segments, entry.frames);
    let motion = MotionCache::build(&cache, 2, None, &mut |_, _| {}).expect("motion");
    let mut found = Vec::new();
    for frame in 0..entry.frames {
        motion.read(WindowIndex { clip: 0, frame }, &mut found).expect("a frame");
        assert_eq!(found.iter().all(|&u| u == 0.0), entry.segments.contains(&frame), "frame {frame}, segments {:?}", entry.segments);
    }
}

#[test]
fn lost_and_repeated_frames_are_marked() {
    let folder = tempdir().expect("folder");
    let root = folder.path();
    clip(&root.join("in"), 6);
    fs::write(root.join("in/003.png"), "broken").expect("a broken picture");
    fs::copy(root.join("in/004.png"), root.join("in/005.png")).expect("a copy");
    let found = clips(&root.join("in"));
    let mut stream = WindowStream::open(&found[0], &OpenOptions::default(), &Sight::frames(&SETTINGS, 1)).expect("a stream");
    let mut words = Vec::new();
    while let Some(window) = stream.next_window().expect("a frame") {
        words.push(window.status.word());
    }
    assert_eq!(words, ["ok", "ok", "repeated", "ok", "repeated", "ok"]);
    let cache = build(root, &found, &SETTINGS);
    let entry = &cache.clips()[0];
    assert_eq!((entry.frames, entry.damaged.as_slice(), entry.total_losses), (6, &[2][..], 1));
    assert!(entry.losses[0].contains("frame 2"), "{:?}", entry.losses);
}

#[test]
fn mixed_sizes_and_stopping_are_errors() {
    let folder = tempdir().expect("folder");
    let root = folder.path();
    clip(&root.join("in"), 3);
    picture(&root.join("in/002.png"), 20, 16, 1);
    let found = clips(&root.join("in"));
    let open = OpenOptions::default();
    let message = FrameCache::build(&root.join("cache"), &found, &SETTINGS, &CacheOptions::new(&open)).expect_err("mixed").to_string();
    assert!(message.contains("20×16") && message.contains("24×16"), "{message}");
    picture(&root.join("in/002.png"), 24, 16, 1);
    let (stop, told) = (AtomicBool::new(true), AtomicU64::new(0));
    let progress = |_: &skipgan::data::cache::CacheProgress| _ = told.fetch_add(1, Ordering::Relaxed);
    let options = CacheOptions { cancel: Some(&stop), progress: Some(&progress), ..CacheOptions::new(&open) };
    assert!(matches!(FrameCache::build(&root.join("cache"), &found, &SETTINGS, &options), Err(DataError::Cancelled)));
    assert!(!root.join("cache/manifest.json").exists());
    stop.store(false, Ordering::Relaxed);
    FrameCache::build(&root.join("cache"), &found, &SETTINGS, &options).expect("not stopped");
    assert!(told.load(Ordering::Relaxed) > 0);
}

#[test]
fn readers_on_several_threads_see_the_same() {
    let folder = tempdir().expect("folder");
    let root = folder.path();
    clip(&root.join("in"), 40);
    let cache = build(root, &clips(&root.join("in")), &SETTINGS);
    let sums: Vec<u64> = std::thread::scope(|scope| {
        let sum = || {
            let mut frame = [0; 96];
            (0..40)
                .map(|index| cache.read(0, index, &mut frame).map(|()| frame.iter().map(|&v| u64::from(v)).sum::<u64>()).expect("read"))
                .sum()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(sum)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
    });
    assert!(sums.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(cache.read(0, 40, &mut [0; 96]).is_err() && cache.read(1, 0, &mut [0; 96]).is_err());
}
