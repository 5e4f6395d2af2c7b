//! The layers of the network, forward and backward side by side: convolution, transposed convolution, batch-norm, the
//! discriminator's full-extent convolution and its logit, initial values.
//!
//! A layer holds places in the flat buffers of [`weights`], no data of its own beyond its prepared filter and what a
//! weight or its gradient passes through on the way there. Activations
//! are no layer: a stored map is read through a [`kernels::Lens`]. Level loops and skips are [`crate::blocks`]'.

pub mod beside;
pub mod conv;
pub mod deconv;
pub mod head;
pub mod init;
pub mod latent;
pub mod norm;
pub mod output;
pub mod place;
pub mod weights;
pub mod work;

pub use beside::ConvBeside;
pub use conv::Conv;
pub use deconv::Deconv;
pub use head::Logit;
pub use latent::LatentVector;
pub use norm::{BatchNorm, Moments, Source};
pub use output::Activation;
pub use place::Place;
pub use weights::Weights;
pub use work::{Run, Work};
