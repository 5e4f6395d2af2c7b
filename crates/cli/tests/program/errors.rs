//! Every error: exit code 2 and one sentence that names the thing and says what to do.

use crate::harness::{Place, TEST_FRAMES, TINY, picture};
use std::fs;

#[test]
fn wrong_paths() {
    let place = Place::new();
    place.done("score run data --out s.csv");
    for words in [
        "train nowhere --out r",
        "score run nowhere --out x.csv",
        "calibrate run nowhere",
        "baseline fd-max31 nowhere --out x.csv",
        "evaluate s.csv --data nowhere",
        "inspect nowhere",
        "report run --scores s.csv --data nowhere",
    ] {
        place.refuses(words, &["nowhere", "no such file or folder; check the path"]);
    }
    for words in ["score nowhere data --out x.csv", "calibrate nowhere data", "report nowhere"] {
        place.refuses(words, &["nowhere", "skipgan train"]);
    }
    place.refuses("score data data --out x.csv", &["data", "not a run folder", "skipgan train"]);
    place.refuses("evaluate nowhere.csv --data data", &["nowhere.csv"]);
    place.refuses("evaluate s.csv --data data --labels nowhere.csv", &["nowhere.csv"]);
    place.refuses("train data --out r --config nowhere.toml", &["nowhere.toml"]);
    place.refuses("score run data --out scores.txt", &["scores.txt", ".csv or .jsonl"]);
    assert!(!place.file("x.csv").exists() && !place.file("r/checkpoints/last.safetensors").exists());
}

#[test]
fn footage_that_is_none() {
    let place = Place::new();
    fs::create_dir(place.file("empty")).expect("a folder");
    place.write("zero.mp4", b"");
    place.write("text.mp4", "This is a letter, not a film.\n".repeat(100));
    for step in 0..70 {
        let (width, height) = if step < 40 { (64, 48) } else { (48, 64) };
        picture(&place.file(&format!("mixed/{step:03}.png")), width, height, step);
    }
    for step in 0..20 {
        picture(&place.file(&format!("short/{step:03}.png")), 64, 48, step);
    }
    for command in ["train PATH --out r", "score run PATH --out x.csv", "baseline fd-max31 PATH --out x.csv"] {
        let on = |path: &str| command.replace("PATH", path);
        place.refuses(&on("empty"), &["empty", "no clip found", "give a video file"]);
        place.refuses(&on("zero.mp4"), &["zero.mp4", "empty (0 bytes)", "copy or record it again"]);
        place.refuses(&on("text.mp4"), &["text.mp4", "no video", "name another file"]);
        place.refuses(&on("mixed"), &["mixed", "64×48", "48×64", "keep one size"]);
        assert!(!place.file("x.csv").exists(), "{command}");
        let _ = fs::remove_dir_all(place.file("r"));
    }
    place.refuses("train short --out r", &["20 frames", "60", "add footage"]);
    // Four short clips: next to nothing is left when the borders of the cross-fitted fifths are left out.
    place.refuses("baseline tm-mean data --out x.csv", &["tm-mean", "too few", "at least 60"]);
    place.refuses("inspect zero.mp4", &["zero.mp4", "empty (0 bytes)"]);
}

#[test]
fn a_checkpoint_cut_in_half() {
    let place = Place::new();
    let path = place.file("run/checkpoints/best.safetensors");
    let bytes = fs::read(&path).expect("a checkpoint");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("cut");
    for words in ["score run data --out x.csv", "inspect run", "report run", "calibrate run data"] {
        place.refuses(words, &["best.safetensors", "cut or damaged", "the run's other checkpoint"]);
    }
    place.done("score run data/test/01.avi --out x.csv --checkpoint last");
    fs::write(&path, &bytes[..4]).expect("cut");
    place.refuses("score run data --out y.csv", &["best.safetensors", "not a checkpoint"]);
}

#[test]
fn weights_that_are_no_numbers() {
    let place = Place::new();
    let path = place.file("run/checkpoints/best.safetensors");
    let mut bytes = fs::read(&path).expect("a checkpoint");
    let header_bytes = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header_bytes]).expect("a header");
    let start = header["g.enc.0.conv.weight"]["data_offsets"][0].as_u64().expect("an offset") as usize;
    bytes[8 + header_bytes + start..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, bytes).expect("written");
    place.refuses("score run data --out x.csv", &["best.safetensors", "g.enc.0.conv.weight", "NaN", "use an earlier checkpoint"]);
}

#[test]
fn settings_that_do_not_exist() {
    let place = Place::new();
    place.write("wrong.toml", "lambada = 1\n");
    place.write("broken.toml", "lr = = 1\nbatch\n");
    place.refuses("train data --out r --set lambada=1", &["lambada"]);
    place.refuses("bench train --set lambada=1", &["lambada"]);
    place.refuses("score run data --out x.csv --set lambada=1", &["lambada"]);
    place.refuses("train data --out r --config wrong.toml", &["wrong.toml", "lambada"]);
    place.refuses("train data --out r --config broken.toml", &["broken.toml"]);
    place.refuses("train data --out r --set batch", &["batch", "KEY=VALUE"]);
    place.refuses("train data --out r --set lr=fast", &["lr"]);
    place.refuses("train data --out r --set side=33", &["33"]);
    place.refuses("train data --out r --preset cinema", &["cinema", "video, motion, official, paper, autoencoder"]);
    place.refuses("baseline fd-median data --out x.csv", &["fd-median", "fd-max31"]);
    place.refuses("score run data --out x.csv --set g_width=8", &["g_width", "belongs to the training", "lambda"]);
    place.refuses("score run data --out x.csv --threads 5000", &["--threads 5000", "at most 256"]);
    place.refuses("train data --out r --minutes 0", &["--minutes"]);
    place.refuses("score run data --out x.csv --fps 0", &["--fps must be positive"]);
}

/// Choosing by the test set needs its labels: that is said before the first frame is decoded.
#[test]
fn test_best_without_labels() {
    let place = Place::new();
    // The authors' habit belongs to the authors' preset: with motion or restoration it is refused whatever the labels.
    let train = format!("train DATA --out r --steps 3 --preset official {TINY} --set select=test_best");
    std::fs::create_dir_all(place.file("bare")).expect("a folder");
    for part in ["train", "test"] {
        crate::harness::copy(&place.file(&format!("data/{part}")), &place.file(&format!("bare/{part}")));
    }
    place.refuses(&train.replace("DATA", "bare"), &["select = test_best", "bare has no labels", "--set select=validation"]);
    place.refuses(&train.replace("DATA", "data/train"), &["select = test_best", "train has no test part", "--set select=validation"]);
    assert!(!place.file("r").exists(), "nothing was begun");
    place.done(&train.replace("DATA", "data"));
}

#[test]
fn a_run_that_is_in_the_way() {
    let place = Place::new();
    let before = fs::read(place.file("run/checkpoints/last.safetensors")).expect("a checkpoint");
    place.refuses(&format!("train data --out run --steps 3 {TINY}"), &["run", "not empty", "--resume", "--out"]);
    place.refuses("train data --out run --resume --set lr=0.5", &["lr", "keeps its settings", "--out"]);
    place.refuses(
        "train data/test/01.avi data/train/01.avi data/train/02.avi data/train/03.avi --out run --resume",
        &["footage has changed", "--out"],
    );
    assert_eq!(fs::read(place.file("run/checkpoints/last.safetensors")).expect("a checkpoint"), before);
}

#[test]
fn score_files_that_do_not_fit_the_data() {
    let place = Place::new();
    place.done("score run data --out s.csv");
    let rows = place.text("s.csv");
    let without = |part: &str| rows.lines().filter(|line| !line.starts_with(part)).map(|line| format!("{line}\n")).collect::<String>();
    place.write("clip.csv", without("02,"));
    place.write("frame.csv", without("01,7,"));
    place.write("tail.csv", without(&format!("01,{},", TEST_FRAMES - 1)));
    let row = rows.lines().find(|line| line.starts_with("01,7,")).expect("a row");
    let cells: Vec<&str> = row.split(',').collect();
    place.write("nan.csv", rows.replace(row, &format!("01,7,NaN,{}", cells[3..].join(","))));
    place.write("other.csv", format!("{rows}99,0,{}\n", cells[2..].join(",")));
    place.write("empty.csv", "");
    for command in ["evaluate FILE --data data", "report run --scores FILE --data data"] {
        let on = |path: &str| command.replace("FILE", path);
        place.refuses(&on("clip.csv"), &["clip.csv", "clip 02", "score it too"]);
        place.refuses(&on("frame.csv"), &["frame.csv", "clip 01, frame 7 is missing", "score the clip again"]);
        place.refuses(&on("tail.csv"), &["tail.csv", "clip 01, frame 19 is missing"]);
        place.refuses(&on("nan.csv"), &["nan.csv", "clip 01, frame 7", "NaN", "finite"]);
        place.refuses(&on("other.csv"), &["other.csv", "unknown clip 99"]);
        place.refuses(&on("empty.csv"), &["empty.csv", "write it again"]);
    }
    place.refuses("evaluate s.csv --data data --column glory", &["s.csv", "glory", "score_raw"]);
    fs::remove_dir_all(place.file("data/labels")).expect("removed");
    fs::remove_dir_all(place.file("data/masks")).expect("removed");
    place.refuses("evaluate s.csv --data data", &["no frame labels", "--labels"]);
}

#[test]
fn a_decoder_that_is_not_there() {
    let place = Place::new();
    let words = "score run data/test/01.avi --out x.csv --decoder ffmpeg --ffmpeg no/ffmpeg";
    place.refuses(words, &["no/ffmpeg", "not found", "--ffmpeg"]);
    let words = "score run data/test/01.avi --out x.csv --overlay film.mp4 --ffmpeg no/ffmpeg";
    place.refuses(words, &["film.mp4", "ffmpeg", "write .avi"]);
    let told = place.command("doctor").env("SKIPGAN_CPU", "abacus").output().expect("the program runs");
    assert_eq!(told.status.code(), Some(0), "doctor tells it instead of failing");
    let told = place.command("score run data --out x.csv --quiet").env("SKIPGAN_CPU", "abacus").output().expect("the program runs");
    crate::harness::refused("score", &crate::harness::Told::of(&told), &["abacus", "portable"]);
}

#[test]
fn a_device_that_cannot() {
    let place = Place::new();
    place.refuses("score run data --out x.csv --device gpu --precision int8", &["--precision int8 is the processor's", "--device gpu"]);
    place.refuses("bench score --device gpu --precision int8", &["--precision int8 is the processor's"]);
    for job in ["kernels", "pipeline"] {
        place.refuses(
            &format!("bench {job} --device gpu"),
            &[&format!("bench {job} measures the processor"), "bench train and bench score"],
        );
    }
}

/// A flag that says nothing about what is measured is no flag for it.
#[test]
fn bench_refuses_what_it_would_not_measure() {
    let place = Place::new();
    for (words, meant) in [
        ("train --streams 2", "--streams is for bench score"),
        ("score --threads 100000 --streams 100000", "at most 256"),
        ("score --streams 3 --threads 2", "--streams 3: must divide the 2 threads"),
        ("score --streams 0", "--streams 0"),
        ("kernels --streams 2", "leave out --streams"),
        ("pipeline --streams 2", "leave out --streams"),
        ("kernels --precision int8", "leave out --precision"),
        ("pipeline --batch 4", "leave out --batch"),
        ("score --only g.enc", "--only is for bench kernels"),
        ("pipeline --run run --side 64", "--run has a network"),
        ("pipeline --run run --preset official", "leave out --preset"),
        ("pipeline --run run --set lr=1", "--run has a network"),
        ("pipeline --run nowhere", "nowhere: this is not a run folder"),
        ("train --run run", "bench pipeline"),
        ("score --preset video --set skip_slope=2", "skip_slope is 2; it must be 0 to 1"),
    ] {
        place.refuses(&format!("bench {words}"), &[meant]);
    }
}

/// Built without the feature, the program says how to build it with; built with it, on a machine without a driver, what is missing.
#[test]
fn a_gpu_that_is_not_there() {
    let place = Place::new();
    place.done("score run data --out s.csv");
    for words in [
        "train data --out r --steps 3 --device gpu",
        "score run data --out x.csv --device gpu",
        "calibrate run data --device gpu",
        "report run --scores s.csv --data data --device gpu",
        "bench train --device gpu",
        "bench score --device gpu",
    ] {
        let mut command = place.command(&format!("{words} --quiet"));
        command.env("VK_DRIVER_FILES", "/no/such/driver.json").env("VK_ICD_FILENAMES", "/no/such/driver.json");
        let told = crate::harness::Told::of(&command.output().expect("the program runs"));
        let needles: &[&str] = match cfg!(feature = "gpu") {
            true => &["no GPU was found that Vulkan can use", "install the GPU's Vulkan driver", "--device at cpu"],
            false => &["without GPU support", "--features gpu", "--device at cpu"],
        };
        crate::harness::refused(words, &told, needles);
    }
    assert!(!place.file("r").exists() && !place.file("x.csv").exists(), "nothing was begun");
}
