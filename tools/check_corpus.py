"""How far ``colab-starter check`` can be believed: precision and recall on notebooks whose faults are known.

``python tools/check_corpus.py measure`` writes notebooks in the styles that people write, with faults planted and
harmless look-alikes beside them, runs ``check`` on them, and prints the share of what each rule says that is true and
the share of each kind of fault that is found. The exit status is 1 if a rule is below 95 % or a kind below 85 %.

``write FOLDER`` only writes them. ``fix FOLDER`` tries ``check --fix`` on a copy of any folder: the second time must
change nothing, and no code may change that no finding named. ``fetch FOLDER`` downloads notebooks of other people, out
of packages' source distributions; none is part of this repository.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from colab_starter.runtimes import load_runtime
from tools.corpus.measure import describe, find_shortfalls, measure, run_check, write_all
from tools.corpus.notebooks import COLAB, KAGGLE, generate


def main(arguments: Sequence[str]) -> int:
    """Run a command; the exit status."""
    options = _parse(arguments)
    if options.command == "fix":
        return _try_fixes(options.folder)
    if options.command != "measure" and options.folder.exists() and any(options.folder.iterdir()):
        print(f"{options.folder} is not empty; name a new folder", file=sys.stderr)
        return 2
    if options.command == "fetch":
        from tools.corpus.sdists import fetch_notebooks

        print(f"{fetch_notebooks(options.folder)} notebooks in {options.folder}")
        return 0
    versions = load_runtime("latest").packages
    areas = KAGGLE if options.platform == "kaggle" else COLAB
    notebooks = list(generate(options.count, options.seed, versions, areas))
    if options.command == "write":
        write_all(notebooks, options.folder)
        return 0
    with TemporaryDirectory() as folder:
        planted = write_all(notebooks, Path(folder))
        scores = measure(planted, run_check(Path(folder), options.platform))
        if options.verbose:
            print("\n".join(f"{wrong.notebook.relative_to(folder)}: {wrong.what}" for wrong in scores.wrong))
    print(describe(scores))
    shortfalls = find_shortfalls(scores)
    print(f"{len(notebooks)} notebooks.", *shortfalls, sep="\n")
    return 1 if shortfalls else 0


def _try_fixes(folder: Path) -> int:
    from tools.corpus.fixing import describe_fixes, try_fixes

    with TemporaryDirectory() as scratch:
        fixed = try_fixes(folder, Path(scratch) / "notebooks")
    print(describe_fixes(fixed))
    return 1 if fixed.faults else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("measure", "write", "fix", "fetch"):
        command = commands.add_parser(name)
        if name != "measure":
            command.add_argument("folder", type=Path)
        if name in ("measure", "write"):
            command.add_argument("--count", type=int, default=400, help="notebooks to write")
            command.add_argument("--seed", type=int, default=1)
            command.add_argument("--platform", choices=("colab", "kaggle"), default="colab")
    commands.choices["measure"].add_argument("--verbose", action="store_true", help="list what was wrong or missed")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    sys.exit(main(sys.argv[1:]))
