"""A generator of odd notebooks: outputs, errors, messages and metadata that no notebook should have, and some do.

Each is made from a seed, and knows what is to become of it: the exit code that ``colab-starter run`` ends with.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = Any

SENTINEL = "the end is reached"

_MIMES = (
    *("text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/svg+xml", "application/json"),
    *(
        "application/x",
        "application/vnd.odd+json",
        "application/vnd.plotly.v1+json",
        "application/javascript",
        "",
        "odd",
    ),
    "application/scrapbook.scrap.json+json",
)
_TEXTS = (
    "",
    "text",
    "</script><b>",
    "\x1b[31mred",
    "half \ud800",
    "\udfff",
    "\r\b\0",
    "€ 数字",
    "$x_{",
    "a" * 5000,
    "# h\n> > >",
    "![i](attachment:gone.png)",
)
_KINDS = (
    *("stream", "display_data", "execute_result", "update_display_data", "clear_output", "execute_input"),
    *("comm_open", "comm_msg", "comm_close", "odd_type", "status"),
)
_FIELDS = (
    *("data", "metadata", "transient", "name", "text", "wait", "execution_count", "comm_id", "target_name", "code"),
    *("execution_state", "traceback", "ename", "evalue"),
)


@dataclass
class Odd:
    """A notebook, and what is to become of it."""

    data: Json
    exit_code: int
    """2: it is refused; 1: a cell fails; 0: it runs to its end."""
    reaches_end: bool = True
    """Its last cell is executed."""
    labels: list[str] = field(default_factory=list)
    """What is odd about it, for whoever looks for the reason of a failure."""


def make_odd(seed: int) -> Odd:
    """The notebook of a seed; always the same."""
    return _Maker(random.Random(seed)).make()


@dataclass(frozen=True)
class _Snippet:
    """The code of a cell."""

    code: str
    effect: str = "goes on"
    """``fails`` or ``ends``: the run ends at it, badly or well."""


class _Maker:
    def __init__(self, dice: random.Random) -> None:
        self.dice = dice

    def make(self) -> Odd:
        """Some cells, and one that says that the end is reached."""
        cells: list[Json] = []
        odd = Odd({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, 0)
        for _ in range(self.dice.randint(1, 4)):
            self._add_cell(odd)
        cells.append(self._make_cell(f"print({SENTINEL!r})"))
        for label in self.dice.sample([*_FINE], self.dice.choice((0, 0, 1, 2, 3))):
            _FINE[label](odd.data, self)
            odd.labels.append(label)
        if self.dice.random() < 0.15:  # the last, so that nothing mends it again
            label = self.dice.choice([*_REFUSED])
            _REFUSED[label](odd.data, self)
            odd.labels.append(label)
            odd.exit_code, odd.reaches_end = 2, False
        return odd

    def _add_cell(self, odd: Odd) -> None:
        if self.dice.random() < 0.2:
            kind = self.dice.choice(("markdown", "raw"))
            odd.data["cells"].append({"cell_type": kind, "metadata": {}, "source": self.text(), "id": self.name()})
            return
        make = self.dice.choice(_SNIPPETS)
        snippet = make(self)
        may_fail = snippet.effect == "fails" and self.dice.random() < 0.6
        odd.data["cells"].append(self._make_cell(snippet.code, *["raises-exception"] * may_fail))
        odd.labels.append(f"{make.__name__}: {snippet.code}")
        if odd.reaches_end and snippet.effect != "goes on" and not may_fail:
            odd.reaches_end = False
            odd.exit_code = int(snippet.effect == "fails")

    def _make_cell(self, source: str, *tags: str) -> Json:
        return {
            "cell_type": "code",
            "metadata": {"tags": [*tags]} if tags else {},
            "source": source,
            "id": self.name(),
            "outputs": [],
            "execution_count": None,
        }

    def name(self) -> str:
        return f"{self.dice.getrandbits(48):x}"

    def text(self) -> str:
        return self.dice.choice(_TEXTS)

    def value(self, depth: int = 3) -> Any:
        """A value as JSON has it, or nearly so."""
        plain: list[Callable[[], Any]] = [
            *(lambda: None, lambda: True, lambda: self.dice.randint(-5, 5), lambda: 2.5, lambda: float("nan")),
            *(lambda: float("-inf"), lambda: 10**30, self.text, lambda: [], dict),
        ]
        if depth == 0 or self.dice.random() < 0.6:
            return self.dice.choice(plain)()
        if self.dice.random() < 0.5:
            return [self.value(depth - 1) for _ in range(self.dice.randint(0, 3))]
        return {self.text(): self.value(depth - 1) for _ in range(self.dice.randint(0, 3))}

    def expression(self) -> str:
        """A value as Python source: like ``value``, or one that no message can hold."""
        odd = (
            *("object()", "{1, 2}", "b'\\xff\\x00'", "10 ** 5000", "float('nan')", "(1, 2)", "1j", "print", "range(3)"),
            *(f"nest({levels})" for levels in (50, 120, 500, 900, 2000)),
        )
        return self.dice.choice(odd) if self.dice.random() < 0.4 else _source(self.value())


def _source(value: Any) -> str:
    """Python source for a value of JSON."""
    if isinstance(value, float):
        return f"float({str(value)!r})"
    if isinstance(value, list):
        return f"[{', '.join(map(_source, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_source(key)}: {_source(item)}' for key, item in value.items())}}}"
    return repr(value)


_NEST = "def nest(levels):\n    x = 1\n    for i in range(levels): x = [x] if i % 2 else {'a': x}\n    return x\n"


def _display(maker: _Maker) -> _Snippet:
    forms = {maker.dice.choice(_MIMES): maker.expression() for _ in range(maker.dice.randint(0, 3))}
    keys = [maker.dice.choice((repr(mime), repr(mime), "5", "None", "(1, 2)")) for mime in forms]
    data = ", ".join(f"{key}: {form}" for key, form in zip(keys, forms.values(), strict=True))
    options = maker.dice.choice(("", ", display_id='one'", f", metadata={{'a': {maker.expression()}}}"))
    return _Snippet(f"{_NEST}display({{{data}}}, raw=True{options})")


def _metric(maker: _Maker) -> _Snippet:
    scrap = {"name": maker.value(1), "data": maker.value(), "encoder": "json", "version": 1}
    return _Snippet(f"display({{'application/scrapbook.scrap.json+json': {_source(scrap)}}}, raw=True)")


def _print(maker: _Maker) -> _Snippet:
    stream = maker.dice.choice(("stdout", "stderr"))
    return _Snippet(f"import sys\nprint({maker.text()!r} * {maker.dice.choice((1, 50))}, file=sys.{stream})")


_SEND = "shell = get_ipython()\nkernel = shell.kernel\n"


def _message(maker: _Maker) -> _Snippet:
    """A message of the notebook's own making."""
    kind = maker.dice.choice(_KINDS)
    fields = maker.dice.sample(_FIELDS, maker.dice.randint(0, 5))
    content = {name: maker.value() for name in fields}
    if maker.dice.random() < 0.5:
        content["transient"] = {"display_id": maker.dice.choice(("one", 5, None, ["one"]))}
    if kind in ("comm_open", "comm_msg") and maker.dice.random() < 0.7:
        state = {"_model_name": maker.value(1), "_model_module": maker.value(1), "outputs": maker.value()}
        content |= {"comm_id": maker.dice.choice(("a", "b")), "data": {"state": state}, "target_name": "jupyter.widget"}
    if content.get("execution_state") == "idle":
        del content["execution_state"]
    sent = (
        _source(content)
        if maker.dice.random() < 0.8
        else maker.dice.choice(("b'[]'", "'text'", "b'5'", "None", "b'null'"))
    )
    return _Snippet(
        f"{_SEND}kernel.session.send(kernel.iopub_socket, {kind!r}, {sent}, parent=shell.parent_header); print(1)"
    )


def _frames(maker: _Maker) -> _Snippet:
    """Frames that are no message at all, or not one of this kernel."""
    frames = maker.dice.choice(
        (
            "[b'x']",
            "[b'', b'']",
            "[b'<IDS|MSG>']",
            "[b'<IDS|MSG>', b'', b'{}', b'{}', b'{}', b'{}']",
            "[b'<IDS|MSG>', b'wrong', b'{}', b'{}', b'{}', b'{}']",
            "sign([b'{}', b'{}', b'{}', b'{}'])",
            "sign([b'[]', b'5', b'null', b'{'])",
            "sign([b'{\"msg_id\": 5, \"msg_type\": []}', b'{}', b'{}', b'{}'])",
            "sign([stream, parent, b'{}', b'[' * 100_000])",
            "sign([stream, parent, b'[]', b'[]'])",
            "sign([stream, parent, b'{}', b'9' * 5000])",
            "sign([b'\\xff', b'\\xff', b'\\xff', b'\\xff'])",
        )
    )
    sign = "def sign(parts): return [b'<IDS|MSG>', kernel.session.sign(parts), *parts]\n"
    parent = "import json\nparent = json.dumps({'msg_id': shell.parent_header['header']['msg_id']}).encode()\n"
    stream = 'stream = b\'{"msg_id": "a", "msg_type": "stream"}\'\n'
    return _Snippet(f"{_SEND}{sign}{parent}{stream}kernel.iopub_socket.send_multipart({frames}); print(1)")


def _sent_error(maker: _Maker) -> _Snippet:
    content = {name: maker.value() for name in maker.dice.sample(("ename", "evalue", "traceback"), 2)}
    sent = f"kernel.session.send(kernel.iopub_socket, 'error', {_source(content)}, parent=shell.parent_header)"
    return _Snippet(f"{_SEND}{sent}; print(1)", "fails")


def _error(maker: _Maker) -> _Snippet:
    """An error of an odd class, raised or only shown."""
    method = maker.dice.choice(("_render_traceback_(self)", "__str__(self)", "__repr__(self)"))
    body = maker.dice.choice(("pass", "1 / 0", "return 5", "return None", "return 'text'", "return [1, None]"))
    text = maker.text()
    name = maker.dice.choice(("Odd", "SystemExit2", "数", "_"))
    made = f"class {name}(Exception):\n    def {method}: {body}\n"
    raised = f"raise {name}({text!r})"
    ways = (
        raised,
        f"get_ipython().run_cell({raised!r})",
        f"try: {raised}\nexcept {name}: get_ipython().showtraceback()",
    )
    return _Snippet(made + maker.dice.choice(ways), "fails")


def _captured(maker: _Maker) -> _Snippet:
    inner = maker.dice.choice(
        (
            "1 / 0",
            "%no_such_magic",
            "1 +",
            "raise ExceptionGroup('g', [ValueError(1)])",
            f"raise ValueError({maker.text()!r})",
        )
    )
    return _Snippet(f"%%capture {maker.dice.choice(('', '--no-display', 'out'))}\n{inner}", "fails")


def _repr(maker: _Maker) -> _Snippet:
    """An object that cannot be shown."""
    method = maker.dice.choice(("__repr__", "_repr_html_", "_repr_png_", "_repr_mimebundle_", "_ipython_display_"))
    shown = maker.dice.choice(("Odd()", "display(Odd())", "[Odd()]" if method == "__repr__" else "Odd()"))
    return _Snippet(
        f"class Odd:\n    def {method}(self, **options): raise ValueError({maker.text()!r})\n{shown}", "fails"
    )


def _odd_repr(maker: _Maker) -> _Snippet:
    """An object that is shown in an odd way, which is no error."""
    returned = maker.dice.choice((repr(maker.text()), f"{maker.text()!r} * 100"))
    return _Snippet(f"class Odd:\n    def __repr__(self): return {returned}\nOdd()")


def _exit(maker: _Maker) -> _Snippet:
    code, is_good = maker.dice.choice(
        (("", True), ("0", True), ("None", True), ("False", True), ("3", False), ("'bad'", False), ("True", False),
         ("object()", False), ("'\\ud800'", False), ("10 ** 5000", False), ("0.0", False))
    )  # fmt: skip
    call = maker.dice.choice(("exit({})", "quit({})", "import sys; sys.exit({})", "raise SystemExit({})"))
    is_ipythons = call.startswith(("exit", "quit"))
    # IPython ends the kernel for a code that is false, so that a cell which may fail would go on without it.
    ends_kernel = is_ipythons and code == "0.0"
    return _Snippet(call.format("1" if ends_kernel else code), "ends" if is_good else "fails")


def _widget(maker: _Maker) -> _Snippet:
    inner = maker.dice.choice(("print(1)", "display(2)", "print('\\ud800')", "display({'odd': 5}, raw=True)"))
    return _Snippet(f"import ipywidgets\nout = ipywidgets.Output()\nwith out: {inner}\nout")


def _failing_widget(maker: _Maker) -> _Snippet:
    return _Snippet("import ipywidgets\nout = ipywidgets.Output()\nwith out: 1 / 0\nout", "fails")


_SNIPPETS: tuple[Callable[[_Maker], _Snippet], ...] = (
    *(_display, _display, _display, _message, _message, _message, _frames, _metric, _print, _odd_repr, _widget),
    *(_error, _sent_error, _captured, _repr, _exit, _failing_widget),
)

_Break = Callable[[Json, _Maker], object]


def _set(*path: str, value: Any) -> _Break:
    """Put a value into the notebook, at a path of names; ``cell`` is one of its cells."""

    def put(data: Json, maker: _Maker) -> None:
        place = data
        for name in path[:-1]:
            if name == "cell":
                place = maker.dice.choice([cell for cell in data["cells"] if cell])
            else:
                if not isinstance(place.get(name), dict):
                    place[name] = {}
                place = place[name]
        place[path[-1]] = json.loads(json.dumps(value))

    return put


def _nested(levels: int) -> Json:
    value: Json = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def _keep_tags(data: Json, maker: _Maker) -> None:
    """Every cell says its tags in another way."""
    for cell in filter(None, data["cells"]):
        tags = cell.get("metadata", {}).get("tags") if isinstance(cell.get("metadata"), dict) else None
        if isinstance(tags, list) and tags:
            cell["metadata"]["tags"] = maker.dice.choice(
                [",".join(tags), [*tags, None, ""], [f"{tags[0]},odd"], [*tags, *tags]]
            )


_FINE: dict[str, _Break] = {
    # What can be done to the file without a difference for the run.
    "kernelspec null": _set("metadata", "kernelspec", value=None),
    "kernelspec is text": _set("metadata", "kernelspec", value="python3"),
    "kernelspec without a name": _set("metadata", "kernelspec", value={"language": "python", "display_name": 5}),
    "kernelspec in capitals": _set("metadata", "kernelspec", value={"name": "PYTHON3", "display_name": "x"}),
    "language_info null": _set("metadata", "language_info", value=None),
    "language_info is text": _set("metadata", "language_info", value="python"),
    "odd fields of language_info": _set("metadata", "language_info", value={"name": "python", "mimetype": 5}),
    "notebook's odd metadata": _set(
        "metadata", "widgets", value={"application/vnd.jupyter.widget-state+json": {"a": 1}}
    ),
    "papermill's odd metadata": _set("metadata", "papermill", value=[1]),
    "our own odd metadata": _set("metadata", "colab_starter", value="x"),
    "title and authors": _set("metadata", "title", value={"a": 1}),
    "nested metadata": _set("metadata", "deep", value=_nested(90)),
    "nested outputs": _set("cell", "outputs", value=[{"output_type": "display_data", "data": _nested(300)}]),
    "odd outputs": _set("cell", "outputs", value="text"),
    "outputs null": _set("cell", "outputs", value=None),
    "odd count": _set("cell", "execution_count", value="many"),
    "odd names": _set("cell", "metadata", "name", value=""),
    "scrolled": _set("cell", "metadata", "scrolled", value="yes"),
    "execution": _set("cell", "metadata", "execution", value=5),
    "cell's papermill": _set("cell", "metadata", "papermill", value=5),
    "jupyter": _set("cell", "metadata", "jupyter", value=[]),
    "id null": _set("cell", "id", value=None),
    "id a number": _set("cell", "id", value=5),
    "id too long": _set("cell", "id", value="x" * 200),
    "id of odd letters": _set("cell", "id", value="a b/ü"),
    "ids twice": lambda data, maker: [cell.update(id="same") for cell in data["cells"] if cell],
    "unknown fields": _set("cell", "unknown", value={"a": 1}),
    "attachments": _set("cell", "attachments", value={"a.png": {"image/png": 5}, "b": None}),
    "attachments null": _set("cell", "attachments", value=None),
    "no minor version": lambda data, maker: data.pop("nbformat_minor", None),
    "newer minor version": _set("nbformat_minor", value=9),
    "version null": _set("nbformat", value=None),
    "extra at the top": _set("extra", value=[1]),
    "a cell null": lambda data, maker: data["cells"].insert(0, None),
    "a heading": lambda data, maker: data["cells"].insert(0, {"cell_type": "heading", "level": 2, "source": "x"}),
    "an empty cell": lambda data, maker: data["cells"].insert(
        0, {"cell_type": "code", "source": None, "metadata": None}
    ),
    "odd ways of tags": _keep_tags,
}
_REFUSED: dict[str, _Break] = {
    # After which no run can be made of it.
    "kernelspec is a number": _set("metadata", "kernelspec", value=5),
    "kernel of another name": _set("metadata", "kernelspec", value={"name": "no-such-kernel", "display_name": "x"}),
    "kernel's name a number": _set("metadata", "kernelspec", value={"name": 3}),
    "language's name a list": _set("metadata", "language_info", value={"name": []}),
    "metadata is text": _set("metadata", value="text"),
    "too deep": _set("metadata", "deep", value=_nested(900)),
    "cell metadata too deep": _set("cell", "metadata", "deep", value=_nested(200)),
    "cell metadata is text": _set("cell", "metadata", value="text"),
    "tags a number": _set("cell", "metadata", "tags", value=5),
    "a tag a number": _set("cell", "metadata", "tags", value=["a", 5]),
    "source a number": _set("cell", "source", value=5),
    "source a list of numbers": _set("cell", "source", value=["a", 5]),
    "half a character": lambda data, maker: data["cells"].append(maker._make_cell("'\ud800'")),
    "unknown type": _set("cell", "cell_type", value="sql"),
    "type null": _set("cell", "cell_type", value=None),
    "a cell that is text": lambda data, maker: data["cells"].append("text"),
    "cells an object": lambda data, maker: data.update(cells={}),
    "newer version": _set("nbformat", value=5),
    "version is text": _set("nbformat", value="4"),
}
