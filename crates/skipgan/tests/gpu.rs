//! The GPU's engine against the processor's: scores, steps, running statistics, and a checkpoint that moves between them. Runs wherever
//! Vulkan finds a device, a program that plays one (Mesa's llvmpipe) too; elsewhere every test says that it was skipped.

use kernels::Pool;
use skipgan::config::{Config, Objective, Order};
use skipgan::gpu::{Gpu, GpuEngine};
use skipgan::model::engine::{AdamRates, Batch, Changed, Engine, Losses, Norm, Rates, Scores};
use skipgan::model::{CpuEngine, PlanSize, Purpose};
use skipgan::params::State;
use skipgan::spec::{Features, Spec};
use std::sync::Arc;

/// Largest difference of scores, losses and statistics, as a share of the largest absolute value of the same tensor: what single numbers
/// lose in sums of another order, through all layers.
const TOLERANCE: f64 = 1e-4;

/// A network, its objective and a picture size.
#[derive(Clone)]
struct Case {
    name: &'static str,
    spec: Spec,
    objective: Objective,
    height: usize,
    width: usize,
}

/// A preset, four channels wide; small weights as published would hide what deep levels do, so `init` is by fan-in.
fn case(name: &'static str, preset: &str, (height, width): (usize, usize), set: &[&str]) -> Case {
    let narrow = ["g_width=4", "d_width=4", "init=fan_in"].iter().chain(set);
    let config = narrow.fold(Config::preset(preset).expect("a preset"), |config, set| config.with_set(set).expect("a setting"));
    Case { name, spec: config.spec(height, width).expect("a shape"), objective: config.objective(), height, width }
}

fn cases() -> Vec<Case> {
    let mut switches = case("other switches", "official", (32, 64), &["order=first_release", "real_label=0.9", "score_r=l1", "score_l=l1"]);
    let (g, d) = (&mut switches.spec.generator, &mut switches.spec.discriminator);
    (g.skips[1], g.skip_slope, g.bottleneck_norm) = (false, 0.2, true);
    (d.loss_features, d.score_features) = (Features::Levels(vec![0, 1]), Features::Levels(vec![1]));
    vec![
        case("official", "official", (32, 32), &[]),
        case("repaired", "official", (32, 32), &["order=repaired", "bce=logits"]),
        switches,
        case("video", "video", (64, 96), &[]),
    ]
}

/// Pictures for a case, with something put in where the objective has a critic.
struct Pictures {
    images: usize,
    input: Vec<f32>,
    target: Vec<f32>,
    context: Vec<f32>,
    changed: Option<[Vec<f32>; 3]>,
}

impl Pictures {
    fn new(case: &Case, images: usize) -> Pictures {
        let pixels = images * case.height * case.width;
        let (inputs, outputs) = (case.spec.generator.input_channels, case.spec.generator.output_channels);
        let input = noise(pixels * inputs, 1);
        let changed = (inputs != outputs).then(|| {
            let cells = pixels >> (2 * case.spec.discriminator.levels);
            let importance = noise(pixels * outputs, 4).iter().map(|value| 1.5 + value).collect();
            [noise(pixels * outputs, 3), importance, (0..cells).map(|cell| if cell % 3 == 0 { 0.0 } else { 0.9 }).collect()]
        });
        let target = if changed.is_some() { noise(pixels * outputs, 2) } else { input.clone() };
        Pictures { images, input, target, context: noise(pixels * case.spec.context_channels(), 5), changed }
    }

    fn all(&self, case: &Case) -> Batch<'_> {
        self.part(case, 0, self.images)
    }

    fn part(&self, case: &Case, from: usize, images: usize) -> Batch<'_> {
        let cut = |values: &'_ [f32]| values.len() / self.images * from..values.len() / self.images * (from + images);
        Batch {
            images,
            height: case.height,
            width: case.width,
            input: &self.input[cut(&self.input)],
            target: &self.target[cut(&self.target)],
            context: &self.context[cut(&self.context)],
            changed: self.changed.as_ref().map(|[target, importance, cells]| Changed {
                target: &target[cut(target)],
                importance: &importance[cut(importance)],
                cells: &cells[cut(cells)],
            }),
        }
    }
}

/// Smooth waves and a little noise, in [−1, 1].
fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = |i: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        0.6 * (i as f32 * 0.013 + seed as f32).sin() + 0.4 * ((state >> 40) as f32 / (1 << 23) as f32 - 1.0)
    };
    (0..count).map(&mut next).collect()
}

/// The device, or why there is none.
fn device() -> Option<Gpu> {
    Gpu::open().map_err(|error| println!("skipped: {error}")).ok()
}

const IMAGES: usize = 2;

fn size(case: &Case) -> PlanSize {
    PlanSize { images: IMAGES, height: case.height, width: case.width }
}

fn on_cpu(case: &Case, purpose: Purpose) -> CpuEngine<f32> {
    let pool = Arc::new(Pool::new(1).expect("a pool"));
    CpuEngine::new(&case.spec, &case.objective, size(case), purpose, pool).expect("a network that fits")
}

fn on_gpu(case: &Case, purpose: Purpose, gpu: &Gpu) -> GpuEngine {
    GpuEngine::new(&case.spec, &case.objective, size(case), purpose, gpu).expect("a network that fits")
}

fn rates() -> Rates {
    let adam = |lr| AdamRates { lr, beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
    Rates { generator: adam(2e-4), discriminator: adam(1e-4) }
}

fn steps(engine: &mut dyn Engine, case: &Case, pictures: &Pictures, count: usize) -> Vec<Losses> {
    (0..count).map(|_| engine.step(&pictures.all(case), &rates())).collect()
}

/// # Panics
/// Where two rows differ by more than `tolerance` of the largest absolute value.
fn near(what: &str, got: &[f32], meant: &[f32], tolerance: f64) {
    assert_eq!(got.len(), meant.len(), "{what}");
    let largest = meant.iter().fold(0.0f64, |largest, &value| largest.max(f64::from(value).abs()));
    let off = got.iter().zip(meant).fold(0.0f64, |off, (&a, &b)| off.max((f64::from(a) - f64::from(b)).abs()));
    assert!(off <= tolerance * largest, "{what}: off by {off:.2e}, the largest is {largest:.2e}");
}

fn near_scores(what: &str, got: &Scores, meant: &Scores) {
    let singles = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
    near(&format!("{what}: x̂"), &got.reconstruction, &meant.reconstruction, TOLERANCE);
    near(&format!("{what}: maps of R"), &got.residual_maps, &meant.residual_maps, TOLERANCE);
    near(&format!("{what}: R"), &singles(&got.residual), &singles(&meant.residual), TOLERANCE);
    near(&format!("{what}: L"), &singles(&got.latent), &singles(&meant.latent), TOLERANCE);
    assert_eq!(got.latent_maps.len(), meant.latent_maps.len(), "{what}");
    for (got, meant) in got.latent_maps.iter().zip(&meant.latent_maps) {
        assert_eq!((got.rows, got.cols), (meant.rows, meant.cols), "{what}");
        near(&format!("{what}: a map of L"), &got.values, &meant.values, TOLERANCE);
    }
}

fn near_losses(what: &str, got: &Losses, meant: &Losses, tolerance: f64) {
    let all = |l: &Losses| [l.adversarial, l.contextual, l.latent, l.generator, l.real, l.fake, l.discriminator];
    for (at, (got, meant)) in all(got).into_iter().zip(all(meant)).enumerate() {
        assert!((got - meant).abs() <= tolerance * meant.abs(), "{what}, loss {at}: {got} and {meant}");
    }
    assert_eq!(got.redrawn, meant.redrawn, "{what}");
}

/// How near two states are to be.
struct Near {
    /// Running statistics, as [`TOLERANCE`].
    statistics: f64,
    /// Moments, likewise: means of gradients and of their squares.
    moments: f64,
    /// Sum of a tensor's parameters' differences, as a share of the way that they went: Adam turns a gradient of nearly 0 into a whole
    /// step of either sign.
    parameters: f64,
}

/// After one step from one state.
const ONE_STEP: Near = Near { statistics: TOLERANCE, moments: TOLERANCE, parameters: 1e-3 };
/// After six steps: what one step turned the other way, the next one starts from.
const SEVERAL: Near = Near { statistics: 1e-3, moments: 1e-2, parameters: 1e-2 };

/// Every tensor of two states that came from `before`.
fn near_states(what: &str, got: &State, meant: &State, before: &State, tolerance: &Near) {
    assert_eq!(got.step, meant.step, "{what}");
    for slot in &meant.statistics.layout.slots {
        let name = format!("{what}: {}", slot.name);
        near(&name, &got.statistics.values[slot.range()], &meant.statistics.values[slot.range()], tolerance.statistics);
    }
    for slot in &meant.parameters.layout.slots {
        let range = slot.range();
        let name = |kind: &str| format!("{what}: {kind} of {}", slot.name);
        near(&name("first moment"), &got.first_moments[range.clone()], &meant.first_moments[range.clone()], tolerance.moments);
        near(&name("second moment"), &got.second_moments[range.clone()], &meant.second_moments[range.clone()], tolerance.moments);
        let sum = |a: &State, b: &State| -> f64 {
            let pairs = a.parameters.values[range.clone()].iter().zip(&b.parameters.values[range.clone()]);
            pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs()).sum()
        };
        let (off, way) = (sum(got, meant), sum(meant, before));
        assert!(off <= tolerance.parameters * way, "{}: off by {off:.2e} after a way of {way:.2e}", name("parameters"));
    }
}

#[test]
fn scores_meet_the_processors() {
    let Some(gpu) = device() else { return };
    for case in cases() {
        let pictures = Pictures::new(&case, IMAGES);
        let mut trained = on_cpu(&case, Purpose::Train);
        steps(&mut trained, &case, &pictures, 2);
        let state = trained.save();
        let (mut cpu, mut gpu) = (on_cpu(&case, Purpose::Score), on_gpu(&case, Purpose::Score, &gpu));
        cpu.load(&state);
        gpu.load(&state);
        for norm in [Norm::Running, Norm::Batch, Norm::Instance] {
            let what = format!("{}, {norm:?}", case.name);
            near_scores(&what, gpu.score(&pictures.all(&case), norm), cpu.score(&pictures.all(&case), norm));
        }
    }
}

#[test]
fn initial_weights_are_the_processors() {
    let Some(gpu) = device() else { return };
    for case in cases() {
        assert!(on_gpu(&case, Purpose::Train, &gpu).save() == on_cpu(&case, Purpose::Train).save(), "{}", case.name);
    }
}

#[test]
fn every_step_meets_the_processors_in_every_order() {
    let Some(gpu) = device() else { return };
    for case in cases() {
        let pictures = Pictures::new(&case, IMAGES);
        let (mut cpu, mut gpu) = (on_cpu(&case, Purpose::Train), on_gpu(&case, Purpose::Train, &gpu));
        for step in 1..=4 {
            let before = cpu.save();
            gpu.load(&before);
            let what = format!("{}, step {step}", case.name);
            let (meant, got) = (steps(&mut cpu, &case, &pictures, 1), steps(&mut gpu, &case, &pictures, 1));
            near_losses(&what, &got[0], &meant[0], TOLERANCE);
            near_states(&what, &gpu.save(), &cpu.save(), &before, &ONE_STEP);
        }
    }
}

#[test]
fn several_steps_stay_near_the_processors() {
    let Some(gpu) = device() else { return };
    for case in cases() {
        let pictures = Pictures::new(&case, IMAGES);
        let (mut cpu, mut gpu) = (on_cpu(&case, Purpose::Train), on_gpu(&case, Purpose::Train, &gpu));
        let initial = cpu.save();
        let (meant, got) = (steps(&mut cpu, &case, &pictures, 6), steps(&mut gpu, &case, &pictures, 6));
        for (step, (got, meant)) in got.iter().zip(&meant).enumerate() {
            near_losses(&format!("{}, step {}", case.name, step + 1), got, meant, SEVERAL.statistics);
        }
        near_states(case.name, &gpu.save(), &cpu.save(), &initial, &SEVERAL);
    }
}

#[test]
fn a_checkpoint_moves_between_the_devices() {
    let Some(gpu) = device() else { return };
    for case in cases() {
        let pictures = Pictures::new(&case, IMAGES);
        let (mut cpu, mut through) = (on_cpu(&case, Purpose::Train), on_cpu(&case, Purpose::Train));
        let initial = cpu.save();
        steps(&mut through, &case, &pictures, 3);
        steps(&mut cpu, &case, &pictures, 1);
        let state = cpu.save();
        let mut gpu = on_gpu(&case, Purpose::Train, &gpu);
        gpu.load(&state);
        assert!(gpu.save() == state, "{}: a state is not the same after a visit", case.name);
        steps(&mut gpu, &case, &pictures, 1);
        cpu.load(&gpu.save());
        steps(&mut cpu, &case, &pictures, 1);
        near_states(case.name, &cpu.save(), &through.save(), &initial, &SEVERAL);
    }
}

#[test]
fn observing_moves_the_same_statistics() {
    let Some(gpu) = device() else { return };
    for case in cases() {
        let pictures = Pictures::new(&case, IMAGES);
        let (mut cpu, mut gpu) = (on_cpu(&case, Purpose::Score), on_gpu(&case, Purpose::Score, &gpu));
        cpu.observe(&pictures.all(&case));
        gpu.observe(&pictures.all(&case));
        let (meant, got) = (cpu.save(), gpu.save());
        assert_eq!(got.parameters, meant.parameters, "{}", case.name);
        near(case.name, &got.statistics.values, &meant.statistics.values, TOLERANCE);
    }
}

#[test]
fn a_dead_discriminator_is_drawn_anew_with_the_same_weights() {
    let Some(gpu) = device() else { return };
    let mut case = cases().remove(0);
    case.objective.reinit_d = f64::MAX;
    let pictures = Pictures::new(&case, IMAGES);
    let (mut cpu, mut gpu) = (on_cpu(&case, Purpose::Train), on_gpu(&case, Purpose::Train, &gpu));
    assert!(steps(&mut cpu, &case, &pictures, 1)[0].redrawn && steps(&mut gpu, &case, &pictures, 1)[0].redrawn);
    let (meant, got) = (cpu.save(), gpu.save());
    for slot in meant.parameters.layout.slots.iter().filter(|slot| slot.name.starts_with("d.")) {
        assert_eq!(got.parameters.get(&slot.name), meant.parameters.get(&slot.name), "{}", slot.name);
    }
}

#[test]
fn the_same_steps_give_the_same_bits() {
    let Some(gpu) = device() else { return };
    for case in cases().into_iter().filter(|case| matches!(case.objective.order, Order::Official | Order::DFirst)) {
        let pictures = Pictures::new(&case, IMAGES);
        let run = || {
            let mut engine = on_gpu(&case, Purpose::Train, &gpu);
            (steps(&mut engine, &case, &pictures, 2), engine.save())
        };
        assert!(run() == run(), "{}", case.name);
    }
}

#[test]
fn an_image_is_scored_alike_alone_and_among_others() {
    let Some(gpu) = device() else { return };
    for case in cases() {
        let pictures = Pictures::new(&case, IMAGES);
        let mut engine = on_gpu(&case, Purpose::Score, &gpu);
        for norm in [Norm::Running, Norm::Instance] {
            let all = engine.score(&pictures.all(&case), norm).clone();
            for image in 0..IMAGES {
                let one = engine.score(&pictures.part(&case, image, 1), norm);
                let what = format!("{}, {norm:?}, image {image}", case.name);
                assert_eq!((one.residual[0], one.latent[0]), (all.residual[image], all.latent[image]), "{what}");
                let part = all.reconstruction.len() / IMAGES * image..all.reconstruction.len() / IMAGES * (image + 1);
                assert!(one.reconstruction == all.reconstruction[part], "{what}");
            }
        }
    }
}

#[test]
fn an_engine_for_scoring_has_no_moments() {
    let Some(gpu) = device() else { return };
    let case = cases().remove(0);
    let pictures = Pictures::new(&case, IMAGES);
    let mut trained = on_gpu(&case, Purpose::Train, &gpu);
    steps(&mut trained, &case, &pictures, 1);
    let mut engine = on_gpu(&case, Purpose::Score, &gpu);
    engine.load(&trained.save());
    let saved = engine.save();
    assert_eq!(saved.parameters, trained.save().parameters);
    assert!(saved.first_moments.iter().chain(&saved.second_moments).all(|&moment| moment == 0.0));
}
