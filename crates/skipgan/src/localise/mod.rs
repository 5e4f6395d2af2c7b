//! Maps to regions to boxes, on plain arrays.
