"""Notebooks that change the world before they import: made by a seeded generator for ``test_warm_trials``.

Each has modules of its own on PYTHONPATH, the *probes*; what a probe's import depends on is in its ``FACT``. The
probes are imported before the kernel is forked, whatever the notebook does before its own import of them.
"""

import random
import textwrap
from dataclasses import dataclass
from pathlib import Path

PROBES = {
    "reads_variable": "import os\nFACT = os.environ.get('COLOR', 'none')",
    "copies_variables": "import os\nFACT = {k: v for k, v in dict(os.environ).items() if k[:3] in ('COL', 'MY_')}",
    "reads_late_variable": "import os\nFACT = os.getenv('CUDA_VISIBLE_DEVICES')",
    "reads_path": "import sys\nFACT = [path for path in sys.path if 'extra' in path or path == 'other']",
    "tries_optional": "try:\n    import optional\n    FACT = optional.FACT\nexcept ImportError:\n    FACT = 'missing'",
    "finds_optional": "import importlib.util\nFACT = importlib.util.find_spec('optional') is not None",
    "reads_arguments": "import sys\nFACT = [len(sys.argv), sys.argv[0][-11:]]",
    "reads_folder": "import os\nFACT = os.path.basename(os.getcwd())",
    "reads_file": "from pathlib import Path\nFACT = [p.read_text() for p in [Path('settings.txt')] if p.exists()]",
    "draws_numbers": "import random\nFACT = random.random() < 2",
    "warns": "import warnings\nwarnings.warn('this is old', FutureWarning)\nFACT = 1",
    "silences": "import warnings\nwarnings.filterwarnings('ignore', message='new')\nFACT = 1",
    "prints": "import sys\nprint('printed by an import')\nprint('said by an import', file=sys.stderr)\nFACT = 1",
    "library": "MODE = 'a'\nSETTINGS = {'size': 1}\ndef give():\n    return 'given'\nFACT = MODE",
    "uses_library": "import library as l\nFACT = (l.MODE, l.SETTINGS['size'], l.give(), hasattr(l, 'new'))",
    "sets_variable": "import os\nos.environ['MY_OWN'] = 'set by an import'\nFACT = 1",
    "reads_limit": "import sys\nFACT = sys.getrecursionlimit()",
    "package.part": "from package import FACT as OF_PACKAGE\nfrom . import other\nFACT = (OF_PACKAGE, other.FACT)",
    "uses_colors": "import colorsys\nFACT = colorsys.rgb_to_hsv(1, 0, 0)",
    "slow_start": "import csv, wave, reads_variable\nFACT = (hasattr(wave, 'FACT'), reads_variable.FACT)",
}
"""Name and source of each; ``package`` comes with files of its own."""

CHANGES = [
    "os.environ['COLOR'] = 'red'",
    "from os import environ as E\nE['COLOR'] = 'green'",
    "os.environ |= {'COLOR': 'blue'}",
    "os.environ.update(MY_COLOR='1')",
    "os.environ.setdefault('COLOR', 'pink')",
    "os.environ.pop('COLOR', None)",
    "os.putenv('COLOR', 'unseen')",
    "os.environ['CUDA_VISIBLE_DEVICES'] = '1'",
    "setattr(os, 'environ', os.environ)",
    "sys.path.insert(0, 'extra')",
    "sys.path[:0] = ['extra']",
    "sys.path = ['extra', *sys.path]",
    "sys.path.append('extra')",
    "__import__('site').addsitedir('extra')",
    "sys.argv = ['prog', '--fast']",
    "sys.argv.append('--slow')",
    "os.chdir('sub')",
    "open('settings.txt', 'w').write('written')",
    "open('optional.py', 'w').write('FACT = 5')",
    "open('wave.py', 'w').write('FACT = 6')",
    "open(os.path.join(os.environ['PYTHONPATH'], 'reads_limit.py'), 'a').write('\\nFACT = -1  # edited')",
    "sys.modules['library'] = __import__('types').SimpleNamespace(MODE='fake', SETTINGS={'size': 0}, give=str, FACT=0)",
    "sys.modules['optional'] = __import__('types').SimpleNamespace(FACT='stub')",
    "import random; random.seed(7)",
    "import warnings; warnings.simplefilter('ignore')",
    "import warnings; warnings.simplefilter('error', FutureWarning)",
    "import library; library.MODE = 'b'",
    "import library; library.SETTINGS['size'] = 2",
    "import library; library.give = lambda: 'patched'",
    "import library; library.new = 1",
    "import colorsys; colorsys.rgb_to_hsv = lambda *color: 'patched'",
    "sys.setrecursionlimit(4321)",
    "x = 1",
    "import math, csv",
]
WRAPPERS = {
    "cell": "{code}",
    "function": "def change():\n{indented}\nchange()",
    "exec": "exec({code!r})",
    "module": "import helper_{number}",
    "importlib": "import importlib; importlib.import_module('helper_{number}')",
    "run": "%run helper_{number}.py",
    "condition": "if len(sys.argv) >= 0:\n{indented}",
    "capture": "from IPython.utils.capture import capture_output\nwith capture_output():\n{indented}",
}
MAGICS = ["%env COLOR=magic", "%cd sub", "%set_env MY_COLOR 2", "!true"]
IMPORTS = {
    "plain": "import {name}\nprint(sys.modules[{name!r}].FACT)",
    "from": "from {name} import FACT\nprint(FACT)",
    "importlib": "import importlib\nprint(importlib.import_module({name!r}).FACT)",
    "dunder": "__import__({name!r})\nprint(sys.modules[{name!r}].FACT)",
    "exec": "exec('import {name}')\nprint(sys.modules[{name!r}].FACT)",
    "function": "def load():\n    import {name}\n    return sys.modules[{name!r}].FACT\nprint(load())",
    "try": "try:\n    import {name}\n    print(sys.modules[{name!r}].FACT)\nexcept Exception as e:\n    print(repr(e))",
    "module": "import loads_{plain}\nprint(loads_{plain}.FACT)",
}
LIBRARIES = [
    *("concurrent.futures.thread", "dateutil.parser", "matplotlib.pyplot", "narwhals.stable.v2", "numpy", "pandas"),
    *("packaging.version", "PIL.Image", "pydot", "scipy.stats", "sklearn.datasets", "xml.dom.minidom", "yaml"),
]
"""Real libraries, which import one another in part. (The debugger of a cold kernel imports ``xml.parsers``.)"""
LIST_NAMES = """
for name in {names}:
    if name in sys.modules:
        print(name, sorted(part for part in dir(sys.modules[name]) if part[0] != '_'))
"""
LAST = """
print(sorted(name for name in sys.modules if name.partition('.')[0] in {names}))
import warnings
print([one[:2] for one in warnings.filters])
print({{name: value for name, value in os.environ.items() if name[:3] in ('COL', 'MY_')}})
print([path for path in sys.path if 'extra' in path], os.path.basename(os.getcwd()), sys.argv[1:][-1:] == ['--slow'])
"""


@dataclass(frozen=True)
class Trial:
    """A notebook, and the folder that it works in."""

    cells: list[str]
    warm: tuple[str, ...]
    """The modules that are imported before the kernel is forked."""
    folder: Path
    site: Path
    """What PYTHONPATH is to be."""

    def restore(self) -> None:
        """Put the files back that the notebook may have changed."""
        _write_files(self.folder, self.site)


def make_trial(seed: int, parent: Path) -> Trial:
    """The notebook of a seed; the same one every time."""
    chance = random.Random(seed)
    folder, site = parent / f"work-{seed}", parent / f"site-{seed}"
    if chance.random() < 0.1:
        trial = _make_trial_of_libraries(chance, folder, site)
    else:
        trial = Trial(["import os, sys"], tuple(PROBES), folder, site)
        _add_cells(trial, chance)
    trial.restore()
    return trial


def _make_trial_of_libraries(chance: random.Random, folder: Path, site: Path) -> Trial:
    """Libraries that are imported in one order before, and some of them in another one by the notebook."""
    warm = chance.sample(LIBRARIES, 4)
    packages = sorted({part for name in LIBRARIES for part in (name, name.partition(".")[0])} - {"xml"})
    cells = [f"import {name}\nprint({name}.__name__)" for name in chance.sample([*warm, chance.choice(LIBRARIES)], 3)]
    listed = [f"import sys\n{LIST_NAMES.format(names=packages)}"]
    return Trial([cell for one in cells for cell in (one, *listed)], tuple(warm), folder, site)


def _add_cells(trial: Trial, chance: random.Random) -> None:
    folder = trial.folder
    folder.mkdir(parents=True)
    for number in range(chance.randint(1, 5)):
        trial.cells.append(_change(chance, folder, number) if chance.random() < 0.3 else _import(chance))
    trial.cells.extend([_import(chance), LAST.format(names={name.partition(".")[0] for name in PROBES})])


def _write_files(folder: Path, site: Path) -> None:
    for path in (folder / "sub", folder / "extra", site / "package"):
        path.mkdir(parents=True, exist_ok=True)
    for leftover in ("settings.txt", "optional.py", "wave.py"):
        (folder / leftover).unlink(missing_ok=True)
        (folder / "sub" / leftover).unlink(missing_ok=True)
    (folder / "extra" / "optional.py").write_text("FACT = 'from the extra folder'")
    (site / "package" / "__init__.py").write_text("import os\nFACT = os.environ.get('COLOR')")
    (site / "package" / "other.py").write_text("import sys\nFACT = len(sys.argv)")
    for name, source in PROBES.items():
        (site / f"{name.replace('.', '/')}.py").write_text(source)
        (site / f"loads_{name.replace('.', '_')}.py").write_text(f"from {name} import FACT")


def _change(chance: random.Random, folder: Path, number: int) -> str:
    if chance.random() < 0.15:
        return chance.choice(MAGICS)
    code = chance.choice(CHANGES)
    (folder / f"helper_{number}.py").write_text(f"import os, sys\n{code}\n")
    wrapper = WRAPPERS[chance.choice(list(WRAPPERS))]
    return wrapper.format(code=code, number=number, indented=textwrap.indent(f"import os, sys\n{code}", "    "))


def _import(chance: random.Random) -> str:
    name = chance.choice(list(PROBES))
    return IMPORTS[chance.choice(list(IMPORTS))].format(name=name, plain=name.replace(".", "_"))
