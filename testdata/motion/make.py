"""Writes the optical flow fixtures beside this file: generated frames and the fields an independent implementation finds in them.

    python -m venv v && v/bin/pip install numpy==2.4.6 opencv-python-headless==5.0.0.93 && v/bin/python make.py

NAME-frames.npy: u8 [2, height, width], the previous and the current frame. NAME-flow.npy: f16 [2, height, width], the
motion from the previous to the current frame, to the right and down, in pixels, laid out on the current frame (the
flow from current to previous with its sign reversed). NAME-mean.npy: the causal mean of `mean` below after five frames.
"""

import os

import cv2
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
cv2.setNumThreads(1)


def texture(rng, height, width, scales=(1.2, 3, 8), contrast=34):
    """Smooth noise of several sizes, as a float plane around 120."""
    plane = sum(cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), s) * s for s in scales)
    return 120 + contrast * plane / plane.std()


def warped(plane, height, width, matrix):
    """The view of a larger plane under an affine map from view to plane coordinates."""
    return cv2.warpAffine(plane, matrix, (width, height), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)


def grey(rng, plane, noise):
    return np.clip(np.rint(plane + noise * rng.standard_normal(plane.shape)), 0, 255).astype(np.uint8)


def shift(seed, height, width, dx, dy, noise=0.5):
    """The whole picture moves by (dx, dy)."""
    rng = np.random.default_rng(seed)
    plane = texture(rng, height + 32, width + 32)
    views = [warped(plane, height, width, np.float64([[1, 0, 16 - t * dx], [0, 1, 16 - t * dy]])) for t in (0, 1)]
    return np.stack([grey(rng, v, noise) for v in views])


def turn(seed, height, width, degrees, zoom, noise=0.5):
    """The whole picture turns about its centre and grows."""
    rng = np.random.default_rng(seed)
    plane = texture(rng, height + 64, width + 64)
    centre = np.float64([width / 2 + 32, height / 2 + 32])
    views = []
    for t in (0, 1):
        c, s = np.cos(np.radians(degrees * t)) / zoom**t, np.sin(np.radians(degrees * t)) / zoom**t
        linear = np.float64([[c, s], [-s, c]])
        views.append(warped(plane, height, width, np.hstack([linear, (centre - linear @ (centre - 32))[:, None]])))
    return np.stack([grey(rng, v, noise) for v in views])


def walkers(seed, height, width, frames=2, noise=1.0, fastest=3.0):
    """Upright textured ellipses walk before a still background, some of them faster, some across each other."""
    rng = np.random.default_rng(seed)
    background = texture(rng, height, width, scales=(2, 9), contrast=22)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    people = []
    for i in range(9):
        people.append(
            dict(
                x=rng.uniform(10, width - 10),
                y=rng.uniform(12, height - 12),
                u=rng.choice([-1, 1]) * rng.uniform(0.3, 1.2) * (fastest if i % 4 == 0 else 1),
                v=rng.uniform(-0.4, 0.4),
                size=rng.uniform(3, 6),
                skin=texture(rng, 64, 64, scales=(1.5, 4), contrast=30) + rng.uniform(-50, 50),
            )
        )
    out = []
    for t in range(frames):
        plane = background.copy()
        for p in people:
            x, y = columns - p["x"] - t * p["u"], rows - p["y"] - t * p["v"]
            skin = cv2.remap(p["skin"].astype(np.float32), (x + 32).astype(np.float32), (y + 32).astype(np.float32), cv2.INTER_CUBIC)
            cover = np.clip((1.2 - np.hypot(x / p["size"], y / (2 * p["size"]))) * 5, 0, 1)
            plane = plane * (1 - cover) + skin * cover
        out.append(grey(rng, plane, noise))
    return np.stack(out)


def flow(previous, current):
    """The flow the library looks for: settings by name, everything else at this version's defaults."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0)
    dis.setPatchStride(4)
    dis.setGradientDescentIterations(8)
    dis.setVariationalRefinementIterations(5)
    dis.setVariationalRefinementAlpha(40.0)
    return -dis.calc(current, previous, None)


def mean(frames, n=3):
    """The causal mean along the motion over the flows of a clip."""
    height, width = frames.shape[1:]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    m = None
    for t in range(1, len(frames)):
        v, a = flow(frames[t - 1], frames[t]), max(1 / n, 1 / t)
        if m is None:
            m = v
        else:
            past = cv2.remap(m, x - v[..., 0], y - v[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            m = (1 - a) * past + a * v
    return m


def store(name, array, kind):
    np.save(os.path.join(HERE, name + ".npy"), np.ascontiguousarray(array.astype(kind)))


def main():
    pairs = {
        "shift": shift(1, 128, 192, 0.6, -0.35),
        "turn": turn(2, 128, 192, 1.2, 1.01),
        "walkers": walkers(3, 128, 192),
        "crowd": walkers(4, 128, 192, fastest=5.0, noise=0.0),
        "odd": walkers(5, 101, 149),
    }
    for name, frames in pairs.items():
        store(name + "-frames", frames, np.uint8)
        store(name + "-flow", flow(*frames).transpose(2, 0, 1), np.float16)
    clip = walkers(6, 80, 112, frames=5)
    store("clip-frames", clip, np.uint8)
    store("clip-mean", mean(clip).transpose(2, 0, 1), np.float16)


if __name__ == "__main__":
    main()
