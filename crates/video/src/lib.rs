//! Bytes to timestamped frames, and back.
//!
//! One trait, [`FrameSource`], stands between every kind of input and the rest of the program;
//! [`open`] picks the backend. Whatever a file states is checked against [`Limits`] before
//! memory is reserved; nothing here panics on what a file holds. Colour, range and size are
//! made uniform in [`resize`], once. Nothing here knows of models, data sets or scores.
//!
//! ```no_run
//! use video::{Channels, Filter, Fit, OpenOptions, Resizer, Target, open};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut source = open("street.mp4".as_ref(), &OpenOptions::default())?;
//! let mut resizer = Resizer::new(Target {
//!     width: 192,
//!     height: 128,
//!     channels: Channels::Luma,
//!     filter: Filter::Area,
//!     fit: Fit::Stretch,
//! })?;
//! while let Some(frame) = source.next()? {
//!     let luma = resizer.resize(&frame)?;
//!     println!("{} {:?} {}", frame.index, frame.time_s(), luma[0]);
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::indexing_slicing))]

mod align;
mod bits;
mod builtin;
mod bytes;
mod codec;
mod container;
mod ffmpeg;
pub mod frame;
pub mod images;
pub mod limits;
mod open;
pub mod resize;
pub mod source;
pub mod write;

pub use frame::{Damage, Frame, Matrix, Plane, Range, TimeBase};
pub use images::{PictureClip, read_mask, read_picture};
pub use limits::Limits;
pub use open::open;
pub use resize::{Channels, Filter, Fit, Geometry, Rect, ResizeError, Resizer, Target};
pub use source::{Backend, DamageEvent, DamageLog, Decoder, FrameSource, OpenOptions, Planes, SourceError, StreamInfo};
