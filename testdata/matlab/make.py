"""Writes the .mat files of this folder: python3 make.py (NumPy, SciPy). See README.md."""
import struct

import numpy as np
from scipy.io import savemat

frames = []
for frame in range(5):
    mask = np.zeros((3, 4), np.uint8)
    if frame in (1, 2):
        mask[frame, frame + 1] = 1
    frames.append(mask)


def cells(kind):
    array = np.empty((1, 5), object)
    for frame, mask in enumerate(frames):
        array[0, frame] = mask.astype(kind)
    return array


savemat("1_label.mat", {"volLabel": cells(np.uint8)}, do_compression=True)
savemat("plain.mat", {"volLabel": cells(np.uint8)})
savemat("double.mat", {"volLabel": cells(np.float64)}, do_compression=True)
savemat("logical.mat", {"volLabel": cells(bool)})

gt = np.empty((1, 3), object)
gt[0, 0] = np.array([[2, 5], [3, 6]], np.float64)
gt[0, 1] = np.zeros((2, 0))
gt[0, 2] = np.array([[1, 4]], np.uint8)
savemat("gt.mat", {"note": np.arange(7.0), "gt": gt}, do_compression=True)


def element(kind, data):
    """A big-endian element, by hand: SciPy writes the machine's own order only."""
    return struct.pack(">II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def matrix(cell_class, sides, name, content):
    head = element(6, struct.pack(">II", cell_class, 0)) + element(5, struct.pack(">%di" % len(sides), *sides)) + element(1, name)
    return element(14, head + content)


body = b"".join(matrix(8, (3, 4), b"", element(3, mask.T.astype(">i2").tobytes())) for mask in frames)
head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(">H", 0x0100) + b"MI"
with open("big_endian.mat", "wb") as file:
    file.write(head + matrix(1, (1, 5), b"volLabel", body))
