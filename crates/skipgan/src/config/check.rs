//! What a page may hold: the range of every number, and settings that do not go together. Networks are checked by [`crate::spec::Spec::check`].

use super::{Config, ConfigError, HeadChoice, Order, Scale, ScoreChoice, Sees, Select};
use crate::spec::Output;

impl Config {
    /// Settings of windows, crops and local scores that do not go together.
    fn check_sight(&self) -> Result<(), ConfigError> {
        real("gate", self.gate, 1e-3, 6.0, "between 0.001 and 6")?;
        real("speed_jitter", self.speed_jitter, 1.0, 100.0, "between 1 and 100")?;
        real("crop_moving", self.crop_moving, 0.0, 1.0, "between 0 and 1")?;
        whole("picture_window", self.picture_window, 1, 64)?;
        real("picture_top_share", self.picture_top_share, 1e-6, 1.0, "above 0 and at most 1")?;
        real("picture_share", self.picture_share, 0.0, 100.0, "between 0 and 100")?;
        real("paste_share", self.paste_share, 0.0, 1.0, "between 0 and 1")?;
        for (key, value) in [("w_picture", self.w_picture), ("w_pasted", self.w_pasted), ("w_critic", self.w_critic)] {
            real(key, value, 0.0, f64::MAX, "0 or positive, and finite")?;
        }
        real("top_share", self.top_share, 1e-6, 1.0, "above 0 and at most 1")?;
        whole("crop_height", self.crop_height, 0, 4096)?;
        whole("crop_width", self.crop_width, 0, 4096)?;
        let wrong = |key, value: &str, range| Err(ConfigError::OutOfRange { key, value: value.into(), range });
        let crops = self.crop_height > 0 || self.crop_width > 0;
        if crops && self.head != HeadChoice::Patch {
            return wrong("head", "latent", "patch, where crops are trained on (a latent vector fixes the size)");
        }
        if self.sees.motion() && (self.channels != 1 || self.history != 1) {
            return wrong("sees", "motion or restore", "frames, where channels or history is not 1");
        }
        if self.sees.motion() && self.select == Select::TestBest {
            return wrong("select", "test_best", "validation or last, unless sees = frames");
        }
        if self.sees.restores() && (self.head != HeadChoice::Patch || self.order != Order::DFirst) {
            return wrong("sees", "restore or still", "something else, unless head = patch and order = d_first");
        }
        if self.sees == Sees::Still && self.history != 1 {
            return wrong("sees", "still", "frames, where history is not 1");
        }
        if self.output == Output::Blend && self.input_noise > 0.0 {
            return wrong("input_noise", "above 0", "0, where output = blend copies what is seen");
        }
        if self.output == Output::Blend && self.sees != Sees::Restore {
            return wrong("output", "blend", "tanh or linear, unless sees = restore (there is a usual picture to blend with)");
        }
        if self.sees != Sees::Motion && self.mirror {
            return wrong("mirror", "true", "false, unless sees = motion");
        }
        if self.score != ScoreChoice::A && !(self.sees.motion() && self.local && self.scale == Scale::Terms) {
            let range = "a (--set score=a), unless sees = motion or restore, local = true and scale = terms";
            return wrong("score", score_word(self.score), range);
        }
        Ok(())
    }

    /// Every number against its range, and what does not go together.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] naming the first key that is wrong.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let positive = "positive and finite";
        whole("side", self.side, 0, 4096)?;
        whole("width", self.width, if self.side == 0 { 1 } else { 0 }, 4096)?;
        whole("height", self.height, 0, 4096)?;
        if self.channels != 1 && self.channels != 3 {
            return Err(ConfigError::OutOfRange { key: "channels", value: self.channels.to_string(), range: "1 or 3" });
        }
        whole("history", self.history, 1, 64)?;
        whole("g_levels", self.g_levels, 0, 12)?;
        whole("d_levels", self.d_levels, 0, 12)?;
        whole("batch", self.batch, 1, 4096)?;
        for (key, value) in [("lr", self.lr), ("epsilon", self.epsilon)] {
            real(key, value, f64::MIN_POSITIVE, f64::MAX, positive)?;
        }
        for (key, value) in [("w_adv", self.w_adv), ("w_con", self.w_con), ("w_lat", self.w_lat), ("d_lr", self.d_lr)] {
            real(key, value, 0.0, f64::MAX, "0 or positive, and finite")?;
        }
        real("false_alarms_per_hour", self.false_alarms_per_hour, 1e-9, 1e6, "between 1e-9 and 1e6")?;
        real("input_noise", self.input_noise, 0.0, 10.0, "between 0 and 10")?;
        real("reinit_d", self.reinit_d, 0.0, f64::MAX, "0 or positive, and finite")?;
        for (key, value) in [
            ("beta1", self.beta1),
            ("beta2", self.beta2),
            ("ema", self.ema),
            ("picture_memory", self.picture_memory),
            ("smooth", self.smooth),
        ] {
            real(key, value, 0.0, 1.0 - 1e-9, "at least 0 and below 1")?;
        }
        for (key, value) in [("lambda", self.lambda), ("real_label", self.real_label)] {
            real(key, value, 0.0, 1.0, "between 0 and 1")?;
        }
        if self.ema > 0.0 && self.reinit_d > 0.0 {
            let range = "0, where ema is above 0 (a D that is drawn anew has no mean)";
            return Err(ConfigError::OutOfRange { key: "reinit_d", value: self.reinit_d.to_string(), range });
        }
        self.check_sight()?;
        if self.map_channel < -2 || self.map_channel >= self.sees.channels(self.channels, self.history).target as i64 {
            let range = "-1 (mean over channels), -2 (the last channel) or a channel of the target, from 0";
            return Err(ConfigError::OutOfRange { key: "map_channel", value: self.map_channel.to_string(), range });
        }
        Ok(())
    }
}

/// The word of a score in a configuration.
fn score_word(score: ScoreChoice) -> &'static str {
    match score {
        ScoreChoice::A => "a",
        ScoreChoice::S => "s",
        ScoreChoice::Flow => "flow",
        ScoreChoice::Place => "place",
        ScoreChoice::FlowPlace => "flow_place",
    }
}

fn whole(key: &'static str, value: usize, low: usize, high: usize) -> Result<(), ConfigError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let range = match (low, high) {
        (0, 12) => "0 to 12",
        (1, 64) => "1 to 64",
        (1, _) => "1 to 4096",
        _ => "0 to 4096",
    };
    Err(ConfigError::OutOfRange { key, value: value.to_string(), range })
}

fn real(key: &'static str, value: f64, low: f64, high: f64, range: &'static str) -> Result<(), ConfigError> {
    if value.is_finite() && (low..=high).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::OutOfRange { key, value: value.to_string(), range })
}
