//! Statistics of held-out normal footage: plain data.
