"""Sphinx extension of the house: the results ledger, the badge line of each notebook, links to glossary terms."""

import html
import json
import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.parsers.rst.directives.admonitions import BaseAdmonition
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

from tools.measured import format_number
from tools.notebooks import RESULTS, all_notebooks, name_of
from tools.repository_url import address


def ledgers() -> list[dict]:
    """Return the ledgers of all notebooks that have results, in the order of the book."""
    paths = [RESULTS / f"{name_of(path)}.json" for path in all_notebooks()]
    return [json.loads(path.read_text()) for path in paths if path.is_file()]


def measured_text(value: float | dict) -> str:
    """Return a measured value as text, with its spread if it has one."""
    if isinstance(value, dict):
        return f"{format_number(value['mean'])} ± {format_number(value['std'], '.2g')} (n = {value['n']})"
    return format_number(value)


def cost_text(ledger: dict) -> str:
    """Return run time and hardware of a stored run in words."""
    seconds = ledger["wall_time_s"]
    time = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
    return f"{time} on {ledger['hardware']}"


class ResultsLedger(Directive):
    """``{results-ledger}``: a table of claims per notebook, from the files in ``results/``."""

    def run(self) -> list[nodes.Node]:
        """Return one section per notebook."""
        environment: BuildEnvironment = self.state.document.settings.env
        found: list[nodes.Node] = []
        for ledger in ledgers():
            environment.note_dependency(str(RESULTS / f"{ledger['notebook']}.json"))
            found.append(self._section(ledger))
        return found

    def _section(self, ledger: dict) -> nodes.section:
        docname = f"notebooks/{ledger['notebook']}"
        section = nodes.section(ids=[nodes.make_id(ledger["notebook"])])
        link = addnodes.pending_xref(
            "", refdomain="std", reftype="doc", reftarget=f"/{docname}", refexplicit=False, refwarn=True
        )
        link += nodes.inline("", "")
        title = nodes.title("", ledger["notebook"])
        versions = ", ".join(f"{name} {value}" for name, value in ledger["versions"].items())
        cost = nodes.paragraph("", "", link, nodes.Text(f": {cost_text(ledger)}; {versions}."))
        rows = "".join(self._row(docname, entry) for entry in ledger["claims"])
        table = (
            '<div class="ledger-table"><table class="table ledger"><thead><tr><th>claim</th><th>measured</th>'
            f"<th>reference text</th><th>verdict</th></tr></thead><tbody>{rows}</tbody></table></div>"
        )
        section += [title, cost, nodes.raw("", table, format="html")]
        return section

    def _row(self, docname: str, entry: dict) -> str:
        unit = f" {entry['unit']}" if entry["unit"] else ""
        values = "<br>".join(
            f"{html.escape(key)}: <b>{measured_text(value)}{html.escape(unit)}</b>"
            for key, value in entry["measured"].items()
        )
        verdict = "holds" if entry["holds"] else "does not hold"
        return (
            f'<tr id="claim-{docname.split("/")[-1]}-{entry["id"]}"><td>{html.escape(entry["text"])}'
            f"<br><code>{entry['id']}</code></td><td>{values}</td><td>{html.escape(entry['reference'] or '–')}</td>"
            f"<td>{verdict}</td></tr>"
        )


class TitledAdmonition(BaseAdmonition):
    """``:::{tip} Title``: like docutils' own, but what follows on the first line is the box's title."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the box; without a title it is docutils' own."""
        if not self.arguments:
            self.node_class = {"tip": nodes.tip, "note": nodes.note, "warning": nodes.warning}[self.name]
            return super().run()
        self.node_class = nodes.admonition
        self.options["class"] = [*self.options.get("class", []), self.name]
        return super().run()


def drop_icon_script(app: Sphinx, error: Exception | None) -> None:
    """Empty the theme's icon script: its 1.5 MB repeat what the icon fonts, which are loaded anyway, already do."""
    script = Path(app.outdir) / "_static" / "scripts" / "fontawesome.js"
    if error is None and app.builder.format == "html":
        script.write_text("// icons come from the fonts in ../vendor/fontawesome\n")


def add_badge(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put run time, hardware and number of claims of the stored run below the title of each notebook's page."""
    ledger = RESULTS / f"{docname.removeprefix('notebooks/')}.json"
    title = next(iter(doctree.findall(nodes.title)), None)
    if app.builder.format != "html" or not docname.startswith("notebooks/") or title is None or not ledger.is_file():
        return
    content = json.loads(ledger.read_text())
    anchor = nodes.make_id(content["notebook"])
    uri = f"{app.builder.get_relative_uri(docname, 'book/reference/results_ledger')}#{anchor}"
    text = (
        f'<p class="house-badge"><span>Stored run: {html.escape(cost_text(content))}</span> '
        f'<a href="{uri}">{len(content["claims"])} claims measured</a></p>'
    )
    title.parent.insert(title.parent.index(title) + 1, nodes.raw("", text, format="html"))


def label_terms(app: Sphinx, environment: BuildEnvironment) -> list[str]:
    """Make glossary terms targets of plain Markdown links, ``[shock](#term-shock)``, which Colab shows as text."""
    standard = environment.get_domain("std")
    for (kind, term), (docname, anchor) in standard.objects.items():
        if kind == "term":
            standard.labels[anchor.lower()] = (docname, anchor, term)  # labels are lower case, whatever the term
            standard.anonlabels[anchor.lower()] = (docname, anchor)
    return []


def set_site_address(app: Sphinx, config: Config) -> None:
    """Derive the site's public address, which link previews need, from the repository's."""
    owner, name = re.fullmatch(r"https://[^/]+/([^/]+)/([^/]+)", address()).groups()
    config.ogp_site_url = f"https://{owner}.github.io/{name}/"


def setup(app: Sphinx) -> dict:
    """Register the extension."""
    app.add_directive("results-ledger", ResultsLedger)
    for name in ("tip", "note", "warning"):
        app.add_directive(name, TitledAdmonition, override=True)
    app.connect("doctree-resolved", add_badge)
    app.connect("build-finished", drop_icon_script)
    app.connect("env-updated", label_terms)
    app.connect("config-inited", set_site_address, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
