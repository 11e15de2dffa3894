"""Draw the clickable map of the book's parts for the landing page: ``book/_static/parts_map.svg``.

    .venv/bin/python book/figures/parts_map.py

The file is pasted into the page's HTML, so it brings no fonts, all its ids and classes start with ``pm-``, its links
are relative to the site's folder ``book/``, and its colours are the theme's own variables with fallbacks: it follows
the dark mode by itself. A width of 390 is its design size; nothing is smaller than 12 units.
"""

from html import escape
from pathlib import Path

TARGET = Path(__file__).parents[1] / "_static" / "parts_map.svg"
WIDTH, HEIGHT = 390, 818
STYLE = """
.pm-map { --pm-ink: var(--pst-color-text-base, #1f2933); --pm-soft: var(--pst-color-text-muted, #5b6770);
  --pm-paper: var(--pst-color-background, #ffffff); --pm-done: var(--house-green, #00785a);
  --pm-ground: var(--house-soft, #f3f7fa); --pm-line: var(--pst-color-text-muted, #5b6770);
  font-family: Arial, Helvetica, sans-serif; font-size: 13.5px; }
.pm-map text { fill: var(--pm-ink); text-anchor: middle; }
.pm-map .pm-heading { font-size: 17px; font-weight: 700; }
.pm-map .pm-name { font-size: 15px; font-weight: 700; }
.pm-map .pm-small { font-size: 12px; fill: var(--pm-soft); }
.pm-map .pm-note { font-size: 12px; fill: var(--pm-soft); text-anchor: start; }
.pm-map .pm-ready { fill: var(--pm-ground); stroke: var(--pm-done); stroke-width: 2.5; }
.pm-map .pm-planned { fill: var(--pm-paper); stroke: var(--pm-line); stroke-width: 1.5; stroke-dasharray: 6 4; }
.pm-map .pm-chip { fill: var(--pm-paper); stroke: var(--pm-done); stroke-width: 1.5; }
.pm-map a text { fill: var(--pst-color-link, #00785a); }
.pm-map a { text-decoration: none; }
.pm-map a:hover .pm-chip, .pm-map a:focus .pm-chip { stroke-width: 3.5; }
.pm-map .pm-arrow { fill: none; stroke: var(--pm-line); stroke-width: 2; }
.pm-map .pm-head { fill: var(--pm-line); }
"""
CHIPS = [  # the finished part, in reading order: two per row
    ("Teaser", "../notebooks/introduction/teaser.html"),
    ("Generative teaser", "../notebooks/introduction/generative_teaser.html"),
    ("Overview", "introduction/overview.html"),
    ("Models and equations", "introduction/models_and_equations.html"),
    ("Burgers", "../notebooks/introduction/forward_burgers.html"),
    ("Navier–Stokes", "../notebooks/introduction/forward_navier_stokes.html"),
    ("Convergence theory", "introduction/optimization_and_convergence.html"),
    ("Optimizers in practice", "../notebooks/introduction/optimizers_in_practice.html"),
]
BEGUN = {  # parts with a first finished chapter
    "supervised": "supervised/supervised_training.html",
    "losses": "physical_losses/physical_loss_terms.html",
    "physics": "differentiable_physics/introduction.html",
    "foundations": "probabilistic/introduction.html",
    "gradients": "improved_gradients/scale_invariance.html",
    "beyond": "../notebooks/beyond/learning_dynamics.html",
}
FINISHED = {"supervised", "losses", "physics", "foundations", "gradients"}
BOXES = {  # planned parts: place, name, what they need
    "supervised": (26, 282, ["Supervised", "training"], "architectures, airfoils"),
    "losses": (26, 398, ["Physical losses"], "PINNs, projection"),
    "physics": (26, 514, ["Differentiable", "physics"], "hybrid solvers, control"),
    "reinforcement": (26, 630, ["Reinforcement", "learning"], "Burgers control"),
    "foundations": (208, 282, ["Probabilistic:", "foundations"], "flows, scores, diffusion"),
    "probabilistic": (208, 398, ["Probabilistic:", "with physics"], "inverse problems, time"),
    "gradients": (208, 514, ["Improved", "gradients"], "inversion, half-inverse"),
    "beyond": (208, 630, ["Beyond"], "dynamics and chaos"),
}
BOX_WIDTH, BOX_HEIGHT = 156, 84


def chip(index: int, name: str, link: str) -> str:
    """Return one linked chapter of the finished part."""
    x, y = (24, 200)[index % 2], 62 + 42 * (index // 2)
    return (
        f'<a href="{link}"><rect class="pm-chip" x="{x}" y="{y}" width="166" height="34" rx="7"/>'
        f'<text x="{x + 83}" y="{y + 22}">{escape(name)}</text></a>'
    )


def part(x: int, y: int, names: list[str], topics: str, link: str | None = None, state: str = "planned") -> str:
    """Return one part: planned, or with a link to its first chapter begun or finished."""
    centre = x + BOX_WIDTH / 2
    first = y + (26 if len(names) == 1 else 21)
    words = "".join(
        f'<text class="pm-name" x="{centre:g}" y="{first + 18 * row}">{escape(name)}</text>'
        for row, name in enumerate(names)
    )
    frame = "pm-chip" if link else "pm-planned"
    box = (
        f'<g><rect class="{frame}" x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="9"/>{words}'
        f'<text class="pm-small" x="{centre:g}" y="{y + 58}">{escape(topics)}</text>'
        f'<text class="pm-small" x="{centre:g}" y="{y + 75}">{state}</text></g>'
    )
    return f'<a href="{link}">{box}</a>' if link else box


def arrow(*points: tuple[float, float]) -> str:
    """Return a line with a head at its end."""
    path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
    return f'<path class="pm-arrow" d="{path}" marker-end="url(#pm-head)"/>'


def arrows() -> list[str]:
    """Return what builds on what: the lanes left and right of the boxes come from single chapters."""
    left, right, ground = 14, 376, 246
    below, above = (lambda name: BOXES[name][1] + BOX_HEIGHT), (lambda name: BOXES[name][1] - 3)
    spine, other = 104, 286
    return [
        arrow((spine, ground), (spine, above("supervised"))),
        arrow((other, ground), (other, above("foundations"))),
        arrow((spine, below("supervised")), (spine, above("losses"))),
        arrow((spine, below("losses")), (spine, above("physics"))),
        arrow((spine, below("physics")), (spine, above("reinforcement"))),
        arrow((other, below("foundations")), (other, above("probabilistic"))),
        arrow((182, 556), (205, 556)),  # differentiable physics -> improved gradients
        arrow((182, 536), (195, 536), (195, 440), (205, 440)),  # differentiable physics -> probabilistic with physics
        arrow((182, 578), (195, 578), (195, 672), (205, 672)),  # differentiable physics -> beyond
        arrow((24, 163), (left, 163), (left, 440), (23, 440)),  # forward Burgers, Navier-Stokes -> losses
        arrow((left, 440), (left, 556), (23, 556)),  # ... -> differentiable physics
        arrow((366, 205), (right, 205), (right, 556), (367, 556)),  # optimisation -> improved gradients
    ]


def main() -> None:
    """Write the map."""
    notes = [
        "Arrows: read this first. Solid frames: click to open.",
        "Left lane: the two simulations come before physical",
        "losses and differentiable physics. Right lane: the two",
        "chapters on optimisation come before gradients.",
    ]
    parts = [
        '<rect class="pm-ready" x="10" y="8" width="370" height="238" rx="12"/>',
        '<text class="pm-heading" x="195" y="34">Introduction</text>',
        '<text class="pm-small" x="195" y="52">finished: eight chapters to read and run</text>',
        *arrows(),
        *[part(*place) for name, place in BOXES.items() if name not in BEGUN],
        *[f'<text class="pm-note" x="26" y="{746 + 19 * row}">{escape(line)}</text>' for row, line in enumerate(notes)],
    ]
    links = [chip(index, name, link) for index, (name, link) in enumerate(CHIPS)]
    states = {name: "finished" if name in FINISHED else "begun" for name in BEGUN}
    links += [part(*BOXES[name], link=link, state=states[name]) for name, link in BEGUN.items()]
    description = (
        "The introduction is finished and has eight linked chapters. Supervised training, physical losses and "
        "differentiable physics are finished, probabilistic foundations and improved gradients are "
        "finished and linked too; further topics are begun. "
        "Planned parts build on them: "
        "reinforcement learning after differentiable physics; after the foundations probabilistic methods "
        "with physics. The forward "
        "simulations come before physical losses and differentiable physics, the optimisation chapters before improved "
        "gradients."
    )
    # The picture has the role of an image; the links stand outside it, because readers' software hides what is inside.
    svg = (
        f'<svg class="pm-map" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"><style>{STYLE}</style>'
        '<defs><marker id="pm-head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6" markerHeight="6" '
        'orient="auto"><path class="pm-head" d="M0 0 L10 5 L0 10 z"/></marker></defs>\n'
        '<g role="img" aria-labelledby="pm-title pm-desc"><title id="pm-title">Map of the book</title>'
        f'<desc id="pm-desc">{escape(description)}</desc>\n'
        + "\n".join(parts)
        + "\n</g>\n"
        + "\n".join(links)
        + "\n</svg>\n"
    )
    TARGET.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
