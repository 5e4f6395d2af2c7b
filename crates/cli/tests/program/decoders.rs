//! The same clip through the built-in decoder and through ffmpeg: the same score file; as pictures: nearly the same scores.

use crate::harness::{Place, ffmpeg};
use std::process::Command;

fn convert(place: &Place, words: &str) {
    let output = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(words.split(' ')).current_dir(place.path()).output();
    let output = output.expect("ffmpeg runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn recon(place: &Place, name: &str) -> Vec<f64> {
    let text = place.text(name);
    let at = text.lines().next().expect("a header").split(',').position(|name| name == "recon").expect("recon");
    text.lines().skip(1).map(|row| row.split(',').nth(at).expect("a cell").parse().expect("a number")).collect()
}

#[test]
fn scores_do_not_depend_on_the_decoder() {
    if !ffmpeg() {
        return;
    }
    let place = Place::new();
    std::fs::create_dir(place.file("pictures")).expect("a folder");
    convert(&place, "-i data/test/01.avi -pix_fmt gray pictures/%03d.png");
    convert(&place, "-framerate 10 -i pictures/%03d.png -c:v libx264 -crf 12 -pix_fmt yuv420p -bf 2 film.mp4");
    place.done("score run film.mp4 --out builtin.csv --decoder builtin");
    place.done("score run film.mp4 --out ffmpeg.csv --decoder ffmpeg");
    assert_eq!(place.text("builtin.csv"), place.text("ffmpeg.csv"));
    // What compression changes is small where pictures are judged; motion over a few grey levels of noise would show more of it.
    place.done("train data --out still --preset official --steps 3 --set side=32 --set g_width=4 --set d_width=4 --set batch=4");
    place.done("score still film.mp4 --out film.csv");
    place.done("score still pictures --out pictures.csv --fps 10");
    let (film, pictures) = (recon(&place, "film.csv"), recon(&place, "pictures.csv"));
    assert_eq!(film.len(), pictures.len());
    for (frame, (film, picture)) in film.iter().zip(&pictures).enumerate() {
        assert!((film / picture - 1.0).abs() < 0.05, "frame {frame}: {film} as film, {picture} as picture");
    }
}
