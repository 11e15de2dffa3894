"""Run a task: ``python3 -m tools`` lists them. Standard library only, any Python from 3.11 on."""

import os
import shutil
import subprocess
import sys

from tools import environment
from tools.environment import ROOT

TASKS = {
    "book": "make the environment and the website, and say how to open it",
    "test": "make the environment and check everything that CI checks",
    "lab": "open the notebooks in JupyterLab",
    "full": "execute notebooks at full scale in place and write their results (all, or the ones named)",
    "lint": "check the style of code and notebooks",
    "data": "make the shipped data sets again (needs OpenFOAM for the airfoils: about two hours)",
    "bench": "measure the pressure solve and a hybrid solver's training step against PhiFlow's",
    "new-chapter": "start a chapter from the template: part/name, for example beyond/my_topic",
    "repository-url": "carry the repository's address from pyproject.toml to all places that need it",
    "environment": "only make the environment",
}


def main(arguments: list[str]) -> int:
    """Run the task named by the first argument; return the exit status."""
    task, *rest = arguments or ["help"]
    if task not in TASKS:
        print("usage: python3 -m tools TASK [ARGUMENT ...]\n")
        print("\n".join(f"  {name:16s}{text}" for name, text in TASKS.items()))
        return 0 if task in ("help", "-h", "--help") else 2
    python = str(environment.ensure())
    os.chdir(ROOT)
    commands = {
        "book": [[python, "-m", "tools.site"]],
        "lab": [[python, "-m", "jupyterlab", "--notebook-dir", str(ROOT / "notebooks"), *rest]],
        "full": [[python, "-m", "tools.full_run", *rest]],
        "lint": lint(python),
        "data": [[python, str(recipe)] for recipe in sorted(ROOT.glob("data/*/generate.py"))],
        "bench": [[python, "-m", "tools.bench"], [python, "-m", "tools.bench_hybrid"]],
        "new-chapter": [[python, "-m", "tools.new_chapter", *rest]],
        "repository-url": [[python, "-m", "tools.repository_url", *rest]],
        "environment": [],
    }
    if task == "test":
        install_browser()
        commands["test"] = [*lint(python), *tests(python)]
    for command in commands[task]:
        quick = {"PBDL_SCALE": "quick", "PBDL_QUIET": "1"} if "--nbval-lax" in command else {}
        status = subprocess.call(command, env=os.environ | quick)
        if status:
            return status
    return 0


def lint(python: str) -> list[list[str]]:
    """Return the commands that check style; the notebooks' own rules are tests in ``tests/notebooks``."""
    return [[python, "-m", "ruff", "check", "."], [python, "-m", "ruff", "format", "--check", "."]]


def tests(python: str) -> list[list[str]]:
    """Return the commands that run the tests, and then every notebook at quick scale against its stored outputs."""
    pytest = [python, "-m", "pytest", "--quiet", "--numprocesses", "2"]
    quick = [*pytest, "--dist", "loadscope", "--nbval-lax", "--nbval-cell-timeout", "300", "notebooks"]
    return [[*pytest, "--dist", "loadfile"], quick]


def install_browser() -> None:
    """Install Debian's chromium for the browser tests, where there is none and this may be done."""
    if shutil.which("chromium") or os.environ.get("PBDL_BROWSER"):
        return
    if shutil.which("apt-get") and os.name == "posix" and os.geteuid() == 0:
        print("Installing chromium for the browser tests ...", flush=True)
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
            result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if result.returncode:
                sys.exit(f"{result.stdout[-2000:]}\nCould not install chromium: {' '.join(command)} failed.")
        return
    sys.exit(
        "The browser tests need chromium: install it (on Debian or Ubuntu: sudo apt-get install chromium), "
        "or name a Chromium or Chrome in the variable PBDL_BROWSER."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
