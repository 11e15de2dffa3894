"""Draw the schematics of *Integrating DP into network training*: two orders, the unrolled chain, the cut gradient.

    .venv/bin/python book/figures/unrolling.py

writes ``order_of_solver.svg``, ``unrolled_chain.svg`` and ``gradient_paths.svg`` to ``book/_static``; the same bit for
bit on every run.
"""

from overview import DATA, GRADIENT, LIGHT, SOFT, arrow, box, legend, picture, text

from pbdl_utils.plotting import COLORS

PHYSICS = {"fill": LIGHT["differentiable physics"], "stroke": COLORS["differentiable physics"]}
NETWORK = {"fill": LIGHT["supervised"], "stroke": COLORS["supervised"]}


def orders() -> None:
    """Draw a network before and after the solver; only in the first case does the gradient pass the solver."""
    parts = [
        text(8, 22, "network first", anchor="start", weight="bold"),
        box(8, 36, 66, 48, ["input"], fill=LIGHT["data"]),
        arrow([(74, 60), (112, 60)]),
        box(114, 36, 106, 48, ["network f"], **NETWORK),
        arrow([(220, 60), (272, 60)]),
        box(274, 36, 106, 48, ["solver P"], **PHYSICS),
        arrow([(380, 60), (432, 60)]),
        box(434, 36, 106, 48, ["loss L"]),
        arrow([(487, 84), (487, 112), (329, 112), (329, 86)], "gradient"),
        arrow([(305, 84), (305, 112), (167, 112), (167, 86)], "gradient"),
        text(8, 154, "solver first", anchor="start", weight="bold"),
        box(8, 168, 66, 48, ["input"], fill=LIGHT["data"]),
        arrow([(74, 192), (112, 192)]),
        box(114, 168, 106, 48, ["solver P"], fill=LIGHT["data"], dash="6 4"),
        arrow([(220, 192), (272, 192)]),
        box(274, 168, 106, 48, ["network f"], **NETWORK),
        arrow([(380, 192), (432, 192)]),
        box(434, 168, 106, 48, ["loss L"]),
        arrow([(487, 216), (487, 244), (327, 244), (327, 218)], "gradient"),
        text(167, 238, "could be a file", size=15, colour=SOFT),
        *legend(272),
    ]
    picture("../_static/order_of_solver", 290, "Network before the solver, and solver before the network", parts)


def chain() -> None:
    """Draw three unrolled steps of solver and network, with a loss at the end and optional ones on the way."""
    parts = [text(26, 84, "u⁰")]
    for step, left in enumerate((44, 212, 380), start=1):
        parts += [
            arrow([(left, 78), (left + 18, 78)]),
            box(left + 20, 56, 38, 44, ["P"], **PHYSICS),
            arrow([(left + 58, 78), (left + 76, 78)]),
            box(left + 78, 56, 38, 44, ["f"], **NETWORK),
            arrow([(left + 116, 78), (left + 136, 78)]),
            text(left + 151, 84, f"u{'¹²³'[step - 1]}"),
            # one line below all blocks, with a branch to each: the gradient visits every solver and every network
            arrow([(531, 96), (531, 126), (left + 97, 126), (left + 97, 102)], "gradient"),
            arrow([(left + 97, 126), (left + 39, 126), (left + 39, 102)], "gradient"),
        ]
        last = step == 3
        dash = "" if last else "5 4"
        parts.append(box(left + 126, 8, 50, 30, [f"L{'₁₂₃'[step - 1]}"], size=15, dash=dash))
        parts.append(
            f'<path d="M{left + 151} 66 V40" stroke="{DATA}" stroke-width="2"'
            + (' stroke-dasharray="3 4"/>' if not last else "/>")
        )
    parts += [
        text(280, 160, "P: solver, f: network, the same weights in each step", size=15, colour=SOFT),
        text(280, 182, "dashed losses: optional", size=15, colour=SOFT),
        *legend(206),
    ]
    picture("../_static/unrolled_chain", 222, "Three unrolled steps of solver and network", parts)


def paths() -> None:
    """Draw the terms of the gradient for k = 3: with the solver's gradient, and with the solver's input detached."""
    parts = []
    for top, title, cut in ((0, "through the solver: three terms", False), (196, "detached: one term", True)):
        parts.append(text(8, top + 22, title, anchor="start", weight="bold"))
        for step, x in enumerate((60, 220, 380), start=1):
            parts.append(box(x, top + 36, 66, 42, [f"u{'¹²³'[step - 1]}"], fill=LIGHT["data"]))
            kept = not cut or step == 3
            if kept:
                parts.append(arrow([(x + 33, top + 78), (x + 33, top + 128)], "gradient"))
                parts.append(text(x + 42, top + 108, f"G{'¹²³'[step - 1]}ᵀ", anchor="start", size=15, colour=GRADIENT))
            if step > 1:
                if cut:
                    middle = x - 47
                    parts.append(
                        f'<path d="M{middle - 7} {top + 50} l14 14 m0 -14 l-14 14" stroke="{SOFT}" stroke-width="3"/>'
                    )
                else:
                    parts.append(arrow([(x, top + 57), (x - 92, top + 57)], "gradient"))
                    parts.append(text(x - 45, top + 48, f"J{'¹²³'[step - 1]}ᵀ", size=15, colour=GRADIENT))
        parts += [
            arrow([(500, top + 57), (448, top + 57)], "gradient"),
            text(524, top + 62, "ū³"),
            box(40, top + 130, 430, 36, ["sum over steps: gradient of the weights θ"], **NETWORK, size=15),
        ]
    picture("../_static/gradient_paths", 376, "The terms of the gradient, complete and detached", parts)


if __name__ == "__main__":
    orders()
    chain()
    paths()
