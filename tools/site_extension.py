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
from tools.notebooks import NOTEBOOKS, RESULTS, all_notebooks, name_of, read
from tools.repository_url import address

SEARCH_SCRIPTS = re.compile(r'<script src="[^"]*(?:searchtools|language_data|searchindex)\.js"></script>\s*')


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
        heading = read(NOTEBOOKS / f"{ledger['notebook']}.ipynb").cells[0].source.splitlines()[0].lstrip("# ")
        link = addnodes.pending_xref(
            "", refdomain="std", reftype="doc", reftarget=f"/{docname}", refexplicit=True, refwarn=True
        )
        link += nodes.inline("", ledger["notebook"])
        title = nodes.title("", heading)
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


def lighten(app: Sphinx, error: Exception | None) -> None:
    """Take from the pages what they load without need, about 2 MB each.

    The theme's icon script repeats what the icon fonts, which are loaded anyway, already do. The search index is
    needed by the search page only; the search field of the other pages leads there.
    """
    if error is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    script = folder / "_static" / "scripts" / "fontawesome.js"
    script.write_text("// icons come from the fonts in ../vendor/fontawesome\n")
    for page in folder.rglob("*.html"):
        if page != folder / "search.html":
            page.write_text(SEARCH_SCRIPTS.sub("", page.read_text()))


def clean_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Leave out the live-code scripts, which are entered twice and not used here; set the colour mode."""
    kept = []
    for script in context.get("script_files", []):
        text = f"{getattr(script, 'filename', script)} {getattr(script, 'attributes', {}).get('body', '')}"
        if "thebe" not in text.lower():
            kept.append(script)
    context["script_files"] = kept
    context["default_mode"] = "auto"


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


def mark_claims(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give the printed lines of claims a class of their own, so that they wrap."""
    for block in doctree.findall(nodes.literal_block):
        if block.astext().startswith(("✓ ", "· ")):
            block["classes"].append("claims-output")


def label_terms(app: Sphinx, environment: BuildEnvironment) -> list[str]:
    """Make glossary terms targets of plain Markdown links, ``[shock](#term-shock)``, which Colab shows as text."""
    standard = environment.get_domain("std")
    for (kind, term), (docname, anchor) in standard.objects.items():
        if kind == "term":
            standard.labels[anchor.lower()] = (docname, anchor, term)  # labels are lower case, whatever the term
            standard.anonlabels[anchor.lower()] = (docname, anchor)
    return []


def set_site_address(app: Sphinx, config: Config) -> None:
    """Derive the site's public address, which link previews need, from the repository's; choose MathJax's parts."""
    owner, name = re.fullmatch(r"https://[^/]+/([^/]+)/([^/]+)", address()).groups()
    config.ogp_site_url = f"https://{owner}.github.io/{name}/"
    config.mathjax_path = "mathjax/startup.js"  # with the parts listed in _config.yml, a third lighter than the bundle


def setup(app: Sphinx) -> dict:
    """Register the extension."""
    app.add_directive("results-ledger", ResultsLedger)
    for name in ("tip", "note", "warning"):
        app.add_directive(name, TitledAdmonition, override=True)
    app.connect("doctree-resolved", add_badge)
    app.connect("doctree-resolved", mark_claims)
    app.connect("build-finished", lighten)
    app.connect("html-page-context", clean_scripts)
    app.connect("env-updated", label_terms)
    app.connect("config-inited", set_site_address, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
