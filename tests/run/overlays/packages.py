"""Tiny packages, and an environment to install them into that is not the tests' own."""

import base64
import hashlib
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]

_BACKEND = """\
import os, shutil, sys, time
from pathlib import Path

LOG = {log!r}

def write(text):
    with open(LOG, "a") as log:
        log.write(text + "\\n")

def build_wheel(folder, config_settings=None, metadata_directory=None):
    write("begin")
    try:
        import victim
        write("sees the packages below")
    except ImportError:
        pass
    time.sleep({seconds})
    write("end")
    return shutil.copy({wheel!r}, folder) and os.path.basename({wheel!r})
"""
_PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "{name}"
version = "{version}"
"""


def write_wheel(
    folder: Path, name: str, version: str = "1.0", program: bool = False, more: Mapping[str, str] | None = None
) -> Path:
    """A wheel with a module that knows its version, as ``pip install`` takes it.

    ``program`` adds one of the package's name, which prints the version of ``victim``; ``more`` are further files.
    """
    info = f"{name}-{version}.dist-info"
    code = f"version = {version!r}\ndef main():\n    import victim\n    print('program sees', victim.version)\n"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **({f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n"} if program else {}),
        **(more or {}),
    }
    record = [f"{path},sha256={_hash(text)},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
    return path


def _hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def write_project(folder: Path, wheel: Path, log: Path, seconds: float = 0.0) -> Path:
    """The source of a package, whose build takes so long and writes into the log when it begins and ends."""
    name, version, *_ = wheel.name.split("-")
    folder.mkdir()
    (folder / "pyproject.toml").write_text(_PROJECT.format(name=name, version=version))
    (folder / "backend.py").write_text(_BACKEND.format(log=str(log), wheel=str(wheel), seconds=seconds))
    return folder


def link_packages(folder: Path) -> Path:
    """All packages of the tests' own environment; their descriptions are cut short, because pip reads that of each."""
    folder.mkdir()
    for path in (entry for place in sys.path if Path(place).name == "site-packages" for entry in Path(place).iterdir()):
        if path.suffix == ".pth" or (folder / path.name).exists():
            continue
        if path.suffix == ".dist-info":
            _describe_shortly(path, folder / path.name)
        else:
            (folder / path.name).symlink_to(path)
    return folder


def _describe_shortly(metadata: Path, copy: Path) -> None:
    copy.mkdir()
    lines = (metadata / "METADATA").read_text(encoding="utf-8").splitlines()
    fields = [line for line in lines if line.startswith(("Metadata-Version:", "Name:", "Version:"))]
    (copy / "METADATA").write_text("\n".join([*fields, ""]))
    if (metadata / "entry_points.txt").exists():
        (copy / "entry_points.txt").symlink_to(metadata / "entry_points.txt")


class Environment:
    """A virtual environment with colab-starter, and with the packages that ``link_packages`` has linked."""

    def __init__(self, folder: Path, packages: Path, *wheels: Path) -> None:
        venv.create(folder, symlinks=True)
        self.folder = folder
        self.python = str(folder / "bin/python")
        [self.packages] = folder.glob("lib/*/site-packages")
        (self.packages / "below.pth").write_text(f"{REPOSITORY}\nimport site; site.addsitedir({str(packages)!r})\n")
        for wheel in wheels:
            self._install(wheel)

    def _install(self, wheel: Path) -> None:
        """As pip does, and quicker."""
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.packages)
        name = wheel.name.partition("-")[0]
        program = self.folder / "bin" / name
        program.write_text(f"#!{self.python}\nimport {name}\n{name}.main()\n")
        program.chmod(0o755)

    def take_stock(self) -> dict[str, tuple[int, int, str]]:
        """Every file in it, with its size, the time of its last change, and where it points to."""
        return {
            str(path): _describe(path) for path in sorted(self.folder.rglob("*")) if "__pycache__" not in path.parts
        }

    def ask(self, code: str) -> str:
        """What a Python of it prints."""
        return subprocess.run([self.python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def _describe(path: Path) -> tuple[int, int, str]:
    status = path.lstat()
    if path.is_dir() and not path.is_symlink():
        return 0, 0, "folder"  # its time changes with __pycache__
    return status.st_size, status.st_mtime_ns, os.readlink(path) if path.is_symlink() else ""


def list_overlays() -> list[Path]:
    """Those in the user's cache."""
    home = Path(os.environ["XDG_CACHE_HOME"], "colab-starter/overlays")
    return [path for path in home.iterdir() if path.is_dir()] if home.exists() else []
