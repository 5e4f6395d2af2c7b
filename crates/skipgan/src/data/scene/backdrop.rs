//! The street without people: houses, pavements, road, verge, trees, lamps; painted once a scene.

use super::canvas::{Canvas, Colour, Shape, Sprite};
use super::figure::View;
use super::number::{rough, smooth};
use super::{SceneSettings, street};
use crate::data::random::SplitMix64;

/// What is behind everybody, and what may stand before them.
#[derive(Clone, Debug)]
pub(super) struct Backdrop {
    pub(super) base: Canvas,
    /// Trees and lamps with their distance, far ones first.
    pub(super) sprites: Vec<(f64, Sprite)>,
    /// The lens darkens the corners.
    pub(super) vignette: Vec<f32>,
}

/// A house.
#[derive(Clone, Debug)]
struct House {
    from: f64,
    to: f64,
    top: f64,
    wall: Colour,
    trim: Colour,
    shop: Option<Colour>,
    seed: u64,
}

const WALLS: [Colour; 6] = [
    [186.0, 162.0, 134.0],
    [164.0, 118.0, 98.0],
    [198.0, 192.0, 178.0],
    [176.0, 148.0, 108.0],
    [150.0, 150.0, 146.0],
    [192.0, 172.0, 150.0],
];
const SHOPS: [Colour; 5] = [[150.0, 60.0, 52.0], [56.0, 96.0, 90.0], [58.0, 76.0, 120.0], [184.0, 148.0, 70.0], [110.0, 74.0, 96.0]];

/// Sub-samples of a pixel on each axis.
const SAMPLES: usize = 3;

impl Backdrop {
    /// The street that `view` sees, on a canvas that is `margin` pixels larger on every side: the same houses, whatever the margin.
    pub(super) fn paint(settings: &SceneSettings, view: &View, margin: usize, random: &mut SplitMix64) -> Backdrop {
        let (width, height) = (settings.width + 2 * margin, settings.height + 2 * margin);
        let houses = houses(view, random);
        let seed = random.next_u64();
        let things = things(view, random);
        let view = &view.with_margin(margin);
        let mut base = Canvas::new(width, height);
        for (index, pixel) in base.pixels.iter_mut().enumerate() {
            let (column, row) = ((index % width) as f64, (index / width) as f64);
            let mut sum = [0.0f32; 3];
            for part in 0..SAMPLES * SAMPLES {
                let step = |n: usize| (n as f64 + 0.5) / SAMPLES as f64;
                let colour = street_colour(view, &houses, seed, column + step(part % SAMPLES), row + step(part / SAMPLES));
                sum.iter_mut().zip(colour).for_each(|(sum, value)| *sum += value);
            }
            *pixel = sum.map(|value| value / (SAMPLES * SAMPLES) as f32);
        }
        let mut shade = Canvas::new(width, height);
        for (distance, along, shapes) in &things {
            for shape in shapes {
                shade.draw_marks(&shadow(shape, view, *along, *distance, 1.0));
            }
        }
        for (pixel, cover) in base.pixels.iter_mut().zip(&shade.marks) {
            pixel.iter_mut().for_each(|value| *value *= 1.0 - 0.34 * cover);
        }
        let sprites = things.iter().map(|(distance, along, shapes)| {
            let shapes: Vec<Shape> = shapes.iter().map(|shape| placed(shape, view, *along, *distance, 1.0)).collect();
            (*distance, Sprite::of(&shapes, width, height))
        });
        let sprites = sprites.collect();
        let corner = |index: usize| {
            let (x, y) = ((index % width) as f64 / width as f64 - 0.5, (index / width) as f64 / height as f64 - 0.5);
            (1.0 - 0.36 * (x * x + y * y)) as f32
        };
        Backdrop { base, sprites, vignette: (0..width * height).map(corner).collect() }
    }
}

/// A shape of a body at a place on the street, in pixels.
pub(super) fn placed(shape: &Shape, view: &View, along: f64, distance: f64, facing: f64) -> Shape {
    let (column, row, scale) = (view.column(along, distance), view.row(distance), view.scale(distance));
    let point = |(x, y): (f64, f64)| (column + facing * x * scale, row - y * scale);
    let length = |metres: f64| metres * scale;
    mapped(shape, &point, &length, facing)
}

/// The shape's shadow on the ground: the sun stands to the left, before the street.
pub(super) fn shadow(shape: &Shape, view: &View, along: f64, distance: f64, facing: f64) -> Shape {
    let (column, row, scale) = (view.column(along, distance), view.row(distance), view.scale(distance));
    let point = |(x, y): (f64, f64)| (column + (facing * x + 0.72 * y) * scale, row - 0.2 * y * scale);
    let length = |metres: f64| metres * scale * 0.8;
    mapped(shape, &point, &length, facing)
}

fn mapped(shape: &Shape, point: &dyn Fn((f64, f64)) -> (f64, f64), length: &dyn Fn(f64) -> f64, facing: f64) -> Shape {
    match shape {
        Shape::Capsule { from, to, radii, colour } => {
            Shape::Capsule { from: point(*from), to: point(*to), radii: (length(radii.0), length(radii.1)), colour: *colour }
        }
        Shape::Ellipse { centre, radii, colour } => {
            Shape::Ellipse { centre: point(*centre), radii: (length(radii.0), length(radii.1)), colour: *colour }
        }
        Shape::Ring { centre, radius, half_width, colour } => {
            Shape::Ring { centre: point(*centre), radius: length(*radius), half_width: length(*half_width), colour: *colour }
        }
        Shape::Polygon { corners, colour } => {
            let mut corners: Vec<(f64, f64)> = corners.iter().map(|&corner| point(corner)).collect();
            // A mirrored polygon runs the other way round.
            if facing < 0.0 {
                corners.reverse();
            }
            Shape::Polygon { corners, colour: *colour }
        }
    }
}

fn houses(view: &View, random: &mut SplitMix64) -> Vec<House> {
    let reach = view.half_span(street::FRONT) + 3.0;
    let mut houses = Vec::new();
    let mut from = view.middle() - reach - random.between(0.0, 4.0);
    while from < view.middle() + reach {
        let to = from + random.between(4.6, 7.8);
        let pick = |random: &mut SplitMix64, colours: &[Colour]| {
            let index = usize::try_from(random.below(colours.len() as u64)).unwrap_or(0);
            colours.get(index).copied().unwrap_or_default()
        };
        let wall = pick(random, &WALLS);
        let shop = (random.unit() < 0.62).then(|| pick(random, &SHOPS));
        let light = random.unit() < 0.5;
        let trim = if light { [226.0, 222.0, 212.0] } else { wall.map(|value| value * 0.72) };
        houses.push(House { from, to, top: random.between(6.2, 10.5), wall, trim, shop, seed: random.next_u64() });
        from = to;
    }
    houses
}

/// What one point of the picture shows of the empty street.
fn street_colour(view: &View, houses: &[House], seed: u64, column: f64, row: f64) -> Colour {
    let front = view.row(street::FRONT);
    if row < front {
        let along = view.along(column, street::FRONT);
        let up = (front - row) / view.scale(street::FRONT);
        return match houses.iter().find(|house| (house.from..house.to).contains(&along)) {
            Some(house) if up < house.top => house.colour(along, up),
            _ => sky(seed, column - view.margin, row - view.margin),
        };
    }
    let distance = view.distance(row);
    ground(seed, view.along(column, distance), distance)
}

fn sky(seed: u64, column: f64, row: f64) -> Colour {
    let cloud = smooth(-0.1, 0.7, rough(seed ^ 11, column / 60.0, row / 24.0)) as f32;
    let blue = [168.0, 194.0, 220.0];
    blue.map(|value: f32| value + (238.0 - value) * (0.35 + 0.5 * cloud))
}

fn scaled(colour: Colour, light: f64) -> Colour {
    colour.map(|value| value * light as f32)
}

fn mixed(a: Colour, b: Colour, share: f64) -> Colour {
    let [r, g, blue] = a;
    let [x, y, z] = b;
    let t = share as f32;
    [r + (x - r) * t, g + (y - g) * t, blue + (z - blue) * t]
}

/// The ground at a place.
fn ground(seed: u64, along: f64, distance: f64) -> Colour {
    let wide = rough(seed, along * 0.35, distance * 0.35);
    let fine = rough(seed ^ 5, along * 7.0, distance * 7.0);
    let near_wall = smooth(street::FRONT - 2.2, street::FRONT, distance) * 0.22;
    let slabs = |colour: Colour, size: f64| {
        let joint = |x: f64| {
            let off = (x / size - (x / size).floor()) * size;
            off.min(size - off)
        };
        let row = (distance / size).floor();
        let line = joint(distance).min(joint(along + (row * 0.5 - (row * 0.5).floor()) * size));
        let slab = rough(seed ^ 9, ((along / size).floor() + 0.3) * 1.7, row * 1.7 + 0.3);
        let dark = 1.0 - 0.2 * (1.0 - smooth(0.012, 0.04, line));
        scaled(colour, (1.0 + 0.05 * slab + 0.05 * wide + 0.03 * fine) * dark * (1.0 - near_wall))
    };
    if distance < street::NEAR_FROM - 0.12 {
        let blade = rough(seed ^ 21, along * 14.0, distance * 5.0);
        let green = mixed([92.0, 120.0, 62.0], [126.0, 138.0, 78.0], 0.5 + 0.5 * wide);
        return scaled(green, 1.0 + 0.16 * blade + 0.05 * fine);
    }
    if distance < street::NEAR_FROM {
        return scaled([176.0, 172.0, 164.0], 1.0 + 0.05 * fine);
    }
    if distance < street::NEAR_TO {
        return slabs([178.0, 170.0, 158.0], 0.62);
    }
    if distance < street::ROAD_FROM || (street::ROAD_TO..street::FAR_FROM).contains(&distance) {
        let stone = (along / 1.1 - (along / 1.1).floor()) * 1.1;
        let joint = if stone < 0.03 { 0.8 } else { 1.0 };
        return scaled([192.0, 189.0, 182.0], joint * (1.0 + 0.04 * fine));
    }
    if distance < street::ROAD_TO {
        let middle = (street::ROAD_FROM + street::ROAD_TO) / 2.0;
        let dash = (along / 4.0 - along.div_euclid(4.0)).abs() * 4.0 < 2.0;
        let lane = ((distance - middle).abs() - 1.35).abs();
        let worn = 1.0 + 0.05 * (1.0 - smooth(0.0, 0.5, lane));
        let asphalt = scaled([98.0, 99.0, 103.0], worn * (1.0 + 0.07 * wide + 0.08 * fine));
        let gutter = (distance - street::ROAD_FROM).min(street::ROAD_TO - distance);
        let asphalt = scaled(asphalt, 0.82 + 0.18 * smooth(0.0, 0.3, gutter));
        return if dash && (distance - middle).abs() < 0.09 { mixed(asphalt, [214.0, 212.0, 204.0], 0.8) } else { asphalt };
    }
    slabs([168.0, 162.0, 154.0], 0.8)
}

impl House {
    fn colour(&self, along: f64, up: f64) -> Colour {
        let (x, width) = (along - self.from, self.to - self.from);
        let grain = rough(self.seed, along * 3.0, up * 3.0);
        let course = if (up / 0.34 - (up / 0.34).floor()) * 0.34 < 0.05 { 0.965 } else { 1.0 };
        let low = 0.86 + 0.14 * smooth(0.0, 1.2, up);
        let wall = scaled(self.wall, (1.0 + 0.045 * grain) * course * low);
        if x < 0.07 || width - x < 0.05 {
            return scaled(wall, 0.74);
        }
        if self.top - up < 0.4 {
            return scaled(self.trim, if self.top - up < 0.12 { 0.7 } else { 0.95 });
        }
        if up < 0.3 {
            return scaled(wall, 0.68);
        }
        if up < 3.3 { self.ground_floor(x, width, up, wall) } else { self.upper_floor(x, width, up, wall) }
    }

    fn ground_floor(&self, x: f64, width: f64, up: f64, wall: Colour) -> Colour {
        let door = 0.5..1.6;
        if door.contains(&x) {
            if up < 2.2 {
                let panel = (0.12..0.98).contains(&(x - 0.5)) && (0.4..2.0).contains(&up);
                let wood = self.shop.unwrap_or([92.0, 72.0, 58.0]);
                return scaled(wood, if panel { 0.62 } else { 0.5 });
            }
            return if up < 2.34 { self.trim } else { wall };
        }
        let Some(shop) = self.shop else {
            return self.window((x - 1.9) % 2.1, 1.15, up - 1.0, 1.35, wall, x);
        };
        let pane = 1.9..width - 0.4;
        if !pane.contains(&x) {
            return wall;
        }
        match up {
            _ if (2.75..3.15).contains(&up) => scaled(shop, 1.1),
            _ if (2.1..2.75).contains(&up) => {
                // An awning in stripes, lighter at its upper edge.
                let stripe = (x / 0.42).floor() % 2.0 == 0.0;
                let cloth = if stripe { shop } else { [224.0, 218.0, 206.0] };
                scaled(cloth, 0.72 + 0.3 * (up - 2.1) / 0.65)
            }
            _ if (0.55..2.1).contains(&up) => {
                let post = (x - 1.9) % 1.5 < 0.07 || up < 0.62;
                let wares = rough(self.seed ^ 3, x * 2.6, up * 2.6);
                let inside = mixed([44.0, 50.0, 58.0], [150.0, 132.0, 104.0], smooth(0.1, 0.8, wares) * smooth(2.0, 0.7, up));
                let shine = smooth(0.55, 1.0, rough(self.seed ^ 4, (x + up) * 0.7, 0.0)) * 0.3;
                if post { self.trim } else { mixed(inside, [200.0, 212.0, 222.0], shine) }
            }
            _ => scaled(shop, 0.6),
        }
    }

    fn upper_floor(&self, x: f64, width: f64, up: f64, wall: Colour) -> Colour {
        let count = ((width - 0.8) / 1.75).floor().max(1.0);
        let pitch = width / count;
        let storey = (up - 3.3) % 3.0;
        if storey < 0.1 {
            return scaled(self.trim, 0.9);
        }
        let inside = x % pitch - (pitch - 1.0) / 2.0;
        self.window(inside, 1.0, storey - 0.85, 1.55, wall, (x / pitch).floor() + ((up - 3.3) / 3.0).floor() * 7.0)
    }

    /// A window of that width and height whose lower left corner is the origin.
    fn window(&self, x: f64, width: f64, y: f64, height: f64, wall: Colour, which: f64) -> Colour {
        if (-0.12..0.0).contains(&y) && (-0.1..width + 0.1).contains(&x) {
            return scaled(self.trim, 1.02);
        }
        if !(0.0..width).contains(&x) || !(0.0..height).contains(&y) {
            return wall;
        }
        let frame = x < 0.08
            || width - x < 0.08
            || y < 0.07
            || height - y < 0.08
            || (x - width / 2.0).abs() < 0.035
            || (y - height * 0.66).abs() < 0.03;
        if frame {
            return scaled(self.trim, if height - y < 0.08 { 0.72 } else { 0.96 });
        }
        let own = rough(self.seed ^ 77, which * 3.7, 0.5);
        let glass = mixed([58.0, 70.0, 84.0], [146.0, 164.0, 182.0], smooth(0.0, height, y) * (0.45 + 0.4 * own));
        let curtain = own > 0.1 && (x < 0.28 || width - x < 0.28);
        if curtain { mixed(glass, [208.0, 200.0, 186.0], 0.6) } else { glass }
    }
}

/// Trees and lamps: distance, place along the street, shapes in metres; far ones first.
fn things(view: &View, random: &mut SplitMix64) -> Vec<(f64, f64, Vec<Shape>)> {
    let mut things = Vec::new();
    let distance = street::FAR_FROM + 0.35;
    let reach = view.half_span(distance) + 2.0;
    let mut along = view.middle() - reach + random.between(0.0, 4.0);
    while along < view.middle() + reach {
        let height = random.between(3.9, 4.7);
        things.push((distance, along, tree(random, height, random_radius(height))));
        along += random.between(5.6, 8.2);
    }
    let distance = street::ROAD_FROM - 0.1;
    let reach = view.half_span(distance) + 1.0;
    let mut along = view.middle() - reach + random.between(0.5, 4.0);
    while along < view.middle() + reach {
        things.push((distance, along, lamp()));
        along += 9.5;
    }
    let distance = 8.7;
    let side = if random.unit() < 0.5 { -1.0 } else { 1.0 };
    let along = view.middle() + side * view.half_span(distance) * random.between(0.66, 0.86);
    things.push((distance, along, tree(random, 5.4, 1.9)));
    things
}

fn random_radius(height: f64) -> f64 {
    height * 0.36
}

fn tree(random: &mut SplitMix64, height: f64, radius: f64) -> Vec<Shape> {
    let bark = [92.0, 76.0, 62.0];
    let girth = 0.035 * height;
    let mut shapes =
        vec![Shape::Capsule { from: (0.0, 0.0), to: (0.05, height - 0.4 * radius), radii: (girth, girth * 0.6), colour: bark }];
    for side in [-1.0, 1.0] {
        let to = (side * radius * 0.5, height);
        shapes.push(Shape::Capsule { from: (0.02, height - radius * 0.9), to, radii: (girth * 0.5, girth * 0.25), colour: bark });
    }
    let mut leaves: Vec<(f64, f64, f64)> = Vec::new();
    while leaves.len() < 150 {
        let (x, y) = (random.between(-1.0, 1.0), random.between(-1.0, 1.0));
        if x * x + y * y < 1.0 {
            leaves.push((x, y, random.between(0.10, 0.24)));
        }
    }
    // Dark ones below and to the right first, light ones last.
    let light = |leaf: &(f64, f64, f64)| leaf.1 - 0.5 * leaf.0;
    leaves.sort_by(|a, b| light(a).total_cmp(&light(b)));
    for leaf in &leaves {
        let shade = 0.72 + 0.3 * smooth(-1.2, 1.2, light(leaf)) + random.between(-0.1, 0.1);
        let colour = scaled(mixed([70.0, 98.0, 48.0], [134.0, 150.0, 74.0], smooth(-1.0, 1.3, light(leaf))), shade);
        let centre = (leaf.0 * radius, height + leaf.1 * radius * 0.78);
        shapes.push(Shape::Ellipse { centre, radii: (leaf.2 * radius, leaf.2 * radius * 0.8), colour });
    }
    shapes
}

fn lamp() -> Vec<Shape> {
    let iron = [58.0, 62.0, 64.0];
    vec![
        Shape::Capsule { from: (0.0, 0.0), to: (0.0, 0.5), radii: (0.09, 0.06), colour: iron },
        Shape::Capsule { from: (0.0, 0.4), to: (0.0, 3.5), radii: (0.05, 0.035), colour: iron },
        Shape::Ellipse { centre: (0.0, 3.68), radii: (0.16, 0.2), colour: [236.0, 232.0, 214.0] },
        Shape::Capsule { from: (-0.14, 3.9), to: (0.14, 3.9), radii: (0.05, 0.05), colour: iron },
    ]
}
