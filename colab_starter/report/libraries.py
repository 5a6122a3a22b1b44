"""The JavaScript libraries that are embedded in the pages, so that they need no network."""

import base64
import gzip
from functools import cache
from importlib.util import find_spec
from pathlib import Path


def read_tables_style() -> str:
    """The style sheet of DataTables and its extensions."""
    return _tables_bundle().with_suffix(".css").read_text("utf-8")


@cache
def pack_tables() -> str:
    """DataTables and its extensions from itables: an ES module, packed."""
    return _pack(_tables_bundle().read_bytes())


@cache
def pack_plotly() -> str:
    """Plotly, packed."""
    from plotly.offline import get_plotlyjs

    return _pack(get_plotlyjs().encode())


def _tables_bundle() -> Path:
    """The path of the bundle, found without importing itables, which imports pandas."""
    package = find_spec("itables")
    assert package
    assert package.origin
    return Path(package.origin).parent / "html" / "dt_bundle.js"


def _pack(script: bytes) -> str:
    """The script packed for unpack.js: half its size, and without anything that could end a script element."""
    return base64.b64encode(gzip.compress(script, 6, mtime=0)).decode()
