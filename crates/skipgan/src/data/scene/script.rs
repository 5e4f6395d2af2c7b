//! What happens in a clip: who comes when, from where, how fast; and what does not belong.

use super::canvas::Shape;
use super::disturbance::Disturbance;
use super::figure::{self, Gait, Person, View};
use super::number::{TURN, sine};
use super::{AnomalyKind, SceneSettings, street};
use crate::data::random::SplitMix64;

/// One clip's plot.
#[derive(Clone, Debug)]
pub struct Script {
    pub(super) name: String,
    pub(super) frames: usize,
    pub(super) seconds_a_frame: f64,
    pub(super) kind: Option<AnomalyKind>,
    pub(super) actors: Vec<Actor>,
    pub(super) weather: Weather,
    pub(super) disturbance: Option<Disturbance>,
    /// Seed of the sensor's noise.
    pub(super) noise_seed: u64,
}

/// Slow changes of light.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) base: f64,
    pub(super) phase: f64,
    pub(super) period_s: f64,
    pub(super) cloud_phase: f64,
}

/// A lane of a pavement: between which distances, and which way people go.
#[derive(Clone, Copy)]
struct Lane {
    from: f64,
    to: f64,
    way: f64,
}

const NEAR: Lane = Lane { from: street::NEAR_FROM + 0.6, to: street::NEAR_TO - 0.5, way: 1.0 };
const FAR: Lane = Lane { from: street::FAR_FROM + 0.7, to: street::FRONT - 0.8, way: -1.0 };

/// What is seen.
#[derive(Clone, Copy, Debug)]
enum Body {
    Walker(Person),
    Runner(Person),
    Cyclist(Person, [f32; 3]),
    Cart(Person, [f32; 3]),
    Van([f32; 3]),
    Suitcase([f32; 3], f64),
}

/// On at about one distance: where at second 0, metres a second (its sign is the way).
#[derive(Clone, Copy, Debug)]
struct Straight {
    start: f64,
    speed: f64,
    distance: f64,
    /// Metres by which a walker is now ahead, now behind, and strays half as far to the side.
    sway: f64,
    phase: f64,
}

/// Radians a second of a walker's swaying, along the way and aside.
const SWAY: (f64, f64) = (1.1, 0.7);

impl Straight {
    /// Such that `along` is reached at second `at`.
    fn through(along: f64, at: f64, speed: f64, distance: f64) -> Straight {
        Straight { start: along - speed * at, speed, distance, sway: 0.0, phase: 0.0 }
    }

    /// As people walk: never quite evenly, never quite straight on. Passes the same place at second `at`.
    fn swaying(self, at: f64, sway: f64, phase: f64) -> Straight {
        Straight { start: self.start - sway * sine(SWAY.0 * at + phase), sway, phase, ..self }
    }

    fn along(&self, time: f64) -> f64 {
        self.start + self.speed * time + self.sway * sine(SWAY.0 * time + self.phase)
    }

    fn distance(&self, time: f64) -> f64 {
        self.distance + 0.5 * self.sway * sine(SWAY.1 * time + self.phase)
    }

    /// Metres gone by second `time`.
    fn gone(&self, time: f64) -> f64 {
        (self.along(time) - self.start).abs()
    }
}

#[derive(Clone, Copy, Debug)]
enum Path {
    Through(Straight),
    /// Carried along until a second, there from then on.
    Dropped(Straight, f64),
    /// Walks in, turns onto the road at a second, stands at a distance until another second, comes back.
    OntoRoad {
        way_in: Straight,
        turn: f64,
        stand: f64,
        until: f64,
    },
}

/// Somebody or something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Actor {
    body: Body,
    path: Path,
    belongs: bool,
}

/// An actor at an instant.
#[derive(Clone, Debug)]
pub(super) struct Pose {
    /// Metres along the street.
    pub(super) along: f64,
    /// Metres from the camera.
    pub(super) distance: f64,
    /// 1: to the right, −1: to the left.
    pub(super) facing: f64,
    /// Whether it does not belong, now.
    pub(super) anomalous: bool,
    /// The body, in metres.
    pub(super) shapes: Vec<Shape>,
}

/// Speed with which people cross onto the road, metres a second.
const CROSSING: f64 = 1.25;
/// Size of a suitcase: a large one with its handle out is 0.8 m high.
const SUITCASE: f64 = 0.86;
/// Greatest sway of walkers, metres.
const SWAYING: f64 = 0.22;
/// Where a suitcase is, as seen from the one who draws it: metres behind, metres nearer to the camera.
const BEHIND: (f64, f64) = (0.42, 0.12);

impl Actor {
    /// Where and how it is at a second; `None` where that is not `seen`.
    pub(super) fn pose(&self, time: f64, seen: &dyn Fn(&Pose) -> bool) -> Option<Pose> {
        let (mut pose, gait) = self.path.at(time);
        pose.anomalous &= !self.belongs;
        if !seen(&pose) {
            return None;
        }
        pose.shapes = match &self.body {
            Body::Walker(person) => person.shapes(gait),
            Body::Runner(person) => person.shapes(Gait { vigour: 2.0, ..gait }),
            Body::Cyclist(person, frame) => person.on_bicycle(gait.gone, *frame),
            Body::Cart(person, body) => person.in_cart(gait.gone, *body),
            Body::Van(body) => figure::van(gait.gone, *body),
            Body::Suitcase(colour, size) => figure::suitcase(*colour, *size),
        };
        Some(pose)
    }
}

impl Path {
    /// A pose without its body, anomalous where one who does not belong would be; and the gait.
    fn at(&self, time: f64) -> (Pose, Gait) {
        let pose = |along, distance, speed: f64, anomalous| {
            let facing = if speed < 0.0 { -1.0 } else { 1.0 };
            Pose { along, distance, facing, anomalous, shapes: Vec::new() }
        };
        match *self {
            Path::Through(straight) => {
                let pose = pose(straight.along(time), straight.distance(time), straight.speed, true);
                (pose, Gait { gone: straight.gone(time), vigour: 1.0 })
            }
            Path::Dropped(straight, at) => {
                let moving = time.min(at);
                let along = straight.along(moving) - BEHIND.0 * straight.speed.signum();
                // It counts from when it stands there; who let it stand walks on and is as others are.
                let pose = pose(along, straight.distance(moving) - BEHIND.1, straight.speed, time >= at);
                (pose, Gait { gone: 0.0, vigour: 0.0 })
            }
            Path::OntoRoad { way_in, turn, stand, until } => {
                let way = stand - way_in.distance;
                let out = ((time - turn).max(0.0) * CROSSING).min(way);
                let back = ((time - until).max(0.0) * CROSSING).min(way);
                let later = (time - until - way / CROSSING).max(0.0);
                let gone = way_in.gone(time.min(turn)) + out + back + way_in.speed.abs() * later;
                let stands = out >= way && time < until;
                let along = way_in.along(time.min(turn)) + way_in.speed * later;
                let distance = way_in.distance(time.min(turn)) + out - back;
                let pose = pose(along, distance, way_in.speed, distance > street::ROAD_FROM);
                (pose, Gait { gone, vigour: if stands { 0.0 } else { 1.0 } })
            }
        }
    }
}

/// Draws actors for one clip.
struct Casting<'a> {
    settings: &'a SceneSettings,
    view: &'a View,
    random: SplitMix64,
    seconds: f64,
    actors: Vec<Actor>,
}

impl Script {
    /// Name of the clip.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// What does not belong in it; `None`: all is as always.
    #[must_use]
    pub fn kind(&self) -> Option<AnomalyKind> {
        self.kind
    }

    /// What disturbs light or camera in it, and from which frame on.
    #[must_use]
    pub fn disturbance(&self) -> Option<Disturbance> {
        self.disturbance
    }

    pub(super) fn train(settings: &SceneSettings, view: &View, index: usize) -> Script {
        Script::cast(settings, view, 1 + 2 * wide(index), index, settings.train_frames, None, None)
    }

    pub(super) fn test(settings: &SceneSettings, view: &View, index: usize) -> Script {
        let anomalous = index < settings.test_clips - settings.normal_test_clips.min(settings.test_clips);
        let kind = settings.kinds.get(index % settings.kinds.len().max(1)).copied().filter(|_| anomalous);
        Script::cast(settings, view, 2 + 2 * wide(index), index, settings.test_frames, kind, Disturbance::of(settings, index))
    }

    fn cast(
        settings: &SceneSettings,
        view: &View,
        part: u64,
        index: usize,
        frames: usize,
        kind: Option<AnomalyKind>,
        disturbance: Option<Disturbance>,
    ) -> Script {
        let mut random = SplitMix64::part(settings.seed, part);
        let weather = Weather {
            base: 1.0 + settings.light * random.between(-1.0, 1.0),
            phase: random.between(0.0, TURN),
            period_s: random.between(35.0, 90.0),
            cloud_phase: random.between(0.0, TURN),
        };
        let noise_seed = random.next_u64();
        let seconds_a_frame = 1.0 / f64::from(settings.fps.max(1));
        let seconds = frames as f64 * seconds_a_frame;
        let mut casting = Casting { settings, view, random, seconds, actors: Vec::new() };
        casting.people(FAR);
        casting.people(NEAR);
        if let Some(kind) = kind {
            casting.anomaly(kind);
        }
        let name = format!("{:02}", index + 1);
        Script { name, frames, seconds_a_frame, kind, actors: casting.actors, weather, disturbance, noise_seed }
    }
}

impl Casting<'_> {
    fn walking_speed(&mut self) -> f64 {
        self.random.between(1.0, 1.6) * self.settings.speed
    }

    fn person(&mut self) -> Person {
        Person::random(&mut self.random, self.settings.size)
    }

    /// People of a lane, from before the clip's start to its end.
    fn people(&mut self, lane: Lane) {
        if self.settings.density <= 0.0 {
            return;
        }
        let half = self.view.half_span(lane.to) + 2.0;
        let mean_speed = 1.3 * self.settings.speed;
        let gap = 10.0 / (self.settings.density * mean_speed);
        let mut time = -2.0 * half / (1.0 * self.settings.speed);
        while time < self.seconds {
            time += gap * self.random.between(0.35, 1.65);
            let (speed, distance) = (self.walking_speed() * lane.way, self.random.between(lane.from, lane.to));
            let entry = self.view.middle() - lane.way * half;
            let straight = self.sway(Straight::through(entry, time, speed, distance), time);
            self.walker(straight, true);
            if self.random.unit() < self.settings.luggage {
                let (colour, size) = (self.colour(), SUITCASE * self.settings.size);
                let path = Path::Dropped(straight, f64::INFINITY);
                self.actors.push(Actor { body: Body::Suitcase(colour, size), path, belongs: true });
            }
            if self.random.unit() < 0.22 {
                let start = straight.start + self.random.between(-0.35, 0.35);
                self.walker(Straight { start, distance: (distance + 0.62).min(lane.to), ..straight }, true);
            }
        }
    }

    fn walker(&mut self, straight: Straight, belongs: bool) {
        let person = self.person();
        self.actors.push(Actor { body: Body::Walker(person), path: Path::Through(straight), belongs });
    }

    /// Walks as one of the people walks.
    fn sway(&mut self, straight: Straight, at: f64) -> Straight {
        let (sway, phase) = (self.random.between(0.3, 1.0) * SWAYING, self.random.between(0.0, TURN));
        straight.swaying(at, sway, phase)
    }

    /// Of a suitcase, a frame, a car's body.
    fn colour(&mut self) -> [f32; 3] {
        const COLOURS: [[f32; 3]; 6] = [
            [188.0, 60.0, 50.0],
            [60.0, 110.0, 168.0],
            [212.0, 206.0, 194.0],
            [84.0, 130.0, 84.0],
            [64.0, 66.0, 74.0],
            [150.0, 132.0, 112.0],
        ];
        let index = usize::try_from(self.random.below(COLOURS.len() as u64)).unwrap_or(0);
        let light = self.random.between(0.85, 1.1) as f32;
        COLOURS.get(index).copied().unwrap_or_default().map(|value| value * light)
    }

    /// Where something enters the view at that distance, going `way`.
    fn entry(&self, distance: f64, way: f64, length: f64) -> f64 {
        self.view.middle() - way * (self.view.half_span(distance) + length)
    }

    /// When it enters: mostly in the clip's second quarter, often just before the clip begins. Were it never there from the start, a
    /// frame counter would know something.
    fn first(&mut self, kind: AnomalyKind) -> f64 {
        let (later, before) = (self.seconds * self.random.between(0.18, 0.4), self.random.between(0.0, 1.5));
        let early = self.random.unit() < 0.4 && kind != AnomalyKind::LeftBehind;
        if early { -before } else { later }
    }

    fn anomaly(&mut self, kind: AnomalyKind) {
        let first = self.first(kind);
        let second = self.seconds * self.random.between(0.62, 0.72);
        let colour = self.colour();
        let lane = if self.random.unit() < 0.7 { NEAR } else { FAR };
        let distance = self.random.between(lane.from, lane.to);
        let quick = self.settings.speed;
        match kind {
            AnomalyKind::Bicycle => {
                for at in [first, second] {
                    let speed = lane.way * self.random.between(3.4, 4.6) * quick;
                    let person = self.person();
                    self.enter(Body::Cyclist(person, colour), at, speed, distance, 0.8);
                }
            }
            AnomalyKind::Cart => {
                let (speed, person) = (NEAR.way * self.random.between(1.9, 2.6) * quick, self.person());
                let distance = self.random.between(NEAR.from, NEAR.to);
                self.enter(Body::Cart(person, colour), first, speed, distance, 1.4);
            }
            AnomalyKind::RunsAgainstFlow => {
                for at in [first, second] {
                    let (speed, person) = (-lane.way * self.random.between(3.0, 4.0) * quick, self.person());
                    self.enter(Body::Runner(person), at, speed, distance, 0.4);
                }
            }
            AnomalyKind::WrongDirection => {
                let (speed, distance) = (-NEAR.way * self.walking_speed(), self.random.between(NEAR.from, NEAR.to));
                let entry = self.entry(distance, speed.signum(), 0.3);
                let straight = self.sway(Straight::through(entry, first, speed, distance), first);
                self.walker(straight, false);
            }
            AnomalyKind::SlowVehicle => {
                let (distance, way) = if self.random.unit() < 0.5 { (14.4, 1.0) } else { (16.8, -1.0) };
                let speed = way * self.walking_speed();
                self.enter(Body::Van(colour), first, speed, distance, 2.5);
            }
            AnomalyKind::LeftBehind => self.left_behind(first, colour),
            AnomalyKind::StandsStill => self.stands_still(first),
        }
    }

    fn enter(&mut self, body: Body, at: f64, speed: f64, distance: f64, length: f64) {
        let straight = Straight::through(self.entry(distance, speed.signum(), length), at, speed, distance);
        self.actors.push(Actor { body, path: Path::Through(straight), belongs: false });
    }

    /// Someone draws a suitcase along and lets it stand.
    fn left_behind(&mut self, at: f64, colour: [f32; 3]) {
        let distance = self.random.between(NEAR.from + 0.3, NEAR.to - 0.6);
        let place = self.view.middle() + self.view.half_span(distance) * self.random.between(-0.55, 0.45);
        let speed = NEAR.way * self.walking_speed();
        let straight = self.sway(Straight::through(place, at, speed, distance), at);
        self.walker(straight, true);
        let size = SUITCASE * self.settings.size;
        self.actors.push(Actor { body: Body::Suitcase(colour, size), path: Path::Dropped(straight, at), belongs: false });
    }

    /// Someone steps onto the road and stands there.
    fn stands_still(&mut self, at: f64) {
        let distance = NEAR.to;
        let place = self.view.middle() + self.view.half_span(distance) * self.random.between(-0.5, 0.5);
        let speed = NEAR.way * self.walking_speed();
        let way_in = Straight::through(place, at, speed, distance);
        let stand = self.random.between(14.0, 16.5);
        let until = at + self.seconds * self.random.between(0.4, 0.55);
        let person = self.person();
        let path = Path::OntoRoad { way_in, turn: at, stand, until };
        self.actors.push(Actor { body: Body::Walker(person), path, belongs: false });
    }
}

fn wide(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(0)
}
