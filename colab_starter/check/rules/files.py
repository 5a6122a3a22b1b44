"""CS316, CS319 to CS321: files that are not there for somebody else, and badges that lead nowhere."""

import ast
import re
import sys
from collections.abc import Iterator

from packaging.utils import canonicalize_name

from colab_starter.check.rule import COLAB, ERROR, WARNING, Problem, rule
from colab_starter.check.rules.install import runtime_packages
from colab_starter.check.source import without_comments
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.notebook.python import Call, read_literal
from colab_starter.runtimes import Runtime, package_of_module

_DRIVE = re.compile(r"/content/g?drive/[^'\"\n]+")
_DRIVE_IN_COMMAND = re.compile(r"(?<![\w/])/content/g?drive/(?:My\\? ?Drive|Shareddrives|Othercomputers)\b")
_BRINGS_DRIVE = re.compile(
    r"\.mount\(|\bmount\(|ocamlfuse|rclone|\bpydrive|mount_drive|ln -s|symlink|google-drive", re.IGNORECASE
)
_LOOKS_FIRST = re.compile(
    r"\bexists\(|isdir\(|isfile\(|is_dir\(|is_file\(|is_mount|ismount\(|makedirs\(|mkdir|\[ -[edf] "
)
_NAME_OF_DRIVE = re.compile(r"(\w+)[ \t]*=[^=\n]*/content/g?drive")
_BADGE = re.compile(r"colab-badge|colab\.research\.google\.com/(?:github|drive)/")
_FETCHES = re.compile(
    r"\bcurl\b|\bwget\b|\bgdown\b|\bunzip\b|\btar\b|\b7z|\baria2c\b|\bkaggle\b|\bgsutil\b"
    r"|\bgcloud\b|\bsvn\b|\bhf\b|huggingface-cli|\bdvc\b|\brclone\b|\bscp\b|\brsync\b|\bcp\b|\bmv\b|\bln\b|%cd\b"
    r"|chdir\(|sys\.path|writefile|urlretrieve|urlopen|\brequests\.|httpx|\.mount\("
    r"|get_file|(?:download|upload|fetch|extract|unpack|snapshot)\w*\(|clone_from|%run|exec\(|%load\b|open_url|pooch|\bfs\b|s3fs|gcsfs|\bboto3\b"
    r"|\w\.sh\b|%%script|\bmake\b|pip\S* +install[^\n]*\s(?:-e|-r|\.)(?:\s|$)|pip\S* +install[^\n]*(?:git\+|://)"
)
"""Whatever may bring files along, or lead to a folder where they are."""
_READS_TABLE = frozenset(
    "read_csv read_excel read_json read_table read_parquet read_pickle read_feather read_stata".split()
)
_READERS = frozenset(
    """
    numpy.load numpy.loadtxt numpy.genfromtxt geopandas.read_file PIL.Image.open matplotlib.pyplot.imread
    matplotlib.image.imread skimage.io.imread scipy.io.loadmat scipy.io.wavfile.read librosa.load joblib.load
    cv2.imread open
""".split()
) | {f"{library}.{name}" for library in ("pandas", "polars", "dask.dataframe") for name in _READS_TABLE}
"""Functions whose first argument is the path of a file that they read."""
_RELATIVE_FILE = re.compile(r"(?!sample_data/|https?:|/|~|\.\./\.\./)(?:\./|\.\./)?[\w .()/-]*\w\.(?P<kind>\w{2,7})")
_DATA = frozenset(
    "csv tsv txt json jsonl xls xlsx parquet feather pkl pickle npy npz mat h5 hdf5 dta png jpg jpeg gif bmp tif tiff "
    "wav mp3 zip geojson shp joblib dat".split()
)


@rule(
    "CS316",
    "drive-not-mounted",
    WARNING,
    platforms=(COLAB,),
    evidence="52 of 5,426 public notebooks read below /content/drive and mount it nowhere.",
)
def find_unmounted_drive(notebook: Notebook) -> Iterator[Problem]:
    """A notebook that uses a path below /content/drive mounts Drive.

    The folder is there only after drive.mount. Where the author's session had been mounted by hand, from the panel of
    files, everybody else gets FileNotFoundError. Mount it in a cell above, or test first whether the path is there.
    """
    if "/content/drive" not in notebook.text and "/content/gdrive" not in notebook.text:
        return
    if may_be_mounted(notebook):
        return
    for cell, line in _uses_of_drive(notebook):
        yield Problem(
            "Drive is mounted nowhere in this notebook, so this path is not found; run google.colab.drive.mount"
            '("/content/drive") in a cell above, or read the file from an address that everybody can reach',
            cell,
            line,
        )
        return


def may_be_mounted(notebook: Notebook) -> bool:
    """Or it may be: by Colab's own button, by other programs; or the notebook provides for its absence."""
    colab = notebook.metadata.get("colab")
    if isinstance(colab, dict) and colab.get("mount_file_id"):
        return True
    code = [without_comments(cell.source) for cell in notebook.cells if cell.kind == "code"]
    if any(map(_BRINGS_DRIVE.search, code)):
        return True
    names = [name for source in code for name in _NAME_OF_DRIVE.findall(source)]
    on_drive = re.compile("|".join([r"/content/g?drive", *(rf"\b{name}\b" for name in names)]))
    return any(_LOOKS_FIRST.search(source) and on_drive.search(source) for source in code)


def _uses_of_drive(notebook: Notebook) -> Iterator[tuple[Cell, int]]:
    for cell in notebook.cells:
        if not cell.is_python or "/content/" not in cell.source:
            continue
        lines = [text.line for text in cell.facts.texts if _DRIVE.fullmatch(text.value)]
        lines += [found.line for found in cell.commands if _DRIVE_IN_COMMAND.search(found.text)]
        if lines:
            yield cell, min(lines)


_NEVER_LOCAL = frozenset("numpy pandas matplotlib torch tensorflow keras sklearn cv2 transformers google".split())


@rule(
    "CS319",
    "import-of-file-beside",
    ERROR,
    platforms=(COLAB,),
    evidence="Colab opens the .ipynb alone; 56 of 5,426 public notebooks import a .py that only lies next to it.",
)
def find_import_of_file_beside(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """A notebook with an Open in Colab badge fetches the modules that lie next to it.

    The badge opens the .ipynb alone; a .py file in the same folder of the repository stays behind, and its import
    stops with ModuleNotFoundError. Clone the repository and change into it in the first cell, or download the file.
    """
    local = [
        (cell, found)
        for cell, found in notebook.imports
        if not found.guarded and _lies_beside(found.module.partition(".")[0], notebook)
    ]
    if not local or not _has_badge(notebook):
        return
    packages = runtime_packages(runtime, notebook.accelerator)
    installed = {one.name for _, install in notebook.installs for one in install.requirements}
    for cell, found in local:
        module = found.module.partition(".")[0]
        if _may_fetch(notebook, cell, module):
            return
        names = {canonicalize_name(module), package_of_module(found.module)}
        if names & packages or names & installed or any(install.opaque for _, install in notebook.installs):
            continue
        yield Problem(
            f"{module[:60]} lies next to the notebook, and the badge opens the notebook alone, so this import stops; "
            "fetch it in a cell above: !git clone ... and %cd, or !wget its raw address",
            cell,
            found.line,
        )
        return


def _lies_beside(module: str, notebook: Notebook) -> bool:
    if module in sys.stdlib_module_names or module in _NEVER_LOCAL:
        return False  # so that most notebooks' findings do not depend on the folder
    return f"{module}.py" in notebook.beside or module in notebook.beside


def _has_badge(notebook: Notebook) -> bool:
    return any(cell.kind == "markdown" and _BADGE.search(cell.source) for cell in notebook.cells)


def _may_fetch(notebook: Notebook, reader: Cell, name: str) -> bool:
    """May a cell down to the one that reads the file have brought it? ``name`` is that of the module or the folder."""
    cells = [cell for cell in notebook.cells[: reader.number] if cell.kind == "code"]
    return any(_FETCHES.search(source) or _clones(source, name) for source in map(_code_of, cells))


def _code_of(cell: Cell) -> str:
    return without_comments(cell.source)


def _clones(source: str, name: str) -> bool:
    """Is a repository cloned into this folder, or into a folder that cannot be told?

    A clone that is neither entered nor on the path brings no module but the one that it is.
    """
    return any(
        re.search(rf"[/\s]{re.escape(name)}(?:\.git)?/?[\"')\s;&|]*(?:$|[;&|])", line)
        or re.search(r"\s\.\s*$|[{$]", line)
        for line in source.split("\n")
        if "clone" in line and "git" in line
    )


@rule(
    "CS320",
    "data-file-beside",
    ERROR,
    platforms=(COLAB,),
    evidence="55 of 5,426 public notebooks read a relative file that nothing in them makes.",
)
def find_data_file_beside(notebook: Notebook) -> Iterator[Problem]:
    """A notebook with an Open in Colab badge fetches the files that it reads.

    The badge opens the .ipynb alone; data in the repository stays behind, and reading it stops with
    FileNotFoundError. Read it from its raw address, or clone the repository and change into it in the first cell.
    Notebooks that download, mount, unpack or write anything are not judged.
    """
    read = [
        (cell, call, _path_read(call))
        for cell, call in notebook.calls
        if call.name in _READERS and not (call.guarded or call.in_function)
    ]
    if not any(path for _, _, path in read) or not _has_badge(notebook):
        return
    for cell, call, path in read:
        name = path.rpartition("/")[2]
        if path and _may_fetch(notebook, cell, path.removeprefix("./").partition("/")[0]):
            return
        if path and _mentions(notebook, name) == 1:
            yield Problem(
                f"{name:.60} is not on Colab: the badge opens the notebook alone, and nothing here makes or fetches "
                "the file; read it from its raw address on GitHub, or clone the repository first",
                cell,
                call.line,
            )
            return


def _path_read(call: Call) -> str:
    """The relative path of a data file that the call reads; empty for anything else."""
    arguments = call.node.args
    path = read_literal(arguments[0]) if arguments else None
    if call.name == "open" and not _opens_to_read(call.node):
        return ""
    match = _RELATIVE_FILE.fullmatch(path) if isinstance(path, str) and len(path) < 200 else None
    return match[0] if match and match["kind"].lower() in _DATA else ""


def _opens_to_read(call: ast.Call) -> bool:
    modes = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    mode = read_literal(modes[0]) if modes else "r"
    return isinstance(mode, str) and "r" in mode and "+" not in mode


def _mentions(notebook: Notebook, name: str) -> int:
    """How often the code has the name in it: the second time may be where the file is made."""
    return sum(cell.source.count(name) for cell in notebook.cells if cell.kind == "code")


_DEAD_SERVICES = {
    "console.paperspace.com/": "Paperspace Gradient",
    "gradient.run/": "Paperspace Gradient",
    "gradient-badge.svg": "Paperspace Gradient",
    "notebooks.azure.com/": "Azure Notebooks",
    "floydhub.com/run": "FloydHub",
}
"""What the address of a badge has in it -> the service that it led to."""
_LINK = re.compile(r"https?://[^\s)\"'>\]]+")


@rule(
    "CS321",
    "badge-of-dead-service",
    WARNING,
    evidence="gradient.run is offline since 2025 (fastai/course22-web#60); Azure Notebooks closed in January 2021, "
    "FloydHub in August 2021.",
)
def find_dead_badges(notebook: Notebook) -> Iterator[Problem]:
    """Badges open services that still exist.

    Readers who click on the badge of a service that has closed end at an error page, or at an offer to buy something
    else. Delete it.
    """
    for cell in notebook.cells:
        if cell.kind != "markdown" or "http" not in cell.source:
            continue
        for link in _LINK.finditer(cell.source):
            for part, service in _DEAD_SERVICES.items():
                if part in link[0]:
                    line = cell.source.count("\n", 0, link.start()) + 1
                    yield Problem(f"{service} has closed, so this badge leads nowhere; delete it", cell, line)
                    return
