"""All records in one page: for each kind of machine the newest row of every job, and in how far each must is held.

    python overview.py            writes docs/benchmarks/README.md; needs the repository's history, which says what is newest
"""
from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import table

RECORDS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"


def commit(about: dict) -> str:
    return re.search(r"\(([0-9a-f]{7,})", about["versions"]["skipgan"]).group(1)


def time_of(about: dict) -> int:
    """When the measured program was committed."""
    told = subprocess.run(["git", "show", "-s", "--format=%ct", commit(about)], cwd=RECORDS, capture_output=True, text=True, check=True)
    return int(told.stdout)


def core(about: dict) -> str:
    """The processor's kind, by what tells one from the other: guests are told little more than its maker."""
    flags = about["flags"].split()
    if not about["processor"].startswith("AMD"):
        return "Sapphire Rapids class" if "amx_int8" in flags and "amx_fp16" not in flags else about["processor"]
    return "Zen 5 class" if "avx512_vp2intersect" in flags else "Zen 4 class" if "avx512f" in flags else "Zen 3 class"


CLASSES = {"amx": "AMX", "avx512-vnni": "AVX-512 VNNI", "avx512": "AVX-512", "avx2-vnni": "AVX-VNNI", "avx2": "AVX2"}


def kind(about: dict) -> str:
    held = "held to " if about.get("held") else ""
    return f"{core(about)}, {held}{CLASSES[about['class']]}"


def what(row: dict) -> tuple:
    """The row's place in a table, and which row it replaces when it is newer."""
    return (row["network"], row["job"] == "score", row["precision"] == "int8", row["height"], row["batch"], row["threads"])


def newest() -> dict[str, list[tuple[dict, dict, str]]]:
    """By kind of machine: rows with their record's machine and name."""
    kinds: dict[str, dict[tuple, tuple[dict, dict, str]]] = {}
    records = [(path.stem, json.loads(path.read_text())) for path in RECORDS.glob("*.json")]
    for name, record in sorted(records, key=lambda named: (time_of(named[1]["machine"]), named[0])):
        for row in record["rows"]:
            if not row["void"]:
                kinds.setdefault(kind(record["machine"]), {})[what(row)] = (row, record["machine"], name)
    order = lambda name: ("held" in name, "Zen 3" in name, "Zen 4" in name, name)
    return {name: [kinds[name][key] for key in sorted(kinds[name])] for name in sorted(kinds, key=order)}


def beside_torch(row: dict) -> float | None:
    """Times the speed of PyTorch's fastest mode; training has no other peers."""
    speeds = [peer["images_per_second"] for name, peer in row["peers"].items() if name.startswith("torch")]
    return row["ours"]["images_per_second"] / max(speeds) if speeds else None


def cell(rows: list[tuple[dict, dict, str]], ratio=lambda row: row["ratio"]) -> str:
    """Ratios of a job on a kind of machine, the least first; bold where one is below its must."""
    rows = [entry for entry in rows if ratio(entry[0]) is not None]
    if not rows:
        return "–"
    ratios = sorted(ratio(row) for row, _, _ in rows)
    missed = [row for row, about, _ in rows if ratio(row) < table.must(row, about)]
    text = f"{ratios[0]:.2f}" if len(ratios) == 1 else f"{ratios[0]:.2f} – {ratios[-1]:.2f}"
    return text + (f" (**{len(missed)} of {len(rows)} missed**)" if missed else "")


def summary(kinds: dict) -> list[str]:
    jobs = sorted({table.job(row) for rows in kinds.values() for row, _, _ in rows})
    lines = ["| ours / best peer | must | " + " | ".join(kinds) + " |", "|" + "---|" * (len(kinds) + 2)]
    for name in jobs:
        of = [[entry for entry in rows if table.job(entry[0]) == name] for rows in kinds.values()]
        musts = sorted({table.must(row, about) for rows in of for row, about, _ in rows})
        lines.append(f"| {name} | {' or '.join(map(str, musts))} | " + " | ".join(map(cell, of)) + " |")
        if name == "video, scoring f32":
            alone = [cell(rows, beside_torch) for rows in of]
            lines.append(f"| {name}, beside PyTorch alone | {' or '.join(map(str, musts))} | " + " | ".join(alone) + " |")
    return lines


def row_of(row: dict, about: dict, name: str) -> str:
    best = row["peers"][row["best_peer"]]["images_per_second"]
    said = table.how(row)
    quiet = "" if row["quiet"] else f", not quiet: {row['foreign_percent']} % foreign"
    spread = row["ours"]["spread_percent"] / 2
    torch = beside_torch(row)
    torch = f"{torch:.2f}" if torch else "–"
    return (f"| {table.job(row)} | {table.size(row)} | {row['batch']} | {row['threads']} | {row['ours']['images_per_second']:.4g} "
            f"(± {spread:.0f} %{quiet}){f' {said}' if said else ''} | {row['best_peer']} {best:.4g} | **{row['ratio']:.2f}** | {torch} "
            f"| {table.must(row, about)} "
            f"| [{commit(about)}]({name}.json) |")


def page(kinds: dict) -> str:
    text = ["# Records of the races", "",
            "Written by `benches/peers/overview.py` from the records beside it; not by hand. Images a second of skipgan over those of the fastest of PyTorch, ONNX",
            "Runtime and OpenVINO, turn by turn in one run ([how](../../benches/peers/README.md)): of each kind of machine the newest row of every job, least and most.",
            "", *summary(kinds)]
    for name, rows in kinds.items():
        text += ["", f"## {name}", "", "| job | size | batch | threads | ours, images/s | best peer | ratio | of PyTorch | must | program |", "|" + "---|" * 10]
        text += [row_of(*entry) for entry in rows]
        training = [(row, about) for row, about, _ in rows if table.memory_must(row)]
        if training:
            text += ["", "Peak memory of a training step, MiB of the whole process; PyTorch: the mode that takes least, in brackets what its library takes "
                     "before there is a network.", "",
                     "| job | size | batch | threads | ours | PyTorch | ours / PyTorch | must | ours / PyTorch less its library |", "|" + "---|" * 9]
            text += [table.memory_row(row) for row, _ in training]
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    (RECORDS / "README.md").write_text(page(newest()))
