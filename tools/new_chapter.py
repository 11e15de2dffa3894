"""Start a chapter: copy the template notebook, name its labels after the chapter, enter it in ``_toc.yml``."""

import re
import sys
from pathlib import Path

from pbdl_utils.files import write_atomically
from tools.environment import ROOT

PARTS = {
    "introduction": "Introduction",
    "supervised": "Supervised training",
    "physical_losses": "Physical losses",
    "differentiable_physics": "Differentiable physics",
    "probabilistic": "Probabilistic learning",
    "reinforcement": "Reinforcement learning",
    "improved_gradients": "Improved gradients",
    "beyond": "Beyond",
}
TEMPLATE = Path(__file__).parent / "template" / "chapter.ipynb"


def create(name: str, root: Path = ROOT) -> Path:
    """Make the notebook of a new chapter and return its path.

    Args:
        name: part and topic, such as ``beyond/learning_dynamics``.

    Raises:
        ValueError: if the name is malformed or the chapter exists; nothing is changed then.
    """
    part, _, topic = name.partition("/")
    if part not in PARTS or not re.fullmatch(r"[a-z][a-z0-9_]*", topic):
        raise ValueError(
            f"{name!r} is no chapter name: expected part/topic in lower case with underscores, "
            f"where the part is one of {', '.join(PARTS)}."
        )
    path = root / "notebooks" / part / f"{topic}.ipynb"
    if path.exists():
        raise ValueError(f"{path.relative_to(root)} exists already: choose another name or edit it.")
    toc = root / "_toc.yml"
    new_toc = _with_entry(toc.read_text(), part, f"notebooks/{part}/{topic}")
    write_atomically(path, TEMPLATE.read_text().replace("-TODO-", f"-{topic.replace('_', '-')}-").encode())
    write_atomically(toc, new_toc.encode())
    return path


def _with_entry(toc: str, part: str, entry: str) -> str:
    """Return the table of contents with the entry at the end of its part, which is added if it is new."""
    line = f"      - file: {entry}\n"
    files = list(re.finditer(rf"^      - file: (?:notebooks|book)/{part}/.*\n", toc, re.M))
    if files:
        return toc[: files[-1].end()] + line + toc[files[-1].end() :]
    reference = toc.index("  - caption: Reference")
    return f"{toc[:reference]}  - caption: {PARTS[part]}\n    chapters:\n{line}{toc[reference:]}"


def main(arguments: list[str]) -> int:
    """Make the chapter named by the argument; return the exit status."""
    if len(arguments) != 1:
        print("usage: make new-chapter NAME=part/topic")
        return 2
    try:
        path = create(arguments[0])
    except ValueError as error:
        print(error)
        return 2
    print(f"Made {path.relative_to(ROOT)} and entered it in _toc.yml. Next: replace what says TODO, then")
    print(f"  make full NB={path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
