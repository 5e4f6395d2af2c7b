//! The generated street: the same bits from the same seed, labels that agree with masks, and files that the rest of the program reads.

use kernels::{Denormals, Pool};
use sha2::{Digest, Sha256};
use skipgan::config::{Config, FilterChoice, FitChoice};
use skipgan::data::ahead::ahead;
use skipgan::data::compose::Composer;
use skipgan::data::labels::{LabelOptions, Labels, kinds};
use skipgan::data::pictures::PictureStream;
use skipgan::data::scene::{AnomalyKind, Camera, DisturbanceKind, Scene, SceneColour, SceneSettings};
use skipgan::data::{
    CacheOptions, DiscoverOptions, Footage, FrameCache, MotionCache, PictureSettings, Sight, Span, WindowIndex, WindowReader, WindowStream,
    discover, masks,
};
use skipgan::score::place;
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::tempdir;
use video::OpenOptions;

fn small(seed: u64) -> SceneSettings {
    SceneSettings {
        seed,
        width: 128,
        height: 96,
        train_clips: 2,
        train_frames: 40,
        test_clips: 3,
        test_frames: 36,
        ..SceneSettings::default()
    }
}

fn digest(settings: SceneSettings) -> String {
    let scene = Scene::new(settings).expect("a scene");
    let mut digest = Sha256::new();
    for index in [0, 1, 2] {
        let script = scene.test(index).expect("three test clips");
        for frame in [0, 20, 35] {
            let drawn = scene.frame(&script, frame);
            digest.update(&drawn.pixels);
            digest.update(&drawn.mask);
        }
    }
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_seed_gives_the_same_bits_on_every_machine() {
    // A change of the drawing changes this on purpose; another machine must not.
    assert_eq!(digest(small(1)), "8f182c3bb6fd4713");
    assert_ne!(digest(small(1)), digest(small(2)));
}

#[test]
fn every_kind_is_seen_is_labelled_where_its_mask_is_and_leaves_normal_frames() {
    let kinds = AnomalyKind::ALL.to_vec();
    let settings = SceneSettings { test_clips: kinds.len() + 1, normal_test_clips: 1, kinds: kinds.clone(), ..small(3) };
    let settings = SceneSettings { test_frames: 120, ..settings };
    let scene = Scene::new(settings).expect("a scene");
    for (index, kind) in kinds.iter().enumerate() {
        let script = scene.test(index).expect("a clip");
        assert_eq!(script.kind(), Some(*kind));
        let mut labels = Vec::new();
        for frame in (0..script.frames()).step_by(4) {
            let drawn = scene.frame(&script, frame);
            let area = drawn.mask.iter().filter(|&&value| value == 1).count();
            assert_eq!(drawn.label == 1, area > 0);
            assert!(area < 128 * 96 / 6, "{kind:?}: {area} pixels");
            labels.push(drawn.label);
        }
        let anomalous = labels.iter().filter(|&&label| label == 1).count();
        assert!(anomalous >= 5 && labels.len() - anomalous >= 5, "{kind:?}: {labels:?}");
    }
    let normal = scene.test(kinds.len()).expect("the last clip");
    assert!(normal.kind().is_none() && (0..120).step_by(10).all(|frame| scene.frame(&normal, frame).label == 0));
    assert!(scene.test(kinds.len() + 1).is_none() && scene.train(2).is_none());
    let train = scene.train(0).expect("a training clip");
    assert!((0..40).step_by(8).all(|frame| scene.frame(&train, frame).label == 0));
}

#[test]
fn cameras_sizes_and_densities_vary_and_nonsense_is_refused() {
    let camera = Camera { height_m: 8.0, focal_widths: 0.7, horizon: -0.1, along_m: 5.0 };
    let settings = SceneSettings { camera, density: 6.0, size: 1.4, speed: 1.5, colour: SceneColour::Grey, ..small(4) };
    let scene = Scene::new(settings).expect("another scene");
    let script = scene.test(0).expect("a clip");
    assert_eq!(scene.frame(&script, 3).pixels.len(), 128 * 96);
    for wrong in [
        SceneSettings { width: 63, ..small(1) },
        SceneSettings { noise: f64::NAN, ..small(1) },
        SceneSettings { kinds: Vec::new(), ..small(1) },
        SceneSettings { fps: 0, ..small(1) },
        SceneSettings { normal_test_clips: 9, ..small(1) },
    ] {
        assert!(Scene::new(wrong).expect_err("nonsense").to_string().contains("must be"));
    }
}

#[test]
fn a_written_scene_is_a_data_set() {
    let folder = tempdir().expect("folder");
    let root = folder.path().join("street");
    let scene = Scene::new(small(5)).expect("a scene");
    let mut told = (0, 0);
    let files = scene.write(&root, &mut |done, all| told = (done, all)).expect("written");
    assert_eq!((files.train, files.test, told), ((2, 80), (3, 108), (188, 188)));

    let data = discover(&[root], &DiscoverOptions::default()).expect("a data set");
    let names = |clips: &[skipgan::data::Clip]| clips.iter().map(|clip| clip.name.clone()).collect::<Vec<_>>();
    assert_eq!((names(&data.train), names(&data.test)), (vec!["01".into(), "02".into()], vec!["01".into(), "02".into(), "03".into()]));
    let frames: BTreeMap<String, usize> = names(&data.test).into_iter().map(|name| (name, 36)).collect();
    let labels = Labels::read(&data, &LabelOptions { path: None, frames: Some(&frames) }).expect("labels");
    assert_eq!(labels.anomalous(), files.anomalous);
    assert!(files.anomalous > 0);
    for clip in &data.test {
        let volume = masks::find(&data, clip, Some(36)).expect("masks").expect("masks").read_all().expect("masks");
        let from_masks: Vec<u8> = volume.values.chunks_exact(128 * 96).map(|mask| u8::from(mask.contains(&1))).collect();
        assert_eq!(labels.clip(&clip.name), Some(from_masks.as_slice()));
    }

    let settings =
        PictureSettings { height: 48, width: 64, channels: 3, fit: FitChoice::Stretch, filter: FilterChoice::Box, analysed_rate: 0 };
    let open = OpenOptions::default();
    let cache = FrameCache::build(&folder.path().join("cache"), &data.train, &settings, &CacheOptions::new(&open)).expect("a cache");
    assert_eq!(cache.frames(), [40, 40]);
    let sight = Sight::frames(&settings, 3);
    let mut reader = WindowReader::new(Footage { cache: &cache, motion: None, sight: &sight });
    let mut stream = WindowStream::open(&data.train[1], &open, &sight).expect("a stream");
    let mut cached = sight.windows();
    for frame in 0..40 {
        let streamed = stream.next_window().expect("a frame").expect("forty frames");
        cached.clear();
        reader.read(WindowIndex { clip: 1, frame }, &mut cached).expect("a window");
        assert_eq!(streamed.window, &cached);
        assert!((streamed.time_s.expect("a rate") - frame as f64 / 12.0).abs() < 1e-3);
    }
}

/// A file that was cut short is made anew; one that is cut short while it is read is told.
#[test]
fn damaged_motion_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    Scene::new(small(3)).expect("settings").write(&folder.path().join("data"), &mut |_, _| {}).expect("written");
    let data = discover(&[folder.path().join("data")], &DiscoverOptions::default()).expect("a data set");
    let (open, picture) = (OpenOptions::default(), PictureSettings::new(&Config::preset("video").expect("a preset"), 48, 64));
    let kept = folder.path().join("cache");
    let cache = FrameCache::build(&kept, &data.train, &picture, &CacheOptions::new(&open)).expect("a cache");
    let motion = || MotionCache::build(&cache, 2, None, &mut |_, _| {}).expect("motion");
    let last = |motion: &MotionCache, clip: usize| {
        let mut out = Vec::new();
        motion.read(WindowIndex { clip, frame: 39 }, &mut out).map(|()| out)
    };
    let first = motion();
    let meant = [0, 1].map(|clip| last(&first, clip).expect("forty frames"));
    let files: Vec<_> = std::fs::read_dir(&kept).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    let files: Vec<_> = files.iter().filter(|path| path.extension().is_some_and(|end| end == "motion")).collect();
    assert_eq!(files.len(), 2);
    assert!(std::fs::metadata(files[0]).expect("written").len() == 40 * 2 * 2 * 48 * 64, "forty fields of two half floats a pixel");
    let cut = || {
        files.iter().for_each(|file| {
            std::fs::File::options().write(true).open(file).and_then(|file| file.set_len(1000)).expect("writable");
        });
    };
    cut();
    let again = motion();
    assert!(!again.reused() && [0, 1].map(|clip| last(&again, clip).expect("made anew")) == meant);
    cut();
    let errors = [0, 1].map(|clip| last(&again, clip).expect_err("cut short").to_string());
    assert!(files.iter().all(|file| errors.iter().any(|error| error.contains(&file.display().to_string()))), "{errors:?}");
}

#[test]
fn cached_and_streamed_motion_are_equal_to_the_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    Scene::new(small(3)).expect("settings").write(&folder.path().join("data"), &mut |_, _| {}).expect("written");
    let data = discover(&[folder.path().join("data")], &DiscoverOptions::default()).expect("a data set");
    let config = Config::preset("video").expect("a preset");
    let (open, picture) = (OpenOptions::default(), PictureSettings::new(&config, 48, 64));
    let cache = FrameCache::build(&folder.path().join("cache"), &data.train, &picture, &CacheOptions::new(&open)).expect("a cache");
    let mut told = 0;
    let motion = MotionCache::build(&cache, 2, None, &mut |done, all| told = told.max(done.min(all))).expect("motion");
    assert!(!motion.reused() && MotionCache::build(&cache, 2, None, &mut |_, _| {}).expect("motion").reused());
    let usual = place::usual(&config, &cache, &motion, &[Span { clip: 0, start: 0, end: 40 }]).expect("people walk");
    assert!(usual.is_sound() && usual.speed >= 0.25 && usual.speed < 8.0, "{}", usual.speed);
    let sight = Sight::new(&config, 48, 64, Some(usual.into()));
    let mut reader = WindowReader::new(Footage { cache: &cache, motion: Some(&motion), sight: &sight });
    let mut stream = WindowStream::open(&data.train[1], &open, &sight).expect("a stream");
    let (mut cached, mut moves) = (sight.windows(), false);
    for frame in 0..40 {
        let streamed = stream.next_window().expect("a frame").expect("forty frames");
        cached.clear();
        reader.read(WindowIndex { clip: 1, frame }, &mut cached).expect("a window");
        assert_eq!(streamed.window, &cached, "frame {frame}");
        assert_eq!(streamed.warmup, frame == 0);
        moves |= cached.target().iter().any(|u| u.abs() > 0.3);
    }
    assert!(moves, "people walk");
    // Decoded ahead, the motion of several frames found side by side, whatever the threads and how many are composed at once.
    let mut stream = WindowStream::open(&data.train[1], &open, &sight).expect("a stream");
    let mut one_by_one = sight.windows();
    while let Some(streamed) = stream.next_window().expect("a frame") {
        one_by_one.append(streamed.window);
    }
    for (threads, at_once) in [(1, 1), (2, 8), (3, 7)] {
        let pool = Arc::new(Pool::new(threads).expect("a pool"));
        pool.set_denormals(Denormals::Flush);
        let mut pictures = PictureStream::open(&data.train[1], &open, &sight).expect("a stream");
        let mut composer = Composer::new(&sight, Some(Arc::clone(&pool)));
        let (mut windows, mut waiting) = (sight.windows(), Vec::new());
        ahead(&mut pictures, &pool, |mut moments| {
            while let Some(moment) = moments.next_moment().expect("a frame") {
                waiting.push(moment.material);
                if waiting.len() == at_once {
                    composer.add(&waiting, &mut windows).expect("windows");
                    waiting.clear();
                }
            }
            composer.add(&waiting, &mut windows).expect("windows");
        });
        assert!(windows == one_by_one, "{threads} threads, {at_once} at once");
    }
}

/// Frames of the benchmark's clips that are looked at: every one would take a minute.
const STEP: usize = 8;

#[test]
fn the_benchmark_shows_every_anomaly_and_nothing_else() {
    for seed in 1..=8 {
        let scene = Scene::new(SceneSettings::varied(seed)).expect("a scene");
        let settings = scene.settings();
        let area = settings.width * settings.height;
        let mut seen = BTreeMap::new();
        for script in (0..settings.test_clips).filter_map(|index| scene.test(index)) {
            let Some(kind) = script.kind() else {
                assert_eq!(scene.frame(&script, script.frames() / 2).label, 0, "seed {seed}");
                continue;
            };
            let masks: Vec<usize> = (0..script.frames())
                .step_by(STEP)
                .map(|frame| scene.frame(&script, frame).mask.iter().filter(|&&value| value == 1).count())
                .collect();
            let labelled = masks.iter().filter(|&&pixels| pixels > 0).count();
            let largest = masks.iter().copied().max().unwrap_or(0);
            assert!(labelled >= 2, "seed {seed}, {kind:?}: {masks:?}");
            // A person in the far lane covers a thousandth of the picture, a van a tenth.
            assert!(largest * 2000 >= area && largest * 6 <= area, "seed {seed}, {kind:?}: {largest} pixels");
            *seen.entry(kind.id()).or_insert(0) += labelled;
        }
        assert_eq!(seen.len(), AnomalyKind::ALL.len(), "seed {seed}: {seen:?}");
        let train = scene.train(5).expect("a training clip");
        assert_eq!(scene.frame(&train, 100).label, 0);
    }
}

#[test]
fn what_is_left_behind_counts_from_when_it_lies_there() {
    let settings = SceneSettings { kinds: vec![AnomalyKind::LeftBehind], normal_test_clips: 0, test_frames: 120, ..small(6) };
    let scene = Scene::new(settings).expect("a scene");
    for index in 0..3 {
        let script = scene.test(index).expect("a clip");
        let masks: Vec<Vec<u8>> = (0..120).map(|frame| scene.frame(&script, frame).mask).collect();
        let labelled: Vec<&Vec<u8>> = masks.iter().filter(|mask| mask.contains(&1)).collect();
        let area = |mask: &[u8]| mask.iter().filter(|&&value| value == 1).count();
        let mut together = vec![0; 128 * 96];
        for mask in &labelled {
            together.iter_mut().zip(mask.iter()).for_each(|(all, &one)| *all |= one);
        }
        // It never moves while it counts: all its masks together are hardly larger than the one that nobody hides.
        let whole = labelled.iter().map(|mask| area(mask)).max().expect("it is seen");
        assert!(area(&together) <= whole + whole / 8, "{} against {whole}", area(&together));
        assert!(masks[..15].iter().all(|mask| area(mask) == 0) && area(&masks[119]) > 0);
    }
}

fn disturbed(kind: Option<DisturbanceKind>) -> Scene {
    let settings = SceneSettings { noise: 0.0, test_frames: 120, fps: 10, normal_test_clips: 0, disturbance: kind, ..small(7) };
    Scene::new(settings).expect("a scene")
}

fn mean(values: &[u8]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64
}

#[test]
fn a_disturbance_begins_in_the_test_clip_and_leaves_training_alone() {
    let plain = disturbed(None);
    for kind in DisturbanceKind::ALL {
        let scene = disturbed(Some(kind));
        let (train, test) = (scene.train(0).expect("a clip"), scene.test(1).expect("a clip"));
        assert!(train.disturbance().is_none());
        assert_eq!(scene.frame(&train, 30), plain.frame(&train, 30), "{kind:?}");
        let begins = test.disturbance().expect("it is disturbed").begins;
        assert_eq!(scene.frame(&test, begins - 1), plain.frame(&plain.test(1).expect("a clip"), begins - 1), "{kind:?}");
        let changed = (begins..begins + 20)
            .filter(|&frame| scene.frame(&test, frame).pixels != plain.frame(&plain.test(1).expect("a clip"), frame).pixels);
        assert!(changed.count() >= 18, "{kind:?}");
    }
}

#[test]
fn light_and_rain_change_pixels_and_no_label() {
    let plain = disturbed(None);
    let undisturbed = plain.test(1).expect("a clip");
    let of = |kind: DisturbanceKind, after: usize| {
        let scene = disturbed(Some(kind));
        let script = scene.test(1).expect("a clip");
        let frame = script.disturbance().expect("it is disturbed").begins + after;
        let (now, before) = (scene.frame(&script, frame), plain.frame(&undisturbed, frame));
        assert_eq!((&now.mask, now.label), (&before.mask, before.label), "{kind:?}");
        (now.pixels, before.pixels)
    };
    // Clip 1 is an odd one: its gain falls, by 30 % after 10 s; the clip is over after 9.
    let (gain, before) = of(DisturbanceKind::Gain, 80);
    assert!((0.70..0.76).contains(&(mean(&gain) / mean(&before))), "{}", mean(&gain) / mean(&before));
    let (bright, before) = of(DisturbanceKind::Exposure, 0);
    let dark: Vec<(u8, u8)> = before.iter().copied().zip(bright).filter(|(before, _)| (20..150).contains(before)).collect();
    assert!(dark.iter().all(|&(before, bright)| (f64::from(bright) - 1.5 * f64::from(before)).abs() < 2.5));
    let (rain, before) = of(DisturbanceKind::Rain, 40);
    let spread = |pixels: &[u8]| {
        let centre = mean(pixels);
        (pixels.iter().map(|&value| (f64::from(value) - centre).powi(2)).sum::<f64>() / pixels.len() as f64).sqrt()
    };
    assert!((0.75..0.97).contains(&(spread(&rain) / spread(&before))), "{}", spread(&rain) / spread(&before));
}

#[test]
fn picture_and_mask_follow_the_camera() {
    let plain = disturbed(None);
    let undisturbed = plain.test(1).expect("a clip");
    let scene = disturbed(Some(DisturbanceKind::Moved));
    let script = scene.test(1).expect("a clip");
    let frame = (script.disturbance().expect("it is moved").begins..120)
        .find(|&frame| plain.frame(&undisturbed, frame).label == 1 && scene.frame(&script, frame).label == 1)
        .expect("an anomaly after the move");
    let (moved, still) = (scene.frame(&script, frame), plain.frame(&undisturbed, frame));
    let difference = |dx: i64, dy: i64| {
        let (mut sum, mut count, mut masks) = (0u64, 0u64, 0u64);
        for (x, y) in (14..82i64).flat_map(|y| (14..114i64).map(move |x| (x, y))) {
            let (here, there) = ((y * 128 + x) as usize, ((y + dy) * 128 + x + dx) as usize);
            sum += u64::from(moved.pixels[3 * here].abs_diff(still.pixels[3 * there]));
            masks += u64::from(moved.mask[here] != still.mask[there]);
            count += 1;
        }
        (sum as f64 / count as f64, masks)
    };
    let ways = [(10, 0), (-10, 0), (8, 6), (-8, 6), (6, -8), (-6, -8)];
    let best = ways.into_iter().min_by(|a, b| difference(a.0, a.1).0.total_cmp(&difference(b.0, b.1).0)).expect("six ways");
    // The lens stays where it is, so a little shading is left.
    assert!(difference(best.0, best.1).0 < 3.0 && difference(0, 0).0 > 8.0, "{best:?}");
    assert!(difference(best.0, best.1).1 <= 2, "{:?}", difference(best.0, best.1));
}

#[test]
fn a_written_scene_names_kinds_and_disturbances() {
    let folder = tempdir().expect("folder");
    let root = folder.path().join("street");
    let settings = SceneSettings { train_clips: 0, normal_test_clips: 1, disturbance: Some(DisturbanceKind::Shake), ..small(8) };
    Scene::new(settings).expect("a scene").write(&root, &mut |_, _| {}).expect("written");
    let data = discover(std::slice::from_ref(&root), &DiscoverOptions::default()).expect("a data set");
    assert_eq!((data.train.len(), data.test.len()), (0, 3));
    let kinds = kinds::read(&data).expect("a table").expect("kinds");
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [("01".into(), "bicycle".into()), ("02".into(), "cart".into())]);
    let table = std::fs::read_to_string(root.join("disturbances.csv")).expect("a table");
    assert!(table.starts_with("clip,disturbance,from_frame\n01,shake,") && table.lines().count() == 4, "{table}");
    let frames: BTreeMap<String, usize> = data.test.iter().map(|clip| (clip.name.clone(), 36)).collect();
    assert!(Labels::read(&data, &LabelOptions { path: None, frames: Some(&frames) }).expect("labels").anomalous() > 0);
}
