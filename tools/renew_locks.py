"""Resolve the newest versions of everything into requirements/*.txt, with hashes: ``python tools/renew_locks.py``.

The locks hold for Python 3.11 and newer on Linux and macOS, and plain pip installs them. They name no index and no
path: where packages come from is each machine's own business. tests.txt is resolved first; demo.txt and docs.txt take
its versions, so that all three fit into one environment.
"""

import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
LOCKS = REPOSITORY / "requirements"
EXTRAS = ["lessons", "dev", "docs", "jupyter", "ray"]
LEFT_OUT = ("torch", "torchvision")
"""The first is installed apart, from requirements/torch.txt, which says why; the second brings it along."""
OLDEST_PYTHON = "3.11"
OLDEST_PYTHON_OF_COLAB_COMMAND = "3.12"


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        uv = install_uv(folder)
        (folder / "left-out.txt").write_text("".join(f"{package}\n" for package in LEFT_OUT))
        renew(uv, "tests", ["pyproject.toml", LOCKS / "tests.in", *(f"--extra={extra}" for extra in EXTRAS)], folder)
        in_tests: list[str | Path] = ["--constraints", LOCKS / "tests.txt"]
        renew(uv, "demo", [LOCKS / "demo.in", *in_tests], folder)
        renew(uv, "docs", ["pyproject.toml", "--extra=docs", LOCKS / "docs.in", *in_tests], folder)
        renew(uv, "colab-command", [LOCKS / "colab-command.in"], folder, OLDEST_PYTHON_OF_COLAB_COMMAND)


def install_uv(folder: Path) -> Path:
    """The newest uv, in an environment of its own: it has to work where the locks do not."""
    venv.create(folder / "uv", with_pip=True)
    python = folder / "uv/bin/python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"], check=True)
    return folder / "uv/bin/uv"


def renew(uv: Path, name: str, sources: Sequence[str | Path], folder: Path, oldest_python: str = OLDEST_PYTHON) -> None:
    """Write requirements/NAME.txt; ends the program where the sources cannot be resolved."""
    options = ["--universal", "--python-version", oldest_python, "--generate-hashes", "--no-build", "--no-annotate"]
    options += ["--no-strip-extras"]  # pip takes a package with extras for another one, and wants a version for it
    options += ["--constraints", str(LOCKS / "constraints.txt"), "--excludes", str(folder / "left-out.txt")]
    options += ["--custom-compile-command", "make locks", "--quiet", "--python", sys.executable]
    options += ["--output-file", str(folder / f"{name}.txt")]
    if subprocess.run([uv, "pip", "compile", *options, *sources], cwd=REPOSITORY).returncode:
        sys.exit(f"requirements/{name}.txt stays as it was: its packages could not be resolved (above)")
    (LOCKS / f"{name}.txt").write_bytes((folder / f"{name}.txt").read_bytes())
    print(f"requirements/{name}.txt", flush=True)


if __name__ == "__main__":
    main()
