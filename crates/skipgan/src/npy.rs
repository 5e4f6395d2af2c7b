//! NumPy's array files (`.npy`): labels come in them, anomaly maps go out in them.
