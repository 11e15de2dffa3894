"""Draw two figures of *Integrating solvers into training*: the chain with a merged correction, the kept terms.

    .venv/bin/python book/figures/correction_chain.py

writes ``correction_chain.svg`` and ``gradient_terms.svg`` to ``book/_static``; the same bit for bit on every run.
"""

from overview import DATA, INK, LIGHT, SOFT, arrow, box, legend, picture, text

from pbdl_utils.plotting import COLORS

PHYSICS = {"fill": LIGHT["differentiable physics"], "stroke": COLORS["differentiable physics"]}
NETWORK = {"fill": LIGHT["supervised"], "stroke": COLORS["supervised"]}
STEPS = 4  # of the chain whose terms are shown


def circle(x: float, y: float) -> str:
    """Return the merge operator, a circle with a small ring in it."""
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="11" fill="#ffffff" stroke="{INK}" stroke-width="2"/>'
        f'<circle cx="{x:g}" cy="{y:g}" r="3.5" fill="none" stroke="{INK}" stroke-width="2"/>'
    )


def chain() -> None:
    """Draw three steps: the network's output is merged with the state, then the solver takes a step."""
    line, parts = 118, [text(18, 124, "s₀")]
    for step, left in enumerate((18, 188, 358), start=1):
        merge, solver, state = left + 70, left + 92, left + 170
        parts += [
            arrow([(left + 12, line), (merge - 12, line)]),
            arrow([(left + 28, line), (left + 28, 69), (left + 50, 69)]),
            box(left + 52, 50, 36, 38, ["f"], **NETWORK),
            arrow([(merge, 88), (merge, line - 12)]),
            circle(merge, line),
            arrow([(merge + 11, line), (solver, line)]),
            box(solver + 2, 96, 40, 44, ["P"], **PHYSICS),
            arrow([(solver + 42, line), (state - 14, line)]),
            text(state, 124, f"s{'₁₂₃'[step - 1]}"),
        ]
        last = step == 3
        dash = "" if last else "5 4"
        parts.append(box(state - 17, 50, 34, 30, [f"L{'₁₂₃'[step - 1]}"], size=15, dash=dash))
        dots = "" if last else ' stroke-dasharray="3 4"'
        parts.append(f'<path d="M{state} 108 V82" stroke="{DATA}" stroke-width="2"{dots}/>')
        for target in (solver + 22, merge):  # one line below all blocks, with a branch to solver and merge
            parts.append(
                arrow([(528, 132), (528, 170), (target, 170), (target, 142 if target != merge else 131)], "gradient")
            )
    parts += [
        text(280, 22, "three steps, the same weights in each", weight="bold"),
        text(280, 204, "P: solver, f: network, circle: merge (for instance, add)", size=15, colour=SOFT),
        text(280, 224, "at a merge the gradient divides: into f, and back to the state before", size=15, colour=SOFT),
        text(280, 244, "dashed losses: optional", size=15, colour=SOFT),
        *legend(268),
    ]
    picture("../_static/correction_chain", 286, "Solver steps with a merged correction of the network", parts)


def terms() -> None:
    """Draw which terms (loss l, network action m) of the gradient three kinds of training keep."""
    parts, side = [], 36
    kinds = (
        ("stopped", lambda loss, action: loss == action),
        ("window 2", lambda loss, action: (loss - 1) // 2 == (action - 1) // 2),
        ("all", lambda loss, action: True),
    )
    for column, (name, kept) in enumerate(kinds):
        left, top = 30 + 186 * column, 50
        parts.append(text(left + 2 * side, 24, name, weight="bold"))
        for index in range(1, STEPS + 1):
            parts.append(text(left + (index - 0.5) * side, top - 4, str(index), size=15, colour=SOFT))
            parts.append(text(left - 10, top + (index - 0.5) * side + 6, str(index), size=15, colour=SOFT))
            for action in range(1, index + 1):
                fill = COLORS["differentiable physics"] if kept(index, action) else "#ffffff"
                parts.append(
                    f'<rect x="{left + (action - 1) * side + 2:g}" y="{top + (index - 1) * side + 2:g}" '
                    f'width="{side - 4}" height="{side - 4}" rx="4" fill="{fill}" stroke="{SOFT}" stroke-width="1.5"/>'
                )
                label, colour = str(index - action), "#ffffff" if kept(index, action) else SOFT
                parts.append(
                    text(
                        left + (action - 0.5) * side,
                        top + (index - 0.5) * side + 6,
                        label,
                        weight="bold",
                        colour=colour,
                    )
                )
    parts += [
        text(280, 224, "rows: step l of the loss, columns: step m in which the network acts", size=15, colour=SOFT),
        text(280, 246, "number: Jacobians J in the term, l − m; filled: term is kept", size=15, colour=SOFT),
    ]
    picture("../_static/gradient_terms", 262, "Terms of the gradient that three kinds of training keep", parts)


if __name__ == "__main__":
    chain()
    terms()
