//! A live source: Y4M on stdin, a row for every frame before the next one comes.

use crate::harness::{Place, SIZE, Told, ramp, refused};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn header() -> String {
    format!("YUV4MPEG2 W{} H{} F10:1 Ip A1:1 Cmono\n", SIZE.0, SIZE.1)
}

fn frame(step: usize) -> Vec<u8> {
    [b"FRAME\n".to_vec(), ramp(SIZE.0, SIZE.1, step)].concat()
}

/// Complete lines of the file, once there are `lines` of them.
fn wait_for(path: &Path, lines: usize) -> usize {
    let begun = Instant::now();
    loop {
        let found = std::fs::read_to_string(path).map_or(0, |text| text.matches('\n').count());
        if found >= lines || begun.elapsed() > Duration::from_secs(20) {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_row_is_there_as_soon_as_its_frame_is() {
    let place = Place::new();
    let mut child = place.command("score run - --out live.csv --quiet").stdin(Stdio::piped()).spawn().expect("the program starts");
    let mut input = child.stdin.take().expect("stdin");
    input.write_all(header().as_bytes()).expect("a header");
    for step in 0..5 {
        input.write_all(&frame(step)).expect("a frame");
        input.flush().expect("flushed");
        assert_eq!(wait_for(&place.file("live.csv"), step + 2), step + 2, "rows after frame {step}");
    }
    drop(input);
    assert_eq!(child.wait().expect("the program ends").code(), Some(0));
    // The same frames from a file: the same numbers.
    place.write("-.y4m", [header().into_bytes(), (0..5).flat_map(frame).collect()].concat());
    place.done("score run ./-.y4m --out file.csv");
    let numbers = |name: &str| -> Vec<String> {
        place.text(name).lines().map(|line| line.split_once(',').map(|(_, rest)| rest.to_string()).unwrap_or_default()).collect()
    };
    assert_eq!(numbers("live.csv"), numbers("file.csv"));
}

fn fed(place: &Place, words: &str, bytes: &[u8]) -> Told {
    let mut command = place.command(&format!("{words} --quiet"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    // A program that refuses may have closed its end already.
    let _ = child.stdin.take().expect("stdin").write_all(bytes);
    Told::of(&child.wait_with_output().expect("the program ends"))
}

#[test]
fn a_stream_that_is_none_or_breaks_off() {
    let place = Place::new();
    refused(
        "score run -",
        &fed(&place, "score run - --out x.csv", b""),
        &["nothing came through standard input", "pipe Y4M into it", "ffmpeg -i"],
    );
    refused("score run -", &fed(&place, "score run - --out x.csv", b"This is a letter.\n"), &["stdin", "no video", "This is a le"]);
    let whole = [header().into_bytes(), frame(0), frame(1)].concat();
    let cut = fed(&place, "score run - --out cut.csv", &whole[..whole.len() - 100]);
    assert_eq!(cut.code, Some(0), "what came is scored: {cut:?}");
    assert!(place.text("cut.csv").lines().count() >= 2);
    refused("train -", &fed(&place, "train - --out r", &whole), &["-"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_live_score_file_on_a_full_disk() {
    let place = Place::new();
    std::os::unix::fs::symlink("/dev/full", place.file("full.csv")).expect("a link");
    let bytes = [header().into_bytes(), frame(0), frame(1)].concat();
    refused("score run -", &fed(&place, "score run - --out full.csv", &bytes), &["full.csv", "pace"]);
}
