"""The page of a sweep: one HTML file that contains its data, style and scripts, and loads nothing.

Its content security policy allows only these scripts and forbids all connections, so that text from a notebook, should
it ever become markup, can neither run nor send anything.
"""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

import colab_starter
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
    links: Sequence[Links]
    results: str | None
    """The address of results.csv."""


def render_page(report: Report) -> str:
    """The whole page. Text from users is escaped."""
    script = read_script("report")
    return make_template("report.html").render(
        policy=_make_policy(script),
        summary=report.summary,
        table=report.table,
        results=report.results,
        versions=report.versions,
        runs_of=Counter(report.version_of),
        words=WORDS,
        made=datetime.now(UTC),
        version=colab_starter.__version__,
        style=read_asset("colours.css") + read_asset("report.css"),
        script=script,
        data=embed_json(_page_data(report)),
        tables_style=read_tables_style(),
        tables_script=pack_tables(),
        plots_script=pack_plotly(),
    )


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
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(read_asset(name))


def _make_policy(script: str) -> str:
    """The content security policy: only the page's own script runs, and the libraries that it unpacks.

    Plotly's parallel coordinates compile code (unsafe-eval); both libraries set styles.
    """
    scripts = f"script-src {allow_scripts(script)} 'unsafe-eval' blob:"
    return f"default-src 'none'; {scripts}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'"


def allow_scripts(*scripts: str) -> str:
    """The value for ``script-src`` of a policy that allows only these scripts."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def _page_data(report: Report) -> dict[str, object]:
    return {
        "names": report.names,
        "statuses": report.statuses,
        "words": WORDS,
        "versions": len(report.versions),
        "versionOf": report.version_of,
        "notebooks": [links.notebook for links in report.links],
        "pages": [links.page for links in report.links],
        "columns": [vars(column) for column in report.table.columns],
    }


def embed_json(data: object) -> str:
    """JSON that is safe in a script element: without ``<``, so that no tag can end the element."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
