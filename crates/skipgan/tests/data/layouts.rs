//! Layouts, names, labels and masks.

use crate::trees::{bmp_mask, clip, npy, picture, png, ucsd};
use skipgan::data::labels::{LabelOptions, Labels};
use skipgan::data::{Clip, DataError, DataSet, DiscoverOptions, Layout, discover, masks};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;

fn find(path: &Path) -> Result<DataSet, DataError> {
    discover(&[path.to_path_buf()], &DiscoverOptions::default())
}

fn find_incomplete(path: &Path) -> DataSet {
    discover(&[path.to_path_buf()], &DiscoverOptions { layout: None, incomplete: true }).expect("an incomplete data set")
}

fn find_as(path: &Path, layout: Layout) -> Result<DataSet, DataError> {
    discover(&[path.to_path_buf()], &DiscoverOptions { layout: Some(layout), incomplete: false })
}

fn names(clips: &[Clip]) -> Vec<&str> {
    clips.iter().map(|clip| clip.name.as_str()).collect()
}

fn labels(data: &DataSet) -> Vec<Vec<u8>> {
    let read = Labels::read(data, &LabelOptions::default()).expect("labels");
    assert!(Labels::are_there(data), "labels that can be read are seen by their names");
    read.clips.into_iter().map(|clip| clip.labels).collect()
}

fn labels_error(data: &DataSet) -> String {
    let error = Labels::read(data, &LabelOptions::default()).expect_err("wrong labels");
    assert_eq!(Labels::are_there(data), !matches!(error, DataError::NoLabels { .. }), "{error}");
    error.to_string()
}

fn from_masks(data: &DataSet) -> Vec<Vec<u8>> {
    let of = |clip: &Clip| {
        let volume = masks::find(data, clip, None).expect("masks").expect("a clip with masks").read_all().expect("masks");
        let area = volume.height * volume.width;
        volume.values.chunks_exact(area).map(|mask| u8::from(mask.contains(&1))).collect()
    };
    data.for_scoring().iter().map(of).collect()
}

#[test]
fn ucsd_with_its_oddities() {
    let folder = tempdir().expect("folder");
    let root = ucsd(folder.path());
    let message = find(&root).expect_err("five frames are not a hundred and twenty").to_string();
    assert!(
        message.contains("Train001") && message.contains('5') && message.contains("120") && message.contains("--incomplete"),
        "{message}"
    );
    let data = find_incomplete(&root);
    assert_eq!((data.layout, data.name().as_str()), (Layout::Ucsd, "UCSDped2 (incomplete)"));
    assert_eq!(names(&data.train), ["Train001", "Train002"]);
    assert_eq!(names(&data.test), ["Test001", "Test002"]);
    assert_eq!(data.test.iter().filter_map(Clip::known_frames).collect::<Vec<_>>(), [4, 5]);
    assert!(data.summary().contains("test: 2 clips, 9 frames") && data.summary().contains("Train003 is missing"), "{}", data.summary());
    assert_eq!(labels(&data), [vec![0, 1, 1, 0], vec![1, 0, 0, 1, 1]]);
    assert_eq!(from_masks(&data), labels(&data));
    // Without the file the masks tell.
    fs::remove_file(root.join("Test/UCSDped2.m")).expect("there");
    assert_eq!(labels(&data), [vec![0, 1, 1, 0], vec![1, 0, 0, 1, 1]]);
    // A mask too many is seen.
    bmp_mask(&root.join("Test/Test001_gt/005.bmp"), 0, true);
    let message = labels_error(&data);
    assert!(message.contains("Test001 has 5 masks and 4 frames"), "{message}");
    // The folder above finds it too.
    assert_eq!(find_incomplete(folder.path()).name(), "UCSDped2 (incomplete)");
}

#[test]
fn masks_beside_clips_are_no_clips() {
    let folder = tempdir().expect("folder");
    let root = folder.path().join("Test");
    for name in ["Test001", "Test001_gt", "Test002", "alone_gt"] {
        clip(&root.join(name), 3);
    }
    let data = find(&root).expect("clips");
    assert_eq!((data.layout, names(&data.unassigned)), (Layout::Plain, vec!["Test001", "Test002", "alone_gt"]));
}

#[test]
fn a_folder_of_several_data_sets_asks_for_one() {
    let folder = tempdir().expect("folder");
    clip(&folder.path().join("a/training/frames/01"), 2);
    clip(&folder.path().join("b/training/frames/01"), 2);
    let message = find(folder.path()).expect_err("two").to_string();
    assert!(message.contains("several data sets (a, b)"), "{message}");
}

#[test]
fn frames_in_numeric_order_with_arrays_as_labels() {
    let folder = tempdir().expect("folder");
    let root = folder.path().join("mall");
    clip(&root.join("training/frames/01"), 3);
    for frame in [1, 2, 10] {
        picture(&root.join(format!("testing/frames/02/{frame}.png")), 8, 8, frame);
    }
    clip(&root.join("testing/frames/10"), 2);
    let data = find(&root).expect("a data set");
    assert_eq!((data.layout, names(&data.test)), (Layout::Frames, vec!["02", "10"]));
    assert!(data.known.is_none());
    let skipgan::data::ClipSource::Pictures(files) = &data.test[0].source else { panic!("pictures") };
    let stems: Vec<_> = files.iter().map(|file| file.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    assert_eq!(stems, ["1", "2", "10"]);

    npy(&root.join("frame_labels_mall.npy"), "1, 5", &[0, 1, 1, 0, 1]);
    assert_eq!(labels(&data), [vec![0, 1, 1], vec![0, 1]]);
    npy(&root.join("frame_labels_mall.npy"), "4,", &[0, 1, 1, 0]);
    let message = labels_error(&data);
    assert!(message.contains("4 labels and 5 frames"), "{message}");

    npy(&root.join("testing/test_frame_mask/02.npy"), "3,", &[1, 0, 0]);
    npy(&root.join("testing/test_frame_mask/10.npy"), "2,", &[0, 0]);
    assert_eq!(labels(&data), [vec![1, 0, 0], vec![0, 0]]);
    npy(&root.join("testing/test_frame_mask/10.npy"), "3,", &[0, 0, 1]);
    let message = labels_error(&data);
    assert!(message.contains("clip 10 has 3 labels and 2 frames"), "{message}");
    npy(&root.join("testing/test_frame_mask/10.npy"), "2,", &[0, 2]);
    assert!(labels_error(&data).contains("not 0 or 1"));
    fs::remove_file(root.join("testing/test_frame_mask/10.npy")).expect("there");
    assert!(labels_error(&data).contains("no label for clip 10"));
}

fn matlab(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/matlab").join(name)
}

/// Labels of clips whose frames are known by decoding only.
fn labels_of(data: &DataSet, path: Option<&Path>, frames: &[(&str, usize)]) -> Result<Labels, DataError> {
    let frames = frames.iter().map(|(name, frames)| ((*name).to_string(), *frames)).collect::<BTreeMap<_, _>>();
    Labels::read(data, &LabelOptions { path, frames: Some(&frames) })
}

#[test]
fn avenue_with_both_label_sets() {
    let folder = tempdir().expect("folder");
    let root = folder.path().join("Avenue Dataset");
    for video in ["training_videos/01.avi", "training_videos/02.avi", "testing_videos/01.avi", "testing_videos/02.avi"] {
        let path = root.join(video);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, "not decoded here").expect("writable");
    }
    let message = find(&root).expect_err("19 clips are missing").to_string();
    assert!(message.contains("Avenue: clip 03 has 0 frames") && message.contains("--incomplete"), "{message}");
    let data = find_incomplete(&root);
    assert_eq!((data.layout, names(&data.train), names(&data.test)), (Layout::Avenue, vec!["01", "02"], vec!["01", "02"]));
    assert_eq!(data.name(), "Avenue (incomplete)");
    assert!(data.check_test_frames("01", 1438).expect("a note").expect("a note").contains("1439"));
    let whole = DataSet { incomplete: false, ..data.clone() };
    assert!(whole.check_test_frames("01", 1438).expect_err("one frame is lost").to_string().contains("1438 frames"));
    assert!(whole.check_test_frames("12", 1271).expect("as published").is_none());

    // Set A: any pixel of the masks.
    let masks_folder = root.join("ground_truth_demo/testing_label_mask");
    fs::create_dir_all(&masks_folder).expect("a folder");
    for (clip, file) in [(1, "1_label.mat"), (2, "double.mat")] {
        fs::copy(matlab(file), masks_folder.join(format!("{clip}_label.mat"))).expect("copied");
    }
    let frames = [("01", 5), ("02", 5)];
    let set_a = labels_of(&data, None, &frames).expect("masks");
    assert_eq!(set_a.clip("01"), Some(&[0, 1, 1, 0, 0][..]));
    assert!(set_a.source.contains("testing_label_mask"), "{}", set_a.source);
    let message = labels_of(&data, None, &[("01", 6), ("02", 5)]).expect_err("a frame too many").to_string();
    assert!(message.contains("clip 01 has 5 labels and 6 frames"), "{message}");
    let volume = masks::find(&data, &data.test[0], Some(5)).expect("masks").expect("Avenue has masks").read_all().expect("masks");
    assert_eq!((volume.frames, volume.height, volume.width), (5, 3, 4));
    let marked: Vec<usize> = volume.values.iter().enumerate().filter(|(_, value)| **value == 1).map(|(at, _)| at).collect();
    assert_eq!(marked, [12 + 4 + 2, 24 + 8 + 3], "frame 1: row 1, column 2; frame 2: row 2, column 3");
    assert!(masks::find(&data, &data.test[0], Some(6)).is_err());

    // Set B: intervals, or one long vector, named with --labels.
    let intervals = root.join("avenue.mat");
    fs::copy(matlab("gt.mat"), &intervals).expect("copied");
    let message = labels_of(&data, Some(&intervals), &frames).expect_err("three cells").to_string();
    assert!(message.contains("3 cells") && message.contains("2 clips"), "{message}");
    npy(&root.join("b.npy"), "10,", &[1, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    let set_b = labels_of(&data, Some(&root.join("b.npy")), &frames).expect("a vector");
    assert_eq!((set_b.clip("01"), set_b.anomalous()), (Some(&[1, 0, 0, 0, 0][..]), 3));

    // Copies with arrays in place of the masks.
    fs::remove_dir_all(root.join("ground_truth_demo")).expect("there");
    npy(&root.join("testing_labels/01.npy"), "5,", &[0, 0, 0, 0, 1]);
    npy(&root.join("testing_labels/02.npy"), "5,", &[0; 5]);
    assert_eq!(labels_of(&data, None, &frames).expect("arrays").anomalous(), 1);
}

#[test]
fn intervals_of_a_matlab_file_label_frames() {
    let folder = tempdir().expect("folder");
    let root = folder.path().join("mall");
    for (name, frames) in [("01", 6), ("02", 2), ("03", 4)] {
        clip(&root.join("testing/frames").join(name), frames);
    }
    clip(&root.join("training/frames/01"), 3);
    let data = find(&root).expect("a data set");
    fs::copy(matlab("gt.mat"), root.join("mall.mat")).expect("copied");
    assert_eq!(labels(&data), [vec![0, 1, 1, 0, 1, 1], vec![0, 0], vec![1, 1, 1, 1]]);
    clip(&root.join("testing/frames/03"), 3);
    fs::remove_file(root.join("testing/frames/03/004.png")).expect("there");
    let message = labels_error(&find(&root).expect("a data set"));
    assert!(message.contains("clip 03 has 4 labels and 3 frames"), "{message}");
}

#[test]
fn shanghaitech_videos_train_and_pictures_test() {
    let folder = tempdir().expect("folder");
    let root = folder.path().join("shanghaitech");
    for video in ["01_001.avi", "01_002.avi"] {
        let path = root.join("training/videos").join(video);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, "not decoded here").expect("writable");
    }
    clip(&root.join("testing/frames/01_0014"), 3);
    clip(&root.join("testing/frames/01_0015"), 2);
    npy(&root.join("testing/test_frame_mask/01_0014.npy"), "3,", &[0, 1, 1]);
    npy(&root.join("testing/test_frame_mask/01_0015.npy"), "2,", &[0, 0]);
    npy(&root.join("testing/test_pixel_mask/01_0014.npy"), "3, 1, 2", &[0, 0, 0, 1, 1, 1]);
    let message = find(&root).expect_err("265 frames are published").to_string();
    assert!(message.contains("ShanghaiTech: clip 01_0014 has 3 frames") && message.contains("265"), "{message}");
    let data = find_incomplete(&root);
    assert_eq!(
        (data.layout, names(&data.train), names(&data.test)),
        (Layout::ShanghaiTech, vec!["01_001", "01_002"], vec!["01_0014", "01_0015"])
    );
    assert_eq!(labels(&data), [vec![0, 1, 1], vec![0, 0]]);
    let volume = masks::find(&data, &data.test[0], None).expect("masks").expect("a mask file").read_all().expect("masks");
    assert_eq!((volume.frames, volume.values), (3, vec![0, 0, 0, 1, 1, 1]));
    assert!(masks::find(&data, &data.test[1], None).expect("none").is_none());
}

#[test]
fn mvtec_stills() {
    let folder = tempdir().expect("folder");
    let root = folder.path().join("bottle");
    for (kind, count) in [("train/good", 3), ("test/good", 2), ("test/crack", 2)] {
        clip(&root.join(kind), count);
    }
    for index in 1..=2 {
        png(&root.join(format!("ground_truth/crack/{index:03}_mask.png")), 24, 16, &[255; 24 * 16]);
    }
    let data = find(&root).expect("a data set");
    assert_eq!((data.layout, data.name().as_str()), (Layout::Mvtec, "bottle"));
    assert_eq!(names(&data.train), ["good/001", "good/002", "good/003"]);
    assert_eq!(names(&data.test), ["crack/001", "crack/002", "good/001", "good/002"]);
    assert_eq!(labels(&data), [[1], [1], [0], [0]]);
    assert_eq!(from_masks(&data), labels(&data));
}

#[test]
fn mvtec_by_name_needs_its_normal_pictures() {
    let folder = tempdir().expect("folder");
    let named = |name: &str| find_as(&folder.path().join(name), Layout::Mvtec);
    for kind in ["flat/pictures", "loose/train/bottles", "loose/test/good", "test-alone/test/good"] {
        clip(&folder.path().join(kind), 2);
    }
    fs::create_dir_all(folder.path().join("empty/train/good")).expect("a folder");
    for name in ["flat", "loose", "empty"] {
        let message = named(name).expect_err(name).to_string();
        assert!(message.contains(name) && message.contains("'mvtec' (train/good with pictures is missing)"), "{message}");
    }
    assert_eq!(names(named("test-alone").expect("a test part can be scored").for_scoring()), ["good/001", "good/002"]);
}

#[test]
fn the_authors_own_folders_of_stills() {
    let folder = tempdir().expect("folder");
    for kind in ["train/0.normal", "test/0.normal", "test/1.abnormal"] {
        clip(&folder.path().join(kind), 2);
    }
    let data = find(folder.path()).expect("a data set");
    assert_eq!(data.layout, Layout::Mvtec);
    assert_eq!(labels(&data), [[0], [0], [1], [1]]);
}

#[test]
fn plain_folders_with_text_labels() {
    let folder = tempdir().expect("folder");
    let root = folder.path();
    clip(&root.join("train/day1"), 3);
    clip(&root.join("test/cam/a"), 3);
    clip(&root.join("test/cam/b"), 2);
    for frame in 1..=3 {
        let white = if frame == 2 { 255 } else { 0 };
        png(&root.join(format!("masks/cam/a/{frame}.png")), 24, 16, &[white; 24 * 16]);
    }
    let data = find(root).expect("a data set");
    assert_eq!((data.layout, names(&data.test), names(&data.train)), (Layout::Plain, vec!["cam/a", "cam/b"], vec!["day1"]));
    let message = labels_error(&data);
    assert!(message.contains("labels/*.csv"), "{message}");
    fs::create_dir_all(root.join("labels/cam")).expect("folder");
    fs::write(root.join("labels/all.csv"), "clip,frame,label\ncam/a,0,0\ncam/a,1,1\ncam/a,2,0\ncam/b,0,0\ncam/b,1,0\n").expect("labels");
    assert_eq!(labels(&data), [vec![0, 1, 0], vec![0, 0]]);
    assert_eq!(from_masks_of(&data, 0), [0, 1, 0]);
    assert!(masks::find(&data, &data.test[1], None).expect("no masks").is_none());
    let mut volume = vec![0; 2 * 24 * 16];
    volume[24 * 16 + 5] = 255;
    npy(&root.join("masks/cam/b.npy"), "2, 16, 24", &volume);
    assert_eq!(from_masks_of(&data, 1), [0, 1]);
    npy(&root.join("masks/cam/b.npy"), "3, 16, 16", &volume);
    assert!(masks::find(&data, &data.test[1], None).expect_err("three").to_string().contains("3 masks and 2 frames"));
    // A list of a clip's own comes before the table.
    fs::write(root.join("labels/cam/b.csv"), "1\n0\n").expect("labels");
    assert_eq!(labels(&data), [vec![0, 1, 0], vec![1, 0]]);
    fs::write(root.join("labels/cam/b.csv"), "1\n0\n1\n").expect("labels");
    let message = labels_error(&data);
    assert!(message.contains("cam/b has 3 labels and 2 frames"), "{message}");
    // Named by hand.
    let options = LabelOptions { path: Some(&root.join("labels/all.csv")), frames: None };
    assert_eq!(Labels::read(&data, &options).expect("labels").clip("cam/b"), Some(&[0, 0][..]));
    fs::write(root.join("truth.mat"), "MATLAB 5.0").expect("labels");
    let options = LabelOptions { path: Some(&root.join("truth.mat")), frames: None };
    assert!(Labels::read(&data, &options).expect_err("cut short").to_string().contains("no MATLAB file of version 5 to 7"));
}

fn from_masks_of(data: &DataSet, index: usize) -> Vec<u8> {
    let mut found = masks::find(data, &data.test[index], None).expect("masks").expect("a clip with masks");
    std::iter::from_fn(|| found.next_mask().expect("a mask")).map(|mask| u8::from(mask.values.contains(&1))).collect()
}

#[test]
fn videos_are_labelled_by_the_frames_that_decoding_gave() {
    let folder = tempdir().expect("folder");
    fs::create_dir_all(folder.path().join("test")).expect("folder");
    fs::write(folder.path().join("test/a.avi"), "not opened here").expect("a file");
    npy(&folder.path().join("test/a.npy"), "3,", &[0, 1, 0]);
    let data = find(folder.path()).expect("a data set");
    assert_eq!(labels(&data), [[0, 1, 0]]);
    let frames = BTreeMap::from([("a".to_string(), 4)]);
    let message = Labels::read(&data, &LabelOptions { path: None, frames: Some(&frames) }).expect_err("3 and 4").to_string();
    assert!(message.contains("3 labels and 4 frames"), "{message}");
}

#[test]
fn footage_without_parts_is_for_whatever_is_done() {
    let folder = tempdir().expect("folder");
    let root = folder.path().join("street");
    clip(&root, 3);
    let data = find(&root).expect("one clip");
    assert_eq!(names(&data.unassigned), ["street"]);
    assert_eq!(data.for_training().expect("footage").len(), 1);
    assert_eq!(data.for_scoring().len(), 1);
    fs::write(root.join("b.mp4"), "").expect("a file");
    let data = find(&root).expect("a video");
    assert_eq!(names(&data.unassigned), ["b"]);
    assert!(data.notes.iter().any(|note| note.contains("left out")), "{:?}", data.notes);
}

#[test]
fn names_that_collide_grow_until_they_differ() {
    let folder = tempdir().expect("folder");
    let root = folder.path();
    for path in ["a/x.mp4", "b/x.mp4", "b/y.mp4", "b/y.avi"] {
        fs::create_dir_all(root.join(path).parent().expect("a folder")).expect("folder");
        fs::write(root.join(path), "").expect("a file");
    }
    let inputs = |paths: &[&str]| {
        let paths: Vec<PathBuf> = paths.iter().map(|path| root.join(path)).collect();
        discover(&paths, &DiscoverOptions::default())
    };
    let data = inputs(&["a/x.mp4", "b/x.mp4", "b/y.mp4"]).expect("three");
    assert_eq!(names(&data.unassigned), ["a/x", "b/x", "y"]);
    for same in [["a/x.mp4", "a/x.mp4"], ["b/y.mp4", "b/y.avi"]] {
        let message = inputs(&same).expect_err("the same").to_string();
        assert!(message.contains(same[0]) && message.contains(same[1]), "{message}");
    }
}

#[test]
fn wrong_inputs_are_one_sentence_each() {
    let folder = tempdir().expect("folder");
    let root = folder.path();
    let message = |path: &Path| find(path).expect_err("wrong").to_string();
    assert!(message(&root.join("nowhere")).contains("no such file"));
    assert!(message(root).contains("no clip found"));
    clip(&root.join("both"), 2);
    fs::copy(root.join("both/001.png"), root.join("both/001.tif")).expect("a copy");
    assert!(message(&root.join("both")).contains("two formats"));
    assert!(message(&root.join("both/002.png")).contains("--layout images"));
    assert!(find_as(&root.join("both"), Layout::Ucsd).expect_err("wrong").to_string().contains("not the layout 'ucsd'"));
    assert!(discover(&[], &DiscoverOptions::default()).is_err());
    assert!(Layout::from_name("ucds").expect_err("a typing error").to_string().contains("ucsd"));
    fs::create_dir_all(root.join("only/test")).expect("folder");
    fs::write(root.join("only/test/a.mp4"), "").expect("a file");
    let only = find(&root.join("only")).expect("a test clip");
    assert!(only.for_training().expect_err("no training clips").to_string().contains("training"));
}

#[test]
fn pictures_are_stills_where_that_is_asked_for() {
    let folder = tempdir().expect("folder");
    let root = folder.path();
    clip(&root.join("train"), 3);
    clip(&root.join("test/good"), 1);
    clip(&root.join("test/bad"), 2);
    let data = find_as(root, Layout::Images).expect("stills");
    assert_eq!(names(&data.train), ["001", "002", "003"]);
    assert_eq!(names(&data.test), ["bad/001", "bad/002", "good/001"]);
    assert_eq!(labels(&data), [[1], [1], [0]]);
}
