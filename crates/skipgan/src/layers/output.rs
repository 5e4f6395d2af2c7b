//! What follows G's last transposed convolution: from its bare numbers to x̂, and the way back (METHOD.md §1; [`Output`]).
//!
//! `tanh` is the paper's. `blend` is ours: where G restores pictures, it need not draw again what it sees. The first channel of x̂ is
//! B + m·(I* − B), a share m of the picture that G sees and the rest of the usual one, m = ½ + ½z/√(1+z²) of the bare number z. What
//! belongs is copied without a loss, whatever the width of the network, and R of the picture is (1−m)·|I* − B|: what G takes out.

use crate::spec::Output;
use kernels::{Pool, Real};

/// Pixels of a job.
const CHUNK: usize = 4 * 1024;
/// Where G's input holds the picture that it sees, and the usual one.
const SEEN: usize = 0;
const USUAL: usize = 1;

/// From bare numbers to x̂.
#[derive(Clone, Copy, Debug)]
pub struct Activation {
    kind: Output,
    /// Channels of G's input and of x̂.
    channels: (usize, usize),
}

impl Activation {
    /// Of a generator that sees and makes so many channels; `blend` takes two of the input.
    pub fn new(kind: Output, input: usize, output: usize) -> Activation {
        Activation { kind, channels: (input, output) }
    }

    /// Makes x̂, in `made`, of bare numbers, both `[images, height, width, output channels]`; `None`: of those that stand there. `input` is
    /// what G saw.
    ///
    /// # Panics
    /// If lengths differ; with `blend` where `input` does not hold the pixels of `made`.
    pub fn forward<T: Real>(self, pool: &Pool, input: &[T], bare: Option<&[T]>, made: &mut [T]) {
        let (seen, shown) = self.channels;
        assert!(bare.is_none_or(|bare| bare.len() == made.len()), "as many bare numbers as of x̂");
        pool.chunks_mut(made, CHUNK * shown, |job, made| {
            let first = job * CHUNK;
            if let Some(bare) = bare {
                made.copy_from_slice(&bare[first * shown..][..made.len()]);
            }
            match self.kind {
                Output::Linear => {}
                Output::Tanh => made.iter_mut().for_each(|value| *value = value.tanh()),
                Output::Blend => {
                    let input = &input[first * seen..][..made.len() / shown * seen];
                    let groups = made.chunks_mut(SIDE_BY_SIDE * shown).zip(input.chunks(SIDE_BY_SIDE * seen));
                    groups.for_each(|(made, input)| blend(made, input, (seen, shown)));
                }
            }
        });
    }

    /// From ∂x̂ to the gradient of the bare numbers, in `gradient`; `bare` and `made` are what [`Activation::forward`] began and ended with.
    ///
    /// # Panics
    /// As [`Activation::forward`].
    pub fn backward<T: Real>(self, pool: &Pool, input: &[T], bare: &[T], made: &[T], gradient: &mut [T]) {
        let (seen, shown) = self.channels;
        match self.kind {
            Output::Linear => {}
            Output::Tanh => pool.chunks_mut(gradient, CHUNK * shown, |job, gradient| {
                gradient.iter_mut().zip(&made[job * CHUNK * shown..]).for_each(|(d, &made)| *d *= T::ONE - made * made);
            }),
            Output::Blend => pool.chunks_mut(gradient, CHUNK * shown, |job, gradient| {
                let first = job * CHUNK;
                let pixels = bare[first * shown..].chunks_exact(shown).zip(input[first * seen..].chunks_exact(seen));
                for (d, (bare, input)) in gradient.chunks_exact_mut(shown).zip(pixels) {
                    d[0] *= share_slope(bare[0]) * (input[SEEN] - input[USUAL]);
                }
            }),
        }
    }
}

/// Pixels whose roots and quotients are found together.
const SIDE_BY_SIDE: usize = 16;

/// The first channel of up to [`SIDE_BY_SIDE`] pixels.
fn blend<T: Real>(made: &mut [T], input: &[T], (seen, shown): (usize, usize)) {
    let mut shares = [T::ZERO; SIDE_BY_SIDE];
    shares.iter_mut().zip(made.chunks_exact(shown)).for_each(|(share, made)| *share = made[0]);
    shares.iter_mut().for_each(|value| *value = share(*value));
    for ((made, input), share) in made.chunks_exact_mut(shown).zip(input.chunks_exact(seen)).zip(shares) {
        made[0] = input[USUAL] + share * (input[SEEN] - input[USUAL]);
    }
}

/// m: the share of what is seen.
fn share<T: Real>(z: T) -> T {
    let half = T::from_f64(0.5);
    half + half * z / (T::ONE + z * z).sqrt()
}

/// ∂m/∂z.
fn share_slope<T: Real>(z: T) -> T {
    let square = T::ONE + z * z;
    T::from_f64(0.5) / (square * square.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pixels of [I*, B, anything] and [z, u].
    const INPUT: [f64; 6] = [0.5, -0.25, 9.0, -1.0, 1.0, 9.0];

    #[test]
    fn a_blend_lies_between_what_is_seen_and_what_is_usual() {
        let (pool, activation) = (Pool::new(1).expect("a pool of one"), Activation::new(Output::Blend, 3, 2));
        let made = |z: f64| {
            let mut made = [0.0; 4];
            activation.forward(&pool, &INPUT, Some(&[z, 3.0, z, 4.0]), &mut made);
            made
        };
        assert_eq!(made(0.0), [0.125, 3.0, 0.0, 4.0]);
        assert!((made(1e4)[0] - 0.5).abs() < 1e-7 && (made(-1e4)[2] - 1.0).abs() < 1e-7);
    }

    #[test]
    fn gradients_are_those_of_the_forward_pass() {
        let pool = Pool::new(1).expect("a pool of one");
        for kind in [Output::Linear, Output::Tanh, Output::Blend] {
            let activation = Activation::new(kind, 3, 2);
            let bare = [0.3, -0.7, -1.2, 0.1];
            let forward = |bare: [f64; 4]| {
                let mut made = bare;
                activation.forward(&pool, &INPUT, None, &mut made);
                made
            };
            let mut gradient = [1.0, 2.0, 3.0, 4.0];
            activation.backward(&pool, &INPUT, &bare, &forward(bare), &mut gradient);
            for i in 0..4 {
                let step = |by: f64| {
                    let mut moved = bare;
                    moved[i] += by;
                    forward(moved).iter().zip([1.0, 2.0, 3.0, 4.0]).map(|(made, weight)| made * weight).sum::<f64>()
                };
                let slope = (step(1e-6) - step(-1e-6)) / 2e-6;
                assert!((gradient[i] - slope).abs() < 1e-8, "{kind:?} {i}: {} for {slope}", gradient[i]);
            }
        }
    }
}
