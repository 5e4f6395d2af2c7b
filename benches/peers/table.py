"""The race's record as a Markdown table and as a plot.

    python table.py docs/benchmarks/peers-….json        the table; writes the plot beside the record
"""
from __future__ import annotations

import json
import sys
from html import escape
from pathlib import Path

MIB = 2 ** 20


# ---- what ours must reach ------------------------------------------------------------------------------------------------------------
def must(row: dict, about: dict) -> float:
    """Times the best peer's speed."""
    if row["precision"] == "int8":
        return {"amx": 0.5, "avx512-vnni": 0.9, "avx2-vnni": 0.9}.get(about["class"], 1.0)
    if row["network"] == "video":
        return 2.0
    return 1.5 if row["job"] == "train" else 1.3


def memory_must(row: dict) -> float | None:
    """Share of PyTorch's peak memory in training."""
    if row["network"] == "video" or row["job"] != "train":
        return None
    return 0.6 if row["height"] <= 64 else 0.75


def class_of(about: dict) -> str:
    return about["class"] + (" (held to it)" if about.get("held") else "")


def size(row: dict) -> str:
    return f"{row['width']}×{row['height']}" if row["network"] == "video" else f"side {row['height']}"


def job(row: dict) -> str:
    critic = " with critic" if row["critic"] else ""
    return f"{row['network']}, training step{critic}" if row["job"] == "train" else f"{row['network']}, scoring {row['precision']}"


# ---- the table -----------------------------------------------------------------------------------------------------------------------
def line(row: dict, about: dict) -> str:
    """A row for somebody who waits."""
    name = f"{job(row)}, {size(row)}, batch {row['batch']}, {row['threads']} threads"
    if row["void"]:
        return f"{name}: VOID, {'; '.join(row['void'])}"
    best = row["peers"][row["best_peer"]]["images_per_second"]
    quiet = "" if row["quiet"] else f"  (not quiet: {row['foreign_percent']} % foreign, {row['stolen_percent']} % stolen)"
    return (f"{name}: ours {row['ours']['images_per_second']:.4g}, {row['best_peer']} {best:.4g} images/s: {row['ratio']:.2f} "
            f"(must {must(row, about)}){quiet}")


def markdown(record: dict) -> str:
    about, rows = record["machine"], record["rows"]
    text = [f"{about['processor']}, class {class_of(about)}, {about['cores']} cores, {about['memory_gib']} GiB; {about['date']}; "
            + ", ".join(f"{name} {version}" for name, version in about["versions"].items()) + ".", ""]
    text += ["| job | size | batch | threads | ours, images/s | best peer | images/s | ours / peer | must | other peers, images/s | quiet |",
             "|" + "---|" * 11]
    text += [speed_row(row, about) for row in rows]
    training = [row for row in rows if row["job"] == "train" and row["ours"]]
    if training:
        text += ["", "Peak memory of a training step, MiB of the whole process. PyTorch: the mode that takes least; in brackets what its library "
                 "takes before there is a network.", "",
                 "| job | size | batch | threads | ours | PyTorch | ours / PyTorch | must | ours / PyTorch less its library |", "|" + "---|" * 9]
        text += [memory_row(row) for row in training]
    return "\n".join(text)


def speed_row(row: dict, about: dict) -> str:
    peer = lambda name: f"{name} {row['peers'][name]['images_per_second']:.4g}{error(row['peers'][name])}"
    others = ", ".join(peer(name) for name in row["peers"] if name != row["best_peer"])
    head = f"| {job(row)} | {size(row)} | {row['batch']} | {row['threads']} |"
    number = lambda result: f"{result['images_per_second']:.4g} (± {result['spread_percent'] / 2:.0f} %)" if result else "–"
    best = row["peers"].get(row["best_peer"])
    ratio = f"**{row['ratio']:.2f}**" if not row["void"] else "void: " + "; ".join(row["void"]).replace("|", "/")
    quiet = "yes" if row["quiet"] else f"NO: {row['foreign_percent']} % foreign, {row['stolen_percent']} % stolen"
    said = how(row)
    return (f"{head} {number(row['ours'])}{f' [{said}]' if said else ''} | {row['best_peer'] or '–'}{error(best or {})} | {number(best)} | {ratio} | {must(row, about)} "
            f"| {others} | {quiet} |")


def how(row: dict) -> str:
    """What there is to say of ours: what int8 was, which means whatever is fastest, and how many networks scored at once."""
    said = (row["ours"] or {}).get("said", {})
    words = [said.get("arithmetic", "")] if row["precision"] == "int8" else []
    if said.get("streams", 1) > 1:
        words.append(f"{said['streams']} streams")
    return ", ".join(words)


def error(result: dict) -> str:
    if "score_error_median" not in result:
        return ""
    return f" (score off by {result['score_error_median']:.1%}, at most {result['score_error_largest']:.1%})"


def memory_row(row: dict) -> str:
    head = f"| {job(row)} | {size(row)} | {row['batch']} | {row['threads']} |"
    ours, peers = row["ours"]["peak_rss_bytes"], list(row["peers"].values())
    if not peers:
        return f"{head} {ours / MIB:.0f} | – | – | – | – |"
    least = min(peers, key=lambda result: result["peak_rss_bytes"])
    whole, library = least["peak_rss_bytes"], least["library_rss_bytes"]
    return (f"{head} {ours / MIB:.0f} | {whole / MIB:.0f} ({library / MIB:.0f}) | **{ours / whole:.2f}** | {memory_must(row) or '–'} "
            f"| {ours / (whole - library):.2f} |")


# ---- the plot ------------------------------------------------------------------------------------------------------------------------
STYLE = """
text{font:12px system-ui,sans-serif;fill:#24292f}.small{font-size:11px;fill:#57606a}.head{font-weight:600}
.one{fill:#6cb0e8}.two{fill:#1f6fb5}.axis{stroke:#d0d7de}.even{stroke:#57606a}.must{stroke:#c4431a;stroke-width:2}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9da7b1}.one{fill:#2f6f9f}.two{fill:#6cb6f5}.axis{stroke:#30363d}
.even{stroke:#9da7b1}.must{stroke:#ff8f5a}}
"""
LEFT, ACROSS, RIGHT, BAR, GAP = 190, 400, 150, 12, 8
PEER_NAMES = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}


def plot(record: dict) -> str:
    """Bars of ours / best peer, one thread above two; a mark where each must be."""
    about = record["machine"]
    groups: dict[str, dict[str, list[dict]]] = {}
    for row in record["rows"]:
        batch = f", batch {row['batch']}" if row["job"] == "score" else ""
        groups.setdefault(job(row), {}).setdefault(size(row) + batch, []).append(row)
    top = max([3.0, *(row["ratio"] for row in record["rows"] if not row["void"])]) * 1.03
    x = lambda ratio: LEFT + ACROSS * ratio / top
    parts, y = [], 62
    for name, sizes in groups.items():
        parts.append(f'<text class="head" x="8" y="{y + 12}">{escape(name)}</text>')
        y += 20
        for label, rows in sizes.items():
            height = len(rows) * (BAR + 1)
            parts.append(f'<text x="{LEFT - 8}" y="{y + height / 2 + 4:.0f}" text-anchor="end">{escape(label)}</text>')
            for number, row in enumerate(sorted(rows, key=lambda row: row["threads"])):
                parts.append(bar(row, x, y + number * (BAR + 1)))
            mark = x(must(rows[0], about))
            parts.append(f'<line class="must" x1="{mark:.1f}" x2="{mark:.1f}" y1="{y - 3}" y2="{y + height + 2}"/>')
            y += height + GAP
        y += 6
    lines = [f'<line class="{"even" if step == 1 else "axis"}" x1="{x(step):.1f}" x2="{x(step):.1f}" y1="56" y2="{y - 4}"/>'
             f'<text class="small" x="{x(step):.1f}" y="50" text-anchor="middle">{"best peer" if step == 1 else f"{step}×"}</text>'
             for step in range(int(top) + 1)]
    versions = about["versions"]
    foot = ["Images a second of skipgan over those of the fastest peer in the same run"
            + (" (* the machine was not quiet)" if any(not row["quiet"] for row in record["rows"]) else ""),
            f"PyTorch {versions['torch']}, ONNX Runtime {versions['onnxruntime']}, OpenVINO {versions['openvino']}; "
            f"{about['processor']}, class {class_of(about)}; {about['date']}"]
    legend = (f'<rect class="one" x="8" y="12" width="12" height="{BAR}"/><text x="25" y="21">one thread</text>'
              f'<rect class="two" x="108" y="12" width="12" height="{BAR}"/><text x="125" y="21">two threads</text>'
              '<line class="must" x1="218" x2="218" y1="10" y2="24"/><text x="226" y="21">must</text>')
    width, height = LEFT + ACROSS + RIGHT, y + 40
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
            f"<title>Speed against the best peer</title><style>{STYLE}</style>{legend}{''.join(lines)}{''.join(parts)}"
            + "".join(f'<text class="small" x="8" y="{y + 14 + 15 * number}">{escape(text)}</text>' for number, text in enumerate(foot))
            + "</svg>\n")


def bar(row: dict, x, y: float) -> str:
    """The bar, and its number in the column on the right, where no line crosses it."""
    told = lambda text: f'<text class="small" x="{LEFT + ACROSS + 8}" y="{y + BAR - 2}">{escape(text)}</text>'
    if row["void"]:
        return told("void")
    name = PEER_NAMES[row["best_peer"].partition("+")[0].partition("-")[0]]
    drawn = f'x="{x(0):.1f}" y="{y}" width="{x(row["ratio"]) - x(0):.1f}" height="{BAR}"'
    return f'<rect class="{"one" if row["threads"] == 1 else "two"}" {drawn}/>' + told(f"{row['ratio']:.2f}× {name}{'' if row['quiet'] else ' *'}")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    kept = json.loads(path.read_text())
    print(markdown(kept))
    path.with_suffix(".svg").write_text(plot(kept))
