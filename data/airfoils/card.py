"""Write the data card README.md: its text stands in card.template.md, its numbers come from the measurements.

``summary.json`` is written by pack.py from the packed files, ``verification.json`` by verify.py; no number in the card
is typed.
"""

import hashlib
import json
from math import pi
from pathlib import Path

import case as solver
import generate
import mesh as meshing

from pbdl_utils.files import write_atomically

HERE = Path(__file__).parent
FAMILY_NAMES = {
    "naca4": "NACA 4-digit",
    "naca5": "NACA 5-digit",
    "karman_trefftz": "Kármán-Trefftz",
    "naca4_modified": "modified NACA 4-digit",
    "cst": "CST",
}


def write() -> None:
    """Fill the template with all tables and write README.md."""
    summary = json.loads((HERE / "summary.json").read_text())
    checks = json.loads((HERE / "verification.json").read_text()) if (HERE / "verification.json").exists() else None
    parts = {
        "counts": _counts(summary),
        "rejections": _rejections(summary),
        "layout": _layout(summary),
        "files": _files(summary),
        **_numbers(summary),
        **(_verification(checks) if checks else {}),
    }
    text = (HERE / "card.template.md").read_text()
    for name, value in parts.items():
        text = text.replace("{{" + name + "}}", value)
    write_atomically(HERE / "README.md", text.encode())


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _numbers(s: dict) -> dict[str, str]:
    values = {
        "drawn": f"{s['drawn']}",
        "accepted": f"{sum(sum(v.values()) for v in s['accepted'].values())}",
        "rejected": f"{sum(s['rejected'].values())}",
        "not_solved": f"{s['not_solved']}",
        "median_seconds": f"{s['seconds']['median']:.1f}",
        "fast_seconds": f"{s['seconds']['tenth']:.1f}",
        "sum_minutes": f"{s['seconds']['sum'] / 60:.0f}",
        "median_iterations": f"{s['iterations']['median']:.0f}",
        "hardware": s["hardware"],
        "angles": f"{s['angle'][0]:.1f}° to {s['angle'][1]:.1f}°",
        "lifts": f"{s['lift'][0]:.2f} to {s['lift'][1]:.2f}",
        "medium_cells": f"{meshing.MEDIUM.cells():,}",
        "capped": f"{s['iterations']['capped']}",
        "drift": f"{s['largest_drift']:.4f}",
        "drift_stopped": f"{generate.DRIFT_STOPPED:g}",
        "window_stopped": f"{generate.WINDOW_STOPPED}",
        "drift_capped": f"{generate.DRIFT_CAPPED:g}",
        "window_capped": f"{generate.WINDOW_CAPPED}",
        "cap": f"{solver.MAX_ITERATIONS}",
        "tolerances": ", ".join(f"{name} {value:g}" for name, value in solver.TOLERANCES.items()),
    }
    for name, (low, high) in s["range"].items():
        values[f"range_{name}"] = f"{low:.2f} to {high:.2f}"
        values[f"mean_{name}"] = f"{s['mean_absolute'][name]:.3f}"
    return values


def _counts(s: dict) -> str:
    rows = []
    for split, families in s["accepted"].items():
        text = ", ".join(f"{FAMILY_NAMES[f]} {n}" for f, n in families.items())
        rows.append([split, str(sum(families.values())), str(s["shapes"][split]), text])
    return table(["split", "cases", "shapes", "cases by family"], rows)


def _rejections(s: dict) -> str:
    rows = [[reason, str(n)] for reason, n in sorted(s["rejected"].items())] or [["none", "0"]]
    if s["not_solved"]:
        rows.append(["not solved: the generation was stopped by its time limit", str(s["not_solved"])])
    return table(["reason", "cases"], rows)


LAYOUT_NOTES = {
    "inputs": "channels: free-stream x, free-stream y, mask (1 inside the airfoil)",
    "targets": "channels: p / U², u_x / U, u_y / U; zero inside the airfoil",
    "split": "train, validation or test",
    "family": "naca4, naca5, karman_trefftz, naca4_modified or cst",
    "shape": "name of the shape with its parameters",
    "reynolds": "Reynolds number of chord and free stream",
    "angle": "angle of attack in degrees",
    "lift": "lift coefficient, from the solver (2 × lift / (U² chord))",
    "drag": "drag coefficient, from the solver (see its error below)",
    "lift_drift": "range of the lift coefficient over the last 20 iterations",
    "iterations": "SIMPLE iterations",
    "seconds": "wall time of simpleFoam on a busy core, not a benchmark",
    "surface": "x, y and p / U² at the wall faces, from the lower trailing edge around the nose to the upper",
}


def _layout(s: dict) -> str:
    rows = [[f"`{n}`", f"{tuple(shape)}", dtype, LAYOUT_NOTES[n]] for n, (shape, dtype) in s["layout"].items()]
    return table(["array", "shape", "dtype", "content"], rows)


def _files(s: dict) -> str:
    rows = [[f"`{n}`", f"{f['bytes'] / 1e6:.1f} MB", f"`{f['sha256']}`"] for n, f in s["files"].items()]
    recipe = (HERE / "reference_recipe.npz").read_bytes()  # made by reference_recipe.py, not by generate.py
    rows.append(["`reference_recipe.npz`", f"{len(recipe) / 1e6:.2f} MB", f"`{hashlib.sha256(recipe).hexdigest()}`"])
    return table(["file", "size", "sha256"], rows)


def _verification(v: dict) -> dict[str, str]:
    published, mesh_rows = [], []
    for row in v["naca0012"]["rows"]:
        m, codes = row["medium"], row["codes"]
        lift_error = f"{100 * (m['lift'] / codes[0] - 1):+.1f} %" if codes[0] else f"{m['lift']:+.4f}"
        ladson_error = f"{100 * (m['lift'] / row['ladson'][0] - 1):+.1f} %" if codes[0] else "–"
        published.append(
            [
                f"{row['angle']:g}°",
                f"{m['lift']:.4f}",
                f"{codes[0]:g}",
                lift_error,
                f"{row['ladson'][0]:.3f}",
                ladson_error,
                f"{m['drag']:.4f}",
                f"{codes[1]:.4f}" if codes[1] else "–",
                f"{row['ladson'][1]:.4f}",
                f"{100 * (m['drag'] / (codes[1] or row['ladson'][1]) - 1):+.0f} %",
            ]
        )
        for name, cells in v["naca0012"]["cells"].items():
            if name in row:
                r = row[name]
                mesh_rows.append(
                    [
                        f"{row['angle']:g}°",
                        name,
                        f"{cells:,}",
                        f"{round(r['lift'], 4) + 0.0:.4f}",
                        f"{r['drag']:.5f}",
                        f"{r['friction_drag']:.5f}",
                        f"{r['y_plus_mean']:.0f}",
                        str(r["iterations"]),
                        f"{r['seconds']:.0f}",
                    ]
                )
    excess = [
        [text, f"{r['lift']:.4f}", f"{r['drag']:.5f}", f"{r['drag'] - r['friction_drag']:.5f}"]
        if "lift" in r
        else [text, r["failed"], "–", "–"]
        for text, r in v["drag_at_10_degrees"].items()
    ]
    again = []
    for row in v["cases_again"]:
        for name in ("tight", "fine"):
            r = row[name]
            again.append(
                [
                    row["case"],
                    {"tight": "tolerances 20 to 1000 times tighter", "fine": "fine mesh"}[name],
                    f"{round(r['lift'] - row['lift'], 4) + 0.0:+.4f}",
                    f"{r['drag'] - row['drag']:+.5f}",
                    " / ".join(f"{d:.5f}" for d in r["mean_field_difference"]),
                ]
            )
    s = v["symmetry"]
    return {
        "published": table(
            ["α", "lift", "codes", "error", "Ladson", "error", "drag", "codes", "Ladson", "drag error"], published
        ),
        "mesh_study": table(
            ["α", "mesh", "cells", "lift", "drag", "of it friction", "mean y⁺", "iterations", "s"], mesh_rows
        ),
        "drag_excess": table(["change", "lift", "drag", "of it pressure"], excess),
        "again": table(["case", "made again with", "Δ lift", "Δ drag", "mean abs. difference of p / u_x / u_y"], again),
        "far_drag": f"{v['naca0012']['rows'][-1]['medium']['lift'] ** 2 / (4 * pi * meshing.FAR):.5f}",
        "symmetry_lift": f"{s['lift'][0]:.5f} and {s['lift'][1]:.5f}",
        "symmetry_mean": f"{s['mean_field_difference']:.1e}",
        "symmetry_max": f"{s['largest_field_difference']:.1e}",
    }


if __name__ == "__main__":
    write()
