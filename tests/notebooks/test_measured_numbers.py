"""The numbers in the text are those of the ledger."""

import re

import pytest

from tools.environment import ROOT
from tools.measured import MARK, UnknownMeasurement, fill, format_number, pages
from tools.notebooks import name_of, read


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_marks_are_filled_in(path):
    if path.suffix == ".ipynb":
        texts = [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
        where = name_of(path)
    else:
        texts, where = [path.read_text()], None
    for text in texts:
        assert fill(text, where) == text, "run `python3 -m tools.measured` in the environment"
        opened = len(re.findall(r"<!--\{", text))
        assert opened == len(MARK.findall(text)), "a mark is malformed: <!--{claim.key}-->0<!--/-->"


@pytest.mark.parametrize(
    ("value", "style", "text"),
    [
        (0.12345, "", "0.123"),
        (1.2e-05, "", "1.2·10⁻⁵"),
        (0.5, ".1%", "50.0 %"),
        (16897, "", "16,897"),
        (1.0, ".1e", "1.0·10⁰"),
        (123456.0, "", "1.23·10⁵"),
    ],
)
def test_number_format(value, style, text):
    assert format_number(value, style) == text


def test_a_mark_never_begins_a_line(tmp_path, monkeypatch):
    """There a comment would begin a block of HTML, and the rest of the paragraph would be shown as it is typed."""
    monkeypatch.setattr("tools.measured.RESULTS", tmp_path)
    (tmp_path / "n.json").write_text('{"claims": [{"id": "a", "measured": {"b": 0.25}}]}')
    mark = "<!--{n#a.b}-->0<!--/-->"
    for indent in ("", "  "):
        assert fill(f"- an item of\n{indent}{mark} units", None) == "- an item of <!--{n#a.b}-->0.25<!--/--> units"


def test_unknown_measurements_are_named(tmp_path, monkeypatch):
    with pytest.raises(UnknownMeasurement, match="no results of introduction/nowhere"):
        fill("<!--{introduction/nowhere#a.b}-->0<!--/-->", None)
    with pytest.raises(UnknownMeasurement, match="outside a notebook"):
        fill("<!--{a.b}-->0<!--/-->", None)
    monkeypatch.setattr("tools.measured.RESULTS", tmp_path)
    (tmp_path / "n.json").write_text('{"wall_time_s": 3.4, "claims": [{"id": "a", "measured": {"b": 0.25}}]}')
    with pytest.raises(UnknownMeasurement, match=r"no measurement a\.c"):
        fill("<!--{n#a.c}-->0<!--/-->", None)
    assert fill("<!--{n#a.b}-->0<!--/-->", None) == "<!--{n#a.b}-->0.25<!--/-->"
    assert fill("<!--{n#wall_time_s}-->0<!--/-->", None) == "<!--{n#wall_time_s}-->3<!--/-->"
