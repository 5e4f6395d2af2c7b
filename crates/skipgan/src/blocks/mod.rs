//! Encoder, decoder, discriminator: the level loops and the skip joins.
