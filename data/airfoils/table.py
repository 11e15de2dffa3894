"""The table of cases: which shapes in which split, at which Reynolds numbers and angles; drawn from one seed.

Splits are by shape: no shape occurs in two of them. Train and validation take NACA 4-digit, NACA 5-digit and
Karman-Trefftz shapes; the test split takes new shapes of these three families, and of two families that are held out
as a whole: modified NACA 4-digit and CST shapes.

The angles cover the range in which a steady solution is likely: the limits shrink for thin shapes and low Reynolds
numbers, whose flow separates earlier, and on the side that a camber is not made for.
"""

from dataclasses import dataclass

import numpy as np
import shapes

SEED = 20240
REYNOLDS = (0.5e6, 5e6)
CONDITIONS = 4  # per shape of train and validation; test shapes have two
# Shapes per split and family.
COUNTS = {
    "train": {"naca4": 42, "naca5": 26, "karman_trefftz": 22},
    "validation": {"naca4": 10, "naca5": 6, "karman_trefftz": 6},
    "test": {"naca4": 4, "naca5": 4, "karman_trefftz": 4, "naca4_modified": 9, "cst": 13},
}
HELD_OUT = ("naca4_modified", "cst")


@dataclass(frozen=True)
class Case:
    """One flow: a shape by family and parameters, the Reynolds number and the angle of attack in degrees."""

    index: int
    split: str
    family: str
    shape: str
    parameters: tuple
    reynolds: float
    angle: float

    def curve(self) -> np.ndarray:
        return shapes.FAMILIES[self.family](*self.parameters)


def make() -> list[Case]:
    """Return all cases; the order mixes the splits, so that a run that stops early has some of each."""
    rng = np.random.default_rng(SEED)
    cases, seen = [], set()
    for split, families in COUNTS.items():
        for family, count in families.items():
            for _ in range(count):
                name, parameters = _new_shape(family, rng, seen)
                for _ in range(2 if split == "test" else CONDITIONS):
                    cases.append((split, family, name, parameters, *_condition(family, parameters, rng)))
    order = rng.permutation(len(cases))
    return [Case(i, *cases[k]) for i, k in enumerate(order)]


def angle_limits(curve: np.ndarray, reynolds: float) -> tuple[float, float]:
    """Return the lowest and highest angle of attack in degrees that the table draws for a shape."""
    thickness, zero_lift = shapes.max_thickness(curve), shapes.zero_lift_angle(curve)
    thick = np.clip((thickness - 0.06) / 0.06, 0, 1)
    fast = np.clip(np.log(reynolds / 0.5e6) / np.log(4), 0, 1)
    limit = (9 + 6 * thick) * (0.8 + 0.2 * fast)
    return min(-limit - 1.2 * zero_lift, -2.0), min(limit, 15.0)


def _condition(family, parameters, rng) -> tuple[float, float]:
    curve = shapes.FAMILIES[family](*parameters)
    reynolds = float(f"{np.exp(rng.uniform(*np.log(REYNOLDS))):.4g}")
    return reynolds, round(float(rng.uniform(*angle_limits(curve, reynolds))), 2)


def _new_shape(family, rng, seen):
    while True:
        name, parameters = DRAW[family](rng)
        if name not in seen:
            seen.add(name)
            return name, parameters


def _naca4(rng):
    thickness = int(rng.integers(8, 22))
    camber = int(rng.choice([0, 0, 1, 2, 3, 4, 5]))
    position = int(rng.integers(2, 7)) if camber else 0
    return f"naca-{camber}{position}{thickness:02d}", (camber / 100, position / 10 if camber else 0.4, thickness / 100)


def _naca5(rng):
    thickness, line, lift = int(rng.integers(9, 22)), int(rng.choice([10, 20, 30, 40])), int(rng.integers(1, 5))
    return f"naca-{lift}{line}{thickness:02d}", (line, 0.15 * lift, thickness / 100)


def _karman_trefftz(rng):
    offset, camber = round(rng.uniform(0.05, 0.15), 3), round(rng.uniform(0, 0.1), 3)
    angle = round(rng.uniform(6, 20), 1)
    return f"karman-trefftz-{offset}-{camber}-{angle}", (offset, camber, angle)


def _naca4_modified(rng):
    thickness, nose, crest = int(rng.integers(9, 20)), int(rng.integers(4, 9)), int(rng.integers(3, 6))
    camber = int(rng.choice([0, 2, 3, 4]))
    name = f"naca-{camber}{4 if camber else 0}{thickness:02d}-{nose}{crest}"
    return name, (camber / 100, 0.4, thickness / 100, nose, crest)


def _cst(rng):
    size = rng.uniform(0.11, 0.24)
    thickness = np.round(size * rng.uniform([0.9, 0.6, 0.6, 0.6], [1.2, 1.3, 1.3, 1.2]), 3)
    camber = np.round(rng.uniform([0, -0.02, 0.0, -0.02], [0, 0.12, 0.14, 0.12]) * rng.uniform(0, 1), 3) + 0.0
    name = "cst-" + "-".join(f"{v:g}" for v in (*thickness, *camber))
    return name, (tuple(thickness.tolist()), tuple(camber.tolist()))


DRAW = {
    "naca4": _naca4,
    "naca5": _naca5,
    "karman_trefftz": _karman_trefftz,
    "naca4_modified": _naca4_modified,
    "cst": _cst,
}
