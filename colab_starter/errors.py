"""Every error of the command ``colab-starter``, by name; those of a bake are in ``template_errors``."""


class ColabStarterError(Exception):
    """Base of all errors; its message is one line that names the remedy."""

    exit_code = 1
    """The status that the command ends with: 1 failed, 2 wrong usage."""


class UnknownRuntimeError(ColabStarterError):
    """No Colab runtime of that name is in the table; the message names those that are."""

    exit_code = 2


class UnknownPackageError(ColabStarterError):
    """A Colab runtime has no package of that name."""


class RefreshError(ColabStarterError):
    """The newest lists of Colab's packages could not be had; the message says what is used instead."""


class TemplateMissingError(ColabStarterError):
    """This installation of colab-starter lacks its template."""


class UnknownChoiceError(ColabStarterError):
    """An answer is none of the choices of its question; the message names them."""

    exit_code = 2


class ProjectExistsError(ColabStarterError):
    """Where the new project's folder should come, something is already."""


class CannotWriteError(ColabStarterError):
    """The new project could not be written; nothing of it is left."""


class GenerationError(ColabStarterError):
    """The template could not be rendered; nothing is left of the project."""


class StoppedError(ColabStarterError):
    """The user stopped (Ctrl-C, Ctrl-D) before the project was made; nothing of it is left."""

    exit_code = 130


class NoNotebookError(ColabStarterError):
    """The path is no notebook."""


class GitError(ColabStarterError):
    """Git is missing, or cannot read the notebook's folder; the message says what to do."""


class NoGitHubRepositoryError(ColabStarterError):
    """The notebook's git repository has no remote on GitHub, the only host whose notebooks Colab opens by address."""


class NoBranchError(ColabStarterError):
    """The repository stands on no branch (a detached HEAD)."""


class NoBrowserError(ColabStarterError):
    """No web browser could be started here."""


class BrokenNotebookError(ColabStarterError):
    """A file is no notebook at all; ``check`` makes a finding of it. The message goes on after the file's name."""


class NothingToCheckError(ColabStarterError):
    """A path that ``check`` was given does not exist, or holds no notebook."""

    exit_code = 2


class UnknownRuleError(ColabStarterError):
    """No rule of ``check`` has that code; the message names the nearest."""

    exit_code = 2
