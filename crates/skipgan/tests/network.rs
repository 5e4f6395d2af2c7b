//! What holds for any network the spec can express: gradients by finite differences, orders of a step, determinism, memory.

use allocation_counter::measure;
use kernels::arch::ByteLevel;
use kernels::{Pool, Real};
use skipgan::config::{Bce, Config, Init, Objective, Order};
use skipgan::model::abreast::Fork;
use skipgan::model::engine::{AdamRates, Batch, Changed, Engine, Losses, Norm, Rates, Scores};
use skipgan::model::{Abreast, ByteEngine, CpuEngine, PlanSize, Purpose};
use skipgan::params::Layout;
use skipgan::ranges::Ranges;
use skipgan::spec::{Bias, DiscriminatorSpec, Features, GeneratorSpec, Head, Output, Spec, Taps};
use std::sync::Arc;

/// A network, its objective and a picture size.
#[derive(Clone)]
struct Case {
    spec: Spec,
    objective: Objective,
    height: usize,
    width: usize,
}

/// The authors' network, narrow.
fn published(channels: usize, base: usize, height: usize, width: usize) -> Case {
    let page = Config { side: 0, channels, g_width: base, d_width: base, nz: 8, ..Config::default() };
    Case { spec: page.spec(height, width).expect("a published shape"), objective: page.objective(), height, width }
}

/// The network of DETECTION.md §3.5, narrow: extra inputs and context, tied taps, linear output, biases, logits a cell,
/// features of several levels; 2×3 at the bottleneck.
fn detection() -> Case {
    let generator = GeneratorSpec {
        input_channels: 4,
        output_channels: 2,
        width: 4,
        cap: 4,
        levels: 4,
        bottleneck_norm: true,
        bottleneck_slope: 0.2,
        skips: vec![true; 3],
        skip_slope: 0.0,
        taps: Taps::Tied,
        output: Output::Linear,
        bias: Bias::Unnormed,
    };
    let discriminator = DiscriminatorSpec {
        input_channels: 4,
        width: 4,
        cap: Some(4),
        levels: 3,
        head: Head::Patch,
        loss_features: Features::Levels(vec![2]),
        score_features: Features::Levels(vec![0, 1, 2]),
        bias: Bias::Unnormed,
    };
    let objective = Objective {
        w_adv: 0.2,
        w_con: 40.0,
        real_label: 0.9,
        d_latent: false,
        order: Order::DFirst,
        init: Init::FanIn,
        map_channel: Some(1),
        ..Config::default().objective()
    };
    Case { spec: Spec { generator, discriminator }, objective, height: 32, width: 48 }
}

/// The network of DETECTION.md §6, narrow: it restores picture and motion, and D is a critic of what was put in.
fn restoring() -> Case {
    let mut case = detection();
    (case.spec.generator.input_channels, case.spec.generator.output_channels) = (6, 3);
    case.spec.generator.output = Output::Blend;
    case.spec.discriminator.input_channels = 6;
    case.objective.w_critic = 0.5;
    case
}

/// The same as the preset `video` has it: wide enough for every form that scoring takes.
fn whole_size() -> Case {
    let mut case = restoring();
    (case.spec.generator.width, case.spec.discriminator.width, case.height, case.width) = (16, 16, 128, 192);
    case
}

/// Pictures for a case.
struct Pictures {
    images: usize,
    input: Vec<f32>,
    target: Vec<f32>,
    context: Vec<f32>,
    /// What was put in, how much each element counts, and which cells are real: empty but where the case restores.
    changed: [Vec<f32>; 3],
}

impl Pictures {
    fn new(case: &Case, images: usize, seed: u64) -> Pictures {
        let pixels = images * case.height * case.width;
        let (inputs, outputs) = (case.spec.generator.input_channels, case.spec.generator.output_channels);
        let input = noise(pixels * inputs, seed);
        let target = if inputs == outputs { input.clone() } else { noise(pixels * outputs, seed + 1) };
        let mut changed = [Vec::new(), Vec::new(), Vec::new()];
        if outputs == 3 && inputs == 6 {
            let cells = images * (case.height >> case.spec.discriminator.levels) * (case.width >> case.spec.discriminator.levels);
            let importance = noise(pixels * outputs, seed + 4).iter().map(|value| 1.5 + value).collect();
            changed =
                [noise(pixels * outputs, seed + 3), importance, (0..cells).map(|cell| if cell % 3 == 0 { 0.0 } else { 0.9 }).collect()];
        }
        Pictures { images, input, target, context: noise(pixels * case.spec.context_channels(), seed + 2), changed }
    }

    /// Some of the pictures.
    fn part(&self, case: &Case, from: usize, images: usize) -> Batch<'_> {
        let cut = |values: &'_ [f32]| values.len() / self.images * from..values.len() / self.images * (from + images);
        Batch {
            images,
            height: case.height,
            width: case.width,
            input: &self.input[cut(&self.input)],
            target: &self.target[cut(&self.target)],
            context: &self.context[cut(&self.context)],
            changed: (!self.changed[0].is_empty()).then(|| Changed {
                target: &self.changed[0][cut(&self.changed[0])],
                importance: &self.changed[1][cut(&self.changed[1])],
                cells: &self.changed[2][cut(&self.changed[2])],
            }),
        }
    }

    fn all(&self, case: &Case) -> Batch<'_> {
        self.part(case, 0, self.images)
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

fn engine<T: Real>(case: &Case, images: usize, purpose: Purpose, threads: usize) -> CpuEngine<T> {
    let size = PlanSize { images, height: case.height, width: case.width };
    let pool = Arc::new(Pool::new(threads).expect("a pool"));
    CpuEngine::new(&case.spec, &case.objective, size, purpose, pool).expect("a network that fits")
}

fn rates(generator: f64, discriminator: f64) -> Rates {
    let adam = |lr| AdamRates { lr, beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
    Rates { generator: adam(generator), discriminator: adam(discriminator) }
}

/// Compares gradients with central differences of the loss that each network descends, at a few elements of every tensor.
fn finite_differences(case: &Case, generator_loss: fn(&Losses) -> f64) {
    let mut engine = engine::<f64>(case, 2, Purpose::Train, 1);
    let pictures = Pictures::new(case, 2, 7);
    let still = rates(0.0, 0.0);
    engine.step(&pictures.all(case), &still);
    let layout = Layout::parameters(&case.spec);
    let gradients: Vec<Vec<f64>> =
        layout.slots.iter().map(|slot| engine.look(&format!("gradient.{}", slot.name)).expect("a gradient")).collect();
    let mut moved = 0;
    for (slot, gradient) in layout.slots.iter().zip(&gradients) {
        let loss = if slot.name.starts_with("g.") { generator_loss } else { |losses: &Losses| losses.discriminator };
        let largest = gradient.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let peak = gradient.iter().position(|v| v.abs() == largest).expect("an element");
        for element in [peak, gradient.len() / 2, gradient.len() - 1] {
            let mut slope = |step: f64| {
                let mut at = |by: f64| {
                    engine.nudge(&slot.name, element, by);
                    loss(&engine.step(&pictures.all(case), &still))
                };
                let (above, below) = (at(step), at(-2.0 * step));
                engine.nudge(&slot.name, element, step);
                (above - below) / (2.0 * step)
            };
            // A kink between the two points spoils one width; a wrong gradient fails at all.
            let near = |expected: f64| (gradient[element] - expected).abs() < 2e-4 * largest + 2e-7;
            let mut expected = slope(1e-6);
            for step in [2e-7, 5e-8] {
                if !near(expected) {
                    expected = slope(step);
                }
            }
            assert!(near(expected), "{} [{element}]: {} but differences give {expected}", slot.name, gradient[element]);
            moved += usize::from(expected.abs() > 1e-7);
        }
    }
    assert!(moved > layout.slots.len(), "only {moved} differences were not 0");
}

/// Weights large enough that every path matters.
fn lively(case: Case) -> Case {
    Case { objective: Objective { init: Init::FanIn, ..case.objective }, ..case }
}

#[test]
fn gradients_of_the_published_network() {
    finite_differences(&lively(published(1, 4, 32, 32)), |losses| losses.generator);
}

#[test]
fn gradients_of_a_wide_picture_with_other_switches() {
    let mut case = lively(published(3, 4, 32, 64));
    case.objective.bce = Bce::Prob;
    case.objective.real_label = 0.9;
    case.spec.generator.skips[1] = false;
    case.spec.generator.skip_slope = 0.2;
    case.spec.generator.bottleneck_norm = true;
    case.spec.discriminator.bias = Bias::Unnormed;
    case.spec.discriminator.loss_features = Features::Levels(vec![case.spec.discriminator.levels - 1]);
    finite_differences(&case, |losses| losses.generator);
}

#[test]
fn slopes_that_are_no_activation_are_refused_before_a_kernel_sees_them() {
    for slope in [-0.1, 1.5, f32::NAN] {
        let mut spec = detection().spec;
        spec.generator.skip_slope = slope;
        let refused = spec.check().expect_err("no slope").to_string();
        assert!(refused.contains("generator.skip_slope") && refused.contains("0 to 1"), "{refused}");
        spec.generator.skip_slope = 1.0;
        spec.generator.bottleneck_slope = slope;
        assert!(spec.check().is_err());
    }
}

#[test]
fn gradients_of_the_detection_network() {
    finite_differences(&detection(), |losses| losses.generator);
}

#[test]
fn gradients_of_the_restoring_network_and_its_critic() {
    finite_differences(&restoring(), |losses| losses.generator);
}

/// As the preset `video` trains, with D's context and critic, on maps for which forward convolutions take F(4, 2): the parity fixtures are too
/// small for it, and finite differences meet the plain loops.
#[test]
fn gradients_in_single_precision_are_those_of_the_plain_loops() {
    for order in [Order::DFirst, Order::Repaired] {
        let mut case = lively(restoring());
        (case.spec.generator.width, case.spec.discriminator.width, case.height, case.width) = (16, 16, 64, 96);
        case.objective.order = order;
        let (mut exact, mut engine) = (engine::<f64>(&case, 2, Purpose::Train, 2), engine::<f32>(&case, 2, Purpose::Train, 2));
        let pictures = Pictures::new(&case, 2, 9);
        drop_losses(exact.step(&pictures.all(&case), &rates(0.0, 0.0)));
        drop_losses(engine.step(&pictures.all(&case), &rates(0.0, 0.0)));
        for slot in &Layout::parameters(&case.spec).slots {
            let name = format!("gradient.{}", slot.name);
            let [found, meant] = [engine.look(&name), exact.look(&name)].map(|gradient| gradient.expect("a gradient"));
            // PyTorch's order, `[deep][wide][ky][kx]`: D's context and what is shown beside it each by their own largest.
            let channels = if slot.name == "d.feat.0.conv.weight" { 3 } else { slot.shape.get(1).copied().unwrap_or(1) };
            let share = 16 * channels;
            let shares = if slot.name == "d.feat.0.conv.weight" { 2 } else { 1 };
            for which in 0..shares {
                let mine = |(i, _): &(usize, &f64)| shares == 1 || i / share % shares == which;
                let largest = meant.iter().enumerate().filter(mine).fold(0.0f64, |largest, (_, v)| largest.max(v.abs()));
                let off = meant.iter().enumerate().filter(mine).fold(0.0f64, |worst, (i, v)| worst.max((found[i] - v).abs()));
                assert!(off < 2e-4 * largest, "{order:?} {name}, share {which}: off by {off} of {largest}");
            }
        }
    }
}

#[test]
fn a_step_on_fewer_images_than_planned_is_that_of_a_smaller_plan() {
    for order in [Order::DFirst, Order::FirstRelease, Order::Repaired, Order::Official] {
        for mut case in [published(3, 8, 32, 32), detection(), restoring()] {
            case.objective.order = order;
            let (many, few) = (Pictures::new(&case, 5, 21), Pictures::new(&case, 2, 22));
            let (mut large, mut small) = (engine::<f32>(&case, 5, Purpose::Train, 2), engine::<f32>(&case, 2, Purpose::Train, 1));
            drop_losses(large.step(&many.all(&case), &rates(1e-3, 1e-3)));
            small.load(&large.save());
            let losses = [&mut large, &mut small].map(|engine| engine.step(&few.all(&case), &rates(1e-3, 1e-3)));
            assert!(losses[0] == losses[1] && large.save() == small.save(), "{order:?}");
        }
    }
}

#[test]
fn the_critic_moves_the_discriminator_alone() {
    let (with, without) = (restoring(), Case { objective: Objective { w_critic: 0.0, ..restoring().objective }, ..restoring() });
    let pictures = Pictures::new(&with, 2, 7);
    let stepped = |case: &Case| {
        let mut engine = engine::<f32>(case, 2, Purpose::Train, 1);
        let losses = engine.step(&pictures.all(case), &rates(2e-4, 2e-4));
        (losses, engine.save())
    };
    let ((critical, _), (idle, _)) = (stepped(&with), stepped(&without));
    assert!(critical.discriminator > idle.discriminator && critical.contextual == idle.contextual);
    assert_eq!((critical.real, critical.fake), (idle.real, idle.fake));
}

#[test]
fn gradients_of_several_feature_levels_in_both_losses() {
    let mut case = detection();
    case.objective.order = Order::Repaired;
    case.objective.d_latent = true;
    case.spec.discriminator.loss_features = Features::Levels(vec![0, 2]);
    case.spec.generator.taps = Taps::Free;
    finite_differences(&case, |losses| losses.generator);
}

#[test]
fn in_the_first_release_the_latent_loss_moves_the_discriminator_alone() {
    let mut case = lively(published(1, 4, 32, 32));
    case.objective.order = Order::FirstRelease;
    finite_differences(&case, |losses| losses.adversarial + losses.contextual);
}

/// With still weights every forward pass of D meets the same numbers, so only the passes that move its running statistics
/// tell the orders apart.
#[test]
fn every_order_moves_the_running_statistics_as_often_as_it_should() {
    let mut case = lively(published(1, 4, 32, 32));
    let pictures = Pictures::new(&case, 3, 3);
    let name = "statistic.d.feat.1.bn.running_mean";
    let mut after = |order| {
        case.objective.order = order;
        let mut engine = engine::<f64>(&case, 3, Purpose::Train, 1);
        engine.step(&pictures.all(&case), &rates(0.0, 0.0));
        engine.look(name).expect("statistics")
    };
    let (two, three) = (after(Order::Repaired), after(Order::Official));
    let (release, first) = (after(Order::FirstRelease), after(Order::DFirst));
    for i in 0..two.len() {
        let fake = (three[i] - 0.9 * two[i]) / 0.1; // x, x̂ then x̂
        let real = (two[i] - 0.1 * fake) / 0.09;
        assert!((release[i] - three[i]).abs() < 1e-12, "D(x), D(x̂), then D(x̂)");
        assert!((first[i] - (0.9 * three[i] + 0.1 * real)).abs() < 1e-12, "D(x), D(x̂), then D(x̂), D(x)");
        assert!((two[i] - three[i]).abs() > 1e-6);
    }
}

#[test]
fn where_the_discriminator_is_first_the_generator_meets_its_new_weights() {
    for order in [Order::FirstRelease, Order::DFirst] {
        let mut case = lively(published(1, 4, 32, 32));
        let pictures = Pictures::new(&case, 3, 3);
        let adversarial = |engine: &mut CpuEngine<f64>, rates: &Rates| engine.step(&pictures.all(&case), rates).adversarial;
        let before = adversarial(&mut engine(&case, 3, Purpose::Train, 1), &rates(0.0, 0.0));
        let mut ordered = case.clone();
        ordered.objective.order = order;
        let mut first = engine::<f64>(&ordered, 3, Purpose::Train, 1);
        let met = adversarial(&mut first, &rates(0.0, 1e-2));
        case.objective.order = Order::Repaired;
        let mut second = engine::<f64>(&case, 3, Purpose::Train, 1);
        second.load(&first.save());
        let expected = second.step(&pictures.all(&case), &rates(0.0, 0.0)).adversarial;
        assert!((met - expected).abs() < 1e-4 * expected, "{order:?}: {met} {expected}");
        assert!((met - before).abs() > 1e-2 * before, "{order:?}: {met} {before}");
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    for case in [published(3, 16, 32, 32), detection()] {
        let pictures = Pictures::new(&case, 5, 11);
        let run = |threads| {
            let mut engine = engine::<f32>(&case, 5, Purpose::Train, threads);
            let losses: Vec<Losses> = (0..4).map(|_| engine.step(&pictures.all(&case), &rates(2e-3, 2e-3))).collect();
            let scores = engine.score(&pictures.all(&case), Norm::Running).clone();
            (losses, bits(&scores), engine.save())
        };
        let one = run(1);
        assert!(run(2) == one, "two threads");
        assert!(run(3) == one, "three threads");
    }
}

/// Everything in a score, to the bit: R and L of all images, then x̂ and all maps.
fn bits(scores: &Scores) -> (Vec<u64>, Vec<u32>) {
    let maps = scores.latent_maps.iter().flat_map(|map| &map.values);
    let single = scores.reconstruction.iter().chain(&scores.residual_maps).chain(maps).map(|v| v.to_bits()).collect();
    (scores.residual.iter().chain(&scores.latent).map(|v| v.to_bits()).collect(), single)
}

#[test]
fn a_score_does_not_depend_on_its_batch() {
    for case in [published(1, 16, 32, 32), detection(), whole_size()] {
        let pictures = Pictures::new(&case, 5, 2);
        let mut trained = engine::<f32>(&case, 5, Purpose::Train, 2);
        (0..3).for_each(|_| drop_losses(trained.step(&pictures.all(&case), &rates(2e-3, 2e-3))));
        let state = trained.save();
        let mut scorer = engine::<f32>(&case, 5, Purpose::Score, 2);
        scorer.load(&state);
        for norm in [Norm::Running, Norm::Instance] {
            let whole = scorer.score(&pictures.all(&case), norm).clone();
            assert!(bits(&whole) == bits(trained.score(&pictures.all(&case), norm)), "who trains scores alike");
            for image in 0..5 {
                let one = scorer.score(&pictures.part(&case, image, 1), norm);
                assert_eq!(one.residual[0].to_bits(), whole.residual[image].to_bits(), "{norm:?} R of image {image}");
                assert_eq!(one.latent[0].to_bits(), whole.latent[image].to_bits(), "{norm:?} L of image {image}");
                let pixels = case.height * case.width;
                assert!(one.residual_maps == whole.residual_maps[image * pixels..(image + 1) * pixels], "{norm:?} map of image {image}");
                for (one, whole) in one.latent_maps.iter().zip(&whole.latent_maps) {
                    let cells = one.rows * one.cols;
                    assert!(one.values == whole.values[image * cells..(image + 1) * cells], "{norm:?} latent map of image {image}");
                }
            }
        }
        let batch = scorer.score(&pictures.all(&case), Norm::Batch).residual[0];
        assert_ne!(batch, scorer.score(&pictures.part(&case, 0, 1), Norm::Batch).residual[0], "the authors' test depends on its batch");
        let after = scorer.save();
        assert_eq!((&after.parameters, &after.statistics), (&state.parameters, &state.statistics), "scoring changes nothing");
    }
}

#[test]
fn scores_of_the_detection_network_are_what_they_say() {
    let case = detection();
    let pictures = Pictures::new(&case, 2, 9);
    let mut engine = engine::<f64>(&case, 2, Purpose::Score, 1);
    let scores = engine.score(&pictures.all(&case), Norm::Running).clone();
    let (pixels, made) = (case.height * case.width, &scores.reconstruction);
    let square = |i: usize| f64::from(made[i] - pictures.target[i]).powi(2);
    for image in 0..2 {
        let mean = (0..2 * pixels).map(|i| square(image * 2 * pixels + i)).sum::<f64>() / (2 * pixels) as f64;
        assert!((mean - scores.residual[image]).abs() < 1e-5 * mean, "R is the mean over both channels");
        let levels = scores.latent_maps.iter().map(|map| {
            let cells = map.rows * map.cols;
            map.values[image * cells..(image + 1) * cells].iter().map(|&v| f64::from(v)).sum::<f64>() / cells as f64
        });
        let sum: f64 = levels.sum();
        assert!((sum - scores.latent[image]).abs() < 1e-5 * sum, "L is the sum over levels of their mean");
    }
    let map = f64::from(scores.residual_maps[5]);
    assert!((map - square(2 * 5 + 1)).abs() < 1e-5 * (map + 1e-3), "the map is channel 1");
    assert_eq!(scores.latent_maps.iter().map(|map| (map.rows, map.cols)).collect::<Vec<_>>(), [(16, 24), (8, 12), (4, 6)]);
}

fn drop_losses(losses: Losses) {
    assert!(losses.generator.is_finite());
}

#[test]
fn no_step_after_the_first_allocates() {
    for order in [Order::Repaired, Order::Official, Order::FirstRelease, Order::DFirst] {
        for mut case in [published(3, 16, 64, 64), detection(), restoring()] {
            case.objective.order = order;
            let pictures = Pictures::new(&case, 3, 1);
            // The pool's only thread is this one, whose allocations are counted.
            let mut engine = engine::<f32>(&case, 3, Purpose::Train, 1);
            let mut round = |count: &mut dyn FnMut(&str, &mut dyn FnMut())| {
                count("step", &mut || drop_losses(engine.step(&pictures.all(&case), &rates(2e-4, 2e-4))));
                count("partial step", &mut || drop_losses(engine.step(&pictures.part(&case, 1, 1), &rates(2e-4, 2e-4))));
                count("score", &mut || assert!(engine.score(&pictures.all(&case), Norm::Running).latent[0].is_finite()));
                count("instance", &mut || assert!(engine.score(&pictures.part(&case, 0, 2), Norm::Instance).latent[0].is_finite()));
                count("observe", &mut || engine.observe(&pictures.all(&case)));
            };
            round(&mut |_, call| call());
            round(&mut |name, call| assert_eq!(measure(call).count_total, 0, "{order:?}: {name}"));
        }
    }
}

/// An executor whose pictures pass one by one, and copies of it.
fn abreast<E: Fork>(whole: E) -> Abreast<E> {
    assert!(whole.one_by_one(), "there would be no copies");
    Abreast::new(whole)
}

/// Whatever is asked of an executor and of its copies abreast, the answers are the same.
fn compare(case: &Case, one: &mut dyn Engine, several: &mut dyn Engine, norms: &[Norm], what: &str) {
    let pictures = Pictures::new(case, 5, 11);
    for images in [5, 1, 2, 3, 4] {
        for &norm in norms {
            let batch = pictures.part(case, 5 - images, images);
            assert!(bits(one.score(&batch, norm)) == bits(several.score(&batch, norm)), "{what}, {images} images, {norm:?}");
        }
    }
}

#[test]
fn pictures_abreast_give_the_bits_of_one_executor() {
    let case = whole_size();
    let trained = ranged(&case);
    let other = engine::<f32>(&Case { objective: Objective { seed: 77, ..case.objective }, ..case.clone() }, 1, Purpose::Score, 1).save();
    let norms = [Norm::Running, Norm::Instance, Norm::Batch];
    for threads in [2, 3, 8] {
        let mut one = engine::<f32>(&case, 5, Purpose::Score, 1);
        let mut several = abreast(engine::<f32>(&case, 5, Purpose::Score, threads));
        compare(&case, &mut one, &mut several, &norms, "drawn");
        for engine in [&mut one as &mut dyn Engine, &mut several] {
            engine.observe(&Pictures::new(&case, 5, 3).all(&case));
        }
        compare(&case, &mut one, &mut several, &norms, "observed");
        for engine in [&mut one as &mut dyn Engine, &mut several] {
            engine.load(&other);
            engine.watch_ranges();
        }
        compare(&case, &mut one, &mut several, &norms, "watched");
        assert!(one.take_ranges().is_some_and(|ranges| Some(ranges) == several.take_ranges()), "ranges");
        compare(&case, &mut one, &mut several, &norms, "loaded");
        assert!(one.save() == several.save());

        for level in ByteLevel::all_available() {
            let mut one = in_bytes(&case, &trained, (5, 1), level);
            let mut several = abreast(in_bytes(&case, &trained, (5, threads), level));
            compare(&case, &mut one, &mut several, &[Norm::Running], level.name());
            let mut other = several.another(&Arc::new(Pool::new(1).expect("a pool"))).expect("bytes can too");
            compare(&case, &mut one, other.as_mut(), &[Norm::Running], level.name());
        }
    }
}

#[test]
fn another_engine_scores_alike_until_either_takes_over_a_state() {
    for case in [published(1, 8, 32, 32), detection(), whole_size()] {
        let pictures = Pictures::new(&case, 2, 5);
        let new = |seed: u64| {
            let case = Case { objective: Objective { seed, ..case.objective }, ..case.clone() };
            Abreast::new(engine::<f32>(&case, 2, Purpose::Score, 1))
        };
        let scored = |engine: &mut dyn Engine| bits(engine.score(&pictures.all(&case), Norm::Running));
        let (mut first, state) = (new(1), new(2).save());
        let meant = scored(&mut first);
        for other_loads in [false, true] {
            let pool = Arc::new(Pool::new(2).expect("a pool"));
            let mut other = first.another(&pool).expect("the processor's engines can");
            assert!(scored(other.as_mut()) == meant, "another engine scores otherwise");
            let (loads, keeps): (&mut dyn Engine, &mut dyn Engine) =
                if other_loads { (other.as_mut(), &mut first) } else { (&mut first, other.as_mut()) };
            loads.load(&state);
            assert!(scored(keeps) == meant && scored(loads) != meant, "a state reached an engine that did not take it over");
            first.load(&new(1).save());
        }
    }
}

#[test]
fn pictures_abreast_do_not_allocate_after_the_first_batch() {
    let case = whole_size();
    let pictures = Pictures::new(&case, 5, 1);
    let numbers = abreast(engine::<f32>(&case, 5, Purpose::Score, 2));
    let bytes = abreast(in_bytes(&case, &ranged(&case), (5, 2), ByteLevel::all_available().last().expect("plain Rust")));
    for mut several in [Box::new(numbers) as Box<dyn Engine>, Box::new(bytes)] {
        several.score(&pictures.all(&case), Norm::Running);
        for images in [5, 2, 1, 3] {
            let batch = pictures.part(&case, 0, images);
            // Of this thread, which has half of the pictures.
            let count = measure(|| assert!(several.score(&batch, Norm::Running).latent[0].is_finite())).count_total;
            assert_eq!(count, 0, "{images} images");
        }
    }
}

#[test]
#[should_panic(expected = "in a plan for up to 5")]
fn a_batch_larger_than_the_plan_is_refused_abreast() {
    let case = whole_size();
    abreast(engine::<f32>(&case, 5, Purpose::Score, 2)).score(&Pictures::new(&case, 6, 5).all(&case), Norm::Running);
}

#[test]
fn a_plan_for_scoring_has_no_memory_for_training() {
    let case = published(3, 16, 64, 64);
    let size = |purpose| measure(|| drop(engine::<f32>(&case, 4, purpose, 1))).bytes_max;
    let (train, score) = (size(Purpose::Train), size(Purpose::Score));
    // What both hold while they draw their first weights (a state with moments) is part of both.
    assert!(score * 10 < train * 7, "{score} bytes to score, {train} to train");
}

#[test]
fn a_state_carries_everything() {
    for case in [published(1, 8, 32, 32), detection()] {
        let pictures = Pictures::new(&case, 4, 5);
        let mut through = engine::<f32>(&case, 4, Purpose::Train, 1);
        let steps = |engine: &mut CpuEngine<f32>, count: usize| {
            (0..count).for_each(|_| drop_losses(engine.step(&pictures.all(&case), &rates(1e-3, 2e-3))))
        };
        steps(&mut through, 5);
        let mut first = engine::<f32>(&case, 4, Purpose::Train, 1);
        steps(&mut first, 3);
        let mut second = engine::<f32>(&case, 4, Purpose::Train, 1);
        second.load(&first.save());
        let (size, pool) = (PlanSize { images: 4, height: case.height, width: case.width }, Arc::new(Pool::new(1).expect("a pool")));
        let third = CpuEngine::with_state(&case.spec, &case.objective, size, Purpose::Train, pool, &first.save());
        for mut resumed in [second, third.expect("a network that fits")] {
            steps(&mut resumed, 2);
            assert!(resumed.save() == through.save(), "interrupted and uninterrupted differ");
        }
        assert_eq!(through.save().step, 5);
    }
}

#[test]
fn training_lowers_the_losses() {
    for case in [published(1, 8, 32, 32), detection()] {
        let pictures = Pictures::new(&case, 4, 5);
        let mut engine = engine::<f32>(&case, 4, Purpose::Train, 2);
        let losses: Vec<Losses> = (0..60).map(|_| engine.step(&pictures.all(&case), &rates(2e-3, 2e-4))).collect();
        let (first, last) = (losses[0], losses[59]);
        assert!(last.contextual < 0.6 * first.contextual, "{} then {}", first.contextual, last.contextual);
        assert!(losses.iter().all(|l| l.generator.is_finite() && l.discriminator.is_finite()));
    }
}

#[test]
fn a_dead_discriminator_is_drawn_anew_and_only_it() {
    let mut case = published(1, 4, 32, 32);
    let pictures = Pictures::new(&case, 2, 5);
    let run = |case: &Case| {
        let mut engine = engine::<f32>(case, 2, Purpose::Train, 1);
        (engine.step(&pictures.all(case), &rates(2e-4, 2e-4)).redrawn, engine.save())
    };
    let (kept, before) = run(&case);
    case.objective.reinit_d = f64::MAX;
    let (redrawn, after) = run(&case);
    assert!(!kept && redrawn);
    assert_eq!(
        (&before.statistics, &before.first_moments, &before.second_moments),
        (&after.statistics, &after.first_moments, &after.second_moments)
    );
    for slot in &before.parameters.layout.slots {
        let same = before.parameters.get(&slot.name) == after.parameters.get(&slot.name);
        let zero = slot.name.ends_with("bn.bias"); // drawn as 0, moved by one step
        assert_eq!(same, slot.name.starts_with("g."), "{} {zero}", slot.name);
    }
}

#[test]
fn observing_moves_statistics_alone() {
    let case = published(1, 4, 32, 32);
    let pictures = Pictures::new(&case, 3, 5);
    let mut engine = engine::<f32>(&case, 3, Purpose::Score, 1);
    let before = engine.save();
    engine.observe(&pictures.all(&case));
    let after = engine.save();
    assert_eq!(before.parameters, after.parameters);
    assert!(before.statistics.values.iter().zip(&after.statistics.values).all(|(a, b)| a != b));
    assert_eq!(after.step, 0);
}

#[test]
fn skips_and_features_are_switches_that_matter() {
    let case = lively(published(1, 4, 32, 32));
    let pictures = Pictures::new(&case, 2, 5);
    let reconstruct =
        |case: &Case| engine::<f64>(case, 2, Purpose::Score, 1).score(&pictures.all(case), Norm::Running).reconstruction.clone();
    let mut blind = case.clone();
    blind.spec.generator.skips = vec![false; 4];
    let weights = |case: &Case| Layout::parameters(&case.spec).find("g.dec.0.conv.weight").expect("a weight").shape[0];
    assert_eq!((weights(&case), weights(&blind)), (8, 4), "without a skip the decoder reads one half");
    assert_ne!(reconstruct(&case), reconstruct(&blind));
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let case = published(1, 4, 32, 32);
    let pool = || Arc::new(Pool::new(1).expect("a pool"));
    for size in [(0, 32, 32), (1, 48, 32), (1, 64, 64)] {
        let size = PlanSize { images: size.0, height: size.1, width: size.2 };
        assert!(CpuEngine::<f32>::new(&case.spec, &case.objective, size, Purpose::Score, pool()).is_err(), "{size:?}");
    }
}

#[test]
#[should_panic(expected = "in a plan for up to 2")]
fn a_batch_larger_than_the_plan_is_refused() {
    let case = published(1, 4, 32, 32);
    let pictures = Pictures::new(&case, 3, 5);
    engine::<f32>(&case, 2, Purpose::Score, 1).score(&pictures.all(&case), Norm::Running);
}

/// A trained network, and the ranges of its maps.
fn ranged(case: &Case) -> (CpuEngine<f32>, Ranges) {
    let pictures = Pictures::new(case, 4, 5);
    let mut numbers = engine::<f32>(case, 4, Purpose::Train, 2);
    (0..40).for_each(|_| drop_losses(numbers.step(&pictures.all(case), &rates(2e-3, 2e-4))));
    numbers.watch_ranges();
    // Many pictures: a range of the deepest maps, which are one pixel, is else one of four numbers.
    for seed in 100..120 {
        numbers.score(&Pictures::new(case, 4, seed).all(case), Norm::Running);
    }
    let ranges = numbers.take_ranges().expect("watched");
    (numbers, ranges)
}

/// The same network in bytes.
fn in_bytes(case: &Case, trained: &(CpuEngine<f32>, Ranges), (images, threads): (usize, usize), level: ByteLevel) -> ByteEngine {
    let (size, pool) = (PlanSize { images, height: case.height, width: case.width }, Arc::new(Pool::new(threads).expect("a pool")));
    ByteEngine::new((&case.spec, &trained.0.save(), &trained.1), &case.objective, size, pool, level).expect("all ranges")
}

#[test]
fn bytes_score_as_numbers_do() {
    for case in [published(3, 16, 64, 32), detection(), restoring()] {
        let mut trained = ranged(&case);
        let mut bytes = in_bytes(&case, &trained, (4, 2), ByteLevel::all_available().last().expect("plain Rust"));
        let pictures = Pictures::new(&case, 4, 6);
        let meant = trained.0.score(&pictures.all(&case), Norm::Running).clone();
        let found = bytes.score(&pictures.all(&case), Norm::Running);
        let off = |found: &[f32], meant: &[f32]| {
            let square = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v * v)).sum::<f64>();
            (square(&mut found.iter().zip(meant).map(|(a, b)| a - b)) / square(&mut meant.iter().copied())).sqrt()
        };
        let reconstruction = off(&found.reconstruction, &meant.reconstruction);
        assert!(reconstruction < 0.1, "x̂ is off by {reconstruction}");
        for (found, meant) in found.residual.iter().zip(&meant.residual).chain(found.latent.iter().zip(&meant.latent)) {
            assert!((found / meant - 1.0).abs() < 0.25, "{found} for {meant}");
        }
        for (found, meant) in found.latent_maps.iter().zip(&meant.latent_maps) {
            assert!((found.rows, found.cols, found.values.len()) == (meant.rows, meant.cols, meant.values.len()));
        }
    }
}

#[test]
fn bytes_give_the_same_bits_for_any_batch_threads_and_instruction_set() {
    for case in [published(3, 16, 64, 32), detection(), restoring()] {
        let trained = ranged(&case);
        let pictures = Pictures::new(&case, 5, 6);
        let mut first = None;
        for level in ByteLevel::all_available() {
            let mut one = in_bytes(&case, &trained, (1, 1), level);
            let mut many = in_bytes(&case, &trained, (5, 3), level);
            let all = many.score(&pictures.all(&case), Norm::Running);
            for image in 0..5 {
                let alone = one.score(&pictures.part(&case, image, 1), Norm::Running);
                assert!(alone.residual[0] == all.residual[image] && alone.latent[0] == all.latent[image], "{level}, image {image}");
            }
            let scores = (all.residual.clone(), all.latent.clone());
            assert!(*first.get_or_insert_with(|| scores.clone()) == scores, "{level}");
        }
    }
}

#[test]
fn bytes_do_not_allocate_after_the_first_batch() {
    for case in [published(3, 16, 64, 64), detection(), restoring()] {
        let trained = ranged(&case);
        let pictures = Pictures::new(&case, 3, 1);
        for level in ByteLevel::all_available() {
            let mut bytes = in_bytes(&case, &trained, (3, 1), level);
            bytes.score(&pictures.all(&case), Norm::Running);
            let mut count = |name: &str, call: &mut dyn FnMut(&mut ByteEngine)| {
                assert_eq!(measure(|| call(&mut bytes)).count_total, 0, "{level}, {name}")
            };
            count("all", &mut |bytes| assert!(bytes.score(&pictures.all(&case), Norm::Running).latent[0].is_finite()));
            count("fewer", &mut |bytes| assert!(bytes.score(&pictures.part(&case, 1, 1), Norm::Running).latent[0].is_finite()));
        }
    }
}

#[test]
fn bytes_need_to_know_every_range() {
    let case = detection();
    let size = PlanSize { images: 1, height: case.height, width: case.width };
    let state = engine::<f32>(&case, 1, Purpose::Score, 1).save();
    let pool = Arc::new(Pool::new(1).expect("a pool"));
    let error = ByteEngine::new((&case.spec, &state, &Ranges::default()), &case.objective, size, pool, ByteLevel::Portable).err();
    assert!(error.is_some_and(|error| error.to_string().contains("calibrate")));
}

#[test]
fn single_precision_stays_within_a_ten_thousandth_when_scoring() {
    for case in [published(3, 16, 32, 32), detection(), whole_size()] {
        let mut images = Vec::new();
        let mut exact_engine = engine::<f64>(&case, 8, Purpose::Score, 2);
        let mut engine = engine::<f32>(&case, 8, Purpose::Score, 2);
        // Weights of a few steps, so that running statistics are those of pictures.
        let mut learner = self::engine::<f32>(&case, 8, Purpose::Train, 2);
        (0..10).for_each(|seed| drop_losses(learner.step(&Pictures::new(&case, 8, 40 + seed).all(&case), &rates(1e-3, 1e-3))));
        let state = learner.save();
        exact_engine.load(&state);
        engine.load(&state);
        for seed in 0..8 {
            let pictures = Pictures::new(&case, 8, 60 + seed);
            let exact = exact_engine.score(&pictures.all(&case), Norm::Running).clone();
            images.push((engine.score(&pictures.all(&case), Norm::Running).clone(), exact));
        }
        let worst = |pairs: Vec<(f64, f64)>| {
            let largest = pairs.iter().fold(0.0f64, |largest, (_, exact)| largest.max(exact.abs()));
            pairs.iter().fold(0.0f64, |worst, (found, exact)| worst.max((found - exact).abs())) / largest.max(f64::MIN_POSITIVE)
        };
        let of =
            |numbers: fn(&Scores) -> Vec<f64>| worst(images.iter().flat_map(|(a, b)| numbers(a).into_iter().zip(numbers(b))).collect());
        let reconstruction = of(|scores| scores.reconstruction.iter().map(|&v| f64::from(v)).collect());
        let (residual, latent) = (of(|scores| scores.residual.clone()), of(|scores| scores.latent.clone()));
        let maps = of(|scores| scores.latent_maps.iter().flat_map(|map| map.values.iter().map(|&v| f64::from(v))).collect());
        let all = [reconstruction, residual, latent, maps];
        assert!(all.iter().all(|&worst| worst < 1e-4), "x̂, R, L, maps of L: {all:?}");
    }
}
