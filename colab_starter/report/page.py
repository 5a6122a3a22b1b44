"""The page of a sweep: one HTML file that contains its data, style and scripts, and loads nothing.

Its content security policy allows only these scripts and forbids all connections, so that text from a notebook, should
it ever become markup, can neither run nor send anything.
"""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

import colab_starter
from colab_starter.report.curves import Curves, pack_curves
from colab_starter.report.libraries import pack_plotly, pack_tables, read_tables_style
from colab_starter.report.summary import WORDS, Summary
from colab_starter.report.table import Table
from colab_starter.run.outcome import Status


@dataclass(frozen=True)
class Links:
    """Addresses relative to the page; None if there is no such file."""

    notebook: str | None
    page: str | None
    """The executed notebook as HTML."""


@dataclass(frozen=True)
class Report:
    """Everything that a page shows. The sequences are in the order of the runs."""

    summary: Summary
    table: Table
    names: Sequence[str]
    statuses: Sequence[Status]
    versions: Sequence[str]
    """The versions of the notebook, newest first."""
    version_of: Sequence[int]
    """The index of each run's version."""
    objectives: Mapping[str, str]
    """The metrics that a search optimised, each with ``maximize`` or ``minimize``."""
    curves: Curves
    links: Sequence[Links] = ()
    results: str | None = None
    """The address of results.csv."""
    pictures: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """PNGs as base64, by the run's index; not those of all runs."""
    live: bool = False
    """Whether the page asks the server that it comes from for news."""


FRAGMENTS = ("head", "facts", "footer")
"""The parts of the page that are made here, and that a live page replaces when there is news."""


def render_page(report: Report) -> str:
    """The whole page. Text from users is escaped."""
    script = read_script("report")
    return make_template("report.html").render(
        **_describe(report),
        policy=_make_policy(script, is_live=report.live),
        style=read_asset("colours.css") + read_asset("report.css"),
        script=script,
        data=embed_json(page_data(report)),
        tables_style=read_tables_style(),
        tables_script=pack_tables(),
        plots_script=pack_plotly(),
    )


def _describe(report: Report) -> dict[str, object]:
    """What the fragments of the page show."""
    return {
        "summary": report.summary,
        "table": report.table,
        "results": report.results,
        "versions": report.versions,
        "runs_of": Counter(report.version_of),
        "words": WORDS,
        "made": datetime.now(UTC),
        "live": report.live,
        "version": colab_starter.__version__,
    }


def render_fragments(report: Report) -> dict[str, str]:
    """The parts of the page that a live one replaces, by the IDs of their elements. Text from users is escaped."""
    described = _describe(report)
    return {name: make_template(f"{name}.html").render(described) for name in FRAGMENTS}


@cache
def read_asset(name: str) -> str:
    """The text of a file that belongs to the pages."""
    return (files("colab_starter.report") / "page" / name).read_text("utf-8")


def read_script(name: str) -> str:
    """The bundle of page/scripts/NAME.js and its imports as one script. ``make page`` writes the bundles."""
    return read_asset(f"bundles/{name}.js")


@cache
def make_template(name: str) -> Template:
    """A template of the pages; all values are escaped unless the template marks them as safe."""
    loader = FunctionLoader(read_asset)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)


def _make_policy(script: str, *, is_live: bool) -> str:
    """The content security policy: only the page's own script runs, and the libraries that it unpacks.

    Plotly's parallel coordinates compile code (unsafe-eval); both libraries set styles. Only a live page may connect,
    to the server that it comes from.
    """
    scripts = f"script-src {allow_scripts(script)} 'unsafe-eval' blob:"
    connections = "; connect-src 'self'" if is_live else ""
    return (
        f"default-src 'none'; {scripts}; style-src 'unsafe-inline'; img-src data: blob:; form-action 'none'; "
        f"base-uri 'none'{connections}"
    )


def allow_scripts(*scripts: str) -> str:
    """The value for ``script-src`` of a policy that allows only these scripts."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def page_data(report: Report) -> dict[str, object]:
    """What the page's script reads, as JSON."""
    return {
        "live": report.live,
        "names": report.names,
        "statuses": report.statuses,
        "words": WORDS,
        "versions": len(report.versions),
        "versionOf": report.version_of,
        "notebooks": [links.notebook for links in report.links],
        "pages": [links.page for links in report.links],
        "columns": [vars(column) for column in report.table.columns],
        "objectives": report.objectives,
        "curves": pack_curves(report.curves),
        "thinned": report.curves.thinned,
        "pictures": report.pictures,
    }


def embed_json(data: object) -> str:
    """JSON that is safe in a script element: without ``<``, so that no tag can end the element."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
