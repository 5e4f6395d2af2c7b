//! `select = test_best`, the authors' habit: after every epoch the test set's AUC chooses the state that is kept. Lives here because
//! `train` may not see a test label; numbers made so are labelled "not strict".

use super::CommandError;
use super::truth::Truth;
use crate::config::Config;
use crate::data::{DataSet, FrameCache, WindowIndex, WindowReader};
use crate::evaluate::frame::Ranking;
use crate::model::engine::Engine;
use crate::score::anomaly;
use crate::score::forward::Forward;
use crate::train::Judge;

/// The test set, decoded once, and its labels.
pub struct TestJudge {
    cache: FrameCache,
    labels: Vec<u8>,
    config: Config,
}

impl TestJudge {
    /// Reads the labels.
    ///
    /// # Errors
    /// [`CommandError::Data`] where there are none, or not as many as frames.
    pub fn new(set: &DataSet, cache: FrameCache, config: &Config) -> Result<TestJudge, CommandError> {
        let frames = cache.clips().iter().map(|clip| (clip.name.clone(), clip.frames)).collect();
        let truth = Truth::read(set, None, &frames)?;
        Ok(TestJudge { labels: truth.labels.concat(), cache, config: config.clone() })
    }

    fn scores(&self, engine: &mut dyn Engine) -> Result<Vec<f64>, String> {
        let mut reader = WindowReader::new(&self.cache, self.config.history);
        let mut window = vec![0.0; reader.shape().len()];
        let mut forward = Forward::new(engine, &self.config, reader.shape(), self.config.batch);
        let mut raw = Vec::with_capacity(self.labels.len());
        for (clip, frames) in self.cache.frames().into_iter().enumerate() {
            for frame in 0..frames {
                reader.read(WindowIndex { clip, frame }, &mut window).map_err(|error| error.to_string())?;
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
    if forward.held() == 0 {
        return;
    }
    let scores = forward.run();
    raw.extend(scores.residual.iter().zip(&scores.latent).map(|(&recon, &latent)| anomaly::weigh(lambda, recon, latent)));
}

impl Judge for TestJudge {
    fn auc(&mut self, engine: &mut dyn Engine, _step: u64) -> Result<f64, String> {
        let scores = self.scores(engine)?;
        let auc = Ranking::new(&scores, &self.labels).auroc();
        auc.ok_or_else(|| "select = test_best needs normal and anomalous test frames; use --set select=validation".to_string())
    }
}
