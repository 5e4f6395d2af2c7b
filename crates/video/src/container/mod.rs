//! Files → packets or frames: where a compressed picture lies and when it is shown.

pub(crate) mod y4m;
