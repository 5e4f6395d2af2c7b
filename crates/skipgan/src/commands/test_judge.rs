//! `select = test_best`, the authors' habit: after every epoch the test set's AUC chooses the state that is kept. Lives here because
//! `train` may not see a test label; numbers made so are labelled "not strict".

use super::CommandError;
use super::reading::Prepared;
use super::truth::Truth;
use crate::config::Config;
use crate::data::{DataSet, WindowIndex, WindowReader};
use crate::evaluate::frame::Ranking;
use crate::model::engine::Engine;
use crate::score::anomaly;
use crate::score::forward::Forward;
use crate::train::Judge;
use std::convert::Infallible;

/// The test set, decoded once, and its labels.
pub struct TestJudge {
    footage: Prepared,
    labels: Vec<u8>,
    config: Config,
}

impl TestJudge {
    /// Reads the labels.
    ///
    /// # Errors
    /// [`CommandError::Data`] where there are none, or not as many as frames.
    pub fn new(set: &DataSet, footage: Prepared, config: &Config) -> Result<TestJudge, CommandError> {
        let frames = footage.cache.clips().iter().map(|clip| (clip.name.clone(), clip.frames)).collect();
        let truth = Truth::read(set, None, &frames)?;
        Ok(TestJudge { labels: truth.labels.concat(), footage, config: config.clone() })
    }

    fn scores(&self, engine: &mut dyn Engine) -> Result<Vec<f64>, String> {
        let (mut reader, mut window) = (WindowReader::new(self.footage.footage()), self.footage.sight.windows());
        let mut forward = Forward::new(engine, &self.config, &self.footage.sight, self.config.batch);
        let mut raw = Vec::with_capacity(self.labels.len());
        for (clip, frames) in self.footage.cache.frames().into_iter().enumerate() {
            for frame in 0..frames {
                window.clear();
                reader.read(WindowIndex { clip, frame }, &mut window).map_err(|error| error.to_string())?;
                if frame == 0 {
                    forward.begin_clip(forward.held());
                }
                forward.push(&window);
                if forward.is_full() {
                    take(&mut forward, self.config.lambda, &mut raw);
                }
            }
        }
        take(&mut forward, self.config.lambda, &mut raw);
        Ok(raw)
    }
}

fn take(forward: &mut Forward<'_>, lambda: f64, raw: &mut Vec<f64>) {
    let told = forward.run(&mut |measured| {
        raw.push(anomaly::weigh(lambda, measured.terms.recon, measured.terms.latent));
        Ok::<(), Infallible>(())
    });
    match told {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

impl Judge for TestJudge {
    fn auc(&mut self, engine: &mut dyn Engine, _step: u64) -> Result<f64, String> {
        let scores = self.scores(engine)?;
        let auc = Ranking::new(&scores, &self.labels).auroc();
        auc.ok_or_else(|| "select = test_best needs normal and anomalous test frames; use --set select=validation".to_string())
    }
}
