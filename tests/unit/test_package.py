"""The helper package installs on its own, as Colab installs it from the repository's address."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest

from tools.environment import ROOT

MODULES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pbdl_utils").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "pbdl_utils", folder / "pbdl_utils", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder / "out"), str(folder)],
        check=True,
        capture_output=True,
    )
    (path,) = (folder / "out").glob("*.whl")
    return path


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert sorted(names) == MODULES


def test_the_unpacked_wheel_works_without_the_checkout(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        "import pbdl_utils, torch; from pbdl_utils import claims, data, plotting, runtime, statistics, training; "
        "from pbdl_utils.networks import mlp; "
        "assert pbdl_utils.__file__.startswith(sys.argv[1]), pbdl_utils.__file__; print(data.repository_url())"
    )
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, sys.argv[1]); {code}", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == PROJECT["urls"]["Repository"]


def test_colab_keeps_its_own_torch_and_numpy():
    """Lower bounds only, so that pip never replaces what Colab brings; the solver is pinned, it changes physics."""
    for requirement in PROJECT["dependencies"]:
        name = re.match(r"[\w-]+", requirement).group(0)
        assert ("==" in requirement) == (name in ("phiflow", "phiml")), requirement


def test_every_import_of_the_package_is_declared():
    declared = {re.match(r"[\w-]+", requirement).group(0).lower() for requirement in PROJECT["dependencies"]}
    aliases = {
        "phi": "phiflow",
        "PIL": "matplotlib",
        "IPython": None,
        "pbdl_utils": None,
        "pbdl": None,
    }  # matplotlib brings Pillow
    for name in MODULES:
        for node in ast.walk(ast.parse((ROOT / name).read_text())):
            if isinstance(node, ast.Import):
                roots = [alias.name.split(".")[0] for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                roots = [node.module.split(".")[0]]
            else:
                continue
            for root in set(roots) - sys.stdlib_module_names:
                needed = aliases.get(root, root)
                assert needed is None or needed in declared, f"{name} imports {root}"


@pytest.mark.parametrize("name", MODULES)
def test_modules_stay_small_and_dependencies_point_downwards(name):
    text = (ROOT / name).read_text()
    assert len(text.splitlines()) <= 300
    lower = {
        "physics": ("networks", "training", "plotting", "claims"),
        "networks": ("physics", "training", "plotting", "claims"),
        "runtime": ("physics", "networks", "training", "plotting", "claims"),
    }
    part = name.removesuffix(".py").split("/")[1]
    for above in lower.get(part, ()):
        assert f"pbdl_utils.{above}" not in text, f"{name} must not import {above}"
