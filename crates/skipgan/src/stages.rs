//! Where the time of scoring goes: processor seconds of each stage of a frame's way from file to row. Off unless a benchmark asks; the
//! clock knows nothing of what it times, and no result depends on it.

use kernels::clock::thread_seconds;

/// A stage of a frame's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding out whether a file can be decoded: its first group of pictures, for trial.
    Open,
    /// Bytes to planes.
    Decode,
    /// Planes to the network's size.
    Resize,
    /// Whether the camera still shows the usual view.
    View,
    /// Optical flow and its mean.
    Flow,
    /// Picture and motion to the channels that the network sees.
    Windows,
    /// x̂, features, distances.
    Network,
    /// R, L, U, P and their maps.
    Scores,
    /// A(x), its map; rows, maps and films on their way to files.
    Output,
}

impl Stage {
    /// All, in the order of a frame's way.
    pub const ALL: [Stage; 9] =
        [Stage::Open, Stage::Decode, Stage::Resize, Stage::View, Stage::Flow, Stage::Windows, Stage::Network, Stage::Scores, Stage::Output];

    /// Its word in results.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Stage::Open => "open",
            Stage::Decode => "decode",
            Stage::Resize => "resize",
            Stage::View => "view",
            Stage::Flow => "flow",
            Stage::Windows => "windows",
            Stage::Network => "network",
            Stage::Scores => "scores",
            Stage::Output => "output",
        }
    }
}

/// Adds up the calling thread's processor time, stage by stage.
#[derive(Clone, Debug, Default)]
pub struct StageClock {
    on: bool,
    last: f64,
    seconds: [f64; Stage::ALL.len()],
}

impl StageClock {
    /// One that runs; [`StageClock::default`] is one that does not, and costs nothing.
    #[must_use]
    pub fn running() -> StageClock {
        StageClock { on: true, ..StageClock::default() }
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.on
    }

    /// From here on time counts for the next stage that is named.
    pub fn start(&mut self) {
        if self.on {
            self.last = thread_seconds().unwrap_or_default();
        }
    }

    /// What has passed since [`StageClock::start`] or the last lap was `stage`.
    pub fn lap(&mut self, stage: Stage) {
        if self.on {
            let now = thread_seconds().unwrap_or_default();
            self.seconds[stage as usize] += now - self.last;
            self.last = now;
        }
    }

    /// Processor seconds of a stage.
    #[must_use]
    pub fn seconds(&self, stage: Stage) -> f64 {
        self.seconds[stage as usize]
    }

    /// Takes over what another clock has counted.
    pub fn add(&mut self, other: &StageClock) {
        self.seconds.iter_mut().zip(other.seconds).for_each(|(sum, seconds)| *sum += seconds);
    }
}
