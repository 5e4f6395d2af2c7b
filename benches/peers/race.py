"""Ours against PyTorch, ONNX Runtime and OpenVINO, turn by turn on the same processors (README.md). Start it with ./run.

Every contender is a process of its own, pinned to the row's processors and stopped while another one is measured; ours is started anew each
round and measures after its own warm-up. A round is every peer once, then ours once in each of its modes. A row counts the fastest peer.
"""
from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import machine
import table
from contenders import cache_folder, peers_of

ROOT = Path(__file__).resolve().parents[2]
TRAINING_BATCH = {32: 64, 64: 32, 128: 16, 256: 8}
VIDEO_CROP, VIDEO_PICTURE, VIDEO_BATCH = (64, 96), (128, 192), 8
SETTINGS = {"official": "--preset official --set order=repaired --set bce=logits", "video": "--preset video"}
STAYS_ABOVE = 0.6  # of the fastest peer's speed in a quiet first round; slower ones keep that round's number and go home


def all_rows(options) -> list[dict]:
    rows = []
    for job in options.jobs:
        name, precision = ("score", "int8") if job == "int8" else (job, "f32")
        for threads in options.threads:
            base = dict(job=name, precision=precision, threads=threads, cpus=options.cpus[:threads], within=options.within)
            for side in options.sides if "official" in options.networks else ():
                for batch in [TRAINING_BATCH[side]] if job == "train" else options.batches:
                    rows.append(dict(base, network="official", height=side, width=side, batch=batch))
            if "video" in options.networks:
                height, width = VIDEO_CROP if job == "train" else VIDEO_PICTURE
                for batch in [VIDEO_BATCH] if job == "train" else options.batches:
                    rows.append(dict(base, network="video", height=height, width=width, batch=batch))
    return rows


def identity(row: dict) -> tuple:
    return tuple(row[key] for key in ("job", "precision", "network", "height", "batch", "threads"))


class Failed(Exception):
    """A contender that cannot run; its last words."""


class Peer:
    def __init__(self, name: str, row: dict, log):
        self.name, self.speeds, self.last = name, [], {}
        command = [sys.executable, str(Path(__file__).with_name("contenders.py")), json.dumps(dict(row, peer=name))]
        self.log = log
        environment = dict(os.environ, **machine.WITHIN.get(row["within"], {}))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        self.facts = self.answer()
        self.process.send_signal(signal.SIGSTOP)

    def answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            words = [text for text in self.log.read().decode(errors="replace").splitlines() if text.strip()]
            raise Failed(f"{self.name} ended with {self.process.wait()}: {words[-1] if words else 'no word'}")
        return json.loads(line)

    def turn(self, seconds: float, load: machine.Load):
        self.process.send_signal(signal.SIGCONT)
        load.begin()
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        self.last = self.answer()
        load.end(self.last["cpu_seconds"])
        self.process.send_signal(signal.SIGSTOP)
        self.speeds.append(self.last["images_per_second"])

    def leave(self):
        self.process.kill()
        self.process.wait()

    def result(self) -> dict:
        return dict(spread_of(self.speeds), peak_rss_bytes=self.last["peak_rss_bytes"], **self.facts)


class Ours:
    """Our program, with so many networks that score at once: what OpenVINO's latency and throughput modes are."""

    def __init__(self, program: Path, row: dict, streams: int):
        size = f"--side {row['height']}" if row["network"] == "official" else ""
        self.command = shlex.split(f"{shlex.quote(str(program))} bench {row['job']} {SETTINGS[row['network']]} {size} --batch {row['batch']} "
                                   f"--threads {row['threads']}{f' --streams {streams}' if row['job'] == 'score' else ''} --precision {row['precision']} --json")
        self.row, self.streams, self.speeds, self.said, self.rss = row, streams, [], {}, 0
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("SKIPGAN_")}
        self.environment.update(machine.WITHIN.get(row["within"], {}))

    def turn(self, seconds: float, load: machine.Load | None):
        if load:
            load.begin()
        pin = lambda: os.sched_setaffinity(0, self.row["cpus"])
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen([*self.command, "--seconds", str(seconds)], stdout=subprocess.PIPE, stderr=errors, text=True,
                                       preexec_fn=pin, env=self.environment)
            lines = process.stdout.read().strip().splitlines()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            errors.seek(0)
            words = errors.read().decode(errors="replace").strip().splitlines()
        if process.returncode or not lines:
            raise Failed(f"ours ended with {process.returncode}: {words[0] if words else 'no word'}")
        self.said = json.loads(lines[-1])
        for key in ("height", "width", "batch", "threads"):
            if self.said.get(key) != self.row[key]:
                raise Failed(f"ours measured {key} {self.said.get(key)}, the row is about {self.row[key]}")
        if self.row["job"] == "score" and self.said.get("streams") != self.streams:
            raise Failed(f"ours measured {self.said.get('streams')} streams, not {self.streams}")
        if load:
            load.end(usage.ru_utime + usage.ru_stime)
            self.speeds.append(self.said.get("median", self.said["images_per_second"]))
            self.rss = max(self.rss, self.said.get("peak_rss_bytes", usage.ru_maxrss * 1024))

    def result(self) -> dict:
        return dict(spread_of(self.speeds), peak_rss_bytes=self.rss, said=self.said)


def spread_of(speeds: list[float]) -> dict:
    median = statistics.median(speeds)
    return dict(images_per_second=median, spread_percent=round(100 * (max(speeds) - min(speeds)) / median, 1), rounds=speeds)


def race(row: dict, options) -> dict:
    """The row with everybody's numbers; `void` says why it does not count."""
    row = dict(row, void=[], peers={}, ours=None, critic=False)
    names = [name for name in peers_of(row) if not options.peers or any(part in name for part in options.peers)]
    if len(names) < len(peers_of(row)):
        row["void"].append("only some peers were asked for")
    peers, load = [], machine.Load(options.cpus)
    ours = [Ours(options.ours, row, streams) for streams in ours_streams(row)]
    try:
        for mode in ours:
            mode.turn(0.01, None)  # warms the file cache and asks what ours can
        # Peers do the step that ours says it did.
        row["critic"] = bool(ours[0].said.get("critic", False))
    except Failed as failed:
        row["void"].append(str(failed))
        ours = []
    with tempfile.TemporaryDirectory() as logs:
        try:
            for name in names:
                try:
                    peers.append(Peer(name, row, open(Path(logs) / name, "w+b")))
                except Failed as failed:
                    row["void"].append(str(failed))
            row["quiet_before"] = machine.wait_until_quiet(options.cpus, options.patience)
            run_rounds(row, peers, ours, load, options)
        except Failed as failed:
            row["void"].append(str(failed))
        finally:
            for peer in peers:
                peer.leave()
    row["peers"] = {peer.name: peer.result() for peer in peers if peer.speeds}
    row["best_peer"] = max(row["peers"], key=lambda name: row["peers"][name]["images_per_second"], default=None)
    row["ours_modes"] = [mode.result() for mode in ours if mode.speeds]
    if row["ours_modes"]:
        row["ours"] = max(row["ours_modes"], key=lambda result: result["images_per_second"])
        if row["best_peer"]:
            row["ratio"] = row["ours"]["images_per_second"] / row["peers"][row["best_peer"]]["images_per_second"]
    row.update(foreign_percent=load.percent(load.foreign), stolen_percent=load.percent(load.stolen), quiet=load.quiet())
    return row


def ours_streams(row: dict) -> list[int]:
    """One network, and where there are several threads for it, one on each."""
    return [1, row["threads"]] if row["job"] == "score" and row["threads"] > 1 else [1]


def run_rounds(row: dict, peers: list[Peer], ours: list[Ours], load: machine.Load, options):
    racing = peers
    for number in range(options.rounds):
        for peer in racing:
            peer.turn(options.secs, load)
        for mode in ours if number % 2 == 0 else reversed(ours):
            mode.turn(options.secs, load)
        if number == 0 and racing and load.quiet():
            least = STAYS_ABOVE * max(peer.speeds[0] for peer in racing)
            racing = [peer for peer in racing if peer.speeds[0] >= least]


def arguments():
    words = lambda text: text.split(",")
    numbers = lambda text: [int(word) for word in text.split(",")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=words, default="train,score,int8")
    parser.add_argument("--networks", type=words, default="official,video")
    parser.add_argument("--sides", type=numbers, default="32,64,128,256")
    parser.add_argument("--batches", type=numbers, default="1,16", help="of scoring")
    parser.add_argument("--threads", type=numbers, default="1,2")
    parser.add_argument("--cpus", type=numbers, default="0,1", help="processors to pin to")
    parser.add_argument("--within", choices=machine.WITHIN, help="hold everybody to this class of processor (ONNX Runtime cannot be held: it stays away)")
    parser.add_argument("--peers", type=words, default=[], help="only those with one of these words in their names; the rows are void")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--secs", type=float, default=2.0, help="of measurement a contender and round")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds to wait for a quiet machine before a row")
    parser.add_argument("--ours", type=Path, default=ROOT / "target" / "release" / "skipgan")
    parser.add_argument("--json", type=Path, help="default: docs/benchmarks/peers-CLASS-DATE.json; rows that are there and not run again stay")
    parser.add_argument("--missing", action="store_true", help="run only rows that the file does not have, or has as void or not quiet")
    parser.add_argument("--require", action="store_true", help="exit status 1 where a row is void or below its must")
    return parser.parse_args()


def main():
    options = arguments()
    about = machine.describe(options.ours, options.within)
    path = options.json or ROOT / "docs" / "benchmarks" / f"peers-{about['class']}{'-held' * about['held']}-{about['date']}.json"
    record = dict(schema=1, machine=about, measured=dict(rounds=options.rounds, seconds=options.secs), rows=[])
    if path.exists():
        earlier = json.loads(path.read_text())
        same = all(earlier["machine"].get(key) == about[key] for key in ("class", "held", "processor", "flags", "versions"))
        if not same or earlier["measured"] != record["measured"]:
            sys.exit(f"{path} is of another machine, other versions or other rounds: name another file with --json")
        record = earlier
    print(", ".join(f"{name} {version}" for name, version in about["versions"].items()), file=sys.stderr)
    wanted = all_rows(options)
    done = {identity(row): row for row in record["rows"]}
    good = {key for key, row in done.items() if not row["void"] and row["quiet"]}
    path.parent.mkdir(parents=True, exist_ok=True)
    cache_folder()
    for row in wanted:
        if options.missing and identity(row) in good:
            continue
        row = race(row, options)
        done[identity(row)] = row
        print(table.line(row, about), file=sys.stderr, flush=True)
        record["rows"] = list(done.values())
        path.write_text(json.dumps(record, indent=1) + "\n")
    print(table.markdown(record))
    path.with_suffix(".svg").write_text(table.plot(record))
    missed = [row for row in (done[identity(row)] for row in wanted) if row["void"] or row["ratio"] < table.must(row, about)]
    sys.exit(bool(options.require and missed))


if __name__ == "__main__":
    main()
