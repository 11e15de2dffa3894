"""Draw the figures of the prose chapter *Optimisation and convergence*.

    .venv/bin/python book/figures/optimization.py

writes the SVG files ``optimization_*.svg`` next to this script; the result is the same bit for bit on every run. All
figures have an opaque white ground, which keeps them readable in dark mode. All curves, arrows and matrices are
computed from the functions that the chapter names; nothing is sketched by hand.
"""

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from pbdl_utils.plotting import CYCLE, SIGNED, use_style

FOLDER = Path(__file__).parent
BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK = CYCLE
COLOR = {"Newton": BLUE, "BFGS": RED, "Adam": GREEN, "gradient descent": PINK, "Gauss-Newton": ORANGE}
GREY = "0.45"


def loss(x: np.ndarray | float) -> np.ndarray | float:
    """The chapter's example in one dimension, e^x - 2x; its gradient is e^x - 2, its Hessian e^x."""
    return np.exp(x) - 2 * x


def parabola(x: np.ndarray, start: float) -> np.ndarray:
    """Newton's local model of the example loss at ``start``."""
    return loss(start) + (np.exp(start) - 2) * (x - start) + 0.5 * np.exp(start) * (x - start) ** 2


def save(figure: Figure, name: str) -> None:
    """Write a figure without date and with fixed ids, so that a second run changes nothing."""
    figure.savefig(FOLDER / f"optimization_{name}.svg", metadata={"Date": None}, facecolor="white")
    plt.close(figure)


def shapes() -> None:
    """Boxes in the shape of each object: columns, rows, matrices and a cube."""
    figure, axis = plt.subplots(figsize=(7.4, 2.7))
    axis.set(xlim=(0, 21.4), ylim=(-1.75, 4.3), aspect="equal")
    axis.axis("off")

    def box(x: float, width: float, height: float, symbol: str, size: str, color: str) -> None:
        bottom = 1.5 - height / 2
        axis.add_patch(Rectangle((x, bottom), width, height, facecolor=color, edgecolor="black", alpha=0.55))
        axis.text(x + width / 2, bottom - 0.25, symbol, ha="center", va="top", fontsize=14)
        axis.text(x + width / 2, bottom - 1.0, size, ha="center", va="top", fontsize=9.5, color="0.25")

    box(0.9, 0.6, 3, r"$x,\ \Delta,\ g$", r"$N\times1$", SKY)
    box(3.7, 0.6, 0.6, r"$L$", r"$1\times1$", "0.8")
    box(6.1, 3, 0.6, r"$g^T$", r"$1\times N$", SKY)
    box(10.3, 0.6, 2, r"$f$", r"$N_f\times1$", ORANGE)
    box(12.2, 3, 2, r"$J$", r"$N_f\times N$", ORANGE)
    box(16.6, 3, 3, r"$H,\ J^TJ$", r"$N\times N$", GREEN)
    depth = 1.1
    for corners in (
        [(16.6, 3), (16.6 + depth, 3 + depth), (19.6 + depth, 3 + depth), (19.6, 3)],
        [(19.6, 0), (19.6 + depth, depth), (19.6 + depth, 3 + depth), (19.6, 3)],
    ):
        axis.add_patch(Polygon(corners, facecolor="none", edgecolor=GREY, linestyle="--"))
    axis.text(20.9, 1.4, r"$K$", fontsize=14, va="center", color=GREY)
    save(figure, "shapes")


def newton() -> None:
    """One full Newton step that works: loss, local parabola, the step and the step one would wish for."""
    x, best = np.linspace(-0.5, 1.8, 300), np.log(2)
    figure, axis = plt.subplots(figsize=(7, 3.5))
    axis.plot(x, loss(x), color="black", label=r"loss $L$")
    axis.plot(x, parabola(x, 0.0), "--", color=COLOR["Newton"], label=r"local parabola at $x_n$")
    axis.plot([0, 1], [loss(0.0), loss(1.0)], "o", color=COLOR["Newton"])
    axis.plot(1, parabola(np.array(1.0), 0.0), "s", color=COLOR["Newton"], markersize=5)
    axis.plot(best, loss(best), "*", color="black", markersize=13)
    for height, end, name, color in (
        (0.28, best, r"$\Delta_n^{\ast}=x^{\ast}-x_n$", "black"),
        (0.02, 1.0, r"$\Delta=-g/H$", COLOR["Newton"]),
    ):
        axis.annotate("", (end, height), (0, height), arrowprops={"arrowstyle": "->", "color": color, "lw": 1.6})
        axis.text(end + 0.06, height, name, color=color, va="center", fontsize=11)
    for position in (0, best, 1):
        axis.axvline(position, color="0.75", linewidth=0.8, linestyle=":")
    axis.set(xlabel="x", ylabel="loss", ylim=(-0.12, 2.6), xticks=[0, best, 1])
    axis.set_xticklabels([r"$x_n=0$", r"$x^{\ast}=\ln 2$", r"$\ \ \ x_{n+1}=1$"])
    axis.grid(False)
    axis.legend(loc="upper center")
    save(figure, "newton")


def overshoot() -> None:
    """A full Newton step that is too long, and the damped one that is not."""
    start = -1.0
    step = -(np.exp(start) - 2) / np.exp(start)
    x = np.linspace(-1.6, 3.7, 400)
    figure, axis = plt.subplots(figsize=(7, 3.5))
    axis.plot(x, loss(x), color="black", label=r"loss $L=e^x-2x$")
    axis.plot(x, parabola(x, start), "--", color=GREY, label=r"local parabola at $x=-1$")
    for share, color, name in ((1.0, RED, r"full step, $\eta=1$"), (0.375, GREEN, r"damped step, $\eta=0.375$")):
        end = start + share * step
        axis.plot([start, end], [loss(start), loss(end)], "o-", color=color, label=name)
    axis.plot(np.log(2), loss(np.log(2)), "*", color="black", markersize=13)
    axis.set(xlabel="x", ylabel="loss", ylim=(-3, 27))
    axis.legend(loc="upper left")
    save(figure, "overshoot")


def damping() -> None:
    """Change of the loss over the step size: truth, parabola, bound, and what a wrong sign would promise."""
    start, step, epsilon = 0.0, 1.0, 1.0  # g = -1, H = 1 at x = 0
    lipschitz = np.e - 1  # largest |e^(t) - 1| / t on the segment, in units of H(0) = 1
    eta = np.linspace(0, 1.45, 300)
    bound = -eta * epsilon + eta**2 * epsilon / 2 + eta**3 * lipschitz / 6
    best = 2 / (1 + np.sqrt(1 + 2 * lipschitz))
    figure, axis = plt.subplots(figsize=(7, 3.7))
    axis.plot(eta, loss(start + eta * step) - loss(start), color="black", label="true change of the loss")
    axis.plot(eta, -eta + eta**2 / 2, "--", color=COLOR["Newton"], label=r"parabola, $-(\eta-\eta^2/2)\,\varepsilon$")
    inside = eta <= 1
    axis.plot(eta[inside], bound[inside], color=RED, label="upper bound (cubic)")
    axis.plot(eta, -eta - eta**2 / 2, ":", color=GREY, label=r"wrong sign, $-(\eta+\eta^2/2)\,\varepsilon$")
    axis.plot(best, np.interp(best, eta, bound), "o", color=RED)
    axis.annotate(
        rf"best $\eta$ of the bound, {best:.2f}", (best, np.interp(best, eta, bound)), (0.2, 0.42),
        color=RED, arrowprops={"arrowstyle": "->", "color": RED}, fontsize=10.5,
    )  # fmt: skip
    axis.axhline(0, color="0.6", linewidth=0.8)
    axis.set(xlabel=r"step size $\eta$", ylabel=r"change of $L$, in units of $\varepsilon$", ylim=(-1.5, 0.75))
    axis.legend(loc="lower left", fontsize=9.5)
    save(figure, "damping")


def units() -> None:
    """First steps of three methods for the same quadratic in three unit systems, drawn in the first one."""
    hessian, start = np.diag([1.0, 4.0]), np.array([2.0, 1.0])
    gradient = hessian @ start
    figure, axes = plt.subplots(1, 3, figsize=(8.4, 2.9), sharey=True)
    grid = np.meshgrid(np.linspace(-0.7, 3.0, 100), np.linspace(-0.75, 1.6, 100))
    for axis, scale, title in zip(
        axes, (0.25, 1.0, 4.0), (r"$\hat x_2=x_2/4$", "original units", r"$\hat x_2=4\,x_2$"), strict=True
    ):
        to_old = np.array([1.0, 1 / scale])  # one new unit of each coordinate, in old ones
        new_gradient = to_old * gradient
        directions = {
            "gradient descent": -to_old * new_gradient,
            "Adam": -to_old * np.sign(new_gradient),
            "Newton": -np.linalg.solve(hessian, gradient),
        }
        axis.contour(*grid, 0.5 * (grid[0] ** 2 + 4 * grid[1] ** 2), levels=8, colors="0.75", linewidths=0.8)
        for name, direction in directions.items():
            length = np.linalg.norm(start) if name == "Newton" else 1.25
            end = start + length * direction / np.linalg.norm(direction)
            axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": COLOR[name], "lw": 2.2})
            axis.plot([], [], color=COLOR[name], label=name)
        axis.plot(*start, "o", color="black", markersize=5)
        axis.plot(0, 0, "*", color="black", markersize=11)
        axis.set(title=title, xlabel=r"$x_1$", aspect="equal", xlim=(-0.5, 2.7), ylim=(-0.75, 1.5))
        axis.grid(False)
    axes[0].set_ylabel(r"$x_2$")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    save(figure, "units")


def learned_hessian(hessian: np.ndarray, count: int) -> np.ndarray:
    """What BFGS knows of a quadratic's Hessian after ``count`` steps with exact line search from the identity."""
    known, x = np.eye(len(hessian)), np.linspace(1, 2, len(hessian))
    for _ in range(count):
        gradient = hessian @ x
        direction = -np.linalg.solve(known, gradient)
        step = -(gradient @ direction) / (direction @ hessian @ direction) * direction
        change, along = hessian @ step, known @ step
        known = known + np.outer(change, change) / (change @ step) - np.outer(along, along) / (step @ along)
        x = x + step
    return known


def family() -> None:
    """The matrix that each method puts in the place of H, for residuals f = A x + 0.15 x^2 on a chain of unknowns."""
    number = 8
    x = np.linspace(1, 2, number)
    chain = np.diag(np.linspace(0.6, 1.8, number)) @ (np.eye(number) - 0.8 * np.eye(number, k=1))
    residual = chain @ x + 0.15 * x**2
    jacobian = chain + np.diag(0.3 * x)
    gauss_newton = jacobian.T @ jacobian
    hessian = gauss_newton + np.diag(0.3 * residual)  # second derivatives of f_i are 0.3 on the diagonal
    matrices: dict[str, np.ndarray] = {
        "Newton\n$H$": hessian,
        "Gauss-Newton\n$J^TJ$": gauss_newton,
        "BFGS\n4 updates": learned_hessian(hessian, 4),
        "Adam\n$\\mathrm{diag}|g|$": np.diag(np.abs(jacobian.T @ residual)),
        "gradient\ndescent, $M\\,\\mathbf{1}$": np.linalg.eigvalsh(hessian).max() * np.eye(number),
    }
    figure, axes = plt.subplots(1, len(matrices), figsize=(8.4, 2.3))
    for axis, (title, matrix) in zip(axes, matrices.items(), strict=True):
        show_matrix(axis, matrix, title)
    save(figure, "family")


def show_matrix(axis: Axes, matrix: np.ndarray, title: str) -> None:
    """Show a matrix with colours centred at zero and scaled to its own largest entry, row 1 on top."""
    largest = np.abs(matrix).max()
    axis.imshow(matrix, cmap=SIGNED, vmin=-largest, vmax=largest, origin="upper")
    axis.set(xticks=[], yticks=[])
    axis.set_title(title, fontsize=10.5)
    axis.grid(False)
    for side in axis.spines.values():
        side.set(visible=True, color="0.6")


def main() -> None:
    """Draw all figures."""
    use_style()
    plt.rcParams.update({"svg.hashsalt": "optimization", "font.size": 11.5, "mathtext.fontset": "cm"})
    drawings: tuple[Callable[[], None], ...] = (shapes, newton, overshoot, damping, units, family)
    for draw in drawings:
        draw()


if __name__ == "__main__":
    main()
