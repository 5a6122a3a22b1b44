"""``colab-starter update``: a project, brought up to a newer template."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colab_starter.text import plural, warn

if TYPE_CHECKING:
    from colab_starter.update.apply import Finished
    from colab_starter.update.project import Update


def update(
    folder: Annotated[Path, typer.Argument(help="The project's folder, or one in it.")] = Path(),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, line by line; write nothing.")
    ] = False,
    answer: Annotated[
        list[str] | None,
        typer.Option(metavar="QUESTION=ANSWER", help="Change an answer, e.g. use_drive=yes; may be repeated."),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Also with changes that are not committed; what is overwritten is copied first."),
    ] = False,
    template: Annotated[
        str | None, typer.Option(help="Another template: a folder or an address. [default: the installed one]")
    ] = None,
    checkout: Annotated[str | None, typer.Option(help="The branch, tag or commit of --template.")] = None,
) -> None:
    """Bring a project up to the template of this colab-starter.

    What changed in the template comes in; your cells, outputs and files stay. Where you and the template changed the
    same lines, both versions are kept, between markers, and the exit status is 1. To get a newer template, install a
    newer colab-starter.

    \b
    Example:
      colab-starter update --dry-run
      colab-starter update
      colab-starter update --answer github_repository=ada/digits
    """
    from colab_starter.update.project import finish_interrupted, plan_project
    from colab_starter.update.summary import describe_changes

    if finished := finish_interrupted(folder, dry_run=dry_run):
        _print_finished(finished)
        return
    planned = plan_project(folder, answer or [], template=template, checkout=checkout, force=force)
    if planned.notice:
        warn(planned.notice)
    backup, notices = (None, []) if dry_run else planned.write(force=force)
    for line in describe_changes(planned.changes, with_lines=dry_run):
        print(line)
    if backup:
        print(f"What was overwritten is in {backup.name}, because git does not have it.")
    for notice in notices:
        warn(notice)
    _print_end(planned, dry_run)


def _print_finished(finished: "Finished") -> None:
    print(f"An earlier update was interrupted; it is finished now: {', '.join(finished.paths)}.")
    for notice in finished.notices:
        warn(notice)
    if finished.conflicting:
        print(f"Conflicts in {', '.join(finished.conflicting)}: look for <<<<<<< yours.")
        raise typer.Exit(1)


def _print_end(planned: "Update", dry_run: bool) -> None:
    from colab_starter.bake.record import RECORD
    from colab_starter.update.summary import describe_conflicts

    count = sum(change.after is not None for change in planned.changes)
    if not count:
        print("Nothing to change: the project has all that the template has.")
    else:
        done = "would be updated" if dry_run else "updated"
        before = f" (before: {planned.old})" if planned.old not in ("", planned.new) else ""
        print(f"{plural(count, 'file')} {done} to the template of colab-starter {planned.new}{before}.")
    if planned.notice and not dry_run:
        print(f"{RECORD} is new: commit it, and the next update knows what the template wrote.")
    if conflicts := describe_conflicts(planned.changes):
        print(conflicts)
        raise typer.Exit(1)
