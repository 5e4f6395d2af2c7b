//! A folder with a tiny generated street and a network trained on it for three steps, and the program run inside.

use skipgan::data::scene::{Scene, SceneColour, SceneSettings};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A network that trains in a moment.
pub const TINY: &str = "--set width=32 --set height=32 --set g_width=4 --set d_width=4 --set batch=4";
/// Columns and rows of the street.
pub const SIZE: (usize, usize) = (64, 48);
/// Frames of a test clip.
pub const TEST_FRAMES: usize = 20;

/// What the program told.
#[derive(Debug)]
pub struct Told {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Told {
    /// What a finished child told.
    pub fn of(output: &std::process::Output) -> Told {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Told { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The only JSON object of stdout.
    pub fn json(&self) -> serde_json::Value {
        let lines = self.json_lines();
        assert_eq!(lines.len(), 1, "one object is expected: {self:?}");
        lines[0].clone()
    }

    /// Every line of stdout as JSON with the schema's number.
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let parsed = |line: &str| -> serde_json::Value {
            let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!(value["schema"], 1, "{line}");
            value
        };
        self.out.lines().map(parsed).collect()
    }
}

/// A folder of its own with `data` (the street) and `run` (the network).
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// A copy of the common one.
    pub fn new() -> Place {
        static COMMON: OnceLock<PathBuf> = OnceLock::new();
        let place = Place { folder: tempfile::tempdir().expect("a folder") };
        copy(COMMON.get_or_init(make_common), place.path());
        place
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    /// The program with these words, to be run in this folder.
    pub fn command(&self, words: &str) -> Command {
        command(self.path(), words)
    }

    /// Runs it to the end.
    pub fn run(&self, words: &str) -> Told {
        Told::of(&self.command(words).output().expect("the program runs"))
    }

    /// Runs it and expects success.
    pub fn done(&self, words: &str) -> Told {
        let told = self.run(words);
        assert_eq!(told.code, Some(0), "skipgan {words}: {told:?}");
        told
    }

    /// Runs it and expects exit code 2, nothing on stdout, and one line on stderr that holds each of `parts`; gives that line.
    pub fn refuses(&self, words: &str, parts: &[&str]) -> String {
        refused(words, &self.run(&format!("{words} --quiet")), parts)
    }
}

/// Checks what a failed run told.
pub fn refused(words: &str, told: &Told, parts: &[&str]) -> String {
    assert_eq!(told.code, Some(2), "skipgan {words}: {told:?}");
    assert_eq!(told.out, "", "skipgan {words}: nothing belongs on stdout");
    let lines: Vec<&str> = told.err.lines().filter(|line| !line.starts_with("warning: ")).collect();
    assert_eq!(lines.len(), 1, "skipgan {words}: one line is expected: {told:?}");
    assert!(lines[0].starts_with("error: "), "skipgan {words}: {told:?}");
    for part in parts {
        assert!(lines[0].contains(part), "skipgan {words}: '{part}' is not in: {}", lines[0]);
    }
    lines[0].to_string()
}

fn command(folder: &Path, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skipgan"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SKIPGAN_")) {
        command.env_remove(name);
    }
    command.args(words.split_whitespace()).current_dir(folder).stdin(Stdio::null());
    // The tests run beside each other.
    command.env("SKIPGAN_THREADS", "1");
    command
}

/// The street and the network, made once for all tests of this run of the test program.
fn make_common() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("program");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let settings = SceneSettings {
        width: SIZE.0,
        height: SIZE.1,
        fps: 10,
        colour: SceneColour::Grey,
        train_clips: 4,
        train_frames: 20,
        test_clips: 2,
        test_frames: TEST_FRAMES,
        normal_test_clips: 0,
        ..SceneSettings::default()
    };
    Scene::new(settings).expect("a street").write(&folder.join("data"), &mut |_, _| {}).expect("written");
    let words = format!("train data --out run --steps 3 {TINY}");
    let told = Told::of(&command(&folder, &words).output().expect("the program runs"));
    assert_eq!(told.code, Some(0), "{told:?}");
    folder
}

/// Copies a folder and what is below it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder to copy") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Writes a grey picture: a ramp that moves with `step`.
pub fn picture(path: &Path, width: usize, height: usize, step: usize) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    let file = fs::File::create(path).expect("a file");
    let mut encoder = png::Encoder::new(file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().expect("a header").write_image_data(&ramp(width, height, step)).expect("a picture");
}

/// The samples of such a picture, 16 to 235.
pub fn ramp(width: usize, height: usize, step: usize) -> Vec<u8> {
    let at = |i: usize| 16 + (((i % width) * 5 + (i / width) * 3 + step * 4) % 220) as u8;
    (0..width * height).map(at).collect()
}

/// Whether ffmpeg is there; where CI runs, it must be.
pub fn ffmpeg() -> bool {
    let found = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    assert!(found || std::env::var_os("CI").is_none(), "CI is set and ffmpeg is missing");
    if !found {
        println!("skipped: no ffmpeg");
    }
    found
}
