//! The masks of UCSD Ped2 at full size: 2,010 frames of 360×240, 174 million pixels. Needs `SKIPGAN_PED2`, the UCSDped2 folder.

use crate::{Clip, load, views};
use skipgan::evaluate::{Detection, Inputs, MapSource, MaskSource, Options, Provenance, Ranking, SourceError, evaluate};
use skipgan::localise::{PixelBox, Plane};
use std::path::{Path, PathBuf};

/// The mask files of every clip, in name order.
struct MaskFiles(Vec<Vec<PathBuf>>);

impl MaskFiles {
    fn open(root: &Path) -> Self {
        let clip = |number: usize| {
            let folder = root.join(format!("Test/Test{number:03}_gt"));
            let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
            files.retain(|path| {
                path.extension().is_some_and(|extension| extension == "bmp")
                    && !path.file_name().unwrap().to_string_lossy().starts_with('.')
            });
            files.sort();
            files
        };
        Self((1..=12).map(clip).collect())
    }
}

impl MaskSource for MaskFiles {
    fn read(&mut self, clip: usize, frame: usize, mask: &mut Plane<u8>) -> Result<bool, SourceError> {
        let picture = image::open(&self.0[clip][frame])?.into_rgb8();
        let grey = picture.as_raw().chunks_exact(3).map(|pixel| pixel[0]).collect();
        *mask = Plane::new(picture.height() as usize, picture.width() as usize, grey);
        Ok(true)
    }
}

/// One flat map a frame, at a fraction of the masks' size.
struct FlatMaps<'a>(&'a [Clip]);

impl MapSource for FlatMaps<'_> {
    fn read(&mut self, clip: usize, frame: usize, map: &mut Plane<f64>) -> Result<(), SourceError> {
        map.reset(128, 192, self.0[clip].scores[frame]);
        Ok(())
    }
}

/// Anomalous and normal pixels of all masks at the score of their frame.
fn expected_pixel_auroc(clips: &[Clip], marked: &[Vec<u64>]) -> f64 {
    let mut frames: Vec<(f64, u64)> =
        clips.iter().zip(marked).flat_map(|(clip, marked)| clip.scores.iter().copied().zip(marked.iter().copied())).collect();
    frames.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut right, mut anomalous) = (0.0, 0.0, 0.0);
    for tied in frames.chunk_by(|a, b| a.0 == b.0) {
        let inside: f64 = tied.iter().map(|frame| frame.1 as f64).sum();
        let outside: f64 = tied.iter().map(|frame| (86_400 - frame.1) as f64).sum();
        right += inside * (below + outside / 2.0);
        below += outside;
        anomalous += inside;
    }
    right / (anomalous * below)
}

#[test]
fn ped2_masks_tracks_and_flat_maps() {
    let Some(root) = std::env::var_os("SKIPGAN_PED2") else {
        println!("skipped: SKIPGAN_PED2 is not set");
        return;
    };
    let case = load("ped2_fdmax31");
    let clips: Vec<Clip> = case["clips"]
        .as_array()
        .unwrap()
        .iter()
        .map(|clip| Clip {
            name: clip["clip"].as_str().unwrap().to_owned(),
            scores: clip["scores"].as_array().unwrap().iter().map(|score| score.as_f64().unwrap()).collect(),
            labels: clip["labels"].as_array().unwrap().iter().map(|label| label.as_u64().unwrap() as u8).collect(),
        })
        .collect();
    let mut masks = MaskFiles::open(Path::new(&root));
    let marked = count_marked(&mut masks, &clips);
    let flags: Vec<u8> = marked.iter().flatten().map(|&pixels| u8::from(pixels > 0)).collect();
    assert_eq!(flags, clips.iter().flat_map(|clip| clip.labels.clone()).collect::<Vec<_>>(), "labels agree with the masks");

    let whole = PixelBox { x0: 0, y0: 0, x1: 359, y1: 239 };
    let detections = [Detection { clip: 0, frame: 0, bounds: whole, score: 1.0 }];
    let mut maps = FlatMaps(&clips);
    let views = views(&clips);
    let inputs = Inputs { clips: &views, masks: Some(&mut masks), maps: Some(&mut maps), detections: Some(&detections), tracks: None };
    let begin = std::time::Instant::now();
    let report = evaluate(inputs, Provenance::default(), Options::default()).unwrap();
    println!("Ped2 with maps of 192×128: {:?}", begin.elapsed());
    assert_eq!(report.n_mask_frames, Some(2010));
    assert!(report.pixel_bins.unwrap() >= 1 << 18);
    let scores: Vec<f64> = clips.iter().flat_map(|clip| clip.scores.clone()).collect();
    assert_eq!(report.ucsd40_auc, Ranking::new(&scores, &flags).auroc(), "flat maps: UCSD40 is the frame AUROC");
    // Scores 1e-8 apart may share a bin; the exact ranking is compared in the vectors.
    let off = (report.pixel_auroc.unwrap() - expected_pixel_auroc(&clips, &marked)).abs();
    println!("binned pixel AUROC is off by {off:e}");
    assert!(off < 1e-5, "{off}");
    assert_eq!(report.rbdc, Some(0.0));
    assert_eq!(report.tracks.as_deref(), Some("mask26"));
}

fn count_marked(masks: &mut MaskFiles, clips: &[Clip]) -> Vec<Vec<u64>> {
    use skipgan::evaluate::regions::TrackTracer;
    let mut mask = Plane::default();
    let (mut regions, mut tracks) = (0, Vec::new());
    let marked = (0..clips.len())
        .map(|clip| {
            let mut tracer = TrackTracer::new();
            assert_eq!(masks.0[clip].len(), clips[clip].labels.len());
            let counts = (0..masks.0[clip].len()).map(|frame| {
                masks.read(clip, frame, &mut mask).unwrap();
                tracer.push(frame, &mask);
                mask.values.iter().filter(|&&value| value > 0).count() as u64
            });
            let counts: Vec<u64> = counts.collect();
            let (found, count) = tracer.finish(clip);
            regions += found.len();
            tracks.push(count as u64);
            counts
        })
        .collect();
    let expected: Vec<u64> =
        load("datasets")["UCSDped2"]["tracks_26"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect();
    assert_eq!(tracks, expected);
    assert_eq!(regions, 2411);
    marked
}
