"""One peer in a process of its own: sets up, warms up, says so, then measures whenever it is told how long.

    python contenders.py '{"peer": "torch-compile", "job": "score", …}'       one row's keys, see race.py

Every peer computes in true float32 (or int8 where the row says so): no bfloat16, no reduced matmul precision.
"""
from __future__ import annotations

import ctypes
import json
import os
import signal
import statistics
import sys
import time
import zlib
from pathlib import Path

CALIBRATION_IMAGES = 32
LEAST_BATCHES = 3  # as ours
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def peers_of(row: dict) -> list[str]:
    """All modes that a row is raced in; the video decoder's two forms are contenders of their own."""
    torch_modes = ["torch-eager", "torch-channels_last", "torch-compile", "torch-compile-channels_last"]
    modes = torch_modes if row["precision"] == "f32" else []
    if row["job"] == "score":
        # ONNX Runtime takes what the processor has and cannot be told to leave it.
        modes = modes + ([] if row["within"] else ["onnxruntime"]) + ["openvino-latency", "openvino-throughput"]
    return [f"{mode}+{form}" for mode in modes for form in ("resize", "transposed")] if row["network"] == "video" else modes


def cache_folder() -> Path:
    """Exported and quantised networks, apart for every state of the code that makes them."""
    here = Path(__file__).resolve().parent
    state = b"".join((here / name).read_bytes() for name in ("networks.py", "contenders.py", "requirements.txt"))
    folder = here.parents[1] / "target" / "peers" / f"networks-{zlib.crc32(state):08x}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Row:
    """What a row of the race is about, for a peer."""

    def __init__(self, keys: dict):
        import networks

        self.__dict__.update(keys)  # job, network, precision, height, width, batch, threads, cpus, within, critic, peer
        self.mode, _, decoder = self.peer.partition("+")
        self.decoder = decoder or "resize"
        self.shape = networks.shape_of(self.network, self.height)

    def footage(self, seed: int, images: int | None = None) -> dict:
        import networks

        return networks.footage(self.shape, self.height, self.width, images or self.batch, seed)

    def file(self, ending: str) -> Path:
        form = f"-{self.decoder}" if self.shape.tied else ""
        return cache_folder() / f"{self.network}{form}-{self.width}x{self.height}-b{self.batch}.{ending}"

    def scorer(self):
        """The same drawn network for every peer, with settled statistics."""
        import networks
        import torch

        torch.manual_seed(0)
        both = networks.Networks(self.shape, self.decoder)
        both.settle(networks.as_batch(self.footage(100 + seed, 8)) for seed in range(3))
        return networks.Scorer(both)

    def onnx(self) -> Path:
        path = self.file("onnx")
        if not path.exists():
            import torch

            pictures = {name: torch.from_numpy(values) for name, values in self.footage(1).items()}
            scratch = path.with_suffix(f".{os.getpid()}")
            outputs = 6 if self.shape.context else 5
            names = ["reconstruction", "residual", *[f"latent{i}" for i in range(outputs - 3)], "score"]
            torch.onnx.export(self.scorer(), tuple(pictures.values()), str(scratch), dynamo=False, opset_version=17,
                              input_names=list(pictures), output_names=names)
            scratch.rename(path)
        return path

    def calibration(self):
        """Batches of made-up normal footage that no measurement sees."""
        return [self.footage(1000 + part) for part in range(max(1, CALIBRATION_IMAGES // self.batch))]


# ---- PyTorch -------------------------------------------------------------------------------------------------------------------------
def pytorch(row: Row):
    import networks
    import torch

    torch.set_num_threads(row.threads)
    torch.set_num_interop_threads(1)
    torch.set_float32_matmul_precision("highest")
    if row.within:
        import torch._inductor.config as inductor

        inductor.cpp.simdlen = 256  # compiled code would take the processor's widest vectors
        assert torch.backends.cpu.get_cpu_capability() == "AVX2", torch.backends.cpu.get_cpu_capability()
    library = resident_peak()
    channels_last = row.mode.endswith("channels_last")
    place = lambda thing: thing.to(memory_format=torch.channels_last) if channels_last else thing
    batch = networks.as_batch(row.footage(3), row.shape if row.critic else None)
    batch = {name: value if value is None else place(value) for name, value in batch.items()}
    if row.job == "train":
        torch.manual_seed(0)
        both = place(networks.Networks(row.shape, row.decoder))
        trainer = networks.Trainer(both)
        if "compile" in row.mode:
            torch._functorch.config.donated_buffer = False  # `together` walks D's graph twice
            both.g.forward, both.d.forward = torch.compile(both.g.forward), torch.compile(both.d.forward)
        return (lambda: trainer.step(batch)), None, library
    scorer = place(row.scorer())
    inputs = [batch[name] for name in ("seen", "target", "context") if batch[name] is not None]
    inputs = inputs if row.shape.context else inputs[:1]
    if "compile" in row.mode:
        import torch._inductor.config as inductor

        inductor.freezing = True  # folds batch-norm and packs weights
        scorer = torch.compile(scorer)
    return torch.no_grad()(lambda: scorer(*inputs)), None, library


# ---- ONNX Runtime --------------------------------------------------------------------------------------------------------------------
def onnxruntime(row: Row):
    import onnxruntime as runtime

    library = resident_peak()
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = row.threads, 1
    path = row.onnx() if row.precision == "f32" else quantised_for_onnxruntime(row)
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    pictures = row.footage(3)
    return (lambda: session.run(None, pictures)), (lambda other: session.run(["score"], other)[0]), library


def quantised_for_onnxruntime(row: Row) -> Path:
    from onnxruntime import quantization

    path, prepared = row.file("ort-int8.onnx"), row.file("ort-prepared.onnx")
    if not path.exists():
        quantization.shape_inference.quant_pre_process(str(row.onnx()), str(prepared), skip_symbolic_shape=True)
        batches = iter(row.calibration())

        class Reader(quantization.CalibrationDataReader):
            def get_next(self):
                return next(batches, None)

        # Without VNNI a product of two full bytes overflows the 16-bit sums of AVX2.
        reduce_range = "_vnni" not in Path("/proc/cpuinfo").read_text()
        quantization.quantize_static(str(prepared), str(path), Reader(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                                     op_types_to_quantize=["Conv", "ConvTranspose"], reduce_range=reduce_range)
    return path


# ---- OpenVINO ------------------------------------------------------------------------------------------------------------------------
def openvino(row: Row):
    import openvino as ov

    library = resident_peak()
    core, path = ov.Core(), row.onnx() if row.precision == "f32" else quantised_for_openvino(row)
    settings = {"PERFORMANCE_HINT": row.mode.partition("-")[2].upper(), "INFERENCE_NUM_THREADS": row.threads,
                "INFERENCE_PRECISION_HINT": "f32"}  # it would take bfloat16 where the processor has it
    model = core.compile_model(core.read_model(path), "CPU", settings)
    if row.within:
        facts = [dict(node.get_rt_info()) for node in model.get_runtime_model().get_ops()]
        ran = {fact["primitiveType"].astype(str) for fact in facts if "onvolution" in fact["layerType"].astype(str)}
        # Its passes between the convolutions do not ask and take what the processor has: to its advantage.
        assert ran and not any("avx512" in name for name in ran), f"held to {row.within}, its convolutions run {sorted(ran)}"
    pictures = row.footage(3)
    score = model.outputs[-1]
    if row.mode == "openvino-latency":
        request = model.create_infer_request()
        return (lambda: request.infer(pictures, share_inputs=True)), (lambda other: request.infer(other)[score].copy()), library
    queue = ov.AsyncInferQueue(model)

    def stream(seconds: float) -> float:
        done, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds or done < max(LEAST_BATCHES, 2 * len(queue)):
            queue.start_async(pictures, share_inputs=True)
            done += 1
        queue.wait_all()
        return done * row.batch / (time.perf_counter() - start)

    return stream, None, library


def quantised_for_openvino(row: Row) -> Path:
    path = row.file("ov-int8.xml")
    if not path.exists():
        import nncf
        import openvino as ov

        # What stands after the networks (distances, means) stays in float, as in ours.
        rest = nncf.IgnoredScope(types=["Subtract", "Power", "ReduceMean", "ReduceSum", "Abs", "Sqrt", "Multiply", "Add", "Tanh"], validate=False)
        data = row.calibration()
        model = nncf.quantize(ov.Core().read_model(row.onnx()), nncf.Dataset(data), preset=nncf.QuantizationPreset.MIXED,
                              ignored_scope=rest, subset_size=len(data))
        ov.save_model(model, path, compress_to_fp16=False)
    return path


# ---- measuring -----------------------------------------------------------------------------------------------------------------------
def resident_peak() -> int:
    """Bytes: this program's own peak (getrusage would also count what stood here before it)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def score_error(row: Row, score) -> dict:
    """How far int8 scores are from float scores of the same network, on footage that calibration did not see."""
    import numpy as np
    import onnxruntime as runtime

    exact = runtime.InferenceSession(str(row.onnx()), providers=["CPUExecutionProvider"])
    batches = [row.footage(2000 + part) for part in range(max(1, 16 // row.batch))]
    ours, theirs = (np.concatenate([np.array(f(batch)) for batch in batches]) for f in (score, lambda b: exact.run(["score"], b)[0]))
    errors = np.abs(ours - theirs) / theirs
    return dict(score_error_median=float(np.median(errors)), score_error_largest=float(errors.max()))


def batches_for(seconds: float, run, batch: int) -> float:
    """The median batch, as images a second."""
    times, start = [], time.perf_counter()
    while len(times) < LEAST_BATCHES or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return batch / statistics.median(times)


def main():
    # Libraries print what they like; the race reads one JSON object a line from where stdout was.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a stopped process would outlive a race that was killed
    keys = json.loads(sys.argv[1])
    os.sched_setaffinity(0, keys["cpus"])  # before any library counts processors
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(keys["threads"])
    row = Row(keys)
    kinds = dict(torch=pytorch, onnxruntime=onnxruntime, openvino=openvino)
    run, score, library = kinds[row.mode.partition("-")[0]](row)
    streams = row.mode == "openvino-throughput"
    for _ in range(2):  # warm-up
        run(0) if streams else run()
    facts = score_error(row, score) if row.precision == "int8" and score else {}
    print(json.dumps(dict(facts, library_rss_bytes=library)), file=answers)
    for line in sys.stdin:
        seconds, cpu = float(line), time.process_time()
        speed = run(seconds) if streams else batches_for(seconds, run, row.batch)
        print(json.dumps(dict(images_per_second=speed, cpu_seconds=time.process_time() - cpu, peak_rss_bytes=resident_peak())), file=answers)


if __name__ == "__main__":
    main()
