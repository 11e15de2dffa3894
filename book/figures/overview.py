"""Draw the figures of the two prose chapters *Overview* and *Models and equations*.

    .venv/bin/python book/figures/overview.py

writes the SVG files next to this script; the result is the same bit for bit on every run. The diagrams are written as
SVG by hand (boxes, arrows, text), so that their text stays text; the plots come from matplotlib. All of them have an
opaque light ground, which keeps them readable in dark mode, and no font below 15 units on a width of 560, which keeps
them readable on a phone.
"""

from html import escape
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from pbdl_utils.plotting import COLORS, use_style

FOLDER = Path(__file__).parent
WIDTH = 560
INK, SOFT, PAPER = "#1f2933", "#5b6770", "#ffffff"
DATA, GRADIENT = "#1f2933", COLORS["supervised"]  # the two kinds of arrows
FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
LIGHT = {  # light grounds that go with the house colours of the methods
    "supervised": "#fbe6d9",
    "physical loss": "#f8e6f0",
    "differentiable physics": "#d9f1e9",
    "generative": "#d9e8f5",
    "reinforcement": "#fdf0d5",
    "data": "#eceeef",
}


def text(
    x: float, y: float, words: str, *, size: int = 16, weight: str = "normal", anchor: str = "middle", colour: str = INK
) -> str:
    """Return one line of text; ``y`` is its base line."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
        f'fill="{colour}">{escape(words)}</text>'
    )


def box(
    x: float,
    y: float,
    width: float,
    height: float,
    lines: list[str],
    *,
    fill: str = PAPER,
    stroke: str = INK,
    size: int = 16,
    dash: str = "",
) -> str:
    """Return a rounded box with centred lines of text, the first in bold."""
    top = y + height / 2 - (len(lines) - 1) * (size + 4) / 2 + size * 0.36
    words = [
        text(x + width / 2, top + row * (size + 4), line, size=size, weight="normal" if row else "bold")
        for row, line in enumerate(lines)
    ]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8" fill="{fill}" stroke="{stroke}" '
        f'stroke-width="2"{dashed}/>' + "".join(words)
    )


def arrow(points: list[tuple[float, float]], kind: str = "data") -> str:
    """Return a line with a head at its end: solid and dark for data, dashed and orange for gradients."""
    colour, dash = (GRADIENT, ' stroke-dasharray="7 5"') if kind == "gradient" else (DATA, "")
    path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2.5"{dash} marker-end="url(#{kind}-head)"/>'


def picture(name: str, height: float, title: str, parts: list[str]) -> None:
    """Write the parts as an SVG file with a white ground."""
    heads = "".join(
        f'<marker id="{kind}-head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6.5" markerHeight="6.5" '
        f'orient="auto-start-reverse"><path d="M0 0 L10 5 L0 10 z" fill="{colour}"/></marker>'
        for kind, colour in (("data", DATA), ("gradient", GRADIENT))
    )
    content = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" '
        f'height="{height:g}" font-family="{FONT}" role="img"><title>{escape(title)}</title><defs>{heads}</defs>\n'
        f'<rect width="{WIDTH}" height="{height:g}" fill="{PAPER}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )
    (FOLDER / f"{name}.svg").write_text(content, encoding="utf-8")


def legend(y: float) -> list[str]:
    """Return the key to the two kinds of arrows."""
    return [
        arrow([(90, y), (140, y)]),
        text(150, y + 5, "values", anchor="start", size=15, colour=SOFT),
        arrow([(290, y), (340, y)], "gradient"),
        text(350, y + 5, "gradient in training", anchor="start", size=15, colour=SOFT),
    ]


def supervised() -> None:
    """Draw supervised training: the solver makes a file, the network never meets it."""
    picture(
        "block_supervised",
        190,
        "Supervised training",
        [
            box(14, 22, 128, 64, ["solver", "or experiment"], fill=LIGHT["data"]),
            box(190, 22, 120, 64, ["data set", "pairs (x, y*)"], fill=LIGHT["data"], dash="6 4"),
            arrow([(142, 54), (188, 54)]),
            box(190, 112, 120, 44, ["network f"], fill=LIGHT["supervised"], stroke=COLORS["supervised"]),
            box(400, 58, 146, 62, ["loss", "|y − y*|²"]),
            arrow([(250, 86), (250, 110)]),
            text(262, 104, "x", anchor="start"),
            arrow([(310, 54), (356, 54), (356, 78), (398, 78)]),
            text(368, 48, "y*", anchor="start"),
            arrow([(310, 126), (364, 126), (364, 108), (398, 108)]),
            text(332, 119, "y"),
            arrow([(473, 120), (473, 147), (312, 147)], "gradient"),
            text(76, 112, "runs once,", size=15, colour=SOFT),
            text(76, 131, "before training", size=15, colour=SOFT),
            *legend(175),
        ],
    )


def physical_loss() -> None:
    """Draw a physical loss: the equation judges the network's output, no solver runs."""
    picture(
        "block_physical_loss",
        170,
        "Physical loss terms",
        [
            box(14, 34, 118, 58, ["points x, t", "no labels"], fill=LIGHT["data"], dash="6 4"),
            box(176, 34, 120, 58, ["network f"], fill=LIGHT["supervised"], stroke=COLORS["supervised"]),
            box(
                342,
                34,
                128,
                58,
                ["residual R", "of the equation"],
                fill=LIGHT["physical loss"],
                stroke=COLORS["physical loss"],
            ),
            box(500, 34, 50, 58, ["|R|²"]),
            arrow([(132, 63), (174, 63)]),
            arrow([(296, 63), (340, 63)]),
            text(318, 54, "y"),
            arrow([(470, 63), (498, 63)]),
            arrow([(525, 92), (525, 118), (236, 118), (236, 94)], "gradient"),
            text(380, 137, "through the derivatives in the equation", size=15, colour=SOFT),
            *legend(157),
        ],
    )


def hybrid() -> None:
    """Draw a hybrid solver: network and solver step alternate, and training unrolls k of them."""
    y, parts = 36, []
    for index, x in enumerate((84, 288)):
        parts += [
            box(
                x,
                y,
                84,
                56,
                ["solver", "step P"],
                fill=LIGHT["differentiable physics"],
                stroke=COLORS["differentiable physics"],
            ),
            box(x + 106, y, 70, 56, ["net f"], fill=LIGHT["supervised"], stroke=COLORS["supervised"]),
            arrow([(x + 84, y + 28), (x + 104, y + 28)]),
            arrow([(x + 176, y + 28), (x + 202, y + 28)]) if index == 0 else "",
        ]
    picture(
        "block_hybrid",
        186,
        "Differentiable physics in a hybrid solver",
        [
            *parts,
            box(10, y, 46, 56, ["u(t)"], fill=LIGHT["data"], dash="6 4"),
            arrow([(56, y + 28), (82, y + 28)]),
            box(488, y, 62, 56, ["loss"]),
            arrow([(464, y + 28), (486, y + 28)]),
            text(477, y - 10, "k steps later, compare with u*", anchor="end", size=15, colour=SOFT),
            arrow([(519, 92), (519, 122), (126, 122), (126, 94)], "gradient"),
            text(322, 142, "through every network and every solver step", size=15, colour=SOFT),
            *legend(169),
        ],
    )


def generative() -> None:
    """Draw probabilistic learning: one observation, noise in, many answers out."""
    answers = [
        box(404, 14 + 38 * row, 142, 30, [label], fill=LIGHT["data"], size=15)
        for row, label in enumerate(("answer 1", "answer 2", "answer 3"))
    ]
    picture(
        "block_generative",
        190,
        "Probabilistic learning",
        [
            box(14, 20, 128, 44, ["observation x"], fill=LIGHT["data"], size=15),
            box(14, 80, 128, 44, ["noise ε"], fill=LIGHT["data"], dash="6 4"),
            box(
                196,
                30,
                150,
                84,
                ["network v", "moves noise", "towards data"],
                fill=LIGHT["generative"],
                stroke=COLORS["generative"],
            ),
            arrow([(142, 42), (170, 42), (170, 58), (194, 58)]),
            arrow([(142, 102), (170, 102), (170, 86), (194, 86)]),
            *answers,
            *[arrow([(346, 72), (374, 72), (374, 29 + 38 * row), (402, 29 + 38 * row)]) for row in range(3)],
            text(271, 147, "a new draw of ε gives a new answer; their spread is the uncertainty", size=15, colour=SOFT),
            text(271, 170, "physics can join as a residual or as a solver that guides each draw", size=15, colour=SOFT),
        ],
    )


def reinforcement() -> None:
    """Draw reinforcement learning: the solver is an environment, no gradient passes it."""
    picture(
        "block_reinforcement",
        178,
        "Reinforcement learning",
        [
            box(24, 34, 140, 60, ["policy", "(network)"], fill=LIGHT["reinforcement"], stroke=COLORS["reinforcement"]),
            box(392, 34, 146, 60, ["environment", "(any solver)"], fill=LIGHT["data"]),
            arrow([(164, 52), (390, 52)]),
            text(278, 43, "action"),
            arrow([(392, 80), (166, 80)]),
            text(278, 101, "state and reward"),
            arrow([(278, 112), (94, 112), (94, 96)], "gradient"),
            text(290, 121, "estimated from many trials", anchor="start", size=15, colour=SOFT),
            text(290, 140, "no derivative of the solver", anchor="start", size=15, colour=SOFT),
            *legend(162),
        ],
    )


def improved_gradients() -> None:
    """Draw improved gradients: same loss, another update direction."""
    picture(
        "block_improved_gradients",
        190,
        "Improved gradients",
        [
            box(14, 30, 110, 56, ["network f"], fill=LIGHT["supervised"], stroke=COLORS["supervised"]),
            box(
                204,
                30,
                110,
                56,
                ["solver P"],
                fill=LIGHT["differentiable physics"],
                stroke=COLORS["differentiable physics"],
            ),
            box(400, 30, 130, 56, ["loss"]),
            arrow([(124, 58), (202, 58)]),
            text(163, 49, "y"),
            arrow([(314, 58), (398, 58)]),
            text(356, 49, "P(y)"),
            arrow([(465, 86), (465, 118), (316, 118)], "gradient"),
            box(204, 100, 110, 36, ["invert P"], fill=LIGHT["physical loss"], stroke=COLORS["physical loss"]),
            arrow([(204, 118), (69, 118), (69, 88)], "gradient"),
            text(136, 140, "a step in y", size=15, colour=SOFT),
            text(436, 140, "a step in P(y)", size=15, colour=SOFT),
            *legend(170),
        ],
    )


def categories() -> None:
    """Draw the two axes: how tightly method and solver are coupled, and which way the question points."""
    left, right, top, bottom = 66, 548, 16, 322
    middle, columns = 189, {"loose": (76, 142), "between": (230, 152), "tight": (394, 150)}
    parts = [
        f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" fill="#f7f9fa"/>',
        f'<path d="M{left} {middle} H{right}" stroke="{SOFT}" stroke-width="2" stroke-dasharray="3 5"/>',
        arrow([(left, bottom), (right, bottom)]),
        arrow([(left, bottom), (left, top - 6)]),
        text(left + 6, bottom + 24, "loose: files", anchor="start", size=15),
        text((left + right) / 2, bottom + 24, "residual or reward", size=15),
        text(right, bottom + 24, "tight: solver steps", anchor="end", size=15),
        text((left + right) / 2, bottom + 50, "what passes between network and physics in training", weight="bold"),
        f'<g transform="rotate(-90)">{text(-(middle + bottom) / 2, 50, "forward")}'
        f"{text(-(top + middle) / 2, 50, 'inverse')}{text(-middle, 24, 'the question', weight='bold')}</g>",
    ]
    cells = [
        ("between", 26, ["reinforcement", "policy from rewards"], "reinforcement"),
        ("tight", 26, ["improved gradients", "invert the solver"], "differentiable physics"),
        ("loose", 92, ["supervised", "data to parameters"], "supervised"),
        ("between", 92, ["physical loss", "unknown coefficient"], "physical loss"),
        ("tight", 92, ["diff. physics", "adjoint, control"], "differentiable physics"),
        ("loose", 228, ["supervised", "surrogate"], "supervised"),
        ("between", 228, ["physical loss", "residual training"], "physical loss"),
        ("tight", 228, ["diff. physics", "hybrid solver"], "differentiable physics"),
    ]
    for column, y, lines, colour in cells:
        x, width = columns[column]
        parts.append(box(x, y, width, 56, lines, fill=LIGHT[colour], stroke=COLORS[colour], size=15))
    parts.append(
        box(
            76,
            161,
            468,
            56,
            ["probabilistic: the answer is a distribution", "from data alone … guided by a residual … by a solver"],
            fill=LIGHT["generative"],
            stroke=COLORS["generative"],
            size=15,
        )
    )
    picture("categories", 386, "Methods by coupling and by kind of question", parts)


def difference_errors(steps: np.ndarray) -> dict[str, np.ndarray]:
    """Return the errors of two difference quotients for the derivative of the sine at 1, in double precision."""
    exact = np.cos(1.0)
    forward = (np.sin(1 + steps) - np.sin(1)) / steps
    central = (np.sin(1 + steps) - np.sin(1 - steps)) / (2 * steps)
    return {"forward difference": np.abs(forward - exact), "central difference": np.abs(central - exact)}


def order_of_convergence() -> None:
    """Plot truncation and rounding error of difference quotients against the step."""
    steps = np.logspace(-12, 0, 97)
    errors = difference_errors(steps)
    figure, axis = plt.subplots(figsize=(6.2, 3.9))
    for (label, values), colour in zip(errors.items(), (COLORS["supervised"], COLORS["generative"]), strict=True):
        axis.loglog(steps, np.maximum(values, 1e-13), "o", markersize=3, color=colour, label=label)
    guides = (  # label, its place, leading term of the error, where it begins to dominate
        ("slope 1", (4e-7, 1.2e-5), 0.5 * np.sin(1.0) * steps, 1e-7),
        ("slope 2", (1.2e-2, 1e-6), np.cos(1.0) / 6 * steps**2, 1e-5),
    )
    for label, place, line, first in guides:
        axis.loglog(steps[steps > first], line[steps > first], color=COLORS["data"], linewidth=1.2)
        axis.annotate(label, place)
    axis.loglog(steps, 1.1e-16 / steps, ":", color=COLORS["reference"], linewidth=1.2, label="rounding / Δx")
    axis.set(xlabel="Δx", ylabel="error of the derivative", ylim=(1e-13, 1), xlim=(1e-12, 1))
    axis.legend(loc="upper center")
    save(figure, "order_of_convergence")


def save(figure: plt.Figure, name: str) -> None:
    """Write a plot as SVG without date, so that it is the same on every run."""
    plt.rcParams["svg.hashsalt"] = name
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Draw everything."""
    use_style()
    for draw in (
        supervised,
        physical_loss,
        hybrid,
        generative,
        reinforcement,
        improved_gradients,
        categories,
        order_of_convergence,
    ):
        draw()
    steps = np.array([0.2, 0.1, 0.05, 0.025])
    for label, values in difference_errors(steps).items():  # the table in models_and_equations.md
        orders = np.log2(values[:-1] / values[1:])
        print(label, [f"{value:.3g}" for value in values], "orders", [f"{order:.3f}" for order in orders])


if __name__ == "__main__":
    main()
