"""The machine: what it is, and who else is using it. Only reads /proc and /sys; does not import any peer."""
from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PEERS = ("torch", "onnxruntime", "openvino", "nncf", "onnx", "numpy")
# Classes that a better processor can be held to: what oneDNN (in PyTorch and OpenVINO), PyTorch, its MKL and ours must be told.
WITHIN = {
    "avx2": dict(ONEDNN_MAX_CPU_ISA="AVX2", ATEN_CPU_CAPABILITY="avx2", MKL_ENABLE_INSTRUCTIONS="AVX2", SKIPGAN_CPU="avx2"),
    "avx2-vnni": dict(ONEDNN_MAX_CPU_ISA="AVX2_VNNI", ATEN_CPU_CAPABILITY="avx2", MKL_ENABLE_INSTRUCTIONS="AVX2", SKIPGAN_CPU="avx2-vnni"),
}


def processor_class() -> str:
    """What decides which kernels everybody runs."""
    flags = set(first_processor().get("flags", "").split())
    classes = (("amx_int8", "amx"), ("avx512_vnni", "avx512-vnni"), ("avx512f", "avx512"), ("avx_vnni", "avx2-vnni"), ("avx2", "avx2"))
    return next((name for flag, name in classes if flag in flags), platform.machine())


def first_processor() -> dict:
    block = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in block.splitlines())}


def describe(program: Path, within: str | None = None) -> dict:
    processor, said = first_processor(), lambda *command: subprocess.run(command, capture_output=True, text=True).stdout.strip()
    flags = [flag for flag in processor.get("flags", "").split() if flag.startswith(("avx", "fma", "f16c", "amx"))]
    memory = next(line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    # What the program is built from: the last commit that touched it, not the one of some document.
    root, built_from = str(Path(__file__).resolve().parents[2]), ("--", "crates", "Cargo.toml", "Cargo.lock")
    commit = said("git", "-C", root, "log", "-1", "--format=%h", *built_from) or "unknown commit"
    commit += " and changes" if said("git", "-C", root, "status", "--porcelain", *built_from) else ""
    versions = {name: importlib.metadata.version(name) for name in PEERS}
    versions.update(python=platform.python_version(), skipgan=f"{said(str(program), '--version').split()[-1]} ({commit})")
    return {"class": within or processor_class(), "held": within is not None, "processor": processor.get("model name"),
            "cores": os.cpu_count(), "flags": " ".join(flags),
            "memory_gib": round(int(memory) / 2 ** 20, 1), "kernel": platform.release(), "date": time.strftime("%Y-%m-%d"), "versions": versions}


class Load:
    """Time of some processors since the last look, split into ours and foreign."""

    def __init__(self, cpus: list[int]):
        self.names = {f"cpu{cpu}" for cpu in cpus}
        self.foreign = self.stolen = self.total = 0.0
        self.begin()

    def read(self) -> tuple[float, float, float]:
        rows = [line.split() for line in Path("/proc/stat").read_text().splitlines()]
        rows = [list(map(int, row[1:9])) for row in rows if row and row[0] in self.names]
        idle, stolen, total = (sum(map(part, rows)) / TICK for part in (lambda t: t[3] + t[4], lambda t: t[7], sum))
        return total - idle - stolen, stolen, total

    def begin(self):
        self.last = self.read()

    def end(self, own_seconds: float):
        """Since [`begin`] all but `own_seconds` of busy time was foreign."""
        busy, stolen, total = (now - then for now, then in zip(self.read(), self.last))
        self.foreign += max(0.0, busy - own_seconds)
        self.stolen += stolen
        self.total += total

    def percent(self, seconds: float) -> float:
        return round(100 * seconds / max(self.total, 1e-9), 1)

    def quiet(self) -> bool:
        return self.percent(self.foreign) < 5 and self.percent(self.stolen) < 5


def wait_until_quiet(cpus: list[int], patience: float) -> bool:
    end = time.monotonic() + patience
    while True:
        load = Load(cpus)
        time.sleep(0.7)
        load.end(0.0)
        if load.quiet() or time.monotonic() >= end:
            return load.quiet()
        time.sleep(2.0)
