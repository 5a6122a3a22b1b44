"""What an environment must have for a notebook: the packages of the modules that it imports."""

import ast
import re
import sys
from pathlib import Path
from typing import NamedTuple

from colab_starter.notebook.model import Notebook
from colab_starter.notebook.python import Import, read_facts
from colab_starter.runtimes import Runtime, package_of_module

_OPTIONAL = {
    "openpyxl": "read_excel to_excel ExcelWriter ExcelFile",
    "xlrd": "read_excel",
    "lxml": "read_html read_xml to_xml",
    "html5lib": "read_html",
    "beautifulsoup4": "read_html",
    "pyarrow": "read_parquet to_parquet read_feather to_feather ArrowDtype",
    "tables": "read_hdf to_hdf HDFStore",
    "tabulate": "to_markdown",
    "jinja2": "style",
    "sqlalchemy": "read_sql read_sql_query read_sql_table to_sql",
    "matplotlib": "plot hist boxplot matplotlib pylab plot_importance plot_tree plot_metric",
    "graphviz": "to_graphviz plot_tree plot_model",
    "pydot": "plot_model",
    "scikit-learn": "XGBClassifier XGBRegressor LGBMClassifier LGBMRegressor",
    "ipywidgets": "tqdm_notebook notebook interact",
    "pillow": "load_img array_to_img image_dataset_from_directory imread",
}
"""Package -> names in the code that need it, although nothing imports it."""
_KERAS_BACKENDS = ("tensorflow", "jax", "torch")
"""The first is what Keras imports unless KERAS_BACKEND says otherwise."""
_NAME = re.compile(r"[A-Za-z_]\w*")
_MISSING = (
    re.compile(r"No module named '(?P<module>[\w.]+)'"),
    re.compile(r"[Mm]issing optional dependency '(?P<module>[\w.-]+)'"),
    re.compile(r"[Ii]mport(?:ing)? (?:of )?[`'\"](?P<module>[\w.]+)[`'\"] (?:failed|error)"),
    re.compile(r"(?:[Pp]lease|[Yy]ou (?:must|need to)) (?:`?pip )?install [`'\"]?(?P<module>[\w-]+)"),
)


class Needs(NamedTuple):
    """The packages of a notebook, on one runtime."""

    packages: frozenset[str]
    """All that it may use."""
    required: frozenset[str]
    """Those without which it is certain to fail: what it imports under no condition."""
    unknown: tuple[str, ...]
    """Modules that it imports but the runtime does not have, and that it does not install."""


def find_needs(notebook: Notebook, runtime: Runtime) -> Needs:
    """What the notebook needs of a runtime's packages."""
    imported = _find_imports(notebook)
    there = {*runtime.packages, *runtime.also}
    packages = {package_of_module(module) for module in imported}
    required = {package_of_module(module) for module, is_certain in imported.items() if is_certain}
    names = {name for cell in notebook.cells if cell.kind == "code" for name in _NAME.findall(cell.source)}
    optional = {package for package, words in _OPTIONAL.items() if not names.isdisjoint(words.split())}
    if "keras" in packages and "tensorflow" not in packages:
        optional |= {name for name in _KERAS_BACKENDS if name in names} if "KERAS_BACKEND" in names else {"tensorflow"}
    installed = {requirement.name for _, install in notebook.installs for requirement in install.requirements}
    beside = {path.name for path in notebook.path.parent.iterdir() if path.is_dir()}
    known = {*there, *installed, *beside, *sys.stdlib_module_names}
    unknown = {module.partition(".")[0] for module in imported if known.isdisjoint(_name_package(module))}
    return Needs(
        packages=frozenset((packages | optional) & there),
        required=frozenset(required & there),
        unknown=tuple(sorted(unknown)),
    )


def _name_package(module: str) -> tuple[str, str]:
    return package_of_module(module), module.partition(".")[0]


def _find_imports(notebook: Notebook) -> dict[str, bool]:
    """What the notebook and the files beside it import, as ``module.name``, and whether that is unconditional."""
    imported: dict[str, bool] = {}
    seen: set[Path] = set()
    open_ones = [found for _, found in notebook.imports]
    while open_ones:
        found = open_ones.pop()
        file = notebook.path.parent / f"{found.module.partition('.')[0]}.py"
        if file in seen or not found.module:
            continue
        if file.is_file():
            seen.add(file)
            open_ones += _read_imports(file)
        else:
            name = f"{found.module}.{found.name}" if found.name else found.module
            imported[name] = imported.get(name, False) or not found.guarded
    return imported


def _read_imports(file: Path) -> list[Import]:
    """The imports of a file beside the notebook, of which none is certain; none if it cannot be read."""
    try:
        facts = read_facts(ast.parse(file.read_text(encoding="utf-8")))
    except (OSError, SyntaxError, ValueError):
        return []
    return [found._replace(guarded=True) for found in facts.imports]


def find_missing(cause: str, runtime: Runtime) -> frozenset[str]:
    """The packages that a failed run turned out to need, and that the runtime has."""
    modules = [found["module"] for pattern in _MISSING for found in pattern.finditer(cause)]
    return frozenset(map(package_of_module, modules)) & {*runtime.packages, *runtime.also}
