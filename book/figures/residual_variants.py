"""Draw the two schematics of *Physical loss terms*: a residual on a grid and a residual of a coordinate network.

    .venv/bin/python book/figures/residual_variants.py

writes ``residual_grid.svg`` and ``residual_coordinates.svg`` to ``book/_static``; the same bit for bit on every run.
"""

from overview import LIGHT, SOFT, arrow, box, legend, picture, text

from pbdl_utils.plotting import COLORS

NETWORK = {"fill": LIGHT["supervised"], "stroke": COLORS["supervised"]}
PHYSICS = {"fill": LIGHT["physical loss"], "stroke": COLORS["physical loss"]}
CURVE = [0.42, 0.75, 0.9, 0.72, 0.4, 0.18, 0.22, 0.5]  # values in the cells of the small grid


def small_grid(x: float, y: float, cell: float = 13) -> str:
    """Return a grid of cells, shaded like a smooth field."""
    squares = []
    for row in range(5):
        for column in range(8):
            shade = CURVE[(column + row) % 8]
            squares.append(
                f'<rect x="{x + column * cell:g}" y="{y + row * cell:g}" width="{cell:g}" height="{cell:g}" '
                f'fill="{COLORS["generative"]}" fill-opacity="{shade:g}" stroke="white" stroke-width="1"/>'
            )
    return "".join(squares)


def grid() -> None:
    """Draw variant 1: the network returns values on a mesh, a stencil forms the residual."""
    picture(
        "../_static/residual_grid",
        228,
        "Residual on an explicit discretisation",
        [
            box(8, 42, 98, 62, ["input x", "a whole field"], fill=LIGHT["data"], size=15),
            arrow([(106, 73), (128, 73)]),
            box(130, 42, 92, 62, ["network f", "CNN, GNN"], **NETWORK, size=15),
            arrow([(222, 73), (244, 73)]),
            small_grid(246, 41),
            text(298, 30, "u on a mesh", size=15),
            arrow([(350, 73), (376, 73)]),
            box(378, 32, 112, 82, ["stencil", "R = A u − b", "on the mesh"], **PHYSICS, size=15),
            arrow([(490, 73), (508, 73)]),
            box(510, 46, 44, 54, ["|R|²"], size=15),
            box(230, 138, 136, 34, ["|u − y*|², optional"], fill=LIGHT["data"], dash="6 4", size=15),
            arrow([(298, 106), (298, 136)]),
            arrow([(532, 100), (532, 188), (176, 188), (176, 106)], "gradient"),
            text(448, 160, "through the stencil", size=15, colour=SOFT),
            *legend(214),
        ],
    )


def coordinates() -> None:
    """Draw variant 2: the network is the solution, its derivatives form the residual."""
    picture(
        "../_static/residual_coordinates",
        232,
        "Residual of a coordinate network",
        [
            box(8, 44, 92, 62, ["one point", "(x, t)"], fill=LIGHT["data"], dash="6 4", size=15),
            arrow([(100, 75), (124, 75)]),
            box(126, 44, 92, 62, ["network f", "MLP"], **NETWORK, size=15),
            arrow([(218, 75), (252, 75)]),
            text(234, 66, "u", size=16),
            box(254, 32, 128, 86, ["∂u/∂t, ∂u/∂x,", "∂²u/∂x²", "by autodiff"], fill=LIGHT["data"], size=15),
            arrow([(382, 75), (402, 75)]),
            box(404, 44, 84, 62, ["residual", "R(x, t)"], **PHYSICS, size=15),
            arrow([(488, 75), (508, 75)]),
            box(510, 48, 44, 54, ["|R|²"], size=15),
            box(250, 142, 136, 34, ["|u − y*|² at data"], fill=LIGHT["data"], dash="6 4", size=15),
            arrow([(236, 75), (236, 159), (248, 159)]),
            arrow([(532, 102), (532, 192), (172, 192), (172, 108)], "gradient"),
            text(396, 165, "via the derivatives", anchor="start", size=15, colour=SOFT),
            *legend(218),
        ],
    )


if __name__ == "__main__":
    grid()
    coordinates()
