"""``colab-starter runtimes``: what Google Colab's machines have."""

import json
import textwrap
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer
from packaging.utils import canonicalize_name

from colab_starter.errors import UnknownPackageError
from colab_starter.runtimes.packages import package_of_module
from colab_starter.runtimes.table import (
    Image,
    Runtime,
    as_json,
    cache_path,
    gpu_packages,
    load_runtime,
    pip_constraints,
    runtime_names,
)

LISTED_PACKAGES = ("tensorflow", "torch", "keras", "numpy")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="latest, or a year and month such as 2026.07.")]

runtimes_app = typer.Typer(help="Show what Colab's runtimes have: Python, packages, programs.", no_args_is_help=True)


@runtimes_app.command("list")
def list_runtimes(json_: AsJson = False) -> None:
    """List the known runtimes, the newest first.

    \b
    Example:
      colab-starter runtimes list
    """
    rows = [_summary(load_runtime(name)) for name in runtime_names()]
    if json_:
        _print_json(rows)
    else:
        _print_columns([list(rows[0]), *(row.values() for row in rows)])


def _summary(runtime: Runtime) -> dict[str, str]:
    versions = {name: _public(runtime.packages.get(name, "-")) for name in LISTED_PACKAGES}
    return {"name": runtime.name, "date": runtime.date, "python": runtime.python, **versions}


def _public(version: str) -> str:
    return version.partition("+")[0]


@runtimes_app.command("show")
def show_runtime(
    name: Name,
    package: Annotated[str | None, typer.Option(help="Show this package only.")] = None,
    constraints: Annotated[bool, typer.Option("--constraints", help="Print constraints for pip.")] = False,
    json_: AsJson = False,
) -> None:
    """Show what a runtime has.

    \b
    Example:
      colab-starter runtimes show latest --package numpy
    """
    runtime = load_runtime(name)
    if package:
        _show_package(_package_versions(runtime, package), json_)
    elif constraints:
        typer.echo("\n".join(pip_constraints(runtime)))
    elif json_:
        _print_json(as_json(runtime))
    else:
        _show_everything(runtime)


def _package_versions(runtime: Runtime, package: str) -> dict[str, str | None]:
    """The version in each image: "" where the table keeps none, None where the package is missing."""
    name = canonicalize_name(package)
    images = {"cpu": None, "gpu": runtime.gpu, "tpu": runtime.tpu}
    versions = {kind: _version_in(runtime, image, name) for kind, image in images.items() if kind == "cpu" or image}
    if not any(version is not None for version in versions.values()):
        module_of = package_of_module(package)
        hint = f"a module of that name is in {module_of}" if module_of != name else "install it in the notebook"
        raise UnknownPackageError(f"Colab's runtime {runtime.name} has no package {package!r}; {hint}")
    return {"name": name, **versions}


def _version_in(runtime: Runtime, image: Image | None, name: str) -> str | None:
    if image and name in image.packages:
        return image.packages[name]
    if image and name in image.lacks:
        return None
    if name in runtime.packages:
        return runtime.packages[name]
    if image is None and name in runtime.also_versions:
        return runtime.also_versions[name]
    return "" if name in runtime.also or (image and name in image.also) else None


def _show_package(versions: Mapping[str, str | None], json_: bool) -> None:
    if json_:
        _print_json(versions)
        return
    words = {None: "missing", "": "there (the table keeps no version)"}
    _print_columns([key, value if key == "name" else words.get(value, value)] for key, value in versions.items())


def _show_everything(runtime: Runtime) -> None:
    typer.echo(f"Colab's runtime {runtime.name} of {runtime.date} (backend-info {runtime.commit[:7]})")
    typer.echo(f"{runtime.os}, Python {runtime.python}, torch on GPUs built for CUDA {runtime.cuda or 'unknown'}")
    _print_part("Packages", runtime.packages)
    _print_part("Also there", runtime.also)
    _print_part("Debian packages", runtime.apt)
    for kind, image in (("GPU", runtime.gpu), ("TPU", runtime.tpu)):
        if image:
            _print_part(f"In other versions or only on a {kind}", image.packages)
            _print_part(f"Also only on a {kind}", image.also)
            _print_part(f"Not on a {kind}", image.lacks)


def _print_part(title: str, packages: Mapping[str, str] | Iterable[str]) -> None:
    """A title and its packages, with versions one a line; nothing where there are none."""
    if not packages:
        return
    typer.echo(f"\n{title}:")
    if isinstance(packages, Mapping):
        _print_columns(["", name, version] for name, version in sorted(packages.items()))
    else:
        names = " ".join(sorted(packages))
        typer.echo(textwrap.fill(names, 100, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False))


@runtimes_app.command("diff")
def diff_runtimes(old: Name, new: Name, json_: AsJson = False) -> None:
    """Show what changed between two runtimes.

    It compares their GPU images, the only ones known for every runtime.

    \b
    Example:
      colab-starter runtimes diff 2026.07 latest
    """
    before, after = load_runtime(old), load_runtime(new)
    difference = _compare(before, after)
    if json_:
        _print_json(difference)
        return
    typer.echo(f"Python {before.python} -> {after.python}")
    _print_part("Changed", {name: " -> ".join(versions) for name, versions in difference["changed"].items()})
    _print_part("Added", difference["added"])
    _print_part("Removed", difference["removed"])


def _compare(before: Runtime, after: Runtime) -> dict[str, Any]:
    old, new = gpu_packages(before), gpu_packages(after)
    both = [(name, old[name], new[name]) for name in sorted(old.keys() & new.keys())]
    return {
        "python": [before.python, after.python],
        "changed": {name: [was, now] for name, was, now in both if was and now and was != now},
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
    }


@runtimes_app.command("refresh")
def refresh_runtime(json_: AsJson = False) -> None:
    """Fetch Google's newest lists of packages as "latest".

    They are kept in your cache folder. If anything goes wrong, the lists you have stay as they are.

    \b
    Example:
      colab-starter runtimes refresh
    """
    from colab_starter.runtimes.refresh import refresh_latest

    runtime = refresh_latest()
    if json_:
        _print_json({**_summary(runtime), "file": str(cache_path())})
    else:
        typer.echo(f"latest is now of {runtime.date}, with Python {runtime.python}; kept in {cache_path()}")


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, indent=2))


def _print_columns(rows: Iterable[Iterable[str | None]]) -> None:
    """Rows of text, two spaces between the columns."""
    lines = [[cell or "" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
