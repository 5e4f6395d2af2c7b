//! The three losses of the paper; each returns its value and the gradient that it sends back.
