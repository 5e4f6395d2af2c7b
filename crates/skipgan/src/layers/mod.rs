//! The layers of the network, forward and backward side by side: convolution, transposed convolution, batch-norm, initial values.
