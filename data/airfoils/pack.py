"""Pack the accepted cases into airfoils.npz, write summary.json and the data card."""

import collections
import hashlib
import io
import json
import platform
import zipfile
from pathlib import Path

import case as solver
import generate
import numpy as np
import table

from pbdl_utils.files import write_atomically

HERE = Path(__file__).parent
SPLITS = ("train", "validation", "test")
QUANTUM = 2.0**-11  # targets are rounded to multiples of it: what float16 resolves just below one; it halves the file
MAX_REYNOLDS = table.REYNOLDS[1]


def pack(cases: list[table.Case]) -> None:
    """Write airfoils.npz from the cache, then summary.json and the card; say what is missing."""
    chosen, rejected, missing = [], [], 0
    for case in cases:
        if not generate.path_of(case).exists():
            missing += 1
            continue
        with np.load(generate.path_of(case), allow_pickle=False) as stored:
            result = {name: stored[name] for name in stored.files}
        failed = "lift_history" not in result
        reason = str(result["verdict"]) if failed else generate.verdict(result["lift_history"])
        (chosen if reason == "accepted" else rejected).append((case, result, reason))
    print(f"{len(chosen)} accepted, {len(rejected)} rejected, {missing} of {len(cases)} not solved yet")
    chosen.sort(key=lambda item: (SPLITS.index(item[0].split), item[0].family, item[0].shape, item[0].angle))
    write_atomically(HERE / "airfoils.npz", npz_bytes(_arrays(chosen)))
    _summarise(chosen, rejected, missing)
    import card

    card.write()


def inputs_of(case: table.Case, inside: np.ndarray) -> np.ndarray:
    """Return free-stream x, y (as a share of the largest free-stream speed, zero inside) and the mask."""
    angle = np.radians(case.angle)
    speed = case.reynolds / MAX_REYNOLDS
    outside = ~inside
    return np.stack([speed * np.cos(angle) * outside, speed * np.sin(angle) * outside, inside])


def _arrays(chosen) -> dict[str, np.ndarray]:
    cases, results = [c for c, _, _ in chosen], [r for _, r, _ in chosen]

    def column(values, dtype):
        return np.array(list(values), dtype=dtype)

    targets = np.stack([r["fields"] for r in results])
    return {
        "inputs": np.stack([inputs_of(c, r["inside"]) for c, r in zip(cases, results, strict=True)]).astype(np.float16),
        "targets": (np.round(targets / QUANTUM) * QUANTUM).astype(np.float16),
        "split": column((c.split for c in cases), "U10"),
        "family": column((c.family for c in cases), "U14"),
        "shape": column((c.shape for c in cases), "U60"),
        "reynolds": column((c.reynolds for c in cases), np.float64),
        "angle": column((c.angle for c in cases), np.float64),
        "lift": column((r["lift_history"][-1] for r in results), np.float32),
        "drag": column((r["drag_history"][-1] for r in results), np.float32),
        "lift_drift": column((np.ptp(r["lift_history"][-generate.WINDOW_STOPPED :]) for r in results), np.float32),
        "iterations": column((len(r["lift_history"]) for r in results), np.int32),
        "seconds": column((r["seconds"] for r in results), np.float32),
        "surface": np.stack([r["surface"] for r in results]).astype(np.float32),
    }


def npz_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    """Return the arrays as a compressed npz archive whose bytes depend on nothing but the arrays (and zlib)."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # the same on every operating system
            entry.external_attr = 0o644 << 16
            file.writestr(entry, content.getvalue())
    return archive.getvalue()


def _summarise(chosen, rejected, missing) -> None:
    """Write summary.json: counts, ranges, times and checksums for the card."""
    counts = {s: collections.Counter(c.family for c, _, _ in chosen if c.split == s) for s in SPLITS}
    shapes = {s: len({c.shape for c, _, _ in chosen if c.split == s}) for s in SPLITS}
    seconds = np.array([float(r["seconds"]) for _, r, _ in chosen])
    iterations = np.array([len(r["lift_history"]) for _, r, _ in chosen])
    capped = int((iterations == solver.MAX_ITERATIONS).sum())
    with np.load(HERE / "airfoils.npz") as packed:
        layout = {n: [list(packed[n].shape), packed[n].dtype.str.lstrip("<|")] for n in packed.files}
        targets, drag = packed["targets"].astype(np.float64), packed["drag"]
        names = ("p", "u_x", "u_y")
        ranges = {n: [float(targets[:, i].min()), float(targets[:, i].max())] for i, n in enumerate(names)}
        means = {n: float(np.abs(targets[:, i]).mean()) for i, n in enumerate(names)}
        angle_range = [float(packed["angle"].min()), float(packed["angle"].max())]
        lift_range = [float(packed["lift"].min()), float(packed["lift"].max())]
        drift = float(packed["lift_drift"].max())
    summary = {
        "accepted": {s: dict(sorted(counts[s].items())) for s in SPLITS},
        "shapes": shapes,
        "rejected": dict(collections.Counter(reason for _, _, reason in rejected)),
        "rejected_by_split": dict(collections.Counter(c.split for c, _, _ in rejected)),
        "rejected_cases": [f"{generate.path_of(c).stem}: {reason}" for c, _, reason in rejected],
        "not_solved": missing,
        "drawn": len(chosen) + len(rejected) + missing,
        "seconds": dict(zip(("median", "tenth", "sum"), _spread(seconds), strict=True)),
        "iterations": {"median": float(np.median(iterations)), "capped": capped},
        "reynolds": list(table.REYNOLDS),
        "angle": angle_range,
        "lift": lift_range,
        "drag": [float(drag.min()), float(drag.max())],
        "largest_drift": drift,
        "range": ranges,
        "mean_absolute": means,
        "layout": layout,
        "hardware": _processor(),
        "files": {
            name: {
                "sha256": hashlib.sha256((HERE / name).read_bytes()).hexdigest(),
                "bytes": (HERE / name).stat().st_size,
            }
            for name in ("airfoils.npz", "nonsteady.npz")
            if (HERE / name).exists()
        },
    }
    write_atomically(HERE / "summary.json", (json.dumps(summary, indent=2) + "\n").encode())


def _spread(seconds) -> tuple[float, float, float]:
    return float(np.median(seconds)), float(np.percentile(seconds, 10)), float(seconds.sum())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
