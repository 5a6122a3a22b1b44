"""The public names of a package, read from its wheel without importing or installing it.

Two versions that are read in the same way can be compared, however old the Python is that the older one needs.
"""

import ast
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

_LAZY_TABLES = frozenset(("_import_structure", "_SUBMOD_ATTRS", "DEPRECATED_LOOKUP"))
"""Dictionaries from which modules make their names on demand: transformers, diffusers, huggingface_hub, langchain."""

_NUMPYS_OWN = "extend_all"
"""The function by which numpy adds to ``__all__``."""
_RENAMED = {"tensorflow_core": "tensorflow"}
"""Folders of wheels that are imported under another name."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Names(NamedTuple):
    """What one version of a package has."""

    modules: frozenset[str]
    names: frozenset[str]
    """Functions, classes and values of the modules: ``pandas.read_csv``."""
    members: frozenset[str]
    """Methods of the classes: ``pandas.DataFrame.append``."""
    arguments: Mapping[str, frozenset[str]]
    """The names that a function or class takes; ``**`` among them where it takes any."""


class _Module:
    """A module in a wheel; it is parsed when somebody asks what is in it."""

    def __init__(self, path: str, is_package: bool) -> None:
        self.path = path
        self.is_package = is_package
        self.code = b""
        self.stub = b""
        """A ``.pyi`` beside the code, or instead of it."""

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """Those of the stub and of the code, those in if, try and with among them."""
        return [statement for text in (self.stub, self.code) for statement in _statements(_parse(text))]


def _parse(text: bytes) -> ast.Module:
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(text)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def read_names(
    wheel: Path,
    roots: Mapping[str, str],
    depth: int,
    without: tuple[str, ...] = (),
    looks_into: Callable[[str], bool] = lambda name: True,
    facades: tuple[str, ...] = (),
) -> Names:
    """The public names in a wheel.

    ``roots`` says which packages in it are read, and how what lies in them is called by those who use it
    (``tensorflow._api.v2`` is called ``tensorflow``). Modules below ``depth`` dots are left out, and so is what is in
    the modules ``without``. What a module imports counts as its own in packages and ``facades``, and in others where
    ``__all__`` has it. Methods and arguments are read of what ``looks_into`` accepts, which takes most of the
    time.
    """
    library = _Library(_read_modules(wheel, roots))
    modules, names, members = set(), set(), set()
    arguments: dict[str, frozenset[str]] = {}
    for path in library.modules:
        public = _public_path(path, roots)
        if not public or public.count(".") > depth + 1 or f"{public}.".startswith(without):
            continue
        modules.add(public)
        if public.count(".") > depth:
            continue
        for name in library.public_names(path, is_root=path in roots, is_facade=public in facades):
            full = f"{public}.{name}"
            names.add(full)
            found = library.resolve(path, name) if looks_into(full) else None
            if isinstance(found, tuple):
                methods = library.methods(*found)
                members |= {f"{full}.{method}" for method in methods if not method.startswith("_")}
                if init := methods.get("__init__"):
                    arguments[full] = _arguments_of(init, skip=1)
                elif fields := library.fields(*found):
                    arguments[full] = frozenset(fields)
            elif found:
                arguments[full] = _arguments_of(found, skip=0)
    return Names(frozenset(modules), frozenset(names), frozenset(members), arguments)


def _read_modules(wheel: Path, roots: Mapping[str, str]) -> dict[str, _Module]:
    tops = tuple({root.partition(".")[0] for root in roots})
    modules: dict[str, _Module] = {}
    with zipfile.ZipFile(wheel) as archive:
        for file in sorted(archive.namelist()):
            stem, _, suffix = file.rpartition(".")
            parts = stem.split("/")
            parts[0] = _RENAMED.get(parts[0], parts[0])
            if parts[0] not in tops or suffix not in ("py", "pyi") or _is_of_tests(parts):
                continue
            is_package = parts[-1] == "__init__"
            path = ".".join(parts[:-1] if is_package else parts)
            module = modules.setdefault(path, _Module(path, is_package))
            setattr(module, "code" if suffix == "py" else "stub", archive.read(file))
    return modules


def _is_of_tests(parts: list[str]) -> bool:
    return any(part in ("tests", "test", "testing", "conftest", "benchmarks", "examples", "setup") for part in parts)


def _public_path(path: str, roots: Mapping[str, str]) -> str:
    """How the module is called by those who use it; empty where it is nobody's business."""
    root = max((root for root in roots if f"{path}.".startswith(f"{root}.")), key=len, default="")
    if not root:
        return ""
    rest = path[len(root) :]
    return "" if "._" in rest else roots[root] + rest


def _arguments_of(function: Function, skip: int) -> frozenset[str]:
    given = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args)][skip:] + [one.arg for one in given.kwonlyargs]
    renaming = [one for one in function.decorator_list if "deprecate_kwarg" in ast.dump(one)]
    renamed = {word for decorator in renaming for word in _strings(decorator)}
    return frozenset([*names, *renamed, *(["**"] if given.kwarg else [])])


class _Library:
    """The modules of a wheel, and what their names stand for."""

    def __init__(self, modules: dict[str, _Module]) -> None:
        self.modules = modules
        self._tops = {module.partition(".")[0] for module in modules}
        self.names = cache(self._names)
        self._imports = cache(self._read_imports)

    def _names(self, path: str) -> frozenset[str]:
        """All names that the module defines, imports, or has in tables of lazy imports."""
        module = self.modules[path]
        found: set[str] = set()
        for node in module.statements:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr):
                found.update(_assigned(node))
        imports = self._imports(path)
        found.update(name for name in imports if not name.startswith("*"))
        for star in (target for name, (target, _) in imports.items() if name.startswith("*")):
            if star in self.modules and star != path:
                found |= self.star_names(star)
        return frozenset(found)

    def public_names(self, path: str, *, is_root: bool, is_facade: bool) -> Iterator[str]:
        """The names that others may use: those in ``__all__``, or what has no underscore and is the package's own."""
        listed = self._listed(path) if not is_root else frozenset[str]()
        shows_imports = self.modules[path].is_package or is_facade
        for name in listed or self.names(path) - (frozenset[str]() if shows_imports else self._imports(path).keys()):
            if not name.startswith("_") and (listed or self._is_own(path, name, is_root)):
                yield name

    def star_names(self, path: str) -> frozenset[str]:
        """What ``from path import *`` brings."""
        try:
            return self._listed(path) or frozenset(name for name in self.names(path) if not name.startswith("_"))
        except RecursionError:
            return frozenset()

    def _listed(self, path: str) -> frozenset[str]:
        """The names in ``__all__``, with those of the modules whose ``__all__`` is added to it."""
        module = self.modules[path]
        found: set[str] = set()
        for node in module.statements:
            if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr) and _is_about_all(node):
                if any(isinstance(one, ast.ListComp) for one in ast.walk(node)):
                    return frozenset()
                found.update(_strings(node))
                others = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
                for name in others - {"__all__", _NUMPYS_OWN}:
                    source, original = self._imports(path).get(name, ("", ""))
                    target = f"{source}.{original}" if original else source
                    if target in self.modules and target != path:
                        found |= self.star_names(target)
        return frozenset(found)

    def _read_imports(self, path: str) -> dict[str, tuple[str, str]]:
        """Name -> the module and the name in it that it comes from; ``*1`` for whole modules."""
        module = self.modules[path]
        found: dict[str, tuple[str, str]] = {}
        for node in module.statements:
            if isinstance(node, ast.Import):
                for one in node.names:
                    target = one.name if one.asname else one.name.partition(".")[0]
                    found.setdefault(one.asname or target, (target, ""))
            elif isinstance(node, ast.ImportFrom):
                source = _absolute(node, module)
                for one in node.names:
                    if one.name == "*":
                        found[f"*{len(found)}"] = (source, "")
                    else:
                        found[one.asname or one.name] = (source, one.name)
        return found

    def _is_own(self, path: str, name: str, is_root: bool) -> bool:
        """Whether the name is the package's own: not a module of others that it has imported for itself."""
        source, original = self._imports(path).get(name, ("", ""))
        if not source or source.partition(".")[0] in self._tops:
            return True
        return is_root and source not in ("__future__", "typing") and bool(original or name in ("np", "datetime"))

    def resolve(self, path: str, name: str, hops: int = 8) -> Function | tuple[str, ast.ClassDef] | None:
        """The function, or the class with its module, that the name stands for; None where it is neither."""
        if path not in self.modules or not hops:
            return None
        last: Function | tuple[str, ast.ClassDef] | None = None
        for node in self.modules[path].statements:
            if isinstance(node, ast.ClassDef) and node.name == name:
                last = (path, node)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
                last = node
        if last:
            return last
        imports = self._imports(path)
        if name in imports:
            source, original = imports[name]
            return self.resolve(source, original, hops - 1) if original else None
        stars = [source for one, (source, _) in imports.items() if one.startswith("*")]
        for source in stars:
            if source != path and (found := self.resolve(source, name, hops - 1)):
                return found
        return None

    def methods(self, path: str, definition: ast.ClassDef, hops: int = 8) -> dict[str, Function]:
        """The methods of a class, with those that it inherits from the same package."""
        found: dict[str, Function] = {}
        for base in reversed(definition.bases):
            if isinstance(base, ast.Name) and hops:
                parent = self.resolve(path, base.id)
                if isinstance(parent, tuple) and parent[1] is not definition:
                    found |= self.methods(*parent, hops - 1)
        for node in definition.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_property(node):
                found[node.name] = node
        return found

    def fields(self, path: str, definition: ast.ClassDef, hops: int = 8) -> list[str]:
        """The fields of a dataclass, with those that it inherits; none for other classes."""
        if not any("dataclass" in ast.dump(one) for one in definition.decorator_list):
            return []
        found = []
        for base in definition.bases:
            parent = self.resolve(path, base.id) if isinstance(base, ast.Name) and hops else None
            if isinstance(parent, tuple) and parent[1] is not definition:
                found += self.fields(*parent, hops - 1)
        own = [node.target for node in definition.body if isinstance(node, ast.AnnAssign)]
        return [*found, *(target.id for target in own if isinstance(target, ast.Name))]


def _is_property(node: Function) -> bool:
    """An object may have its value without its class having it: ``__init__`` or ``fit`` may set it now."""
    return any("property" in ast.dump(one) or "setter" in ast.dump(one) for one in node.decorator_list)


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module, those in if, try and with among them."""
    stack: list[ast.stmt] = list(reversed(tree.body))
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            inner = [*node.body, *getattr(node, "orelse", []), *getattr(node, "finalbody", [])]
            inner += [statement for handler in getattr(node, "handlers", []) for statement in handler.body]
            stack.extend(reversed(inner))


def _absolute(node: ast.ImportFrom, module: _Module) -> str:
    if not node.level:
        return node.module or ""
    parts = module.path.split(".")
    parts = parts[: len(parts) - node.level + module.is_package]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _assigned(node: ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr) -> Iterator[str]:
    """The names that a statement gives values to, and those that it puts into ``__all__`` or a lazy table."""
    if isinstance(node, ast.Expr):
        targets = [node.value.func] if isinstance(node.value, ast.Call) else []
    else:
        targets = list(node.targets) if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        names = [one.id for one in ast.walk(target) if isinstance(one, ast.Name)]
        if isinstance(target, ast.Name | ast.Tuple) and not isinstance(node, ast.Expr):
            yield from names
        if names and (names[0] == "__all__" or names[0] in _LAZY_TABLES):
            yield from _strings(node)


def _strings(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value.isidentifier():
            yield one.value


def _is_about_all(node: ast.Assign | ast.AugAssign | ast.Expr) -> bool:
    """Is this ``__all__ = ...``, ``__all__ += ...``, ``__all__.extend(...)`` or ``extend_all(...)``?"""
    if isinstance(node, ast.Assign):
        target: ast.expr = node.targets[0]
    elif isinstance(node, ast.AugAssign):
        target = node.target
    else:
        called = node.value.func if isinstance(node.value, ast.Call) else node.value
        target = called.value if isinstance(called, ast.Attribute) else called
    return isinstance(target, ast.Name) and target.id in ("__all__", _NUMPYS_OWN)
