//! Optical flow: what moves, and which way.
//!
//! [`Dis`] finds the motion between two frames by dense inverse search (Kroeger et al., 2016): patches look for themselves
//! in the previous frame ([`search`]), from coarse pictures to fine ones ([`pyramid`]), the pixels they cover average what
//! they found, and a variational step smooths the field ([`refine`]). [`MotionMean`] averages it over time along the
//! motion; [`MotionStream`] does both for a clip, frame by frame.
//!
//! Not part of the Skip-GANomaly paper: it is where the motion channels of a window come from. It sees 8-bit grey planes of
//! one size and knows no clip, no file and no network. The same bits on every processor. One field is found on one thread; what runs side by side
//! is clips, and pairs of frames ([`PairFlows`]).

mod dis;
mod field;
mod mean;
mod pairs;
pub mod pyramid;
pub mod refine;
pub mod search;
mod stream;

pub use dis::{Dis, DisSettings};
pub use field::Flow;
pub use mean::{MeanSettings, MotionMean};
pub use pairs::{Pair, PairFlows};
pub use refine::Refinement;
pub use search::Step;
pub use stream::MotionStream;
