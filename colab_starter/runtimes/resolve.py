"""From the packages that a notebook uses to the pinned packages of an environment, as a Colab runtime has them."""

import json
import re
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from colab_starter.errors import RuntimeUnavailableError
from colab_starter.runtimes.table import Runtime, list_versions
from colab_starter.runtimes.uv import UvError, run_uv

ALWAYS = frozenset(["ipykernel", "ipython", "pip", "setuptools"])
"""What every environment has: the kernel, and what ``%pip install`` and older libraries use."""

_UNUSED = "debugpy"
"""Required by ipykernel, which does without: no debugger is attached, and importing it slows a kernel's start."""
_UNAVAILABLE = {"google-colab": "it exists on Colab's machines only"}
"""Packages that are not on PyPI, or only under that name."""
_FOR_GPUS = re.compile(r"nvidia-(?!ml-py$)|triton$|.*-cu1\d$|.*-cuda1\dx?$|jax-cuda|libtpu$|torch-xla$|cuda-")
"""Packages that are of use, or can be imported, only where there is a GPU or TPU."""
_TORCH = re.compile(r"torch$|torchvision$|torchaudio$|torchtext$|torchdata$|torchao$|torchcodec$")
_NEVER = "python_version < '0'"
"""A marker that leaves a package out, whoever requires it."""
_MOST_TRIES = 12
"""How many packages may turn out to be unavailable, one after another."""

_BLAMED = (
    re.compile(r"no version of (?P<name>[\w.-]+?)(?:\[[\w,]*\])?==(?P<version>[^\s,`]+)"),
    re.compile(r"(?:Because|and) (?P<name>[\w.-]+?)(?:==(?P<version>[^\s,`]+))? (?:was not found|has no \w+)"),
    re.compile(r"Failed to (?:build|download|extract|install)[^`\n]*`(?P<name>[\w.-]+?)==(?P<version>[^`\s]+)`"),
    re.compile(r"Failed to fetch: `?https?://\S+?/(?P<name>torch\w*)/"),
)
_VERSION_IS_MISSING = re.compile(r"no version of|has no wheels|has no usable|has no source|has no available")


@dataclass(frozen=True)
class Resolution:
    """The content of an environment."""

    python: str
    """The minor version."""
    packages: Mapping[str, str]
    """Package -> version, of everything in it."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """What was left out, and why: package -> reason."""
    changed: Mapping[str, str] = field(default_factory=dict)
    """What has another version than on the runtime, and why: package -> reason."""

    @property
    def lines(self) -> list[str]:
        """As requirements for an installer."""
        return [f"{name}=={version}" for name, version in sorted(self.packages.items())]

    def to_json(self) -> str:
        return json.dumps(vars(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Resolution":
        """Raises ValueError or TypeError if it was not written by ``to_json``."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Request:
    """What an environment is to have."""

    runtime: Runtime
    packages: frozenset[str]
    """The packages that a notebook uses; what they require, and ``ALWAYS``, come with them."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions to take instead of the runtime's: package -> version."""

    @property
    def python(self) -> str:
        """The minor version, such as ``3.13``."""
        return self.runtime.minor

    @property
    def pins(self) -> dict[str, str]:
        """Package -> version of everything whose version is given."""
        return {**list_versions(self.runtime), **self.versions}

    @property
    def present(self) -> frozenset[str]:
        """Those of the packages that the runtime has, and ``ALWAYS``."""
        return frozenset((self.packages & {*self.runtime.packages, *self.runtime.also}) | ALWAYS)


@dataclass
class Exceptions:
    """What cannot be as on the runtime; grows with each attempt."""

    missing: dict[str, str]
    changed: dict[str, str]

    def blame(self, error: UvError, pins: Mapping[str, str]) -> bool:
        """Note the package that made uv fail; False if it failed for another reason, or no kernel could do without."""
        if "network was disabled" in error.output:
            return False
        for pattern in _BLAMED:
            if found := pattern.search(error.output):
                name = canonicalize_name(found["name"])
                if name in self.missing or name in ALWAYS:
                    return False
                is_version = _VERSION_IS_MISSING.search(found[0]) and name in pins and name not in self.changed
                (self.changed if is_version else self.missing)[name] = _explain(name, error)
                return True
        return False


def find_exceptions(request: Request) -> Exceptions:
    """What is known beforehand to be unavailable."""
    missing = {name: why for name, why in _UNAVAILABLE.items() if name in request.packages}
    on_gpu = request.runtime.gpu
    only_there = {*on_gpu.packages, *on_gpu.also} - request.present if on_gpu else set()
    for name in request.packages:
        if _FOR_GPUS.match(name) or name in only_there:
            missing[name] = "it is for machines with a GPU or TPU"
    return Exceptions(missing, {})


def resolve(request: Request, uv: str, python: str, exceptions: Exceptions) -> Resolution:
    """Find the versions of everything that the environment has; adds to ``exceptions`` what is not available.

    Raises RuntimeUnavailableError if no set of packages can be found, such as without a network.
    """
    for _ in range(_MOST_TRIES):
        wanted = sorted(request.present - exceptions.missing.keys())
        try:
            compiled = _compile(request, uv, python, exceptions, wanted)
        except UvError as error:
            if exceptions.blame(error, request.pins):
                continue
            raise unavailable(request, error.reason) from None
        packages = dict(line.split("==") for line in compiled.splitlines() if "==" in line and line[0].isalnum())
        return Resolution(request.python, packages, dict(exceptions.missing), dict(exceptions.changed))
    raise unavailable(request, f"too much cannot be installed: {', '.join(exceptions.missing)}")


def unavailable(request: Request, reason: str) -> RuntimeUnavailableError:
    return RuntimeUnavailableError(
        f"no environment like Colab's runtime {request.runtime.name} can be made: {reason}; "
        "check the network and the settings of uv, then try again"
    )


def _compile(request: Request, uv: str, python: str, exceptions: Exceptions, wanted: Collection[str]) -> str:
    with tempfile.NamedTemporaryFile("w", prefix="colab-starter-", suffix=".txt") as overrides:
        overrides.write("\n".join(write_overrides(request, exceptions)))
        overrides.flush()
        options = ["--overrides", overrides.name, "--torch-backend", "cpu", "--python", python]
        return run_uv(uv, "pip", "compile", "-", *options, "--no-header", "--no-annotate", stdin="\n".join(wanted))


def write_overrides(request: Request, exceptions: Exceptions) -> list[str]:
    """Pins that hold whatever packages require of one another, as it was when Colab's image was built."""
    runtime = request.runtime
    on_gpu = {*runtime.gpu.packages, *runtime.gpu.also} if runtime.gpu else set()
    left_out = {name for name in {*request.pins, *on_gpu} if _FOR_GPUS.match(name)} | exceptions.missing.keys()
    left_out |= {_UNUSED} - request.packages
    pinned = {name: version for name, version in request.pins.items() if name not in exceptions.changed}
    lines = [f"{name}=={version}" for name, version in pinned.items() if name not in left_out]
    return [*lines, *(f"{name} ; {_NEVER}" for name in sorted(left_out))]


def _explain(name: str, error: UvError) -> str:
    if "Failed to fetch" in error.output and _TORCH.match(name):
        return "PyTorch's own index, which has the builds without CUDA, cannot be reached"
    if "Failed to build" in error.output:
        return "it has no wheel for this Python and system, and building it failed"
    return re.split(r",? and you require|, we can conclude", error.reason.removeprefix("Because "))[0]
