"""CS7: what is otherwise on Kaggle; these rules run with ``--platform kaggle``."""

import re
from collections.abc import Iterator

from colab_starter.check.rule import ERROR, KAGGLE, WARNING, Problem, rule
from colab_starter.check.rules.gpu import find_uses_of_gpu, looks_for_gpu
from colab_starter.notebook.model import Json, Notebook

_INPUT = "add the files as a dataset (Add Input), and read them below /kaggle/input"
_INSTEAD = {
    "google.colab.drive.mount": _INPUT,
    "google.colab.files.upload": _INPUT,
    "google.colab.files.download": "write the file into /kaggle/working, where Kaggle keeps it as output",
    "google.colab.userdata.get": "use kaggle_secrets.UserSecretsClient().get_secret(...)",
    "google.colab.output.eval_js": 'put it under: if "google.colab" in sys.modules:',
    "google.colab.auth.authenticate_user": "attach a Google Cloud account (Add-ons)",
}
"""What only works in Colab's tab -> what to do on Kaggle."""
_KNOWS_WHERE_IT_IS = re.compile(r"/kaggle/|KAGGLE_|kaggle_secrets|google\.colab\\?[\"'] in\b|\bCOLAB_|_COLAB\b")
"""A notebook that finds out where it runs has paths for each place."""
_CONTENT = re.compile(r"(?<![\w/.])/content(?=/|\b(?![\w-]))")
_NEEDS_NETWORK = re.compile(
    r"(?:uv )?pip3? install (?!.*(?:--no-index|/kaggle/input))|apt(?:-get)? install|wget |curl |git clone |gdown "
)


@rule(
    "CS701",
    "colab-only-call",
    ERROR,
    platforms=(KAGGLE,),
    evidence="colabtools: drive.mount raises NotImplementedError where /var/colab/hostname is missing.",
)
def find_colab_only_calls(notebook: Notebook) -> Iterator[Problem]:
    """On Kaggle, nothing of google.colab is used that needs Colab's tab.

    Drive, uploads, downloads and secrets of Colab are answered by the tab of Colab, which Kaggle does not have: the
    calls raise errors or wait for ever. Kaggle has datasets, /kaggle/working and its own secrets for that. Put what is
    meant for Colab under `if "google.colab" in sys.modules:`.
    """
    told: set[str] = set()
    for cell, call in notebook.calls:
        if call.name in _INSTEAD and call.name not in told and not (call.guarded or call.in_function):
            told.add(call.name)
            name = call.name.removeprefix("google.colab.")
            yield Problem(f"{name} works in Colab only; on Kaggle, {_INSTEAD[call.name]}", cell, call.line)
    if told:
        return
    for cell, found in notebook.imports:
        if found.module.partition(".")[0] == "google" and f"{found.module}.{found.name}.".startswith("google.colab."):
            if not found.guarded:
                yield Problem(
                    "google.colab is made for Colab; on Kaggle put its import into try: ... except ImportError:",
                    cell,
                    found.line,
                    WARNING,
                )
            return


@rule(
    "CS702",
    "colab-path",
    WARNING,
    platforms=(KAGGLE,),
    evidence="Kaggle mounts data at /kaggle/input and saves /kaggle/working (its documentation of notebooks).",
)
def find_colab_paths(notebook: Notebook) -> Iterator[Problem]:
    """On Kaggle, files are below /kaggle/input and /kaggle/working.

    /content is Colab's folder. On Kaggle, nothing of the data is there, and what is written there is not kept as the
    notebook's output. Use paths relative to the working folder, which is right on both.
    """
    if "/content" not in notebook.text or _KNOWS_WHERE_IT_IS.search(notebook.text):
        return
    for cell in notebook.cells:
        if not cell.is_python or "/content" not in cell.source:
            continue
        lines = [text.line for text in cell.facts.texts if _CONTENT.match(text.value)]
        lines += [found.line for found in cell.commands if found.kind in "!%" and _CONTENT.search(found.text)]
        if lines:
            yield Problem(
                "/content is Colab's folder; on Kaggle read data below /kaggle/input and write to /kaggle/working, or "
                "use paths relative to the working folder, which fit both",
                cell,
                min(lines),
            )
            return


@rule(
    "CS703",
    "internet-off",
    ERROR,
    platforms=(KAGGLE,),
    evidence="isInternetEnabled in the notebook's metadata is Kaggle's own record of the setting.",
)
def find_use_of_internet(notebook: Notebook) -> Iterator[Problem]:
    """On Kaggle, a notebook that downloads has the internet switched on.

    The notebook's metadata says that it is off: pip, apt, wget and git wait for a network that never comes, print an
    error, and the notebook goes on without the package. Switch it on in the settings at the right, or add the wheels
    as a dataset and install with --no-index --find-links.
    """
    if _kaggle_of(notebook).get("isInternetEnabled") is not False:
        return
    for cell, command in notebook.commands:
        if command.kind in "!%" and not command.nested and (found := _NEEDS_NETWORK.match(command.text)):
            yield Problem(
                f"{found[0].strip()} needs the internet, and the notebook's settings on Kaggle have it switched off; "
                "switch it on, or add the files as a dataset",
                cell,
                command.line,
            )
            return


@rule(
    "CS704",
    "kaggle-accelerator",
    WARNING,
    platforms=(KAGGLE,),
    evidence="accelerator in the notebook's metadata is Kaggle's own record of the setting.",
)
def find_missing_kaggle_accelerator(notebook: Notebook) -> Iterator[Problem]:
    """On Kaggle, a notebook that needs a GPU has one switched on.

    The notebook's metadata says that it has no accelerator, so the cell fails. Choose one in the settings at the
    right, or test first: device = "cuda" if torch.cuda.is_available() else "cpu".
    """
    kaggle = _kaggle_of(notebook)
    has_none = kaggle.get("accelerator") == "none" and kaggle.get("isGpuEnabled") is not True
    use = next(find_uses_of_gpu(notebook), None) if has_none else None
    if use is None or looks_for_gpu(notebook):
        return
    cell, line, what = use
    yield Problem(
        f"{what} needs a GPU, and the notebook's settings on Kaggle have none; choose an accelerator, or test "
        "torch.cuda.is_available() first",
        cell,
        line,
    )


def _kaggle_of(notebook: Notebook) -> Json:
    found = notebook.metadata.get("kaggle")
    return found if isinstance(found, dict) else {}
