"""What a reader meets: every page of the built site in a real browser."""

import re
import time
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest

from tools.environment import ROOT
from tools.notebooks import all_notebooks
from tools.repository_url import address

MEGABYTE = 1_000_000


def documents() -> list[str]:
    """Return the pages of the contents, as paths of the site."""
    listed = re.findall(r"(?:file|root):\s*([^\s#]+)", (ROOT / "_toc.yml").read_text())
    return [f"{name}.html" for name in listed]


PAGES = [*documents(), "genindex.html", "search.html"]


def visit(page, url: str) -> dict:
    """Open a page, wait until it is at rest, and return what happened: errors, failed and foreign requests, bytes."""
    seen = {"errors": [], "failed": [], "foreign": [], "bytes": 0}
    host = urlsplit(url).netloc

    def on_response(response):
        if response.status >= 400:
            seen["failed"].append(f"{response.status} {response.url}")
        elif urlsplit(response.url).netloc == host:
            seen["bytes"] += len(response.body())

    def on_request(request):
        if urlsplit(request.url).scheme.startswith("http") and urlsplit(request.url).netloc != host:
            seen["foreign"].append(request.url)

    page.on("console", lambda message: message.type == "error" and seen["errors"].append(message.text))
    page.on("pageerror", lambda error: seen["errors"].append(str(error)))
    page.on("requestfailed", lambda request: seen["failed"].append(f"{request.failure} {request.url}"))
    page.on("request", on_request)
    page.on("response", on_response)
    page.goto(url, wait_until="networkidle")
    page.wait_for_function(  # on a busy machine MathJax may arrive after the network has become idle
        "!document.querySelector('.math') || (window.MathJax?.startup?.promise ?? null)?.then(() => true)"
    )
    return seen


def test_the_site_is_built_within_a_minute(built):
    """Warnings fail the build itself; a slow machine fails nothing, so the limit is five times what we measure."""
    assert built[1] < 300
    print(f"built in {built[1]:.0f} s")


def test_every_page_of_the_contents_is_there(site):
    missing = [name for name in documents() if not (site / name).is_file()]
    assert missing == []
    assert "book/index.html" in (site / "index.html").read_text()


@pytest.mark.parametrize("name", PAGES)
def test_page_loads_cleanly(page, server, name):
    seen = visit(page, f"{server}/{name}")
    assert seen["errors"] == []
    assert seen["failed"] == []
    assert seen["foreign"] == []
    assert seen["bytes"] <= 3 * MEGABYTE, f"{seen['bytes'] / MEGABYTE:.2f} MB"
    assert page.evaluate("document.querySelectorAll('mjx-merror, .MathJax_Error').length") == 0
    if page.locator(".math").count():
        assert page.locator(".math mjx-container").count() == page.locator(".math").count(), "a formula is not rendered"
        assert page.locator("mjx-container").first.bounding_box()["width"] > 1
    without_alt = page.evaluate("[...document.images].filter(i => !(i.alt || '').trim()).map(i => i.src)")
    assert without_alt == []
    hashes = page.evaluate("[...document.images].filter(i => /[0-9a-f]{20}/.test(i.alt)).map(i => i.alt)")
    assert hashes == [], "an alt text is a file name"
    broken = page.evaluate("[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)")
    assert broken == []
    text = page.inner_text("main")
    sentences = page.evaluate("[...document.querySelectorAll('main p, main li')].map(e => e.innerText)")
    assert [text for text in sentences if re.search(r"\$[^$\n]*[\\=_^][^$\n]*\$", text)] == [], (
        "a formula is shown as text"
    )
    assert not re.search(r"^:::+|\{(term|cite|eq|prf:ref|exercise)\}`|<!--", text, re.M), "raw markup is visible"


@pytest.mark.parametrize("name", documents())
def test_phone_has_no_horizontal_scroll(browser, server, name):
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, device_scale_factor=2)
    page = context.new_page()
    visit(page, f"{server}/{name}")
    width = page.evaluate("document.documentElement.scrollWidth")
    wide = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > 400)"
        ".slice(0, 5).map(e => e.outerHTML.slice(0, 120))"
    )
    context.close()
    assert width <= 390, wide


def luminance(color: str) -> float:
    """Return the relative luminance (WCAG 2) of a CSS colour ``rgb(r, g, b)``."""
    channels = [float(value) / 255 for value in re.findall(r"[\d.]+", color)[:3]]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


BACKGROUND = """element => { let e = element;
  while (e) { const c = getComputedStyle(e).backgroundColor;
    if (!/rgba\\(.*, 0\\)|transparent/.test(c)) return c; e = e.parentElement }
  return getComputedStyle(document.documentElement).backgroundColor }"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", documents())
def test_text_has_contrast_and_figures_a_light_ground(page, server, name, theme):
    page.emulate_media(color_scheme=theme)
    page.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
    visit(page, f"{server}/{name}")
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    for selector in (
        "main p",
        "main h1",
        "main li",
        "main a.reference",
        "main .house-badge",
        "main td",
        "main pre",
        "main figcaption p",
    ):
        for element in page.locator(selector).all()[:3]:
            color = element.evaluate("e => getComputedStyle(e).color")
            ground = element.evaluate(BACKGROUND)
            assert contrast(color, ground) >= 4.5, f"{selector}: {color} on {ground}"
    if theme == "dark":
        for image in page.locator("main .cell_output img, main figure img").all():
            assert image.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"


def links_of(site, name: str) -> list[str]:
    return re.findall(r'<a\b[^>]*\bhref="([^"]+)"', (site / name).read_text())


@pytest.mark.parametrize("name", documents())
def test_internal_links_resolve(site, name):
    missing = []
    for link in set(links_of(site, name)):
        target, fragment = urldefrag(urljoin(f"http://site/{name}", link.replace("&amp;", "&")))
        if urlsplit(target).netloc != "site" or urlsplit(link).scheme in ("mailto", "javascript"):
            continue
        path = site / unquote(urlsplit(target).path).lstrip("/")
        if not path.is_file():
            missing.append(link)
        elif fragment and path.suffix == ".html":
            text = path.read_text()
            if f'id="{unquote(fragment)}"' not in text and f'name="{unquote(fragment)}"' not in text:
                missing.append(link)
    assert missing == []


@pytest.mark.parametrize("path", all_notebooks(), ids=lambda path: path.stem)
def test_notebook_pages_have_launch_and_download_links_and_a_badge(site, path):
    name = path.relative_to(ROOT).as_posix()
    text = (site / name).with_suffix(".html").read_text()
    owner_and_name = address().removeprefix("https://github.com/")
    assert f'href="https://colab.research.google.com/github/{owner_and_name}/blob/main/{name}"' in text
    download = re.search(r'href="([^"]*_sources/[^"]*\.ipynb)"', text).group(1)
    assert (site / name).parent.joinpath(download).resolve().read_bytes() == path.read_bytes()
    assert 'class="house-badge"' in text
    assert "claims measured" in text


def test_link_previews_are_described(site):
    for name in documents():
        text = (site / name).read_text()
        for prefix in ("og:title", "og:url", "og:image", "og:description"):
            assert f'property="{prefix}"' in text, f"{name}: {prefix}"
    image = re.search(r'property="og:image" content="([^"]+)"', (site / "book/index.html").read_text()).group(1)
    assert (site / "_static" / image.rsplit("/", 1)[-1]).is_file()


def test_search_finds_a_known_phrase(page, server):
    page.goto(f"{server}/search.html?q=Cole-Hopf", wait_until="networkidle")
    page.wait_for_selector("#search-results li a", timeout=20_000)
    found = page.locator("#search-results li a").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    assert any("forward_burgers" in link for link in found), found


@pytest.mark.parametrize("path", all_notebooks(), ids=lambda path: path.stem)
def test_folded_solutions_open(page, server, path):
    visit(page, f"{server}/{path.relative_to(ROOT).with_suffix('.html').as_posix()}")
    solutions = page.locator("div.solution.dropdown, div.solution.admonition.dropdown, details.solution")
    assert solutions.count() >= 2
    first = solutions.first
    content = first.locator("p:not(.admonition-title)").first
    assert not content.is_visible()
    first.locator("summary, .toggle-button, button").first.click()
    time.sleep(0.3)
    assert content.is_visible()


def test_reader_doors_and_map_lead_somewhere(page, server):
    visit(page, f"{server}/book/index.html")
    for text, target in (("Read", "teaser"), ("Run", "running"), ("Teach", "teaching")):
        card = page.locator(".house-doors .sd-card", has_text=text).first
        assert target in card.locator("a").first.get_attribute("href")
    map_links = page.locator(".house-map svg a")
    assert map_links.count() >= 5
    for link in map_links.all():
        response = page.request.get(urljoin(f"{server}/book/index.html", link.get_attribute("href")))
        assert response.ok


def test_ledger_page_shows_every_claim(site):
    text = (site / "book/reference/results_ledger.html").read_text()
    for path in all_notebooks():
        for claim in re.findall(r'claim\(\s*\\?"([a-z0-9-]+)', path.read_text().replace('\\"', '"')):
            assert f"<code>{claim}</code>" in text, f"{path.stem}: {claim}"


def test_reduced_motion_shows_a_still_picture(browser, server):
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    visit(page, f"{server}/book/index.html")
    source = page.locator(".house-hero img").evaluate("image => image.currentSrc")
    context.close()
    assert source.endswith("hero_still.webp")
