"""What a parameters cell declares is read right, however it is written."""

from pathlib import Path
from typing import Any

import pytest

from colab_starter.errors import ParameterError
from colab_starter.notebook.model import Notebook, read_notebook
from colab_starter.run.sweep.parameters import Parameter, describe_parameters, inspect_parameters, read_parameters_cell
from colab_starter.run.sweep.types import NoDefault
from tests.conftest import REPOSITORY
from tests.run.notebooks import notebook_of

VARIED_CELL = """from typing import Final, Literal
epochs: int | None = 3  # how many passes
mode: Literal["fast", "slow"] = "fast"
options = dict(x=1, y="=")
address = "https://example.org/?a=1&b=2#part"  # where = from
pair = (1, 2)
first = second = 7
left, right = 1, "two"
rate: float
title = "a # b"
if True:
    guarded = 1
layers = [
    32,  # the first
    64,
]  # sizes
momentum: Final = 0.5
total = 1
total += 2
quick: "bool" = False; shift = -1e-3
"""

EXPECTED = {
    "epochs": ("int | None", 3, "how many passes"),
    "mode": ("'fast' | 'slow'", "fast", ""),
    "options": ("dict", NoDefault.COMPUTED, ""),
    "address": ("str", "https://example.org/?a=1&b=2#part", "where = from"),
    "pair": ("tuple", (1, 2), ""),
    "first": ("int", 7, ""),
    "second": ("int", 7, ""),
    "left": ("int", 1, ""),
    "right": ("str", "two", ""),
    "rate": ("float", NoDefault.MISSING, ""),
    "title": ("str", "a # b", ""),
    "guarded": ("int", NoDefault.COMPUTED, ""),
    "layers": ("list", [32, 64], "sizes"),
    "momentum": ("float", 0.5, ""),
    "total": ("any", NoDefault.COMPUTED, ""),
    "quick": ("bool", False, ""),
    "shift": ("float", -0.001, ""),
}


def parameters_of(*cells: str) -> dict[str, Parameter]:
    return {one.name: one for one in inspect_parameters(notebook_of(*cells))}


def parameter_of(line: str) -> Parameter:
    (only,) = inspect_parameters(notebook_of(line))
    return only


def test_all_seventeen_names_of_a_varied_cell_are_read_right() -> None:
    found = {one.name: (str(one.type), one.default, one.help) for one in inspect_parameters(notebook_of(VARIED_CELL))}
    assert found == EXPECTED
    assert list(found) == list(EXPECTED)


def test_a_parameter_tells_its_line_its_source_and_its_annotation() -> None:
    found = parameters_of(VARIED_CELL)["epochs"]
    assert (found.line, found.source, found.annotation) == (2, "3", "int | None")
    assert parameters_of(VARIED_CELL)["options"].source == "dict(x=1, y='=')"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("n = None", "any"),
        ("n = True", "bool"),
        ("n = 1", "int"),
        ("n = -1", "int"),
        ("n = 1e3", "float"),
        ("n = 1j", "complex"),
        ("n = b''", "bytes"),
        ("n = {1}", "set"),
        ("n = {}", "dict"),
        ("n = 60 * 60", "int"),
        ("n = 2 ** 20", "int"),
        ("n = 10 ** -3", "float"),
        ("n = 1 / 3", "float"),
        ('n = f"{1}"', "str"),
        ('n = float("inf")', "float"),
        ("n = [i for i in range(3)]", "list"),
        ("n = Path('x')", "any"),
        ("n = 'a' * 3", "any"),
        ("n: Optional[int] = None", "int | None"),
        ("n: typing.Union[int, str] = 1", "int | str"),
        ("n: 'int | None' = None", "int | None"),
        ("n: List[int] = []", "list"),
        ("n: list[int] | None = None", "list | None"),
        ("n: dict[str, int] = {}", "dict"),
        ("n: Sequence[int] = ()", "list | tuple"),
        ("n: Literal[1, 'a', None] = 1", "1 | 'a' | None"),
        ("n: Optional[Literal['a']] = None", "'a' | None"),
        ("n: Annotated[int, 'positive'] = 1", "int"),
        ("n: Final[int] = 1", "int"),
        ("n: float = 1", "float"),
        ("n: int = None", "int | None"),
        ("n: Any = 1", "any"),
        ("n: Path = 'x'", "any"),
        ("n: int | np.ndarray = 1", "any"),
        ("n: 'not python!' = 1", "any"),
        ("n = 1  # type: float  the rate", "float"),
        ("files = !ls", "any"),
        ("*rest, last = [1, 2], 3", "any"),
    ],
)
def test_types_come_from_annotations_then_from_defaults(line: str, wanted: str) -> None:
    assert str(inspect_parameters(notebook_of(line))[-1].type) == wanted


@pytest.mark.parametrize(
    ("line", "wanted", "told"),
    [
        ('n = 3  # @param {type:"integer"}', "int", ""),
        ('n = 3  #@param {"type":"integer"} how many', "int", "how many"),
        ('n = 1  # @param {type:"number"}', "int | float", ""),
        ('n = 0.1  # @param {type:"number"}', "float", ""),
        ('n = None  # @param {type:"string"}', "str | None", ""),
        ('n = 5  # @param {type:"slider", min:0, max:10, step:1}', "int", "(0 to 10)"),
        ('n = 1  # @param {type:"slider", min:0, max:1, step:0.1}', "int | float", "(0 to 1)"),
        ('n = 3  # @param {type:"raw"}', "any", ""),
        ('n = "2026-01-01"  # @param {type:"date"}', "str", ""),
        ('n = "a"  # @param ["a", "b]", "c"]', "'a' | 'b]' | 'c'", ""),
        ("n = 'a'  # @param ['a', 'b'] {type:\"string\"}", "'a' | 'b'", ""),
        ('n = "a"  # @param ["a", "b"] {allow-input: true}', "str", ""),
        ('n = 1  # @param ["1", "2"] {type:"raw"}', "1 | 2", ""),
        ("n = 1  # @param [1, 2, 4]", "1 | 2 | 4", ""),
        ('n = tf.float32  # @param ["tf.float32", "tf.float16"] {type:"raw"}', "any", ""),
        ('n = "z"  # @param ["a"]', "'a' | 'z'", ""),
        ('n = None  # @param ["None", "1"] {type:"raw"}', "None | 1", ""),
        ("n = 3  # @param {broken", "int", "{broken"),
        ('n: float = 3  # @param {type:"integer"}', "float", ""),
        ("n = 1  # noqa: E501", "int", ""),
    ],
)
def test_the_forms_of_colab_are_understood(line: str, wanted: str, told: str) -> None:
    found = parameter_of(line)
    assert (str(found.type), found.help) == (wanted, told)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "# only a comment",
        "import os",
        "def f(n=1):\n    m = 2",
        "print(1)",
        "%pip install x",
        "class A:\n    x = 1",
    ],
)
def test_what_is_no_assignment_declares_nothing(source: str) -> None:
    assert inspect_parameters(notebook_of(source)) == []


def test_the_last_assignment_counts() -> None:
    found = parameters_of("n: int = 1\nn = 2  # twice\nm = 'a'\nm = 1.5")
    assert (found["n"].default, found["n"].annotation, found["n"].help) == (2, "int", "twice")
    assert (found["m"].default, str(found["m"].type)) == (1.5, "float")


def test_a_value_under_a_condition_is_computed_and_takes_the_types_of_all_branches() -> None:
    found = parameters_of("if fast:\n    n = 1\nelse:\n    n = 0.5")["n"]
    assert (found.default, str(found.type)) == (NoDefault.COMPUTED, "int | float")


def test_magics_do_not_disturb_the_lines() -> None:
    found = parameters_of("%%time\n%matplotlib inline\n\nn = 3  # here")["n"]
    assert (found.line, found.help) == (4, "here")


def test_the_first_of_several_parameters_cells_counts() -> None:
    cell = read_parameters_cell(notebook_of("n = 1", "n = 2\nm = 3"))
    assert cell
    assert [one.name for one in cell.parameters] == ["n"]
    assert cell.set_again == {"n": 2, "m": 2}


def test_a_cell_that_is_no_python_is_an_error_that_names_the_line() -> None:
    with pytest.raises(
        ParameterError, match=r"train\.ipynb: the parameters cell \(cell 1\) is not valid Python, line 2"
    ):
        inspect_parameters(notebook_of("n = 1\nm = = 2"))


def test_a_notebook_without_a_parameters_cell_has_none() -> None:
    assert read_parameters_cell(notebook_of()) is None


@pytest.mark.parametrize(
    ("source", "given", "stale"),
    [
        ("n = 1\nm = n * 10", {"n"}, ["m"]),
        ("n = 1\nm = n * 10", {"n", "m"}, []),
        ("n = 1\nm = n * 10", {"m"}, []),
        ("n = 1\nm = n * 10\nk = m + 1", {"n"}, ["m", "k"]),
        ("n = 1\nm = n * 10\nk = m + 1", {"n", "m"}, ["k"]),
        ("n = 1\nm = n * 10\nm = 3", {"n"}, []),
        ("n = 1\nn = n + 1\nn += 1", {"n"}, []),
        ("n = 1\nm = 0\nm += n", {"n"}, ["m"]),
        ("n = 1\nif n > 2:\n    m = 1\nelse:\n    m = 2", {"n"}, ["m"]),
        ("n = 1\nos.environ['N'] = str(n)", {"n"}, ["os.environ['N']"]),
        ("n = 1\nnp.random.seed(n)", {"n"}, ["np.random.seed(n)"]),
        ("n = 1\nprint(n)", {"n"}, []),
        ("n = 1\nf = lambda x: x * n\ndef g():\n    m = n", {"n"}, []),
        ("n = 1\nm = [n for n in range(3)]", {"n"}, []),
        ("n = 1\nm = f'{n}.txt'", {"n"}, ["m"]),
        ("n = 1\na, b = n, 2", {"n"}, ["a"]),
        ("n = 1\na = b = n", {"n"}, ["a", "b"]),
        ("n: int = 1\nm: int = n\nm: int = 3", {"n"}, []),
    ],
)
def test_what_is_computed_from_a_given_name_is_stale(source: str, given: set[str], stale: list[str]) -> None:
    cell = read_parameters_cell(notebook_of(source))
    assert cell
    assert [computation.target for computation, _ in cell.find_stale(given)] == stale


def test_the_table_has_a_line_a_parameter_and_no_line_breaks_of_the_notebook() -> None:
    table = describe_parameters(inspect_parameters(notebook_of(VARIED_CELL + 'long = """a\nb"""\noutput_dir = "x"\n')))
    lines = table.split("\n")
    assert lines[0].split() == ["NAME", "TYPE", "DEFAULT"]
    assert len(lines) == 1 + 19
    assert lines[-1].endswith("set for each run")
    assert any("(must be given)" in line for line in lines)
    assert describe_parameters([]) == "The notebook has no parameters."


@pytest.mark.parametrize("path", sorted(REPOSITORY.glob("gallery/*.ipynb")), ids=lambda path: str(path.stem))
def test_every_parameter_of_the_gallery_has_a_default_and_a_type(path: Path) -> None:
    found = inspect_parameters(read_notebook(path))
    assert {"seed", "output_dir"} <= {one.name for one in found}
    assert all(not isinstance(one.default, NoDefault) and str(one.type) != "any" for one in found)


def test_a_notebook_of_another_language_declares_nothing_that_is_known() -> None:
    kernel: dict[str, Any] = {"name": "ir", "language": "R"}
    notebook: Notebook = notebook_of("n <- 1", kernelspec=kernel)
    assert inspect_parameters(notebook) == []
