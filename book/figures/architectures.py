"""Draw the figures of the prose chapter *Architectures*.

    .venv/bin/python book/figures/architectures.py

writes the SVG files ``arch_*.svg`` next to this script; the result is the same bit for bit on every run. Boxes, arrows
and lettering come from the figures of the overview, so that all diagrams of the book look alike.
"""

import math

from overview import INK, LIGHT, SOFT, arrow, box, picture, text

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
PALE = "#d5dade"


def dot(x: float, y: float, colour: str = PALE, radius: float = 6) -> str:
    """Return a filled circle."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{colour}"/>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str = PALE, width: float = 2) -> str:
    """Return a straight line."""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width:g}" '
        'stroke-linecap="round"/>'
    )


def square(x: float, y: float, size: float, fill: str, stroke: str = "#ffffff") -> str:
    """Return a filled square with its corner at x, y."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{size:g}" height="{size:g}" fill="{fill}" stroke="{stroke}" '
        'stroke-width="1.5"/>'
    )


def grid_panel(x0: float, y0: float) -> list[str]:
    """Draw a convolution on a grid: nine cells, one of them updated."""
    parts = []
    for row in range(5):
        for column in range(5):
            near = max(abs(row - 2), abs(column - 2)) <= 1
            fill = BLUE if row == column == 2 else ORANGE if near else PALE
            parts.append(square(x0 + 22 * column, y0 + 22 * row, 22, fill))
    return parts


def graph_panel(x0: float, y0: float) -> list[str]:
    """Draw message passing on a graph: the nodes that share an edge with the updated one."""
    nodes = [(50, 52), (18, 20), (64, 8), (100, 40), (84, 92), (28, 98), (2, 62), (108, 84), (108, 4)]
    edges = [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 2), (1, 6), (5, 6), (4, 5), (3, 7), (4, 7), (2, 8), (3, 8)]
    parts = [
        line(x0 + nodes[a][0], y0 + nodes[a][1], x0 + nodes[b][0], y0 + nodes[b][1], PALE if a else ORANGE, 3)
        for a, b in edges
    ]
    colours = [BLUE, *[ORANGE] * 5, *["#9aa5ad"] * 3]
    return parts + [dot(x0 + x, y0 + y, colour, 7) for (x, y), colour in zip(nodes, colours, strict=True)]


def points_panel(x0: float, y0: float) -> list[str]:
    """Draw a continuous convolution on points: all particles within a radius."""
    points = [(14, 14), (40, 30), (70, 22), (98, 10), (24, 60), (54, 54), (84, 62), (106, 44), (12, 96), (44, 86)]
    points += [(74, 96), (102, 92), (58, 4), (66, 74)]
    parts = [
        f'<circle cx="{x0 + 54}" cy="{y0 + 54}" r="37" fill="{LIGHT["supervised"]}" stroke="{ORANGE}" '
        'stroke-width="2" stroke-dasharray="5 4"/>'
    ]
    for x, y in points:
        distance = math.hypot(x - 54, y - 54)
        parts.append(dot(x0 + x, y0 + y, BLUE if distance == 0 else ORANGE if distance < 37 else "#9aa5ad"))
    return parts


def tokens_panel(x0: float, y0: float) -> list[str]:
    """Draw attention: every patch counts for the updated one, with a weight that depends on the data."""
    parts = []
    for index in range(16):
        row, column = divmod(index, 4)
        fill = BLUE if index == 5 else ORANGE
        opacity = 1 if index == 5 else (0.25, 0.8, 0.4, 0.6)[(3 * row + 2 * column) % 4]
        parts.append(square(x0 + 27.5 * column, y0 + 27.5 * row, 27.5, fill).replace("/>", f' opacity="{opacity}"/>'))
    return parts


def neighbours() -> None:
    """Draw the four kinds of neighbourhood side by side."""
    panels = [("grid", "convolution", grid_panel), ("mesh", "graph network", graph_panel)]
    panels += [("points", "continuous conv.", points_panel), ("tokens", "attention", tokens_panel)]
    parts = []
    for index, (title, method, draw) in enumerate(panels):
        x0 = 14 + 140 * index
        parts += [text(x0 + 55, 24, title, weight="bold"), *draw(x0, 40)]
        parts.append(text(x0 + 55, 178, method, size=15, colour=SOFT))
    picture("arch_neighbours", 194, "Neighbourhoods on a grid, a mesh, points and tokens", parts)


def bent(kind: str, i: float, j: float) -> tuple[float, float]:
    """Map grid indices to a position in a panel of about 150 x 150 units."""
    if kind == "Cartesian":
        return 21 * i, 21 * j
    if kind == "stretched":
        return 147 * (i / 7) ** 1.7, 147 * (j / 7) ** 1.7
    radius, angle = 50 + 14.5 * j, math.pi * (1 - i / 7)
    return 75 + radius * 0.5 * math.cos(angle), 118 - radius * 0.75 * math.sin(angle)


def deformed() -> None:
    """Draw the same 3x3 kernel on three deformed grids."""
    parts = []
    for index, kind in enumerate(("Cartesian", "stretched", "around a body")):
        x0, y0 = 22 + 187 * index, 42
        parts.append(text(x0 + 75, 24, kind, weight="bold"))
        for i in range(7):
            for j in range(7):
                corners = [bent(kind, i + a, j + b) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
                near = max(abs(i - 3), abs(j - 2)) <= 1
                fill = BLUE if (i, j) == (3, 2) else ORANGE if near else LIGHT["data"]
                path = " ".join(f"{x0 + x:.1f},{y0 + y:.1f}" for x, y in corners)
                parts.append(f'<polygon points="{path}" fill="{fill}" stroke="{INK}" stroke-width="0.8"/>')
    picture("arch_deformed", 206, "One kernel on three grids with the same connectivity", parts)


def cells(x0: float, y: float, count: int, width: float, used: set[int], colour: str) -> list[str]:
    """Draw a row of one-dimensional cells; the used ones are coloured."""
    return [
        f'<rect x="{x0 + width * i:.1f}" y="{y:g}" width="{width:.1f}" height="16" '
        f'fill="{colour if i in used else LIGHT["data"]}" stroke="#ffffff" stroke-width="1.5"/>'
        for i in range(count)
    ]


def hierarchy() -> None:
    """Draw hierarchy (fewer and fewer cells) beside dilation (all cells on all levels)."""
    parts = [text(140, 24, "hierarchy", weight="bold"), text(420, 24, "dilation", weight="bold")]
    levels = [(16, set(range(16))), (8, set(range(8))), (4, set(range(4))), (2, {0, 1})]
    for level, (count, used) in enumerate(levels):
        y = 190 - 50 * level
        parts += cells(20, y, count, 240 / count, used, ORANGE if level < 3 else BLUE)
        if level:
            width = 240 / count
            for i in range(count):
                centre = 20 + width * (i + 0.5)
                parts += [line(centre, y + 17, centre + side * width / 4, y + 49, SOFT, 1.2) for side in (-1, 1)]
    layers = [{0, 2, 4, 6, 8, 10, 12, 14}, {1, 5, 9, 13}, {3, 11}, {7}]
    used = [{7}]
    for step in (4, 2, 1):
        used.append({i + s for i in used[-1] for s in (-step, 0, step) if 0 <= i + s < 16})
    for level, active in enumerate(reversed(used)):
        y = 190 - 50 * level
        parts += cells(300, y, 16, 15, active, ORANGE if level < len(layers) - 1 else BLUE)
    for level, step in ((1, 1), (2, 2), (3, 4)):
        y = 190 - 50 * level
        for i in used[3 - level]:
            ends = [i + s for s in (-step, 0, step) if 0 <= i + s < 16]
            parts += [line(307.5 + 15 * i, y + 17, 307.5 + 15 * e, y + 49, SOFT, 1.2) for e in ends]
    parts.append(text(140, 230, "half as many cells per level", size=15, colour=SOFT))
    parts.append(text(420, 230, "all cells computed on every level", size=15, colour=SOFT))
    picture("arch_hierarchy", 246, "Hierarchy and dilation", parts)


def spectral() -> None:
    """Draw a kernel in space beside the modes that a Fourier layer keeps."""
    parts = [
        text(130, 24, "convolution, in space", weight="bold"),
        text(415, 24, "Fourier layer, in frequency", weight="bold"),
    ]
    for row in range(10):
        for column in range(10):
            near = max(abs(row - 4), abs(column - 5)) <= 1
            parts.append(square(40 + 18 * column, 40 + 18 * row, 18, ORANGE if near else LIGHT["data"]))
    for row in range(10):
        for column in range(6):
            kept = column < 3 and (row < 3 or row > 6)
            parts.append(square(360 + 18 * column, 40 + 18 * row, 18, BLUE if kept else LIGHT["data"]))
    parts.append(text(130, 244, "9 shared weights per pair of channels", size=15, colour=SOFT))
    parts.append(text(415, 244, "one complex weight per mode and pair", size=15, colour=SOFT))
    parts += [text(480, 66, "low k", size=15, anchor="start"), text(480, 133, "dropped", size=15, anchor="start")]
    parts.append(text(480, 204, "low −k", size=15, anchor="start"))
    picture("arch_spectral", 260, "Kernel in space and kept modes in frequency", parts)


def transformer() -> None:
    """Draw a Transformer for fields: patches, blocks with two residual branches, patches."""
    soft = LIGHT["generative"]
    parts = [
        box(6, 62, 84, 56, ["field", "to tokens"], fill=LIGHT["data"]),
        arrow([(90, 90), (134, 90)]),
        f'<rect x="106" y="16" width="342" height="140" rx="10" fill="none" stroke="{SOFT}" stroke-width="2" '
        'stroke-dasharray="6 5"/>',
        box(136, 62, 100, 56, ["attention", "norm first"], fill=soft, stroke=BLUE),
        text(268, 97, "+", size=22, weight="bold"),
        arrow([(236, 90), (258, 90)]),
        arrow([(119, 90), (119, 38), (268, 38), (268, 78)]),
        box(306, 62, 82, 56, ["MLP", "norm first"], fill=LIGHT["supervised"], stroke=ORANGE),
        arrow([(278, 90), (304, 90)]),
        arrow([(291, 90), (291, 140), (424, 140), (424, 102)]),
        arrow([(388, 90), (414, 90)]),
        text(424, 97, "+", size=22, weight="bold"),
        arrow([(433, 90), (468, 90)]),
        box(470, 62, 84, 56, ["tokens", "to field"], fill=LIGHT["data"]),
        text(277, 180, "one block, repeated", size=15, colour=SOFT),
    ]
    picture("arch_transformer", 194, "A Transformer for fields", parts)


def main() -> None:
    """Draw all figures of the chapter."""
    for draw in (neighbours, deformed, hierarchy, spectral, transformer):
        draw()


if __name__ == "__main__":
    main()
