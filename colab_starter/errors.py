"""The errors of the command ``colab-starter``; those of generating a project are in ``bake.errors``."""


class ColabStarterError(Exception):
    """The base class of all errors; the message is one line that includes the remedy."""

    exit_code = 1
    """The exit status of the command: 1 failed, 2 wrong usage."""


class UsageError(ColabStarterError):
    """The command was given something it cannot work with."""

    exit_code = 2


class UnknownRuntimeError(UsageError):
    """There is no Colab runtime of that name in the table; the message lists those there are."""


class UnknownPackageError(ColabStarterError):
    """A Colab runtime has no package of that name."""


class RefreshError(ColabStarterError):
    """The newest lists of Colab's packages could not be fetched; the message says what is used instead."""


class RuntimeUnavailableError(ColabStarterError):
    """No environment like a Colab runtime can be made here; the message says what is missing and how to get it."""


class PythonMissingError(RuntimeUnavailableError):
    """The runtime's version of Python is not installed, and could not be fetched."""


class UvMissingError(ColabStarterError):
    """The program uv is not installed, and could not be installed."""


class TemplateMissingError(ColabStarterError):
    """This installation of colab-starter lacks its template."""


class UnknownChoiceError(UsageError):
    """An answer is not one of the choices of its question; the message lists them."""


class NotAFolderError(UsageError):
    """``new`` was given something other than a folder; the message says what it is and how to give it."""


class ProjectExistsError(ColabStarterError):
    """Something already exists where the new project's folder would go."""


class CannotWriteError(ColabStarterError):
    """The new project could not be written; no part of it is left."""


class GenerationError(ColabStarterError):
    """The template could not be rendered; no part of the project is left."""


class StoppedError(ColabStarterError):
    """The user stopped the command (Ctrl-C, Ctrl-D); the message says what is left."""

    exit_code = 130


class NoProjectError(UsageError):
    """There is no project in the folder that ``update`` was given."""


class DamagedRecordError(ColabStarterError):
    """The file that says what a project was made from cannot be read; the message says how to get it back."""


class TemplateUnavailableError(ColabStarterError):
    """A template could not be fetched, or makes no project; the project is as it was."""


class UnreadableFileError(ColabStarterError):
    """A notebook of the project that has to be merged is none; the project is as it was."""


class UnresolvedConflictError(ColabStarterError):
    """A file of the project still has the conflicts of an earlier update; the project is as it was."""


class UncommittedChangesError(ColabStarterError):
    """The project has changes that are not committed; it is as it was."""


class UpdateInterruptedError(ColabStarterError):
    """An update could not be written; the message says whether anything has changed."""


class NoNotebookError(UsageError):
    """The path that ``open`` was given is not a notebook."""


class GitError(ColabStarterError):
    """Git is missing, or cannot read the notebook's folder; the message says what to do."""


class NoGitHubRepositoryError(ColabStarterError):
    """The notebook's git repository has no remote on GitHub, the only host whose notebooks Colab opens by address."""


class NoBranchError(ColabStarterError):
    """The repository is not on a branch (a detached HEAD)."""


class NoBrowserError(ColabStarterError):
    """No web browser could be started on this machine."""


class BrokenNotebookError(ColabStarterError):
    """A file is not a notebook at all; ``check`` reports it as a finding. The message continues the file's name."""


class CannotAdoptError(ColabStarterError):
    """A notebook cannot be adopted; the message names the cell, where it is one, and what to do."""


class NothingToCheckError(UsageError):
    """A path that ``check`` was given does not exist or contains no notebook."""


class UnknownRuleError(UsageError):
    """No rule of ``check`` has that code; the message suggests the nearest one."""


class LedgerVersionError(ColabStarterError):
    """A newer colab-starter wrote the ledger of this sweep."""


class LedgerWriteError(ColabStarterError):
    """The ledger of a sweep cannot be written, usually because the disk is full; its earlier content is intact."""


class SweepLostError(LedgerWriteError):
    """The folder of a sweep, or its ledger, was moved, replaced or removed while the sweep was running."""


class SweepBusyError(ColabStarterError):
    """Another process is working on the same sweep."""


class WrongOptionError(UsageError):
    """An option does not take that value; the message lists those it takes."""


class NoRunsFolderError(UsageError):
    """The folder for the runs cannot be made or written."""


class UnwritableValueError(UsageError):
    """A parameter's value cannot be written as Python source without being changed."""


class ParameterError(UsageError):
    """Parameters do not fit the notebook, or their file cannot be read; the message lists all faults."""


class NoSuchKernelError(UsageError):
    """No kernel of that name is installed; the message lists those that are."""


class OverlayError(UsageError):
    """The environment for the packages that a notebook installs cannot be made; the message says why."""


class ColdKernelNeededError(ColabStarterError):
    """A forked kernel cannot replace a cold one: something an import depends on has changed since preloading."""

    def __init__(self, module: str, root: str, why: str) -> None:
        super().__init__(module, root, why)
        self.module = module
        self.root = root
        """The module of the warm plan whose import loaded it; empty if it is not in the plan."""
        self.why = why

    def __str__(self) -> str:
        return f"{self.module} has to be imported again: {self.why}"


class KernelSilentError(ColabStarterError):
    """A kernel was started and is alive, but did not answer; it has been killed."""


class StartStoppedError(ColabStarterError):
    """The user stopped the sweep while a kernel was starting; nothing of the kernel is left."""


class JupyterServerError(UsageError):
    """A Jupyter server cannot be reached, denies access, or cannot do what a run needs; the message says which.

    ``code`` is the HTTP status that it answered with; None if it did not answer.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class SocketLostError(ColabStarterError):
    """The websocket to a kernel could not be opened, or has broken; ``code`` as in JupyterServerError."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class JupyterExtraMissingError(UsageError):
    """The extra ``jupyter``, which backends with remote kernels need, is not installed."""


class ServersLostError(ColabStarterError):
    """No Jupyter server is left; the same command does the remaining runs later."""


class OutputError(ColabStarterError):
    """The files of a run's ``output_dir`` could not be brought to this machine."""


class NoSweepError(UsageError):
    """A folder that ``report`` was given contains no ledger of runs."""


class ReportFileError(ColabStarterError):
    """The report's page cannot be written to the requested place."""


class ExportLibraryMissingError(UsageError):
    """The library that the format of an export needs is not installed; the message says how to install it."""


class ExportError(ColabStarterError):
    """An export cannot be written to the requested place."""


class SaveError(ColabStarterError):
    """The executed notebook could not be written; any previous file is intact."""


class CoordinatorGoneError(ColabStarterError):
    """The process that a worker reports to is gone; the worker ends silently."""


class ColabToolMissingError(UsageError):
    """Google's command ``colab``, which ``--backend colab`` needs, is not installed."""


class ColabSessionError(ColabStarterError):
    """A session on Colab could not be opened, used or released; the message includes what Google's command said."""


class NoSourceError(UsageError):
    """The path that ``run`` was given is not a notebook."""


class UnsupportedSystemError(UsageError):
    """The operating system lacks what a command needs."""


class RayMissingError(UsageError):
    """Ray, which ``--backend ray`` needs, is not installed."""


class RayClusterError(UsageError):
    """The Ray cluster cannot be joined or started, or cannot execute the runs; the message says which."""


class RayLostError(ColabStarterError):
    """The Ray cluster broke down during a sweep; the next sweep repeats what was running."""


class StoreAddressError(UsageError):
    """The address for ``--out`` is not valid, or the library that its store needs is not installed."""


class SearchLibraryError(UsageError):
    """A search needs a package that is not installed; the message says which."""
