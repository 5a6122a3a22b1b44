"""Executed notebooks as HTML pages: small, offline, and harmless.

A notebook's output may contain scripts. They do not run, because a script can reach the network despite any sandbox and
policy, through WebRTC and connections that browsers open speculatively. Plotly's figures are drawn by our own script
from their data. Even so, the notebook is in a sandboxed frame, which cannot access the page around it, cookies or
files.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache, partial
from multiprocessing import get_context
from os.path import relpath, splitext
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from colab_starter.files import write_whole
from colab_starter.notebook.model import read_notebook
from colab_starter.report.libraries import pack_plotly
from colab_starter.report.markup import make_harmless
from colab_starter.report.page import allow_scripts, embed_json, make_template, read_asset, read_script
from colab_starter.run.shims import import_jsonschema

if TYPE_CHECKING:
    from nbconvert import HTMLExporter
    from nbformat import NotebookNode

WORKERS = 4
"""The most processes that render notebooks at once; each takes about 100 MB."""
WORTH_WORKERS = 24
"""Fewer notebooks than this are rendered faster than processes can be started."""
REMEMBERED = 500
"""How many cells without outputs have their HTML cached: the notebooks of a sweep share most of these."""
LONGEST_OUTPUT = 100_000
"""In characters of one plain-text output; of a longer one, the beginning and the end are shown."""
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
"""Forms of an output, best first. Bare scripts and widgets would need Jupyter around them."""
FAILED_CELL = "failed-cell"
"""The class of the cell at which the run ended, to which failed_cell.js scrolls when the page opens."""
_SCRIPTS_REST = '<p class="rests">The scripts of this output do not run here; Jupyter runs them.</p>'


def page_of(notebook: Path) -> Path:
    """The path of a notebook's page: beside it, with the same name."""
    return Path(name_page(str(notebook)))


def name_page(notebook: str) -> str:
    """The path of a notebook's page, for a path as a string; see ``page_of``."""
    return f"{splitext(notebook)[0]}.html"


def is_stale(notebook: str | Path) -> bool:
    """Whether the notebook has no page, or is newer than its page."""
    try:
        made = os.stat(name_page(str(notebook))).st_mtime_ns
    except FileNotFoundError:
        return True
    return made < os.stat(notebook).st_mtime_ns


def render_all(notebooks: Sequence[Path], report: Path, advance: Callable[[], None], workers: int) -> dict[Path, str]:
    """Write the pages of the notebooks, which link back to the report; calls ``advance`` after each.

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
    """The results of the calls as they arrive, from several processes if that is worthwhile."""
    if workers == 1 or len(notebooks) < WORTH_WORKERS:
        yield from map(render, notebooks)
        return
    with get_context("spawn").Pool(min(workers, WORKERS), _ignore_ctrl_c) as pool:
        yield from pool.imap_unordered(render, notebooks)


def _ignore_ctrl_c() -> None:
    """Ignore Ctrl-C, which the parent process handles by ending this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _render_safely(notebook: Path, report: Path) -> tuple[Path, str]:
    """Render a notebook; a failure must not affect the others."""
    try:
        page = render_notebook(notebook, report).encode("utf-8", errors="backslashreplace")
        write_whole(page_of(notebook), page)
    except Exception as error:
        return notebook, " ".join(f"{type(error).__name__}: {error}".split())
    return notebook, ""


def render_notebook(notebook: Path, report: Path) -> str:
    """The HTML of a notebook, with a link back to the report. Raises the errors of reading and rendering it."""
    node = _read_node(notebook)
    body = render_cells(node)
    has_figures = any(PLOTLY in output.get("data", {}) for output in _outputs(node))
    scripts = [read_script("frame"), *([read_script("figures")] if has_figures else [])]
    frame = make_template("frame.html").render(
        body=make_harmless(body),
        style=read_asset("colours.css") + read_asset("frame.css") + _code_style(),
        plotly=pack_plotly() if has_figures else "",
        scripts=scripts,
    )
    script = read_script("leave")
    return make_template("notebook.html").render(
        policy=_make_policy(allow_scripts(script, *scripts), with_libraries=has_figures),
        script=script,
        title=notebook.name,
        run=notebook.parent.name,
        back=quote(relpath(report, notebook.parent)),
        notebook=quote(notebook.name),
        frame=frame,
        style=read_asset("colours.css") + read_asset("notebook.css"),
    )


def render_cells(node: "NotebookNode") -> str:
    """The cells as HTML. A cell on which nbconvert fails (a picture is missing in it) is shown as plain text."""
    about = node.metadata.get("language_info", {})
    language = about.get("pygments_lexer", about.get("name"))
    return "".join(_render_safe_cell(cell, language if isinstance(language, str) else None) for cell in node.cells)


def _render_safe_cell(cell: "NotebookNode", language: str | None) -> str:
    papermill = cell.metadata.get("papermill")
    html = _render_shared_cell(cell, language)
    has_failed = isinstance(papermill, dict) and papermill.get("status") == "failed"
    return f'<section class="{FAILED_CELL}">{html}</section>' if has_failed else html


def _render_shared_cell(cell: "NotebookNode", language: str | None) -> str:
    try:
        cell.metadata.pop("papermill", None)  # when it ran, which is not shown on pages
        if cell.get("outputs"):
            return export_cell(cell, language)
        return _render_again(json.dumps(cell), language)
    except Exception:
        return export_cell(_make_plain(cell), language)


@lru_cache(maxsize=REMEMBERED)
def _render_again(cell: str, language: str | None) -> str:
    """Render a cell given as JSON, cached because most notebooks of a sweep share it."""
    from nbformat import from_dict

    return export_cell(from_dict(json.loads(cell)), language)


def export_cell(cell: "NotebookNode", language: str | None) -> str:
    """One cell as HTML, made by nbconvert."""
    from nbformat.v4 import new_notebook

    return str(_exporter(language).from_notebook_node(new_notebook(cells=[cell]))[0])


def _make_plain(cell: "NotebookNode") -> "NotebookNode":
    """The cell in a form that needs no conversion."""
    if cell.cell_type == "markdown":
        cell.source = indent(cell.source, "    ", lambda line: True)
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        texts = [data[mime] for mime in ("text/plain", *SHOWN) if mime in data and mime.startswith("text/")]
        if texts:
            output.data = {"text/plain": texts[0]}
    return cell


def _make_policy(scripts: str, *, with_libraries: bool) -> str:
    """The content security policy, also for the frame. Plotly is unpacked into a blob, and compiles code."""
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
    """Whether to show an output: not if only programs read it, such as metrics, or no form of it can be shown."""
    return output.output_type in ("stream", "error") or any(mime in SHOWN for mime in output.data)


def _outputs(node: "NotebookNode") -> "list[NotebookNode]":
    return [output for cell in node.cells for output in cell.get("outputs", [])]


def _place_figure(output: "NotebookNode") -> None:
    """Put a Plotly figure where figures.js finds it; Plotly's own HTML, if any, would include all of Plotly."""
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


@lru_cache(maxsize=8)
def _exporter(language: str | None) -> "HTMLExporter":
    """The exporter for a language, cached with its highlighted code, which a sweep's notebooks mostly share."""
    from nbconvert import HTMLExporter
    from nbconvert.filters import Highlight2HTML, clean_html

    highlight = Highlight2HTML(pygments_lexer=language)
    highlight_again = lru_cache(maxsize=REMEMBERED)(highlight)

    def highlight_code(source: str, metadata: Mapping[str, Any]) -> str:
        has_magic = metadata and "magics_language" in metadata
        return str(highlight(source, metadata=metadata) if has_magic else highlight_again(source))

    return HTMLExporter(
        template_name="basic",
        exclude_anchor_links=True,
        filters={"highlight_code": highlight_code, "clean_html": lru_cache(maxsize=REMEMBERED)(clean_html)},
        config={
            "NbConvertBase": {"display_data_priority": list(SHOWN)},
            "Exporter": {"optimistic_validation": True},  # validate once per cell, not after each step
            "CSSHTMLHeaderPreprocessor": {"enabled": False},  # a style sheet that our pages do not use
        },
    )


@cache
def _code_style() -> str:
    from pygments.formatters import HtmlFormatter

    light, dark = (HtmlFormatter(style=style).get_style_defs(".highlight") for style in ("default", "github-dark"))
    return f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}"
