"""Draw the figure of *Scale invariance and inversion*: one bowl, three scalings, two directions.

    .venv/bin/python book/figures/scaling.py

writes ``scaled_toy.svg`` to ``book/_static``; the same bit for bit on every run. All paths are computed from the toy
physics of the chapter, P(x) = (x_0, alpha x_1) with the loss |P|^2.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from pbdl_utils.plotting import CYCLE, use_style

STATIC = Path(__file__).parents[1] / "_static"
START = np.array([2.0, 1.0])
DESCENT, INVERSE = CYCLE[3], CYCLE[1]  # the colours of gradient descent and inverse simulator in the notebooks
STEPS = 12


def descend(alpha: float) -> np.ndarray:
    """Return the path of gradient descent with its best fixed step size, 1 / (1 + alpha^2); shape (steps + 1, 2)."""
    path = [START]
    for _ in range(STEPS):
        path.append(path[-1] - 2 * np.array([1, alpha**2]) * path[-1] / (1 + alpha**2))
    return np.array(path)


def landscapes() -> None:
    """Plot contour lines, the path of gradient descent and the inverse step for three scalings."""
    use_style()
    plt.rcParams["svg.hashsalt"] = "scaling"
    x0, x1 = np.meshgrid(np.linspace(-1.0, 2.6, 160), np.linspace(-1.35, 1.6, 160))
    figure, axes = plt.subplots(1, 3, figsize=(7.8, 3.2), sharex=True, sharey=True)
    for axis, alpha in zip(axes, (1, 2, 5), strict=True):
        height = x0**2 + (alpha * x1) ** 2
        axis.contour(x0, x1, height, levels=np.array([0.1, 0.5, 1, 2, 3.5, 5]) ** 2, colors="0.8", linewidths=0.9)
        path = descend(alpha)
        axis.annotate("", (0, 0), START, arrowprops={"arrowstyle": "-|>", "color": INVERSE, "lw": 2.6})
        axis.plot(*path.T, "o--" if alpha == 1 else "o-", color=DESCENT, markersize=4, lw=1.5)
        axis.plot(*START, "o", color="black", markersize=6)
        axis.plot(0, 0, "x", color="black", markersize=9, markeredgewidth=2)
        axis.set(title=f"α = {alpha}", xlabel="x₀", xlim=(-1.0, 2.6), ylim=(-1.35, 1.6), aspect="equal")
        axis.grid(False)
    axes[0].set_ylabel("x₁")
    handles = [plt.Line2D([], [], color=INVERSE, lw=2.6), plt.Line2D([], [], color=DESCENT, marker="o", markersize=4)]
    labels = ["inverse step", f"gradient descent, {STEPS} steps"]
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    figure.savefig(STATIC / "scaled_toy.svg", metadata={"Date": None}, facecolor="white")
    plt.close(figure)


if __name__ == "__main__":
    landscapes()
