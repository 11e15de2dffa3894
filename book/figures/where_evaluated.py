"""Draw the figure of *A first discussion*: where a coordinate network, a grid residual and a solver are evaluated.

    .venv/bin/python book/figures/where_evaluated.py

writes ``where_evaluated.svg`` to ``book/_static``; the same bit for bit on every run.
"""

import numpy as np
from overview import DATA, INK, LIGHT, SOFT, arrow, picture, text

from pbdl_utils.plotting import COLORS

PINK, GREEN, ORANGE = COLORS["physical loss"], COLORS["differentiable physics"], COLORS["supervised"]
LEFT, SIDE, TOP, TALL = (30, 214, 398), 142, 44, 162  # the three panels: x runs to the right, t upwards
SEEN = TOP + TALL / 2  # height of the observation, half of the time


def dot(x: float, y: float, colour: str, radius: float) -> str:
    """Return a filled circle."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{colour}"/>'


def cell(x: float, y: float, width: float, height: float, fill: str, stroke: str, line: float = 1.2) -> str:
    """Return a rectangle of a grid."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}" stroke="{stroke}" '
        f'stroke-width="{line:g}"/>'
    )


def frame(left: float, title: str, notes: tuple[str, str, str]) -> list[str]:
    """Return the border of a panel with its title above and three lines below."""
    bottom = TOP + TALL
    return [
        cell(left, TOP, SIDE, TALL, "none", INK, 1.8),
        text(left + SIDE / 2, 28, title, size=15, weight="bold"),
        text(left + SIDE / 2, bottom + 22, notes[0], size=15),
        text(left + SIDE / 2, bottom + 42, notes[1], size=15),
        text(left + SIDE / 2, bottom + 64, notes[2], size=15, colour=SOFT),
    ]


def observed(left: float) -> list[str]:
    """Return the values that are known: a row of dark dots at the time of the observation."""
    return [dot(left + SIDE * (i + 0.5) / 8, SEEN, DATA, 4.2) for i in range(8)]


def network(left: float) -> list[str]:
    """Draw loose points, at each of which the network is asked."""
    random = np.random.default_rng(8)
    places = [(u, v) for u, v in random.uniform(0.04, 0.96, (64, 2)) if abs(v - 0.5) > 0.045]
    points = [dot(left + SIDE * u, TOP + TALL * v, PINK, 3.4) for u, v in places]
    walls = [dot(left + SIDE * side, TOP + TALL * (i + 0.5) / 7, DATA, 4.2) for side in (0, 1) for i in range(7)]
    return points + walls + observed(left)


def grid(left: float) -> list[str]:
    """Draw a grid of values in space and time, with the cells of one residual marked."""
    width, height = SIDE / 8, TALL / 9
    stencil = {(3, 2), (2, 2), (4, 2), (3, 1)}  # column and row of the cells of one residual
    parts = [
        cell(
            left + c * width,
            TOP + r * height,
            width,
            height,
            PINK if (c, r) in stencil else LIGHT["physical loss"],
            "#ffffff",
        )
        for r in range(9)
        for c in range(8)
    ]
    return parts + observed(left)


def solver(left: float) -> list[str]:
    """Draw rows of cells, computed one after the other; the loss is at the observed one, the gradient goes down."""
    width, height = SIDE / 8, TALL / 9
    parts = []
    for row in range(9):
        fill = ORANGE if row == 8 else LIGHT["differentiable physics"] if row > 3 else LIGHT["data"]
        parts += [cell(left + c * width, TOP + row * height, width, height, fill, "#ffffff") for c in range(8)]
    up, down = left + 1.5 * width, left + 6.5 * width
    rows = [TOP + (row + 0.5) * height for row in range(9)]
    parts += [
        arrow([(up, rows[8] - 4), (up, rows[4] + 9)]),
        arrow([(down, rows[4] + 9), (down, rows[8] - height / 2 - 2)], "gradient"),
    ]
    parts.append(
        f'<path d="M{up:g} {rows[3] + 2:g} V{TOP + 6:g}" stroke="{SOFT}" stroke-width="2" stroke-dasharray="2 5"/>'
    )
    return parts + observed(left)


def main() -> None:
    """Draw the three panels."""
    first, second, third = LEFT
    bottom = TOP + TALL
    picture(
        "../_static/where_evaluated",
        316,
        "Where the methods evaluate the equation",
        [
            *network(first),
            *frame(first, "coordinate network", ("equation penalised", "at loose points", "3021 unknowns")),
            *grid(second),
            *frame(second, "residual on a grid", ("equation penalised", "in every cell", "4224 unknowns")),
            *solver(third),
            *frame(third, "solver in the loop", ("equation solved,", "row after row", "128 unknowns")),
            arrow([(14, bottom), (14, TOP + 4)]),
            text(14, TOP - 6, "t", size=15),
            dot(60, 300, DATA, 4.2),
            text(70, 305, "known values", anchor="start", size=15, colour=SOFT),
            cell(204, 293, 14, 14, ORANGE, "#ffffff"),
            text(224, 305, "state to be found", anchor="start", size=15, colour=SOFT),
            arrow([(376, 300), (420, 300)], "gradient"),
            text(428, 305, "gradient", anchor="start", size=15, colour=SOFT),
        ],
    )


if __name__ == "__main__":
    main()
