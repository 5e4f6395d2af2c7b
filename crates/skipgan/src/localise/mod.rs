//! Where in the picture: anomaly map → regions → boxes with a score, on plain arrays.
//!
//! Stands behind the paper's A(x): it judges no frame and knows no model, only arrays of numbers. Definitions: EVALUATION §3
//! (regions are 8-connected, boxes inclusive, a region's score is its maximum, maps are resized with half-pixel centres).

pub mod boxes;
pub mod components;
pub mod plane;
pub mod resize;

pub use boxes::{PixelBox, Region, regions_above};
pub use components::{Components, connected_components};
pub use plane::Plane;
pub use resize::Bilinear;
