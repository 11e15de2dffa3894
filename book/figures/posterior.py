"""Draw the figures of *Introduction to probabilistic learning*: the loop of inference, and a posterior that is skewed.

    .venv/bin/python book/figures/posterior.py

writes ``inference_loop.svg`` and ``small_posterior.svg`` to ``book/_static``; the same bit for bit on every run. The
curves are computed from the model of the chapter, a decaying sine wave.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from overview import LIGHT, SOFT, arrow, box, picture, text

from pbdl_utils.plotting import COLORS, CYCLE, use_style

STATIC = Path(__file__).parents[1] / "_static"
OBSERVED, LOW, HIGH = 0.2, 0.1, 10.0  # amplitude; ends of the log-uniform prior of the viscosity


def loop() -> None:
    """Draw prior, latent variable, simulator and observation, and the way back."""
    generative = {"fill": LIGHT["generative"], "stroke": COLORS["generative"]}
    picture(
        "../_static/inference_loop",
        214,
        "From unknown to observation and back",
        [
            box(10, 66, 132, 58, ["unknown x", "prior p(x)"], fill=LIGHT["data"]),
            box(214, 66, 132, 58, ["simulator", "p(y | x, z)"], fill=LIGHT["differentiable physics"],
                stroke=COLORS["differentiable physics"]),
            box(418, 66, 132, 58, ["observation y"], fill=LIGHT["data"]),
            box(214, 8, 132, 34, ["hidden z"], dash="6 4"),
            arrow([(142, 95), (212, 95)]),
            arrow([(346, 95), (416, 95)]),
            arrow([(280, 42), (280, 64)]),
            arrow([(484, 124), (484, 168), (348, 168)]),
            box(214, 146, 132, 44, ["posterior p(x | y)"], **generative, size=15),
            arrow([(212, 168), (76, 168), (76, 126)]),
            text(424, 190, "given", size=15, colour=SOFT),
            text(134, 190, "how probable?", size=15, colour=SOFT),
            text(354, 31, "not known, not controlled", size=15, colour=SOFT, anchor="start"),
        ],
    )  # fmt: skip


def skewed() -> None:
    """Plot the model with one observation, and the posterior for three noise levels."""
    use_style()
    plt.rcParams["svg.hashsalt"] = "posterior"
    viscosity = np.geomspace(LOW, HIGH, 2001)
    amplitude = np.exp(-viscosity)
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.0))
    left.semilogx(viscosity, amplitude, color="black")
    left.axhspan(OBSERVED - 0.1, OBSERVED + 0.1, color=COLORS["generative"], alpha=0.2)
    left.axhline(OBSERVED, color=COLORS["generative"], lw=1.2)
    left.annotate("observed ± noise", (0.11, OBSERVED + 0.12), color=COLORS["generative"])
    left.set(xlabel="viscosity ν", ylabel="amplitude $e^{-\\nu}$", ylim=(0, 1))
    for noise, colour in zip((0.05, 0.1, 0.2), (CYCLE[1], CYCLE[0], CYCLE[2]), strict=True):
        weight = np.exp(-((OBSERVED - amplitude) ** 2) / (2 * noise**2))
        weight /= np.trapezoid(weight, np.log10(viscosity))
        right.semilogx(viscosity, weight, color=colour, label=f"noise {noise:g}")
    right.axvline(-np.log(OBSERVED), color="black", lw=1, ls="--")
    right.set(xlabel="viscosity ν", ylabel="density per decade of ν", ylim=(0, None))
    right.legend(fontsize="small")
    figure.savefig(STATIC / "small_posterior.svg", metadata={"Date": None}, facecolor="white")
    plt.close(figure)


if __name__ == "__main__":
    loop()
    skewed()
