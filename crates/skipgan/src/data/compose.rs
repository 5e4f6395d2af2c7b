//! From pictures to windows: motion between pictures, its mean, and the channels that the network sees. Several moments at once where a pool is there:
//! their fields are found side by side, and everything that carries a past goes in order.

use super::DataError;
use super::motion_cache::RoundedMotion;
use super::pictures::Material;
use super::sight::{Cut, Instant, Sight, Windows};
use crate::motion::{DisSettings, MeanSettings, MotionMean, PairFlows};
use crate::stages::{Stage, StageClock};
use kernels::Pool;
use std::sync::Arc;

/// Composes the windows of one clip; moments come in order.
pub struct Composer {
    sight: Sight,
    pool: Option<Arc<Pool>>,
    motion: Option<Motion>,
    clock: StageClock,
}

struct Motion {
    flows: PairFlows,
    mean: MotionMean,
    rounded: RoundedMotion,
}

impl Composer {
    /// At the start of a clip. Without a pool fields are found one after another.
    #[must_use]
    pub fn new(sight: &Sight, pool: Option<Arc<Pool>>) -> Composer {
        let (height, width) = (sight.picture.height, sight.picture.width);
        let motion = || Motion {
            flows: PairFlows::new(width, height, DisSettings::default()),
            mean: MotionMean::new(width, height, MeanSettings::default()),
            rounded: RoundedMotion::new(2 * height * width),
        };
        Composer { sight: sight.clone(), pool, motion: sight.needs_motion().then(motion), clock: StageClock::default() }
    }

    /// Counts from now on how long each stage computes.
    pub fn time_stages(&mut self) {
        self.clock = StageClock::running();
    }

    /// What has been counted.
    #[must_use]
    pub fn stages(&self) -> &StageClock {
        &self.clock
    }

    /// Adds the windows of the next moments to `windows`, in order.
    ///
    /// # Errors
    /// As [`Sight::push`].
    pub fn add(&mut self, moments: &[Material], windows: &mut Windows) -> Result<(), DataError> {
        self.add_and(moments, &mut || {}, windows)
    }

    /// The same; calls `found` once the fields are found, which is all that gains much from several threads.
    ///
    /// # Errors
    /// As [`Composer::add`].
    pub fn add_and(&mut self, moments: &[Material], found: &mut dyn FnMut(), windows: &mut Windows) -> Result<(), DataError> {
        self.clock.start();
        let pairs = moments.iter().filter_map(|moment| moment.pair.as_ref());
        let pairs: Vec<_> = pairs.map(|(before, now)| (before.as_slice(), now.as_slice())).collect();
        let Composer { sight, pool, motion, clock } = self;
        let (mut motion, mut fields) = match motion {
            Some(Motion { flows, mean, rounded }) => (Some((mean, rounded)), flows.find(pool.as_deref(), &pairs).iter()),
            None => (None, [].iter()),
        };
        found();
        for moment in moments {
            if let (Some((mean, rounded)), Some(_)) = (&mut motion, &moment.pair)
                && let Some(field) = fields.next()
            {
                rounded.take(mean.push_on(pool.as_deref(), field));
            }
            clock.lap(Stage::Flow);
            if moment.wanted {
                let frames: Vec<&[u8]> = moment.pictures.iter().map(|planes| planes.as_slice()).collect();
                let motion = motion.as_ref().and_then(|(_, rounded)| rounded.motion());
                sight.push(&Instant { frames: &frames, motion }, Cut::NONE, windows)?;
            }
            clock.lap(Stage::Windows);
        }
        Ok(())
    }
}
