"""Draw the schematics of *Introduction to differentiable physics*: a chain of operators, the sweep, the stencil.

    .venv/bin/python book/figures/reverse_sweep.py

writes ``operator_chain.svg``, ``reverse_sweep.svg`` and ``upwind_stencil.svg`` to ``book/_static``; the same bit for
bit on every run.
"""

from overview import DATA, GRADIENT, INK, LIGHT, SOFT, arrow, box, legend, picture, text

from pbdl_utils.plotting import COLORS

PHYSICS = {"fill": LIGHT["differentiable physics"], "stroke": COLORS["differentiable physics"]}
NETWORK = {"fill": LIGHT["supervised"], "stroke": COLORS["supervised"]}


def chain() -> None:
    """Draw a network in front of a solver of k operators; the gradient passes all of them."""
    picture(
        "../_static/operator_chain",
        196,
        "Network and solver operators in one chain",
        [
            box(8, 42, 62, 56, ["input", "x"], fill=LIGHT["data"], size=15),
            arrow([(70, 70), (90, 70)]),
            box(92, 42, 88, 56, ["network", "f(x; θ)"], **NETWORK, size=15),
            arrow([(180, 70), (204, 70)]),
            f'<rect x="206" y="22" width="256" height="96" rx="10" fill="none" stroke="{SOFT}" stroke-width="1.5" '
            'stroke-dasharray="3 5"/>',
            text(334, 16, "solver step P", size=15, colour=SOFT),
            box(214, 42, 58, 56, ["P₁"], **PHYSICS),
            arrow([(272, 70), (290, 70)]),
            box(292, 42, 58, 56, ["P₂"], **PHYSICS),
            arrow([(350, 70), (364, 70)]),
            text(374, 74, "…"),
            arrow([(384, 70), (400, 70)]),
            box(402, 42, 52, 56, ["Pₖ"], **PHYSICS),
            arrow([(462, 70), (486, 70)]),
            box(488, 42, 64, 56, ["loss L"], size=15),
            arrow([(520, 98), (520, 140), (136, 140), (136, 100)], "gradient"),
            text(330, 160, "one transposed product per operator", size=15, colour=SOFT),
            *legend(182),
        ],
    )


def sweep() -> None:
    """Draw states forwards in the upper row, adjoints backwards in the lower one, and what u collects."""
    parts, places = [], (14, 156, 298, 440)
    states, adjoints = ("m⁰", "m¹", "m²", "m³"), ("m̄⁰", "m̄¹", "m̄²", "m̄³")
    for index, x in enumerate(places):
        parts.append(box(x, 30, 60, 44, [states[index]], fill=LIGHT["data"]))
        parts.append(box(x, 126, 60, 44, [adjoints[index]], fill=LIGHT["supervised"], stroke=COLORS["supervised"]))
        if index < 3:
            parts.append(arrow([(x + 60, 52), (x + 140, 52)]))
            parts.append(text(x + 101, 44, "step", size=15))
            parts.append(arrow([(x + 142, 148), (x + 62, 148)], "gradient"))
            parts.append(text(x + 101, 140, "Jₘᵀ", size=15, colour=GRADIENT))
            # the adjoint step needs the stored state; each step gives its share of u's gradient
            parts.append(
                f'<path d="M{x + 30:g} 74 V100 H{x + 101:g} V122" fill="none" stroke="{SOFT}" stroke-width="1.8" '
                'stroke-dasharray="2 4"/>'
            )
            parts.append(arrow([(x + 101, 152), (x + 101, 196)], "gradient"))
            parts.append(text(x + 108, 184, "Jᵤᵀ", anchor="start", size=15, colour=GRADIENT))
    parts += [
        arrow([(470, 74), (470, 124)]),
        text(480, 104, "loss", anchor="start", size=15),
        box(60, 198, 400, 36, ["ū: the sum of all contributions"], fill=LIGHT["supervised"], stroke=GRADIENT),
        text(14, 20, "forwards: states are stored", anchor="start", size=15, colour=DATA),
        text(280, 258, "dotted: the stored state at which a step is transposed", size=15, colour=SOFT),
    ]
    picture("../_static/reverse_sweep", 270, "The reverse sweep", parts)


def stencil() -> None:
    """Draw the upwind difference for flow to the right and for flow to the left."""
    parts = []
    for left, sign, title in ((18, 1, "u > 0: look left"), (300, -1, "u < 0: look right")):
        parts.append(text(left + 121, 26, title, weight="bold"))
        xs = [left + 36 + 85 * i for i in range(3)]
        heights = (132, 96, 74)
        used = (0, 1) if sign > 0 else (1, 2)
        parts.append(f'<path d="M{left} 168 H{left + 242}" stroke="{INK}" stroke-width="2"/>')
        for i, (x, y) in enumerate(zip(xs, heights, strict=True)):
            colour = COLORS["differentiable physics"] if i in used else COLORS["data"]
            parts.append(f'<path d="M{x} 168 V{y}" stroke="{colour}" stroke-width="2" stroke-dasharray="3 4"/>')
            parts.append(f'<circle cx="{x}" cy="{y}" r="7" fill="{colour}"/>')
            parts.append(text(x, 190, ("i − 1", "i", "i + 1")[i], size=15))
        (a, b) = used
        green = COLORS["differentiable physics"]
        parts.append(f'<path d="M{xs[a]} {heights[a]} L{xs[b]} {heights[b]}" stroke="{green}" stroke-width="3.5"/>')
        middle = left + 121
        parts.append(arrow([(middle - 45 * sign, 50), (middle + 45 * sign, 50)]))
        parts.append(text(middle + 62 * sign, 55, "u"))
    picture("../_static/upwind_stencil", 204, "First-order upwind differences", parts)


if __name__ == "__main__":
    chain()
    sweep()
    stencil()
