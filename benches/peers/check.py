"""Whether the networks of the race are ours: three training steps from our weights on the same batch.

    python check.py target/release/skipgan

The footage is four equal clips and a batch takes all windows of the three that are trained on, so every batch is known whatever its order.
`skipgan train` writes the untrained checkpoint and, with the same seed, the one after three steps; PyTorch starts from the first and must
meet the second: names and shapes of all tensors, every loss of every step, every weight and running statistic.
"""
from __future__ import annotations

import csv
import math
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file

import networks

STEPS, CLIPS, FRAMES = 3, 4, 15  # 60 frames are the fewest that `train` takes
PRESETS = {
    "video": dict(windows=FRAMES - 1, lr=1e-3, side=0,  # a clip's first frame has no motion and no window
                  settings=["order=d_first", "width=96", "crop_height=0", "crop_width=0", "paste_share=0", "speed_jitter=1"]),
    "official": dict(windows=FRAMES, lr=2e-4, side=32, settings=["order=repaired", "side=32", "bce=logits"]),
}
# Adam divides by the gradient's own size, so where a gradient is near 0 rounding becomes a share of a whole step: single weights may
# be far off, so a tensor's mean difference is judged, and losses a little apart after two updates.
LOSS_TOLERANCE, MEAN_TOLERANCE = 1e-3, 0.03


def write_png(path: Path, grey: np.ndarray):
    rows, cols = grey.shape
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    lines = b"".join(b"\0" + line.tobytes() for line in grey)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", cols, rows, 8, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def write_footage(folder: Path):
    row, col = np.mgrid[0:128, 0:192]
    scene = (128 + 60 * np.sin(col / 17) * np.cos(row / 11)).astype("uint8")
    for clip in range(CLIPS):
        (folder / f"clip{clip}").mkdir(parents=True)
        for frame in range(FRAMES):
            picture = scene.copy()
            picture[31 + frame:60 + frame, 41 + 3 * frame:70 + 3 * frame] += 40
            write_png(folder / f"clip{clip}" / f"{frame:03}.png", picture)


def batch_size(preset: str) -> int:
    return (CLIPS - 1) * PRESETS[preset]["windows"]


def train(program: str, preset: str, footage: Path, run: Path, steps: int):
    settings = PRESETS[preset]["settings"] + [f"batch={batch_size(preset)}", "lr_schedule=constant", "select=last"]
    command = [program, "train", footage, "--out", run, "--preset", preset, "--steps", steps, "--threads", 1, "--quiet"]
    command += [part for setting in settings for part in ("--set", setting)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SKIPGAN_")}
    subprocess.run(list(map(str, command)), check=True, env=clean, stdout=subprocess.DEVNULL)


def known_batch(preset: str, shape: networks.Shape, run: Path, checkpoint: Path) -> dict:
    """All windows that are trained on, from the run's own cache of frames and motion."""
    signed = lambda grey: grey.astype("float32") / np.float32(127.5) - 1
    times = CLIPS - 1
    planes = np.fromfile(next((run / "cache").glob("*.planes")), "uint8")
    if preset == "official":
        return networks.as_batch(dict(seen=np.tile(signed(planes.reshape(FRAMES, 3, 32, 32)), (times, 1, 1, 1))))
    with safe_open(checkpoint, "np") as file:
        usual, speed = signed(file.get_tensor("usual.background")), float(file.metadata()["usual_speed"])
    rows, cols = usual.shape
    grey = signed(planes.reshape(FRAMES, 1, rows, cols))[1:]
    motion = np.fromfile(next((run / "cache").glob("*.motion")), "float16").reshape(FRAMES, 2, rows, cols)[1:].astype("float32")
    motion = np.clip(motion / np.float32(speed), -6, 6)
    gate = motion / np.maximum(np.sqrt((motion ** 2).sum(1, keepdims=True)), np.float32(0.35))
    row = np.broadcast_to(np.linspace(-1, 1, rows)[:, None], usual.shape)
    col = np.broadcast_to(np.linspace(-1, 1, cols)[None], usual.shape)
    context = np.repeat(np.stack([usual, row, col])[None], FRAMES - 1, 0)
    pictures = dict(seen=[grey, context, gate], target=[grey, motion], context=[context])
    all_clips = lambda maps: np.tile(np.concatenate(maps, 1), (times, 1, 1, 1)).astype("float32")
    return networks.as_batch({name: all_clips(maps) for name, maps in pictures.items()}, critic_of=shape)


def ours_as_theirs(tensors: dict, decoder: str) -> dict:
    """Our parameters and statistics; the 3×3 form of tied taps has input and output exchanged."""
    swap = lambda name, value: name.startswith("g.dec.") and value.dim() == 4 and value.shape[2] == 3 and decoder == "resize"
    ours = {name: value for name, value in tensors.items() if name.startswith(("g.", "d."))}
    return {name: value.transpose(0, 1) if swap(name, value) else value for name, value in ours.items()}


def compare(program: str, preset: str, decoder: str, folder: Path) -> str:
    footage, lr = folder / "footage", PRESETS[preset]["lr"]
    for steps in (0, STEPS):
        if not (folder / f"{preset}-{steps}").exists():
            train(program, preset, footage, folder / f"{preset}-{steps}", steps)
    checkpoints = [folder / f"{preset}-{steps}" / "checkpoints" / "last.safetensors" for steps in (0, STEPS)]
    shape = networks.shape_of(preset, PRESETS[preset]["side"])
    both = networks.Networks(shape, decoder)
    before, after = (ours_as_theirs(state, decoder) for state in map(load_file, checkpoints))
    theirs = {name: value for name, value in both.state_dict().items() if "num_batches" not in name}
    for name in before.keys() | theirs.keys():
        shapes = [tuple(tensors[name].shape) if name in tensors else None for tensors in (before, theirs)]
        assert shapes[0] == shapes[1], f"{preset}: {name} has shape {shapes[0]} in ours, {shapes[1]} in PyTorch"
    both.load_state_dict(before, strict=False)
    trainer, batch = networks.Trainer(both, lr), known_batch(preset, shape, folder / f"{preset}-0", checkpoints[0])
    with open(folder / f"{preset}-{STEPS}" / "metrics.csv") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == STEPS
    for row in rows:
        for name, value in trainer.step(batch).items():
            wanted = float(row[name])
            same = math.isclose(value.item(), wanted, rel_tol=LOSS_TOLERANCE)
            assert same, f"{preset}, step {row['step']}: {name} is {value.item()}, ours {wanted}"
    # A statistic is compared with its own size, a parameter with how far three steps can move it.
    worst = 0.0
    for name, value in both.state_dict().items():
        if "num_batches" in name:
            continue
        scale = after[name].abs().mean().item() if "running" in name else STEPS * lr
        off = (value - after[name]).abs().mean().item() / scale
        assert off < MEAN_TOLERANCE, f"{preset}: {name} is off by {off:.3f} of what it may move"
        worst = max(worst, off)
    numbers = sum(value.numel() for value in before.values())
    return f"{preset}, {decoder}: {len(before)} tensors, {numbers} numbers; {STEPS} steps agree, largest mean difference of a tensor {worst:.1e}"


def main(program: str):
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        write_footage(Path(name) / "footage")
        for preset, decoder in (("video", "resize"), ("video", "transposed"), ("official", "free taps")):
            print(compare(program, preset, decoder, Path(name)), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
