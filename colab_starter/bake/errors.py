"""The errors of generating a project, which plain cookiecutter also encounters.

cookiecutter prints its own errors and Jinja's in one line and leaves no partial project; it knows no others, so these
derive from them. They are separate from ``errors`` because importing cookiecutter and Jinja takes longer than
everything else that ``colab-starter --help`` does.
"""

from cookiecutter.exceptions import FailedHookException
from jinja2 import UndefinedError

from colab_starter.errors import ColabStarterError, UsageError


class BadAnswerError(UsageError, FailedHookException):
    """An answer to a question of cookiecutter.json cannot be used."""


class TemplateFaultError(ColabStarterError, UndefinedError):
    """A file under templates/ breaks a rule; the message names the file and the line."""


class TranslationError(TemplateFaultError):
    """A translation does not fit its text, or a file of translations cannot be read; the message names the file."""
