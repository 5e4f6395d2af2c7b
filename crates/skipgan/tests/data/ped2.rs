//! The real Ped2, where the variable SKIPGAN_PED2 says where it lies.

use skipgan::data::labels::{LabelOptions, Labels};
use skipgan::data::{Clip, DiscoverOptions, discover, hold_out, masks};
use std::path::PathBuf;

#[test]
fn ped2_is_complete_and_its_masks_agree_with_its_intervals() {
    let Some(root) = std::env::var_os("SKIPGAN_PED2").map(PathBuf::from) else {
        println!("skipped: SKIPGAN_PED2 is not set");
        return;
    };
    let data = discover(&[root], &DiscoverOptions::default()).expect("Ped2");
    assert_eq!(data.name(), "UCSDped2");
    let frames = |clips: &[Clip]| clips.iter().filter_map(Clip::known_frames).sum::<usize>();
    assert_eq!((data.train.len(), frames(&data.train), data.test.len(), frames(&data.test)), (16, 2550, 12, 2010));
    let labels = Labels::read(&data, &LabelOptions::default()).expect("labels");
    assert_eq!(labels.anomalous(), 1648);
    assert!(labels.notes.is_empty() && labels.source.contains("UCSDped2.m"), "{labels:?}");
    for clip in &data.test {
        let volume = masks::find(&data, clip, None).expect("masks").expect("masks").read_all().expect("masks");
        assert_eq!((volume.height, volume.width), (240, 360));
        let from_masks: Vec<u8> = volume.values.chunks_exact(240 * 360).map(|mask| u8::from(mask.contains(&1))).collect();
        assert_eq!(labels.clip(&clip.name), Some(from_masks.as_slice()), "{}", clip.name);
    }
    let counts: Vec<usize> = data.train.iter().filter_map(Clip::known_frames).collect();
    let split = hold_out(&counts, 1).expect("2550 frames");
    assert_eq!(split.held_out.iter().map(|span| span.clip).collect::<Vec<_>>(), [3, 8, 13]);
}
