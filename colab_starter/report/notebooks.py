"""Executed notebooks as HTML pages: small, offline, and harmless.

What a notebook shows may hold scripts. They do not run: a script reaches the network past any sandbox and policy, by
WebRTC and by connections that browsers open beforehand. Plotly's figures are drawn by our own script, from their data.
The notebook stands in a sandboxed frame all the same, out of reach of the page around it, of cookies and files.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from multiprocessing import get_context
from os.path import relpath, splitext
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from colab_starter.files import write_whole
from colab_starter.notebook import read_notebook
from colab_starter.report.libraries import pack_plotly
from colab_starter.report.markup import make_harmless
from colab_starter.report.page import allow_scripts, embed_json, make_template, read_asset
from colab_starter.run.quick_jsonschema import import_jsonschema

if TYPE_CHECKING:
    from nbconvert import HTMLExporter
    from nbformat import NotebookNode

WORKERS = 4
"""Processes at most that render notebooks at once; each takes some 100 MB."""
WORTH_WORKERS = 24
"""Fewer notebooks are rendered sooner than processes are started for it."""
LONGEST_OUTPUT = 100_000
"""Characters of one output of plain text; of a longer one, the beginning and the end are shown."""
PLOTLY = "application/vnd.plotly.v1+json"
SHOWN = (
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "text/latex",
    "image/png",
    "image/jpeg",
    "text/plain",
)
"""Forms of an output, the best first. Scripts alone and widgets need Jupyter around them."""
_SCRIPTS_REST = '<p class="rests">The scripts of this output do not run here; Jupyter runs them.</p>'


def page_of(notebook: Path) -> Path:
    """Where a notebook's page is: beside it, under the same name."""
    return Path(name_page(str(notebook)))


def name_page(notebook: str) -> str:
    """The same, of a path as text."""
    return f"{splitext(notebook)[0]}.html"


def is_stale(notebook: Path) -> bool:
    """Whether the notebook has no page, or is newer than its page."""
    try:
        made = os.stat(name_page(str(notebook))).st_mtime_ns
    except FileNotFoundError:
        return True
    return made < os.stat(notebook).st_mtime_ns


def render_all(notebooks: Sequence[Path], report: Path, advance: Callable[[], None], workers: int) -> dict[Path, str]:
    """Write the pages of the notebooks, which point back to the report; calls ``advance`` after each.

    Returns the notebooks that could not be rendered, each with the reason.
    """
    failures = {}
    render = partial(_render_safely, report=report)
    for notebook, failure in _map(render, notebooks, workers):
        advance()
        if failure:
            failures[notebook] = failure
    return failures


def _map(
    render: Callable[[Path], tuple[Path, str]], notebooks: Sequence[Path], workers: int
) -> Iterator[tuple[Path, str]]:
    """The results of the calls as they come, from several processes where that pays."""
    if workers == 1 or len(notebooks) < WORTH_WORKERS:
        yield from map(render, notebooks)
        return
    with get_context("spawn").Pool(min(workers, WORKERS)) as pool:
        yield from pool.imap_unordered(render, notebooks)


def _render_safely(notebook: Path, report: Path) -> tuple[Path, str]:
    """Render; a notebook that cannot be rendered must not cost the others theirs."""
    try:
        page = render_notebook(notebook, report).encode("utf-8", errors="backslashreplace")
        write_whole(page_of(notebook), page)
    except Exception as error:
        return notebook, " ".join(f"{type(error).__name__}: {error}".split())
    return notebook, ""


def render_notebook(notebook: Path, report: Path) -> str:
    """The HTML of a notebook, with a link back to the report. Raises what reading and rendering it raise."""
    node = _read_node(notebook)
    body = _render_cells(node)
    has_figures = any(PLOTLY in output.get("data", {}) for output in _outputs(node))
    own = read_asset("links.js")
    if has_figures:
        own += read_asset("unpack.js") + read_asset("figures.js")
    frame = make_template("frame.html").render(
        body=make_harmless(body),
        style=read_asset("colours.css") + read_asset("frame.css") + _code_style(),
        plotly=pack_plotly() if has_figures else "",
        script=own,
    )
    script = read_asset("leave.js")
    return make_template("notebook.html").render(
        policy=_make_policy(allow_scripts(script, own), with_libraries=has_figures),
        script=script,
        title=notebook.name,
        run=notebook.parent.name,
        back=quote(relpath(report, notebook.parent)),
        notebook=quote(notebook.name),
        frame=frame,
        style=read_asset("colours.css") + read_asset("notebook.css"),
    )


def _render_cells(node: "NotebookNode") -> str:
    """The cells as HTML. A cell that nbconvert gives up for (a picture is missing in it) is shown as plain text."""
    export = _exporter().from_notebook_node
    try:
        return str(export(node)[0])
    except Exception:
        node.cells = [cell if _can_be_rendered(cell) else _make_plain(cell) for cell in node.cells]
        return str(export(node)[0])


def _can_be_rendered(cell: "NotebookNode") -> bool:
    from nbformat.v4 import new_notebook

    try:
        _exporter().from_notebook_node(new_notebook(cells=[cell]))
    except Exception:
        return False
    return True


def _make_plain(cell: "NotebookNode") -> "NotebookNode":
    """The cell without a form that has to be translated."""
    if cell.cell_type == "markdown":
        cell.source = indent(cell.source, "    ", lambda line: True)
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        texts = [data[mime] for mime in ("text/plain", *SHOWN) if mime in data and mime.startswith("text/")]
        if texts:
            output.data = {"text/plain": texts[0]}
    return cell


def _make_policy(scripts: str, *, with_libraries: bool) -> str:
    """It holds for the frame as well. Plotly is unpacked into a blob, and compiles code."""
    libraries = " 'unsafe-eval' blob:" if with_libraries else ""
    return (
        f"default-src 'none'; script-src {scripts}{libraries}; style-src 'unsafe-inline'; img-src data: blob:; "
        "font-src data:; media-src data: blob:; form-action 'none'; base-uri 'none'"
    )


def _read_node(notebook: Path) -> "NotebookNode":
    import_jsonschema()
    from nbformat import reads

    node: NotebookNode = reads(read_notebook(notebook).text, as_version=4)
    for output in _outputs(node):
        _tell_of_scripts(output)
        _place_figure(output)
        _shorten_output(output)
    for cell in node.cells:
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if _is_shown(output)]
    return node


def _is_shown(output: "NotebookNode") -> bool:
    """False for what only programs read, such as metrics, and for what has no form that a page can show."""
    return output.output_type in ("stream", "error") or any(mime in SHOWN for mime in output.data)


def _outputs(node: "NotebookNode") -> "list[NotebookNode]":
    return [output for cell in node.cells for output in cell.get("outputs", [])]


def _place_figure(output: "NotebookNode") -> None:
    """Put a Plotly figure where figures.js finds it: Plotly's own HTML, if any, would bring all of Plotly along."""
    data: dict[str, Any] = output.get("data", {})
    if PLOTLY in data:
        data["text/html"] = f'<script type="application/json" class="figure">{embed_json(data[PLOTLY])}</script>'


def _tell_of_scripts(output: "NotebookNode") -> None:
    data: dict[str, Any] = output.get("data", {})
    html = data.get("text/html")
    if isinstance(html, str) and "<script" in html and PLOTLY not in data:
        data["text/html"] = html + _SCRIPTS_REST


def _shorten_output(output: "NotebookNode") -> None:
    if output.output_type == "stream":
        output.text = _shorten(output.text)
    elif "text/plain" in output.get("data", {}):
        output.data["text/plain"] = _shorten(output.data["text/plain"])


def _shorten(text: str) -> str:
    left_out = len(text) - LONGEST_OUTPUT
    if left_out <= 0:
        return text
    half = LONGEST_OUTPUT // 2
    return f"{text[:half]}\n\n… {left_out:,} characters are left out here; the notebook has them …\n\n{text[-half:]}"


@cache
def _exporter() -> "HTMLExporter":
    from nbconvert import HTMLExporter

    return HTMLExporter(
        template_name="basic",
        exclude_anchor_links=True,
        config={"NbConvertBase": {"display_data_priority": list(SHOWN)}},
    )


@cache
def _code_style() -> str:
    from pygments.formatters import HtmlFormatter

    light, dark = (HtmlFormatter(style=style).get_style_defs(".highlight") for style in ("default", "github-dark"))
    return f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}"
