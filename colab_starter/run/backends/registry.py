"""The available backends, and their options on the command line."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, fields
from typing import Annotated, Any, get_type_hints

import typer

from colab_starter.errors import WrongOptionError
from colab_starter.run.backends.colab.options import ColabOptions
from colab_starter.run.backends.jupyter.options import JupyterOptions
from colab_starter.run.backends.local.options import LocalOptions
from colab_starter.run.backends.options import BackendOptions, Flag
from colab_starter.run.backends.ray.options import RayOptions

BACKENDS: Mapping[str, type[BackendOptions]] = {
    kind.name: kind for kind in (LocalOptions, RayOptions, JupyterOptions, ColabOptions)
}


def make_backend_options(name: str, values: Mapping[str, Any]) -> BackendOptions:
    """The backend of that name, with those values that are not the options' defaults.

    Raises WrongOptionError for an unknown backend, and for an option of another backend.
    """
    if name not in BACKENDS:
        raise WrongOptionError(f"--backend {name!r} is not a backend; choose one of {', '.join(BACKENDS)}")
    given = {key: value for key, value in values.items() if value != _list_options()[key][0].default}
    own = {one.name for one in fields(BACKENDS[name])}
    for key in given:
        if key not in own:
            raise WrongOptionError(f"--{key.replace('_', '-')} is for --backend {' or '.join(_list_owners(key))} only")
    return BACKENDS[name](**given)


def add_backend_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of all backends to a Typer command, which gets their values as ``backend_options``."""
    more = [_make_parameter(one, kind) for one, kind in _list_options().values()]
    names = [one.name for one in more]
    own = [one for one in inspect.signature(command).parameters.values() if one.name != "backend_options"]

    @functools.wraps(command)
    def with_options(**values: Any) -> Any:
        backend_options = {name: values.pop(name) for name in names}
        return command(**values, backend_options=backend_options)

    with_options.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own] + more
    )
    return with_options


def _list_options() -> dict[str, tuple[Field[Any], type[BackendOptions]]]:
    """Option name -> the option and the first backend that has it."""
    found: dict[str, tuple[Field[Any], type[BackendOptions]]] = {}
    for kind in BACKENDS.values():
        for one in fields(kind):
            found.setdefault(one.name, (one, kind))
    return found


def _list_owners(name: str) -> Iterator[str]:
    return (kind.name for kind in BACKENDS.values() if name in {one.name for one in fields(kind)})


def _make_parameter(one: Field[Any], kind: type[BackendOptions]) -> inspect.Parameter:
    annotation = get_type_hints(kind, include_extras=True)[one.name]
    told: Flag = annotation.__metadata__[0]
    settings = {key: value for key, value in told._asdict().items() if value is not None}
    about = f"{', '.join(_list_owners(one.name))}: {told.help}"
    flag = typer.Option(f"--{one.name.replace('_', '-')}", **{**settings, "help": about})
    return inspect.Parameter(
        one.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=one.default,
        annotation=Annotated[annotation.__origin__, flag],
    )
