//! The promise of the threshold on a generated street: normal footage ten times as long as the held-out part gives the wanted rate of false
//! alarms within a factor of three. The detector is a box filter on the frame difference, whose scores follow people as a network's do.

use skipgan::alarm_events::{AlarmRule, Clock, MERGE_SECONDS, Moment, Threshold, events};
use skipgan::baseline::{Baseline, Detector, GreyFrame};
use skipgan::data::scene::{Scene, SceneColour, SceneSettings};
use skipgan::score::threshold::{MaximaCollector, threshold};

const FRAMES_PER_SECOND: u32 = 5;
/// Five minutes.
const CLIP_FRAMES: usize = 300 * FRAMES_PER_SECOND as usize;
/// One is held out, ten are scored.
const CLIPS: usize = 11;

fn seconds(frame: usize) -> f64 {
    frame as f64 / f64::from(FRAMES_PER_SECOND)
}

/// Scores of one clip of the street's normal life.
fn scores(scene: &Scene, clip: usize) -> Vec<f64> {
    let (height, width) = (scene.settings().height, scene.settings().width);
    let script = scene.train(clip).expect("a clip");
    let mut detector: Box<dyn Detector> = Baseline::FdMax15.detector(None).expect("needs no footage");
    let mut score = |frame| {
        let drawn = scene.frame(&script, frame);
        detector.push(GreyFrame { height, width, samples: &drawn.pixels }).expect("one size").raw
    };
    (0..CLIP_FRAMES).map(&mut score).collect()
}

fn alarm_events(scores: &[f64], threshold: &Threshold) -> usize {
    let mut rule = AlarmRule::new(threshold.score, threshold.needed);
    let alarms: Vec<bool> = scores.iter().map(|score| rule.next(*score)).collect();
    events(&alarms, MERGE_SECONDS, seconds).len()
}

#[test]
fn a_generated_street_alarms_about_as_often_as_wanted() {
    let settings = SceneSettings {
        width: 64,
        height: 48,
        fps: FRAMES_PER_SECOND,
        colour: SceneColour::Grey,
        train_clips: CLIPS,
        train_frames: CLIP_FRAMES,
        test_clips: 0,
        normal_test_clips: 0,
        density: 1.0,
        ..SceneSettings::default()
    };
    let scene = Scene::new(settings).expect("a street");
    let all: Vec<Vec<f64>> = std::thread::scope(|scope| {
        let scene = &scene;
        let halves = [0, 1].map(|half| scope.spawn(move || (half..CLIPS).step_by(2).map(|clip| scores(scene, clip)).collect::<Vec<_>>()));
        let [even, odd] = halves.map(|half| half.join().expect("drawn"));
        even.into_iter().chain(odd).collect()
    });
    let mut collector = MaximaCollector::default();
    collector.begin_clip(Clock::Pts);
    for (frame, score) in all[0].iter().enumerate().skip(1) {
        collector.add(Moment { frame: frame as u64, time_s: Some(seconds(frame)) }, *score, true);
    }
    let held_out = collector.finish().expect("footage");
    let minutes = |frames: usize| seconds(frames) / 60.0;
    for (wanted_in_held_out, extrapolated) in [(0.8, true), (2.0, false), (4.0, false)] {
        let wanted = wanted_in_held_out * 60.0 / minutes(CLIP_FRAMES);
        let chosen = threshold(&held_out, wanted);
        assert_eq!(chosen.extrapolated, extrapolated);
        let found: usize = all[1..].iter().map(|clip| alarm_events(clip, &chosen)).sum();
        let rate = found as f64 * 60.0 / minutes(10 * CLIP_FRAMES);
        println!("wanted {wanted:.1} an hour, found {rate:.1}");
        assert!((wanted / 3.0..=wanted * 3.0).contains(&rate), "wanted {wanted} an hour, found {rate}");
    }
}
