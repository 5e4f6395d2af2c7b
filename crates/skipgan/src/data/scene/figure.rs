//! The camera's view, and how people and things look from the side. Shapes are in metres: right of the body's foot, above the ground.

use super::SceneSettings;
use super::canvas::{Colour, Point, Shape};
use super::number::{TURN, cosine, sine};
use crate::data::random::SplitMix64;

/// From the street to the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    focal: f64,
    height_m: f64,
    horizon: f64,
    centre: f64,
    along: f64,
    /// Pixels that the drawing is larger on every side.
    pub(super) margin: f64,
}

impl View {
    pub(super) fn new(settings: &SceneSettings) -> View {
        let (width, height) = (settings.width as f64, settings.height as f64);
        let camera = settings.camera;
        View {
            focal: camera.focal_widths * width,
            height_m: camera.height_m,
            horizon: camera.horizon * height,
            centre: width / 2.0,
            along: camera.along_m,
            margin: 0.0,
        }
    }

    /// The same camera with a sensor that is larger by so many pixels on every side.
    pub(super) fn with_margin(self, pixels: usize) -> View {
        let margin = pixels as f64;
        View { horizon: self.horizon + margin, centre: self.centre + margin, margin, ..self }
    }

    /// Pixels a metre at a distance.
    pub(super) fn scale(&self, distance: f64) -> f64 {
        self.focal / distance
    }

    /// The row of the ground at a distance.
    pub(super) fn row(&self, distance: f64) -> f64 {
        self.horizon + self.focal * self.height_m / distance
    }

    /// The distance of the ground in a row below the horizon.
    pub(super) fn distance(&self, row: f64) -> f64 {
        self.focal * self.height_m / (row - self.horizon).max(1e-3)
    }

    /// The column of a place along the street.
    pub(super) fn column(&self, along: f64, distance: f64) -> f64 {
        self.centre + self.scale(distance) * (along - self.along)
    }

    /// The place along the street that a column shows.
    pub(super) fn along(&self, column: f64, distance: f64) -> f64 {
        self.along + (column - self.centre) / self.scale(distance)
    }

    /// Half of the street's length that is seen at a distance.
    pub(super) fn half_span(&self, distance: f64) -> f64 {
        self.centre / self.scale(distance)
    }

    /// Where the view's middle lies along the street.
    pub(super) fn middle(&self) -> f64 {
        self.along
    }
}

/// How someone looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Person {
    pub(super) height: f64,
    build: f64,
    skin: Colour,
    hair: Colour,
    top: Colour,
    legs: Colour,
    shoes: Colour,
    pack: Option<Colour>,
    skirt: bool,
    long_hair: bool,
    phase: f64,
}

const SKINS: [Colour; 5] = [[234.0, 196.0, 168.0], [219.0, 172.0, 138.0], [188.0, 138.0, 104.0], [140.0, 96.0, 70.0], [98.0, 66.0, 50.0]];
const HAIRS: [Colour; 5] = [[40.0, 32.0, 28.0], [72.0, 50.0, 36.0], [122.0, 90.0, 56.0], [176.0, 146.0, 96.0], [146.0, 144.0, 140.0]];
const TOPS: [Colour; 12] = [
    [176.0, 52.0, 46.0],
    [48.0, 82.0, 140.0],
    [228.0, 224.0, 214.0],
    [64.0, 66.0, 74.0],
    [206.0, 168.0, 72.0],
    [70.0, 118.0, 92.0],
    [122.0, 92.0, 136.0],
    [186.0, 120.0, 84.0],
    [96.0, 140.0, 172.0],
    [38.0, 42.0, 52.0],
    [214.0, 150.0, 152.0],
    [120.0, 124.0, 112.0],
];
const LEGS: [Colour; 6] =
    [[52.0, 62.0, 88.0], [36.0, 36.0, 40.0], [104.0, 96.0, 84.0], [74.0, 84.0, 108.0], [132.0, 118.0, 94.0], [86.0, 72.0, 62.0]];

fn pick<const N: usize>(random: &mut SplitMix64, colours: &[Colour; N]) -> Colour {
    let index = usize::try_from(random.below(N as u64)).unwrap_or(0);
    let colour = colours.get(index).copied().unwrap_or_default();
    let light = random.between(0.88, 1.12) as f32;
    colour.map(|value| value * light)
}

/// A body in motion: how far it has come and how it moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gait {
    /// Metres gone so far.
    pub(super) gone: f64,
    /// Swing of the legs: 0 stands, 1 walks, 2 runs.
    pub(super) vigour: f64,
}

impl Person {
    pub(super) fn random(random: &mut SplitMix64, size: f64) -> Person {
        let child = random.unit() < 0.1;
        let height = if child { random.between(1.1, 1.35) } else { random.between(1.56, 1.9) };
        Person {
            height: height * size,
            build: random.between(0.9, 1.18),
            skin: pick(random, &SKINS),
            hair: pick(random, &HAIRS),
            top: pick(random, &TOPS),
            legs: pick(random, &LEGS),
            shoes: if random.unit() < 0.3 { [206.0, 204.0, 198.0] } else { [44.0, 38.0, 36.0] },
            pack: (random.unit() < 0.3).then(|| pick(random, &TOPS)),
            skirt: random.unit() < 0.22,
            long_hair: random.unit() < 0.4,
            phase: random.between(0.0, TURN),
        }
    }

    /// The body, walking to the right.
    pub(super) fn shapes(&self, gait: Gait) -> Vec<Shape> {
        let h = self.height;
        let running = (gait.vigour - 1.0).max(0.0);
        let cycle = h * (0.82 + 0.62 * running);
        let phase = self.phase + TURN * gait.gone / cycle;
        let swing = gait.vigour.min(1.0) * (0.43 + 0.30 * running);
        let bend = gait.vigour.min(1.0) * (0.75 + 0.85 * running);
        let lean = 0.03 * gait.vigour.min(1.0) + 0.15 * running;
        let legs = [leg(h, phase, swing, bend), leg(h, phase + TURN / 2.0, swing, bend)];
        // The lower foot stands on the ground.
        let hip = legs.iter().map(|leg| -leg.foot.1).fold(0.0, f64::max) + 0.012 * h;
        let raise = |(x, y): Point| (x, y + hip);
        let shoulder = (lean * 0.31 * h, hip + 0.31 * h);
        let mut shapes = Vec::new();
        let arm = |phase: f64, colour: Colour| self.arm(shoulder, phase, swing, running, colour);
        shapes.extend(arm(phase, darker(self.top)));
        for (leg, back) in legs.iter().zip([true, false]) {
            let colour = if back { darker(self.legs) } else { self.legs };
            let calf = if self.skirt { self.skin } else { colour };
            let (knee, foot) = (raise(leg.knee), raise(leg.foot));
            let b = self.build;
            shapes.push(Shape::Capsule { from: knee, to: foot, radii: (0.034 * h * b, 0.024 * h), colour: calf });
            shapes.push(Shape::Capsule { from: (0.0, hip), to: knee, radii: (0.048 * h * b, 0.037 * h * b), colour });
            let toe = (foot.0 + 0.075 * h * cosine(leg.shin), foot.1 + 0.075 * h * sine(leg.shin) * 0.6 + 0.004 * h);
            shapes.push(Shape::Capsule { from: (foot.0 - 0.01 * h, foot.1), to: toe, radii: (0.022 * h, 0.016 * h), colour: self.shoes });
        }
        if self.skirt {
            let hem = 0.10 * h + 0.05 * h * swing;
            let corners = vec![(-0.06 * h, hip + 0.04 * h), (0.06 * h, hip + 0.04 * h), (hem, hip - 0.2 * h), (-hem, hip - 0.2 * h)];
            shapes.push(Shape::Polygon { corners, colour: self.legs });
        }
        if let Some(pack) = self.pack {
            let centre = (shoulder.0 - 0.085 * h, shoulder.1 - 0.1 * h);
            shapes.push(Shape::Ellipse { centre, radii: (0.055 * h, 0.105 * h), colour: pack });
        }
        let torso = (0.062 * h * self.build, 0.068 * h * self.build);
        shapes.push(Shape::Capsule {
            from: (0.0, hip + 0.01 * h),
            to: (shoulder.0, shoulder.1 - 0.04 * h),
            radii: torso,
            colour: self.top,
        });
        self.head(shoulder, &mut shapes);
        shapes.extend(arm(phase + TURN / 2.0, self.top));
        shapes
    }

    fn head(&self, shoulder: Point, shapes: &mut Vec<Shape>) {
        let h = self.height;
        let head = (shoulder.0 + 0.012 * h, shoulder.1 + 0.105 * h);
        shapes.push(Shape::Capsule { from: shoulder, to: head, radii: (0.03 * h, 0.03 * h), colour: darker(self.skin) });
        if self.long_hair {
            let end = (head.0 - 0.045 * h, head.1 - 0.1 * h);
            shapes.push(Shape::Capsule { from: (head.0 - 0.02 * h, head.1), to: end, radii: (0.05 * h, 0.03 * h), colour: self.hair });
        }
        shapes.push(Shape::Ellipse { centre: head, radii: (0.052 * h, 0.064 * h), colour: self.skin });
        shapes.push(Shape::Ellipse { centre: (head.0 - 0.014 * h, head.1 + 0.026 * h), radii: (0.052 * h, 0.046 * h), colour: self.hair });
    }

    fn arm(&self, shoulder: Point, phase: f64, swing: f64, running: f64, colour: Colour) -> [Shape; 3] {
        let h = self.height;
        let angle = -0.85 * swing * sine(phase);
        let elbow = (shoulder.0 + 0.165 * h * sine(angle), shoulder.1 - 0.02 * h - 0.165 * h * cosine(angle));
        let bent = angle + 0.25 + 1.25 * running.min(1.0);
        let hand = (elbow.0 + 0.15 * h * sine(bent), elbow.1 - 0.15 * h * cosine(bent));
        [
            Shape::Capsule { from: (shoulder.0, shoulder.1 - 0.02 * h), to: elbow, radii: (0.03 * h * self.build, 0.026 * h), colour },
            Shape::Capsule { from: elbow, to: hand, radii: (0.025 * h, 0.019 * h), colour },
            Shape::Ellipse { centre: hand, radii: (0.022 * h, 0.024 * h), colour: self.skin },
        ]
    }

    /// Someone on a bicycle.
    pub(super) fn on_bicycle(&self, gone: f64, frame: Colour) -> Vec<Shape> {
        let h = self.height;
        let wheel = 0.34 * h / 1.75;
        let (rear, front) = ((-0.31 * h, wheel), (0.31 * h, wheel));
        let (crank, saddle, bar) = ((-0.02 * h, wheel), (-0.1 * h, 0.52 * h), (0.23 * h, 0.58 * h));
        let angle = gone / wheel * 0.55;
        let mut shapes = Vec::new();
        for hub in [rear, front] {
            shapes.push(Shape::Ring { centre: hub, radius: wheel, half_width: 0.016 * h, colour: [34.0, 34.0, 36.0] });
            for spoke in 0..3 {
                let turn = gone / wheel + TURN / 6.0 * f64::from(spoke);
                let (x, y) = (wheel * cosine(turn), -wheel * sine(turn));
                let (from, to) = ((hub.0 - x, hub.1 - y), (hub.0 + x, hub.1 + y));
                shapes.push(Shape::Capsule { from, to, radii: (0.004 * h, 0.004 * h), colour: [150.0, 150.0, 150.0] });
            }
        }
        let pedal = |angle: f64| (crank.0 + 0.095 * h * cosine(angle), crank.1 - 0.095 * h * sine(angle));
        shapes.extend(self.pedalling(saddle, pedal(angle + TURN / 2.0), darker(self.legs)));
        let head_tube = (bar.0 - 0.02 * h, bar.1 - 0.06 * h);
        for (from, to) in [(rear, crank), (rear, saddle), (crank, saddle), (crank, head_tube), (saddle, head_tube), (front, bar)] {
            shapes.push(Shape::Capsule { from, to, radii: (0.013 * h, 0.013 * h), colour: frame });
        }
        shapes.extend(self.pedalling(saddle, pedal(angle), self.legs));
        let hip = (saddle.0, saddle.1 + 0.03 * h);
        let shoulder = (hip.0 + 0.17 * h, hip.1 + 0.27 * h);
        let torso = (0.062 * h * self.build, 0.066 * h * self.build);
        shapes.push(Shape::Capsule { from: hip, to: shoulder, radii: torso, colour: self.top });
        if let Some(pack) = self.pack {
            shapes.push(Shape::Ellipse { centre: (hip.0 + 0.03 * h, hip.1 + 0.2 * h), radii: (0.07 * h, 0.09 * h), colour: pack });
        }
        self.head((shoulder.0, shoulder.1 + 0.01 * h), &mut shapes);
        shapes.push(Shape::Capsule { from: shoulder, to: bar, radii: (0.028 * h, 0.02 * h), colour: darker(self.top) });
        shapes
    }

    /// A leg from the saddle to a pedal.
    fn pedalling(&self, saddle: Point, pedal: Point, colour: Colour) -> [Shape; 3] {
        let h = self.height;
        let knee = knee_between(saddle, pedal, 0.25 * h);
        let toe = (pedal.0 + 0.07 * h, pedal.1);
        [
            Shape::Capsule { from: saddle, to: knee, radii: (0.046 * h, 0.036 * h), colour },
            Shape::Capsule { from: knee, to: pedal, radii: (0.034 * h, 0.024 * h), colour },
            Shape::Capsule { from: pedal, to: toe, radii: (0.02 * h, 0.016 * h), colour: self.shoes },
        ]
    }

    /// Head and shoulders of someone who sits with the seat at a place.
    fn seated(&self, seat: Point) -> Vec<Shape> {
        let h = self.height;
        let shoulder = (seat.0 + 0.02 * h, seat.1 + 0.3 * h);
        let mut shapes = Vec::new();
        let knee = (seat.0 + 0.24 * h, seat.1 + 0.03 * h);
        shapes.push(Shape::Capsule { from: seat, to: knee, radii: (0.05 * h, 0.04 * h), colour: self.legs });
        shapes.push(Shape::Capsule { from: seat, to: shoulder, radii: (0.068 * h, 0.07 * h), colour: self.top });
        self.head(shoulder, &mut shapes);
        let hand = (shoulder.0 + 0.24 * h, shoulder.1 - 0.12 * h);
        shapes.push(Shape::Capsule { from: shoulder, to: hand, radii: (0.03 * h, 0.02 * h), colour: darker(self.top) });
        shapes
    }

    /// Someone who drives a small electric cart.
    pub(super) fn in_cart(&self, gone: f64, body: Colour) -> Vec<Shape> {
        let dark = [52.0, 52.0, 56.0];
        let mut shapes = Vec::new();
        for x in [-1.05, 0.95] {
            shapes.push(Shape::Capsule { from: (x, 0.6), to: (x + 0.05, 1.88), radii: (0.035, 0.035), colour: dark });
        }
        shapes.extend(self.seated((-0.3, 0.78)));
        // Convex parts of the side: back, floor, nose.
        let [a, b, c, d, e, f, g]: [Point; 7] =
            [(-1.3, 0.72), (-0.1, 0.66), (0.35, 0.55), (1.1, 0.9), (1.42, 0.72), (1.42, 0.28), (-1.3, 0.28)];
        let floor = 0.42;
        shapes.push(Shape::Polygon { corners: vec![a, b, (b.0 + 0.1, floor), (b.0 + 0.1, g.1), g], colour: body });
        shapes.push(Shape::Polygon { corners: vec![(b.0, floor), (c.0 + 0.2, floor), (c.0 + 0.2, g.1), (b.0, g.1)], colour: darker(body) });
        shapes.push(Shape::Polygon { corners: vec![(c.0 + 0.15, floor + 0.1), d, e, f, (c.0 + 0.15, f.1)], colour: body });
        shapes.push(Shape::Polygon { corners: vec![(-1.32, 2.0), (1.15, 2.0), (1.22, 1.9), (-1.32, 1.9)], colour: lighter(body) });
        for x in [-0.85, 0.95] {
            wheel((x, 0.26), 0.26, gone, &mut shapes);
        }
        shapes
    }
}

/// A delivery van.
pub(super) fn van(gone: f64, body: Colour) -> Vec<Shape> {
    let mut shapes = Vec::new();
    let glass = [70.0, 88.0, 100.0];
    shapes.push(Shape::Polygon { corners: vec![(-2.4, 2.15), (1.1, 2.15), (1.25, 1.2), (1.25, 0.35), (-2.4, 0.35)], colour: body });
    shapes.push(Shape::Polygon { corners: vec![(1.05, 2.15), (1.2, 2.1), (2.0, 1.25), (1.0, 1.2)], colour: body });
    shapes.push(Shape::Polygon { corners: vec![(1.0, 1.3), (2.0, 1.25), (2.5, 1.05), (2.55, 0.35), (1.0, 0.35)], colour: body });
    shapes.push(Shape::Polygon { corners: vec![(0.55, 1.98), (1.16, 1.98), (1.78, 1.3), (0.55, 1.3)], colour: glass });
    shapes.push(Shape::Polygon { corners: vec![(-2.4, 0.55), (2.54, 0.55), (2.55, 0.35), (-2.4, 0.35)], colour: darker(body) });
    for x in [-1.2, 0.15] {
        shapes.push(Shape::Capsule { from: (x, 0.6), to: (x, 2.05), radii: (0.02, 0.02), colour: darker(body) });
    }
    shapes.push(Shape::Ellipse { centre: (2.46, 0.85), radii: (0.08, 0.12), colour: [226.0, 216.0, 184.0] });
    shapes.push(Shape::Ellipse { centre: (-2.36, 0.95), radii: (0.05, 0.16), colour: [170.0, 40.0, 36.0] });
    for x in [-1.55, 1.65] {
        wheel((x, 0.36), 0.36, gone, &mut shapes);
    }
    shapes
}

/// A suitcase.
pub(super) fn suitcase(colour: Colour, size: f64) -> Vec<Shape> {
    let s = size;
    let mut shapes = vec![
        Shape::Capsule { from: (-0.12 * s, 0.7 * s), to: (-0.12 * s, 0.92 * s), radii: (0.015 * s, 0.015 * s), colour: [60.0; 3] },
        Shape::Capsule { from: (0.12 * s, 0.7 * s), to: (0.12 * s, 0.92 * s), radii: (0.015 * s, 0.015 * s), colour: [60.0; 3] },
        Shape::Capsule { from: (-0.12 * s, 0.92 * s), to: (0.12 * s, 0.92 * s), radii: (0.02 * s, 0.02 * s), colour: [40.0; 3] },
        Shape::Polygon { corners: vec![(-0.27 * s, 0.74 * s), (0.27 * s, 0.74 * s), (0.27 * s, 0.07 * s), (-0.27 * s, 0.07 * s)], colour },
    ];
    for x in [-0.12, 0.0, 0.12] {
        let (from, to) = ((x * s, 0.12 * s), (x * s, 0.69 * s));
        shapes.push(Shape::Capsule { from, to, radii: (0.014 * s, 0.014 * s), colour: darker(colour) });
    }
    for x in [-0.2, 0.2] {
        shapes.push(Shape::Ellipse { centre: (x * s, 0.05 * s), radii: (0.05 * s, 0.05 * s), colour: [30.0; 3] });
    }
    shapes
}

fn wheel(centre: Point, radius: f64, gone: f64, shapes: &mut Vec<Shape>) {
    // Worn rubber: no darker than clothes are, or the darkest pixel would tell a vehicle.
    shapes.push(Shape::Ellipse { centre, radii: (radius, radius), colour: [54.0, 54.0, 56.0] });
    shapes.push(Shape::Ellipse { centre, radii: (radius * 0.55, radius * 0.55), colour: [150.0, 152.0, 156.0] });
    let turn = gone / radius;
    let (x, y) = (radius * 0.5 * cosine(turn), -radius * 0.5 * sine(turn));
    let (from, to) = ((centre.0 - x, centre.1 - y), (centre.0 + x, centre.1 + y));
    shapes.push(Shape::Capsule { from, to, radii: (radius * 0.12, radius * 0.12), colour: [84.0, 86.0, 90.0] });
}

/// A leg from the hip at (0, 0).
struct Leg {
    knee: Point,
    foot: Point,
    shin: f64,
}

fn leg(h: f64, phase: f64, swing: f64, bend: f64) -> Leg {
    let thigh = swing * sine(phase);
    // The knee bends while the leg comes forward.
    let shin = thigh - bend * cosine(phase).max(0.0) - 0.04;
    let knee = (0.245 * h * sine(thigh), -0.245 * h * cosine(thigh));
    let foot = (knee.0 + 0.245 * h * sine(shin), knee.1 - 0.245 * h * cosine(shin));
    Leg { knee, foot, shin }
}

/// The knee, in front of the line, of a leg whose two parts have one length.
fn knee_between(hip: Point, foot: Point, part: f64) -> Point {
    let (dx, dy) = (foot.0 - hip.0, foot.1 - hip.1);
    let length = (dx * dx + dy * dy).sqrt().max(1e-6);
    let out = (part * part - length * length / 4.0).max(0.0).sqrt();
    (hip.0 + dx / 2.0 - dy / length * out, hip.1 + dy / 2.0 + dx / length * out)
}

pub(super) fn darker(colour: Colour) -> Colour {
    colour.map(|value| value * 0.76)
}

fn lighter(colour: Colour) -> Colour {
    colour.map(|value| (value * 1.06 + 6.0).min(226.0))
}
