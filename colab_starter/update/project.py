"""One update of one project, from finding out what it was made from to writing it."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from colab_starter.bake.record import RECORD, Record, write_record
from colab_starter.errors import UnknownChoiceError, UpdateInterruptedError, WrongOptionError
from colab_starter.update.apply import Finished, finish_update, is_interrupted, save_unsaved, write_update
from colab_starter.update.origin import Origin, find_folder, find_origin
from colab_starter.update.plan import FileChange, plan_update
from colab_starter.update.templates import (
    Answers,
    Template,
    bake_adopted,
    fetch_template,
    own_template,
    read_answers,
)


class Update(NamedTuple):
    """What is to be done; nothing has changed yet."""

    folder: Path
    changes: list[FileChange]
    record: str
    """The new text of the project's record; empty if it stays as it is."""
    old: str
    new: str
    """Versions of colab-starter; ``old`` is empty if it is unknown."""
    notice: str
    """What the user should know about where the project comes from; empty if all is well."""

    def write(self, *, force: bool) -> tuple[Path | None, list[str]]:
        """Write the files; returns the folder of the backup, if there is one, and what the user has to be told.

        Raises UncommittedChangesError or UpdateInterruptedError.
        """
        changed = [change for change in self.changes if change.after is not None]
        contents = {change.path: (change.before, change.after or b"") for change in changed}
        if self.record:
            place = self.folder / RECORD
            contents[RECORD] = (place.read_bytes() if place.is_file() else None, self.record.encode())
        if not contents:
            return None, []
        try:
            backup = save_unsaved(self.folder, contents if changed else (), force=force)
            return backup, write_update(self.folder, contents).notices
        except OSError as error:
            left = "the same command finishes it" if is_interrupted(self.folder) else "nothing has changed"
            raise UpdateInterruptedError(f"the update could not be written ({error}); {left}") from error


def _bake(template: Template, origin: Origin, answers: Answers) -> Record:
    """The project as the template would make it now."""
    adopted = f"notebooks/{answers.get('preset')}.ipynb"
    is_adopted = answers.get("preset") not in template.read_questions()["preset"] and adopted in origin.record.files
    if is_adopted and not template.is_ours:
        raise WrongOptionError(
            f"{adopted} is a notebook of your own, whose project follows the installed colab-starter: "
            "leave out --template, and install the version that you want"
        )
    if is_adopted and (origin.folder / adopted).is_file():
        return bake_adopted(origin.folder / adopted, answers, origin.record.answers)
    try:
        return template.bake(answers)
    except UnknownChoiceError as error:  # of an older template, or typed
        raise UnknownChoiceError(f"{error} (--answer QUESTION=ANSWER)") from error


def finish_interrupted(folder: Path, *, dry_run: bool) -> Finished | None:
    """Finish an update of the project that was interrupted, if there is one. With ``dry_run``, that is an error."""
    place = find_folder(folder) or folder
    if not is_interrupted(place):
        return None
    if dry_run:
        raise UpdateInterruptedError(f"an update of {place} was interrupted; the command without --dry-run finishes it")
    return finish_update(place)


def plan_project(
    folder: Path, given: list[str], *, template: str | None = None, checkout: str | None = None, force: bool = False
) -> Update:
    """The update of the project in or around ``folder``, with answers such as ``use_drive=yes`` in place of its own.

    Without ``template``, a folder or an address, it is to this installation's. Raises the errors of ``find_origin``,
    ``Template.bake`` and ``plan_update``.
    """
    if checkout and not template:
        raise WrongOptionError("--checkout is for --template")
    with TemporaryDirectory() as fetched:
        target = fetch_template(template, checkout, fetched) if template else own_template()
        questions = target.read_questions()
        origin = find_origin(folder, questions)
        new = _bake(target, origin, {**origin.record.answers, **read_answers(given, questions)})
    plan = plan_update(origin.folder, origin.record.files, new.files, force=force)
    is_same = not origin.notice and (new.answers, plan.record) == origin.record[1:]
    record = "" if is_same else write_record(Record(new.version, new.answers, plan.record))
    return Update(origin.folder, plan.changes, record, origin.record.version, new.version, origin.notice)
