"""All Burgers chapters solve one problem: its viscosity is defined in one place, and nobody defines another one."""

import ast
import importlib
import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest

from pbdl_utils.data import load
from pbdl_utils.physics.burgers import VISCOSITY, cell_centres, cole_hopf

ROOT = Path(__file__).parents[2]
HOME = ROOT / "pbdl_utils/problems.py"
SOURCES = sorted({*ROOT.glob("pbdl_utils/**/*.py"), *ROOT.glob("data/burgers/*.py"), *ROOT.glob("notebooks/*/*.ipynb")})


def code_of(path: Path) -> str:
    if path.suffix == ".py":
        return path.read_text(encoding="utf-8")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.MULTILINE)  # commands of the notebook are no Python


def about_burgers(code: str) -> bool:
    return "burgers" in code.lower()


def is_number(node: ast.AST) -> bool:
    """Return whether an expression is a number written out, such as 0.01 or 0.01 / np.pi; zero is no viscosity."""
    try:
        value = eval(compile(ast.Expression(node), "", "eval"), {"np": np, "math": np, "torch": np})
    except Exception:
        return False
    return isinstance(value, int | float) and value != 0


def own_viscosities(code: str) -> list[int]:
    """Return the lines on which a viscosity is given as a number instead of by the name of the common constant."""
    lines = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
            if node.value is not None and any(map(means_viscosity, names)) and is_number(node.value):
                lines.append(node.lineno)
        elif isinstance(node, ast.Call):
            lines += [k.value.lineno for k in node.keywords if means_viscosity(k.arg) and is_number(k.value)]
        elif isinstance(node, ast.FunctionDef):
            positional = node.args.posonlyargs + node.args.args
            defaults = [*zip(positional[::-1], node.args.defaults[::-1], strict=False)]
            defaults += [*zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]
            lines += [
                a.lineno
                for a, default in defaults
                if means_viscosity(a.arg) and default is not None and is_number(default)
            ]
        if isinstance(node, ast.BinOp) and is_number(node):
            value = eval(compile(ast.Expression(node), "", "eval"), {"np": np, "math": np, "torch": np})
            if abs(value / VISCOSITY - 1) < 1e-6 or abs(value * 128 / VISCOSITY - 1) < 1e-6:
                lines.append(node.lineno)
    return sorted(set(lines))


def means_viscosity(name: str | None) -> bool:
    return name is not None and (name.lower() in ("nu", "visc") or "viscosity" in name.lower())


def test_the_constant_has_its_value():
    assert VISCOSITY == 0.01 / np.pi


@pytest.mark.parametrize("path", [p for p in SOURCES if p != HOME], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_nobody_defines_another_viscosity(path):
    code = code_of(path)
    if about_burgers(code):
        assert own_viscosities(code) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("nu = 0.01 / np.pi", 1),
        ("viscosity: float = 3e-3", 1),
        ("burgers_step(u, dt, viscosity=0.01 / (128 * math.pi))", 1),
        ("def step(u, viscosity=0.003): ...", 1),
        ("def step(u, *, nu=0.003): ...", 1),
        ("residual = u_t + u * u_x - 0.01 / np.pi * u_xx", 1),
        ("viscosity = VISCOSITY / 128", 0),
        ("step(u, viscosity=VISCOSITY)", 0),
        ("inviscid = step(u, viscosity=0.0)", 0),
        ("def step(u, viscosity: float = VISCOSITY, *, dt=0.01): ...", 0),
    ],
)
def test_the_search_finds_what_it_should(code, found):
    assert len(own_viscosities(code)) == found


@pytest.mark.parametrize("path", [p for p in SOURCES if p.suffix == ".ipynb"], ids=lambda p: p.stem)
def test_notebooks_that_use_the_data_import_the_common_problem(path):
    code = code_of(path)
    if 'load("burgers")' in code:
        modules = {node.module for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)}
        assert "pbdl_utils.physics.burgers" in modules


@pytest.mark.parametrize("module", ["physics.burgers", "physics.burgers_inverse", "networks.pinn"])
def test_defaults_are_the_common_viscosity(module):
    functions = inspect.getmembers(importlib.import_module(f"pbdl_utils.{module}"), callable)
    for _, function in functions:
        if getattr(function, "__module__", "").startswith("pbdl_utils"):
            parameter = inspect.signature(function).parameters.get("viscosity")
            if parameter is not None and parameter.default is not inspect.Parameter.empty:
                assert parameter.default == VISCOSITY, function


def test_the_data_are_the_exact_solution_with_this_viscosity():
    data = load("burgers")
    assert data["x"] == pytest.approx(cell_centres(128), abs=1e-15)
    assert np.abs(data["u"] - cole_hopf(data["x"], data["t"])).max() < 1e-9
