//! local look
use skipgan::baseline::*;
use skipgan::evaluate::*;
use skipgan::report::heat::*;
use skipgan::report::html::*;
use skipgan::report::picture::Picture;
use skipgan::report::plot::Series;
use std::path::{Path, PathBuf};
fn frames(dir: &Path) -> Vec<PathBuf> {
    let mut f: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "jpg") && !p.file_name().unwrap().to_string_lossy().starts_with('.'))
        .collect();
    f.sort();
    f
}
fn grey(p: &Path) -> video::Plane {
    video::read_picture(p, video::Planes::Luma, &video::Limits::default()).unwrap().y
}
struct Train(PathBuf);
impl TrainingFootage for Train {
    fn clips(&self) -> usize {
        16
    }
    fn read(&mut self, clip: usize, visit: &mut dyn FnMut(GreyFrame<'_>) -> Result<(), BaselineError>) -> Result<(), BaselineError> {
        for p in frames(&self.0.join(format!("Train/Train{:03}", clip + 1))) {
            let y = grey(&p);
            visit(GreyFrame { height: y.height as usize, width: y.width as usize, samples: &y.data })?;
        }
        Ok(())
    }
}
fn main() {
    let root = PathBuf::from(std::env::var("SKIPGAN_PED2").unwrap());
    let out = std::env::args().nth(1).unwrap();
    let name: Baseline = std::env::args().nth(2).unwrap_or("fd-max31".into()).parse().unwrap();
    let t = std::time::Instant::now();
    let (mut det, cal) = fit_and_calibrate(name, &mut Train(root.clone())).unwrap();
    println!("train {:?} {cal:?}", t.elapsed());
    let known: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string("testdata/evaluation/ped2_fdmax31.json").unwrap()).unwrap();
    let mut clips = vec![];
    let t = std::time::Instant::now();
    let mut worst = 0f64;
    for c in known["clips"].as_array().unwrap() {
        let n = c["clip"].as_str().unwrap();
        let labels: Vec<u8> = c["labels"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u8).collect();
        det.start_clip();
        let mut scores = vec![];
        for (i, p) in frames(&root.join("Test").join(n)).iter().enumerate() {
            let y = grey(p);
            let s = det.push(GreyFrame { height: y.height as usize, width: y.width as usize, samples: &y.data }).unwrap();
            worst = worst.max((s.raw - c["scores"][i].as_f64().unwrap()).abs());
            scores.push(cal.score(s.raw));
        }
        clips.push(ClipResult { name: n.into(), times: None, warmup: 1, labels: Some(labels), scores, notes: vec![] });
    }
    println!("test {:?} worst {worst}", t.elapsed());
    let cs: Vec<ClipScores> =
        clips.iter().map(|c| ClipScores { name: &c.name, scores: &c.scores, labels: c.labels.as_ref().unwrap() }).collect();
    let ev = evaluate(
        Inputs { clips: &cs, masks: None, maps: None, detections: None, tracks: None },
        Provenance { selection: Some(Selection::Train), ..Default::default() },
        Options::default(),
    )
    .unwrap();
    println!("{:?} {:?} expected {}", ev.frame_auroc_micro, ev.interval("frame_AUROC_micro"), known["expect"]["frame_AUROC_micro"]);
    let scale = HeatScale::from_normal(cal.map_median, cal.tau0);
    let moments = pick_moments(&clips, 6)
        .into_iter()
        .map(|m| {
            let files = frames(&root.join("Test").join(&clips[m.clip].name));
            det.start_clip();
            let mut map = vec![];
            let mut y = grey(&files[0]);
            for f in &files[m.frame.saturating_sub(1)..=m.frame] {
                y = grey(f);
                det.push(GreyFrame { height: y.height as usize, width: y.width as usize, samples: &y.data }).unwrap().write_map(&mut map);
            }
            let (h, w) = (y.height as usize, y.width as usize);
            let pic = Picture::from_grey(h, w, &y.data);
            Moment {
                kind: m.kind,
                clip: clips[m.clip].name.clone(),
                frame: m.frame,
                time_s: None,
                score: m.score,
                pictures: vec![
                    Captioned { caption: "picture".into(), picture: pic.clone() },
                    Captioned { caption: "reconstruction".into(), picture: pic.shrunk(192) },
                    Captioned { caption: "map".into(), picture: blend(&pic, &map, h, w, scale) },
                ],
            }
        })
        .collect();
    let series = |n: &str, k: f64, c: f64| Series {
        name: n.into(),
        points: (0..2000).map(|i| (i as f64, k * (c + (-(i as f64) / 300.0).exp() + 0.03 * ((i * 7919 % 101) as f64 / 101.0)))).collect(),
    };
    let held = |n: &str, k: f64, c: f64| Series {
        name: n.into(),
        points: (1..20).map(|i| (i as f64 * 100.0, k * (c + 0.02 + (-(i as f64) / 3.0).exp()))).collect(),
    };
    let input = ReportInput {
        title: "ped2-video".into(),
        subtitle: "Preset video, trained on the 16 normal clips of UCSD Ped2 for 2,000 steps; scored on its 12 test clips.".into(),
        threshold: Some(cal.threshold()),
        evaluation: Some(ev),
        clips,
        moments,
        comparisons: vec![
            Comparison { name: "fd-max31".into(), auroc: 0.879, interval: Some([0.796, 0.943]) },
            Comparison { name: "tm-mean".into(), auroc: 0.658, interval: Some([0.443, 0.913]) },
        ],
        training: Some(TrainingInput {
            plots: vec![
                LossPlot { title: "Contextual loss".into(), series: vec![series("training", 0.2, 0.1), held("held out", 0.2, 0.1)] },
                LossPlot { title: "Adversarial loss".into(), series: vec![series("training", 40.0, 0.01)] },
                LossPlot { title: "Latent loss".into(), series: vec![series("training", 1.0, 0.5)] },
                LossPlot { title: "Discriminator".into(), series: vec![series("training", 0.7, 0.6)] },
            ],
            facts: vec![
                Fact::new("Steps", "2,000 of 2,000"),
                Fact::new("Time", "4 min 12 s on 2 threads"),
                Fact::new("Kept", "step 1,700: least contextual loss on held-out clips"),
            ],
            kept: Some((1700.0, "kept".into())),
            samples: vec![],
        }),
        config: ConfigRow::of(&skipgan::config::Config::preset("video").unwrap().with_set("lambda=0.5").unwrap()).unwrap(),
        data: vec![
            Fact::new("Data set", "UCSD Ped2, layout UCSD"),
            Fact::new("Training", "16 clips, 2,550 frames"),
            Fact::new("Test", "12 clips, 2,010 frames"),
            Fact::new("Fingerprint", "8c6870e1108559c5dfb1e58c1bf6d0058bd7ee33898161e0c4a8dd9083fadfae"),
        ],
        commands: vec![
            "skipgan train UCSDped2 --out runs/ped2-video".into(),
            "skipgan score runs/ped2-video UCSDped2 --out scores.csv --maps maps".into(),
            "skipgan evaluate scores.csv --data UCSDped2".into(),
        ],
        provenance: vec![
            Fact::new("Program", "skipgan 0.1.0"),
            Fact::new("Seed", "1"),
            Fact::new("Model", "sha256 52a6f1c0…"),
            Fact::new("Scores", "sha256 52a6f1c0d0558bd7ee33898161e0c4a8dd9083fadfae"),
        ],
        missing: if std::env::args().nth(3).is_some() {
            vec![Missing {
                what: "Pixel and region numbers need maps.".into(),
                command: "skipgan score runs/ped2 UCSDped2 --out scores.csv --maps maps".into(),
            }]
        } else {
            vec![]
        },
    };
    let input = if std::env::args().nth(3).is_some() {
        ReportInput { evaluation: None, clips: vec![], moments: vec![], comparisons: vec![], ..input }
    } else {
        input
    };
    let page = render(&input);
    println!("{} bytes", page.len());
    std::fs::write(out, page).unwrap();
}
