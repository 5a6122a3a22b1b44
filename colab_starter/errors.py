"""Every error a user can meet, by name.

Two of them also derive from an error of cookiecutter or Jinja: plain cookiecutter prints
those as one line and leaves no half project, and it knows no others.
"""

from cookiecutter.exceptions import FailedHookException
from jinja2 import UndefinedError


class ColabStarterError(Exception):
    """Base of all errors; its message is one line that names the remedy."""


class BadAnswerError(ColabStarterError, FailedHookException):
    """An answer to a question of cookiecutter.json cannot be used."""


class TemplateFaultError(ColabStarterError, UndefinedError):
    """A file under templates/ breaks a rule; the message names the file and the line."""
