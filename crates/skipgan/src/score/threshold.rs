//! The threshold of alarms by the rate of false ones that is wanted, from normal footage alone.
//!
//! An alarm at a frame stands as high as the score that two of the last three frames reach ([`Level`]). Of every two seconds of held-out
//! normal footage the highest such level is kept. Runs of neighbouring maxima at a threshold or above are the alarm events that it would
//! give. Where the footage is long enough, the threshold is the lowest in the upper half of the maxima that gives as many events as are wanted. Where less than one is
//! wanted in all of it, the excess of the highest tenth of maxima over the next is taken for exponential: with u the highest maximum below
//! that tenth, n(u) the events at u, T the duration and σ the mean excess, the rate at θ is n(u)/T · exp(−(θ − u)/σ), solved for θ.

use crate::alarm_events::{Clock, Level, MERGE_SECONDS, Moment, NOMINAL_FRAMES_PER_SECOND, NormalMaxima, Threshold, needed};

/// Share of the maxima that the tail is fitted to.
const TAIL_SHARE: f64 = 0.1;
/// Maxima that it is fitted to at least, where there are so many.
const LEAST_TAIL: usize = 5;
/// Maxima kept at most (36 hours of held-out footage): a checkpoint's header is bounded.
const MOST_MAXIMA: usize = 1 << 16;

/// One analysed frame of normal footage.
#[derive(Clone, Copy, Debug)]
struct Seen {
    moment: Moment,
    score: f64,
    counts: bool,
    begins: bool,
}

/// Collects the scores of normal footage, clip by clip in order, as scoring would give them.
#[derive(Clone, Debug, Default)]
pub struct MaximaCollector {
    seen: Vec<Seen>,
    begins: bool,
    clock: Option<Clock>,
}

impl MaximaCollector {
    /// The frames that follow are those of another clip, or come after a gap; `clock` says where their times come from.
    pub fn begin_clip(&mut self, clock: Clock) {
        self.begins = true;
        self.clock = Some(self.clock.map_or(clock, |before| before.weaker(clock)));
    }

    /// Takes the score of an analysed frame. One that does not count (first frames of a clip) is seen by the rule and by nothing else.
    pub fn add(&mut self, moment: Moment, score: f64, counts: bool) {
        self.seen.push(Seen { moment, score, counts, begins: std::mem::take(&mut self.begins) });
    }

    /// The maxima; `None` where no two seconds hold a level.
    pub fn finish(self) -> Option<NormalMaxima> {
        let timed = self.seen.iter().all(|seen| seen.moment.time_s.is_some_and(f64::is_finite));
        let time = if timed { self.clock.unwrap_or(Clock::Frames) } else { Clock::Frames };
        let clips: Vec<&[Seen]> = self.seen.chunk_by(|_, next| !next.begins).collect();
        let needed = needed(clips.iter().all(|clip| clip.len() == 1));
        let mut maxima = NormalMaxima { time, seconds: 0.0, needed, stretches: Vec::new() };
        let mut room = MOST_MAXIMA;
        for clip in clips {
            take_clip(clip, &mut maxima, &mut room);
        }
        maxima.is_sound().then_some(maxima)
    }
}

/// Seconds since the clip's start by the clock of all the footage.
fn seconds(time: Clock, moment: Moment) -> f64 {
    match (time, moment.time_s) {
        (Clock::Pts | Clock::Fps, Some(seconds)) => seconds,
        _ => moment.frame as f64 / NOMINAL_FRAMES_PER_SECOND,
    }
}

/// Adds the maxima of one clip and its duration, `room` maxima at most.
fn take_clip(clip: &[Seen], maxima: &mut NormalMaxima, room: &mut usize) {
    let at = |seen: &Seen| seconds(maxima.time, seen.moment);
    let Some(start) = clip.iter().find(|seen| seen.counts).map(&at) else { return };
    let mut level = Level::new(maxima.needed);
    let (mut stretches, mut newest, mut frames, mut last) = (vec![Vec::new()], None, 0u32, start);
    for seen in clip {
        let level = level.next(seen.score);
        if !seen.counts {
            continue;
        }
        let block = ((at(seen) - start).max(0.0) / MERGE_SECONDS) as u64;
        let begins = newest != Some(block) && level.is_some();
        if begins && *room == 0 {
            break;
        }
        (last, frames) = (at(seen), frames + 1);
        let Some(level) = level else { continue };
        // Two seconds without a frame that is new: events on both sides of them are two.
        if newest.is_some_and(|newest| block > newest + 1) {
            stretches.push(Vec::new());
        }
        let stretch = stretches.last_mut().expect("never empty");
        match stretch.last_mut() {
            Some(highest) if !begins => *highest = level.max(*highest),
            _ => stretch.push(level),
        }
        *room -= usize::from(begins);
        newest = Some(block);
    }
    maxima.stretches.extend(stretches.into_iter().filter(|stretch| !stretch.is_empty()));
    if frames > 0 {
        // The last frame lasts as long as the others do.
        let mean = if frames > 1 { (last - start) / f64::from(frames - 1) } else { 1.0 / NOMINAL_FRAMES_PER_SECOND };
        maxima.seconds += (last - start).max(0.0) + mean.max(0.0);
    }
}

/// Alarm events of the footage at a threshold: runs of maxima that reach it.
fn events_at(maxima: &NormalMaxima, threshold: f64) -> usize {
    let count =
        |stretch: &Vec<f64>| stretch.chunk_by(|a, b| (*a >= threshold) == (*b >= threshold)).filter(|run| run[0] >= threshold).count();
    if maxima.needed == 1 {
        // Stills have no neighbours.
        return maxima.stretches.iter().flatten().filter(|value| **value >= threshold).count();
    }
    maxima.stretches.iter().map(count).sum()
}

/// The threshold at which `wanted` false alarms by the unit of the footage's clock are expected.
///
/// # Panics
/// Where `maxima` is not sound, or `wanted` is not above 0.
pub fn threshold(maxima: &NormalMaxima, wanted: f64) -> Threshold {
    assert!(maxima.is_sound() && wanted > 0.0, "a checked calibration and a positive rate");
    let allowed = wanted * maxima.time.units(maxima.seconds);
    let mut falling: Vec<f64> = maxima.stretches.iter().flatten().copied().collect();
    falling.sort_unstable_by(|a, b| b.total_cmp(a));
    let extrapolated = allowed < 1.0;
    let score = if extrapolated { by_tail(maxima, &falling, allowed) } else { by_count(maxima, &falling, allowed) };
    Threshold { score, wanted, extrapolated, time: maxima.time, needed: maxima.needed }
}

/// The middle between the last maximum that may alarm and the first that would be one event too many.
fn by_count(maxima: &NormalMaxima, falling: &[f64], allowed: f64) -> f64 {
    // The upper half: what alarms half of the time is no alarm, though it may be a single event.
    let mut distinct = falling[..falling.len().div_ceil(2)].to_vec();
    distinct.dedup();
    let too_low = distinct.iter().position(|&value| events_at(maxima, value) as f64 > allowed);
    match too_low {
        Some(0) => distinct[0].next_up(),
        Some(at) => middle(distinct[at - 1], distinct[at]),
        None => distinct[distinct.len() - 1],
    }
}

/// Above `low`, at most `high`.
fn middle(high: f64, low: f64) -> f64 {
    (low + 0.5 * (high - low)).clamp(low.next_up(), high)
}

fn by_tail(maxima: &NormalMaxima, falling: &[f64], allowed: f64) -> f64 {
    let last = falling.len() - 1;
    let tail = ((TAIL_SHARE * falling.len() as f64).ceil() as usize).max(LEAST_TAIL.min(last));
    if last == 0 {
        return falling[0].next_up();
    }
    let below = falling[tail.min(last)];
    let excess = falling[..tail.min(last)].iter().map(|value| value - below).sum::<f64>() / tail.min(last) as f64;
    let events = events_at(maxima, below.next_up()).max(1) as f64;
    if excess <= 0.0 {
        return falling[0].next_up(); // all of the tail is one number: nothing can be said beyond it
    }
    (below + excess * (events / allowed).ln()).max(below.next_up())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm_events::{AlarmRule, events};

    /// SplitMix64 and what can be made of it: numbers that every machine gives alike.
    struct Random(u64);

    impl Random {
        fn unit(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = self.0;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
        }

        /// Near enough to a normal deviate: twelve uniform ones.
        fn normal(&mut self) -> f64 {
            (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
        }
    }

    const FRAMES_PER_SECOND: f64 = 10.0;

    /// Scores of normal footage as they are: noise, what changes over seconds (people come and go), a slow drift, and a skew to the right.
    fn normal_scores(frames: usize, seed: u64) -> Vec<f64> {
        let mut random = Random(seed);
        let decay = |seconds: f64| (-1.0 / (seconds * FRAMES_PER_SECOND)).exp();
        let mut parts = [(decay(1.5), 0.8, 0.0), (decay(12.0), 0.5, 0.0)];
        let scores = (0..frames).map(|_| {
            let mut sum = 0.3 * random.normal();
            for (decay, weight, state) in &mut parts {
                *state = *decay * *state + (1.0 - *decay * *decay).sqrt() * random.normal();
                sum += *weight * *state;
            }
            (0.4 * sum).exp()
        });
        scores.collect()
    }

    fn moment(frame: usize, timed: bool) -> Moment {
        Moment { frame: frame as u64, time_s: timed.then_some(frame as f64 / FRAMES_PER_SECOND) }
    }

    fn maxima(clips: &[Vec<f64>], timed: bool) -> NormalMaxima {
        let mut collector = MaximaCollector::default();
        for clip in clips {
            collector.begin_clip(Clock::Fps);
            clip.iter().enumerate().for_each(|(frame, score)| collector.add(moment(frame, timed), *score, true));
        }
        collector.finish().expect("footage")
    }

    /// Alarm events as a viewer would count them: the rule, then the merging.
    fn counted(scores: &[f64], threshold: &Threshold) -> usize {
        let mut rule = AlarmRule::new(threshold.score, threshold.needed);
        let alarms: Vec<bool> = scores.iter().map(|score| rule.next(*score)).collect();
        events(&alarms, MERGE_SECONDS, |frame| frame as f64 / FRAMES_PER_SECOND).len()
    }

    /// The promise of the threshold: footage ten times as long as the held-out part gives the wanted rate within a factor of three.
    #[test]
    fn ten_times_longer_footage_gives_the_wanted_rate_within_a_factor_of_three() {
        for (minutes, wanted_in_held_out, extrapolated) in
            [(30.0, 0.7, true), (60.0, 0.5, true), (60.0, 0.9, true), (60.0, 2.0, false), (30.0, 8.0, false)]
        {
            let frames = (minutes * 60.0 * FRAMES_PER_SECOND) as usize;
            let (mut logarithms, mut off) = (0.0, 0);
            for seed in 0..40 {
                let held_out = maxima(&[normal_scores(frames, 2 * seed + 1)], true);
                let wanted = wanted_in_held_out * 60.0 / minutes;
                let threshold = threshold(&held_out, wanted);
                assert_eq!((threshold.extrapolated, threshold.time), (extrapolated, Clock::Fps));
                let found = counted(&normal_scores(10 * frames, 2 * seed + 2), &threshold) as f64 / (10.0 * minutes / 60.0);
                logarithms += (found.max(0.1 * wanted) / wanted).ln() / 40.0;
                off += usize::from(!(wanted / 3.0..=wanted * 3.0).contains(&found));
            }
            let typical = logarithms.exp();
            println!("{minutes} min, {wanted_in_held_out}: {typical:.2} times the wanted rate, {off} of 40 off");
            assert!((0.5..2.0).contains(&typical), "{minutes} min, {wanted_in_held_out} wanted in it: {typical} times");
            assert!(off <= 10, "{minutes} min, {wanted_in_held_out} wanted in it: {off} of 40 beyond a factor of 3");
        }
    }

    /// Stretches of a level every two seconds, twenty frames each.
    fn steps(stretches: &[&[f64]]) -> NormalMaxima {
        let clips: Vec<Vec<f64>> = stretches.iter().map(|levels| levels.iter().flat_map(|level| [*level; 20]).collect()).collect();
        maxima(&clips, true)
    }

    #[test]
    fn maxima_of_two_seconds_and_their_duration_by_hand() {
        let found = steps(&[&[1.0, 5.0, 2.0], &[3.0]]);
        assert_eq!(found.stretches, [vec![1.0, 5.0, 5.0], vec![3.0]], "a level looks back: it ends two frames after its scores");
        assert!((found.seconds - 8.0).abs() < 1e-9 && found.time == Clock::Fps);
        let untimed = maxima(&[vec![1.0; 100]], false);
        assert_eq!((untimed.time, untimed.stretches.len(), untimed.stretches[0].len()), (Clock::Frames, 1, 2));
        assert!((untimed.seconds - 4.0).abs() < 1e-9, "100 frames at 25 a second");
    }

    #[test]
    fn a_gap_parts_stretches_and_lasts() {
        let mut collector = MaximaCollector::default();
        collector.begin_clip(Clock::Pts);
        for frame in (0..20).chain(200..220) {
            collector.add(moment(frame, true), 1.0, true);
        }
        let found = collector.finish().expect("footage");
        assert_eq!(found.stretches, [[1.0], [1.0]]);
        assert!((found.seconds - 22.5).abs() < 1.0, "a still picture is normal footage too: {}", found.seconds);
    }

    #[test]
    fn counted_thresholds_by_hand() {
        // Ten stretches of 20 s; four of them hold one event of 9, 8, 7, 6. 200 s: 18 an hour are one event.
        let peak = |height: f64| [0.0, 0.1, 0.2, 0.0, height, 0.0, 0.1, 0.2, 0.0, 0.1];
        let heights = [9.0, 0.3, 8.0, 0.3, 0.3, 7.0, 0.3, 6.0, 0.3, 0.3].map(peak);
        let levels: Vec<&[f64]> = heights.iter().map(<[f64; 10]>::as_slice).collect();
        let footage = steps(&levels);
        for (events, between) in [(1.0, (8.0, 9.0)), (2.0, (7.0, 8.0)), (3.5, (6.0, 7.0)), (4.0, (0.3, 6.0))] {
            let found = threshold(&footage, 18.0 * events);
            assert!(found.score > between.0 && found.score <= between.1 && !found.extrapolated, "{events}: {found:?}");
        }
        let rare = threshold(&footage, 1.0);
        assert!(rare.extrapolated && rare.score > 8.0, "{rare:?}");
        assert!(threshold(&footage, 0.1).score > rare.score);
    }

    #[test]
    fn maxima_are_bounded_and_equal_ones_give_a_bound_above() {
        let mut collector = MaximaCollector::default();
        for clip in 0..3 {
            collector.begin_clip(Clock::Fps);
            for frame in 0..2 * MOST_MAXIMA {
                collector.add(Moment { frame: frame as u64, time_s: Some(1.0 * frame as f64) }, f64::from(clip), true);
            }
        }
        let found = collector.finish().expect("footage");
        assert_eq!(found.stretches.iter().map(Vec::len).sum::<usize>(), MOST_MAXIMA);
        assert!((found.seconds - 2.0 * MOST_MAXIMA as f64).abs() < 10.0, "what is not kept has not lasted: {}", found.seconds);
        let equal = threshold(&steps(&[&[1.0; 30]]), 1.0);
        assert!(equal.score > 1.0 && equal.score < 1.0 + 1e-9);
        assert_eq!(MaximaCollector::default().finish(), None);
    }
}
