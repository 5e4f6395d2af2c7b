//! What optical flow is computed with: samples of a plane between its pixels, the comparison of patches, and the
//! relaxation of a field of two variables on a chessboard.
//!
//! Each function takes the [`Level`](crate::Level) it runs on and writes no multiplication and addition as one: so all
//! levels give the same bits, and the plain loops need no second form. Which patch is tried where, which weight enters
//! how often, is the caller's: nothing here knows a flow algorithm.

/// Compiles one body for each instruction set and picks at run time. The body is generic over the vectors it is written
/// in, `L`; plain loops in it are laid into vectors by the compiler.
macro_rules! vectorised {
    ($(#[$meta:meta])* $shown:vis fn $name:ident<$lanes:ident>($($arg:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$meta])*
        $shown fn $name(level: $crate::Level, $($arg: $kind),*) $(-> $result)? {
            #[inline(always)]
            #[allow(clippy::extra_unused_type_parameters, reason = "bodies of plain loops name no vectors")]
            fn for_every_level<$lanes: $crate::flow::lanes::Lanes>($($arg: $kind),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn for_avx2($($arg: $kind),*) $(-> $result)? {
                    for_every_level::<$crate::flow::lanes::Wide>($($arg),*)
                }
                if matches!(level, $crate::Level::Avx2 | $crate::Level::Avx512) {
                    assert!(level.available(), "this processor has no {level}");
                    // SAFETY: the assertion above; both levels include AVX2.
                    return unsafe { for_avx2($($arg),*) };
                }
            }
            let _ = level;
            for_every_level::<$crate::flow::lanes::Plain>($($arg),*)
        }
    };
}

mod board;
mod lanes;
mod patch;
mod refine;
mod sample;

pub use board::Board;
pub use patch::{Corner, PAD, PATCH, Slope, Spread, Views, average, descend, difference, slope, spread};
pub use refine::{System, Terms, Weights, add, coefficients, relax, smoothness, terms, terms_scratch};
pub use sample::{enlarge, halve, replicate, slopes, warp, widen};
