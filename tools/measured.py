"""Numbers in the text: filled in from the ledger, never typed.

In a notebook's prose ``<!--{dp-residual.dp:.1e}-->...<!--/-->`` stands for the measured value ``dp`` of the claim
``dp-residual``; elsewhere the notebook goes in front: ``<!--{introduction/teaser#dp-residual.dp}-->...<!--/-->``.
``wall_time_s`` in place of claim and key is the run time. What stands between the marks is written by this module.
"""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from pbdl_utils.files import write_atomically
from tools.environment import ROOT
from tools.notebooks import RESULTS, all_notebooks, name_of, read, to_bytes

MARK = re.compile(r"<!--\{(?:([\w/]+)#)?([a-z0-9-]+|wall_time_s)(?:\.([^}:]+))?(?::([^}]*))?\}-->(.*?)<!--/-->", re.S)
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class UnknownMeasurement(KeyError):
    """A mark in the text names a measurement that no ledger holds."""


def format_number(value: float, style: str = "") -> str:
    """Return a number for prose: three significant digits, or as ``style`` says; powers of ten as 1.2·10⁻⁵."""
    if isinstance(value, int) and not style:
        return f"{value:,}"
    if style.endswith("%"):
        return f"{value:{style}}".replace("%", " %")
    text = f"{value:{style or '.3g'}}"
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}·10{str(int(exponent)).translate(SUPERSCRIPT)}" if mark else text


def lookup(notebook: str, claim: str, key: str | None, style: str) -> str:
    """Return the text for one mark.

    Raises:
        UnknownMeasurement: if the notebook has no such claim or the claim no such key.
    """
    path = RESULTS / f"{notebook}.json"
    if not path.is_file():
        raise UnknownMeasurement(f"no results of {notebook} yet: run 'make full NB=notebooks/{notebook}.ipynb'")
    ledger = json.loads(path.read_text())
    if claim == "wall_time_s":
        return format_number(ledger["wall_time_s"], style or ".0f")
    measured = {entry["id"]: entry["measured"] for entry in ledger["claims"]}.get(claim, {})
    if key not in measured:
        raise UnknownMeasurement(f"{notebook} has no measurement {claim}.{key} (it has {sorted(measured)})")
    value = measured[key]
    if isinstance(value, dict):
        return f"{format_number(value['mean'], style)} ± {format_number(value['std'], style or '.2g')}"
    return format_number(value, style)


def fill(text: str, notebook: str | None) -> str:
    """Return ``text`` with all marks filled in; ``notebook`` is the one the text stands in, if any."""

    def value(match: re.Match) -> str:
        where, claim, key, style, _ = match.groups()
        source = where or notebook
        if source is None:
            raise UnknownMeasurement(f"{match.group(0)}: outside a notebook a mark names it, as in part/name#claim.key")
        opening = match.group(0)[: match.group(0).index("-->") + 3]
        return f"{opening}{lookup(source, claim, key, style or '')}<!--/-->"

    text = re.sub(r"(?<=\S)\n[ \t]*(?=<!--\{)", " ", text)  # at the start of a line a comment would end the paragraph
    return MARK.sub(value, text)


def fill_file(path: Path) -> bool:
    """Fill in the marks of a notebook or Markdown page; return whether that changed it."""
    if path.suffix == ".ipynb":
        notebook = read(path)
        before = path.read_bytes()
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = fill(cell.source, name_of(path))
        content = to_bytes(notebook)
    else:
        before = path.read_bytes()
        content = fill(before.decode(), None).encode()
    if content != before:
        write_atomically(path, content)
    return content != before


def pages() -> list[Path]:
    """Return every page that may hold marks."""
    return all_notebooks() + sorted((ROOT / "book").rglob("*.md"))


def main(more: Iterable[Path] = ()) -> int:
    """Fill in the marks of all pages and of ``more``; return 1 if a mark names a measurement that no ledger holds."""
    unknown = []
    for path in dict.fromkeys([*pages(), *more]):
        shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        try:
            if path.is_file() and fill_file(path):
                print(f"filled in {shown}")
        except UnknownMeasurement as error:
            unknown.append(f"{shown}: {error.args[0]}")
    for line in unknown:
        print(f"not filled in: {line}")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
