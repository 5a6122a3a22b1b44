"""Asking in the terminal which constants become parameters."""

import typer

from colab_starter.adopt.constants import Constants, choose
from colab_starter.errors import UsageError


def ask_parameters(constants: Constants) -> str:
    """The user's answer, written like ``--parameters``; asked again while it cannot be used.

    Nothing is asked where there is nothing to choose.
    """
    if not constants.proposed:
        return "none"
    typer.echo("These constants can become parameters, with a field in the form:")
    for name in constants.proposed:
        one = constants.found[name]
        typer.echo(f"  {one.field.partition('  #')[0]}  (cell {one.cell.number})")
    while True:
        answer = str(typer.prompt("Which? all, none, or names separated by commas", default="all"))
        try:
            choose(constants, answer)
        except UsageError as error:
            typer.echo(str(error))
        else:
            return answer
