//! From files to windows, on small trees made here: every layout with its oddities, labels, masks, cache, windows. Real footage only
//! through the variable SKIPGAN_PED2.

mod cache;
mod layouts;
mod ped2;
mod scene;
mod trees;
