"""Notebooks of other people, from the source distributions of packages that ship some.

Only the notebooks are kept, and empty files with the names of the Python files beside them: whether a module lies
beside a notebook matters to ``check``. None of the code is run.
"""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

PACKAGES = """
    aif360==0.6.1 alphalens==0.4.0 anndata==0.12.19 arch==8.0.0 ax-platform==1.3.1 bambi==0.17.2 bokeh==0.12.16
    botorch==0.18.1 chromadb==1.5.9 climetlab==0.24.0 control==0.10.2 datashader==0.19.1 dice-ml==0.12
    evidently==0.7.23 flax==0.12.8 geemap==0.37.2 gluonts==0.17.0 gpflow==1.5.1 gpytorch==1.15.2 great-tables==1.1.0
    hdbscan==0.8.44 holoviews==1.23.2 hvplot==0.12.2 hyperas==0.4.1 hyperopt==0.3.0 imbalanced-learn==0.14.2
    instructor==1.17.0 jupytext==1.19.6 kaggle==2.2.5 kats==0.2.0 leafmap==0.63.1 mesa==3.3.1 mpld3==0.5.12
    nbconvert==7.17.2 nbdime==4.0.4 nbsphinx==0.9.8 nnsight==0.8.1 outlines==1.3.3 panel==1.9.4 papermill==2.7.0
    pvlib==0.16.1 pymc3==3.8 ragas==0.4.3 sbi==0.27.0 scrapbook==0.5.0 seaborn==0.13.2 segment-geospatial==1.4.2
    shap==0.51.0 sktime==1.2.0 statsmodels==0.10.2 statsmodels==0.15.0 talos==2.0.10 tensor2tensor==1.15.7
    transformer-lens==4.3.0 tsfresh==0.21.2 xarray==2026.9.0 xclim==0.62.0 yellowbrick==1.5 zennit==0.5.1
    zipline==1.4.1
""".split()
"""About 2,000 notebooks in 520 MB of archives."""
_LARGEST = 4 << 20
"""Bytes of a notebook; larger ones are outputs, mostly."""


def fetch_notebooks(folder: Path) -> int:
    """Download the packages, and put their notebooks into the folder, each text once; returns how many."""
    seen = {_digest(path.read_bytes()) for path in folder.rglob("*.ipynb")}
    with TemporaryDirectory() as downloads:
        for requirement in PACKAGES:
            archive = _download(requirement, Path(downloads))
            if archive:
                _unpack(archive, folder / requirement.replace("==", "-"), seen)
                archive.unlink()
    return len(seen)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _download(requirement: str, folder: Path) -> Path | None:
    """The package's source distribution; None if there is none."""
    # pip would build the package to learn its name; unearth only downloads it.
    command = [sys.executable, "-m", "unearth", "--no-binary", "--download", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True)
    if "No module named unearth" in done.stderr:
        raise SystemExit("the packages are downloaded by unearth; type: python -m pip install unearth")
    found = next(folder.iterdir(), None)
    print(f"{requirement}: {'downloaded' if found else 'not found'}", flush=True)
    return found


def _unpack(archive: Path, folder: Path, seen: set[str]) -> None:
    """Write the notebooks whose text is new, and the names of the modules beside them."""
    modules: list[PurePosixPath] = []
    folders: set[PurePosixPath] = set()
    for path, read in _list_files(archive):
        if path.suffix == ".py":
            modules.append(path)
        if path.suffix != ".ipynb" or ".ipynb_checkpoints" in path.parts:
            continue
        content = read()
        if len(content) <= _LARGEST and _digest(content) not in seen:
            seen.add(_digest(content))
            folders.add(path.parent)
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    for module in modules:
        if module.parent in folders:
            (folder / module).touch()


def _list_files(archive: Path) -> Iterator[tuple[PurePosixPath, Callable[[], bytes]]]:
    """The files of an archive, without its top folder and without what would lie outside it."""
    for name, read in _list_zip(archive) if archive.suffix == ".zip" else _list_tar(archive):
        path = PurePosixPath(*PurePosixPath(name).parts[1:])
        if path.parts and ".." not in path.parts and not path.is_absolute():
            yield path, read


def _list_zip(archive: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            yield name, partial(opened.read, name)


def _list_tar(archive: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    with tarfile.open(archive) as opened:
        for member in opened:
            content = opened.extractfile(member) if member.isfile() else None
            if content:
                yield member.name, content.read
