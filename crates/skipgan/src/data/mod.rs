//! From files to windows: what lies on disk ([`layouts`], [`clip`]), what is true of it ([`labels`], [`masks`]), frames decoded once and
//! kept at the network's size ([`cache`]) and how they move ([`motion_cache`]), what is held out ([`split`]), what is usual ([`usual`]), what
//! the network sees at one instant ([`sight`]), where it comes from ([`window`], [`pictures`], [`compose`]) and when ([`ahead`]), in which order training sees it ([`sampler`]), what the training data were ([`fingerprint`]), and the demo's generated street ([`scene`]).
//!
//! Nothing here knows a network, a loss or a score. Decoding, colour and resizing are the crate `video`'s. Labels are opened by
//! [`labels::Labels::read`] and [`masks::find`] alone: discovering clips never reads one, so scoring cannot.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::indexing_slicing))]

pub mod ahead;
pub mod cache;
pub mod clip;
pub mod compose;
pub mod error;
pub mod fingerprint;
pub mod known;
pub mod labels;
pub mod layouts;
pub mod light;
pub mod masks;
mod matlab;
pub mod motion_cache;
pub mod picture;
pub mod pictures;
pub mod random;
pub mod sampler;
pub mod scene;
pub mod scene_change;
pub mod sight;
pub mod split;
pub mod usual;
pub mod view_fit;
pub mod window;

pub use cache::{CacheOptions, CachedClip, FrameCache};
pub use clip::{Clip, ClipSource};
pub use error::DataError;
pub use layouts::{DataSet, DiscoverOptions, Layout, discover};
pub use motion_cache::MotionCache;
pub use picture::PictureSettings;
pub use sampler::{Sampler, SamplerState};
pub use sight::{Cut, Patch, Sight, Windows};
pub use split::{Span, Split, hold_out};
pub use window::{Footage, WindowIndex, WindowReader, WindowStream};
