"""The lesson "graphviz" with graphs of a learner's own, good and bad, and with parameters at their limits."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests.support.cells import LessonCells

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*deprecated - use:DeprecationWarning"
)  # pydot uses pyparsing's old names

LEARNED = {f"graphviz-{name}" for name in ("learn", "draw-tree", "learn-network", "draw-network")}


@pytest.fixture
def lesson(all_lessons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LessonCells:
    pytest.importorskip("graphviz")
    monkeypatch.chdir(tmp_path)
    return LessonCells(all_lessons / "notebooks/graphviz.ipynb", tmp_path)


BAD: list[tuple[str, Any, str]] = [
    ("my_graph", "", "my_graph is empty"),
    ("my_graph", " ; ;", "my_graph is empty"),
    ("my_graph", "a -> b -> ; c", 'an arrow in "a -> b ->" leads from or to nothing'),
    ("my_graph", "->", "leads from or to nothing"),
    ("hidden_layers", "", "hidden_layers must be numbers from 1 to 30"),
    ("hidden_layers", "6; 4", "hidden_layers must be numbers"),
    ("hidden_layers", "6, 0", "hidden_layers must be numbers"),
    ("hidden_layers", "1000", "hidden_layers must be numbers"),
    ("tree_depth", 0, "tree_depth must be at least 1"),
    ("direction", "left", 'direction must be "LR"'),
]


@pytest.mark.parametrize(("name", "value", "said"), BAD)
def test_a_parameter_that_cannot_be_used_gets_one_line(lesson: LessonCells, name: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        lesson.run("graphviz-read", **{name: value})
    line = str(caught.value)
    assert said in line
    assert "\n" not in line
    assert caught.value._render_traceback_() == [f"InputError: {line}"]  # type: ignore[attr-defined]


ODD_NAMES = 'a:b -> <b> -> "quoted" → x\\n; 学习 -> a:b; lone；学习 -> x\\n'


def test_odd_names_are_drawn_as_they_are_written(lesson: LessonCells) -> None:
    names = lesson.run("graphviz-draw-own", my_graph=ODD_NAMES)
    assert names["my_names"] == ["a:b", "<b>", '"quoted"', "x\\n", "学习", "lone"]
    svg = (lesson.folder / "outputs/own.svg").read_text(encoding="utf-8")
    assert (svg.count('class="node"'), svg.count('class="edge"')) == (6, 5)
    for shown in (">a:b<", ">&lt;b&gt;<", ">&quot;quoted&quot;<", ">x\\n<", ">学习<"):
        assert shown in svg
    assert names["cycle"] == []


@pytest.mark.parametrize("arrow", ["->", "-->", "–>", "—>", "→", "⇒"])
def test_an_arrow_may_be_drawn_in_several_ways(lesson: LessonCells, arrow: str) -> None:
    names = lesson.run("graphviz-read", my_graph=f"a {arrow} b-c{arrow}d", hidden_layers=6)
    assert names["my_edges"] == [("a", "b-c"), ("b-c", "d")]
    assert names["hidden_sizes"] == [6]


def test_a_cycle_is_named_and_marked(lesson: LessonCells) -> None:
    names = lesson.run("graphviz-draw-own", my_graph="a -> b -> c -> a; c -> d; e -> e")
    assert names["order"] == []
    assert "No order is possible, because of this cycle: " in lesson.printed
    arrows = list(zip(names["cycle"], names["cycle"][1:], strict=False))
    assert names["cycle"][0] == names["cycle"][-1]
    assert arrows
    assert set(arrows) <= set(names["my_edges"])
    svg = (lesson.folder / "outputs/own.svg").read_text()
    assert svg.count('stroke-width="2.5"') >= len(arrows)


def is_acyclic(nodes: set[str], edges: set[tuple[str, str]]) -> bool:
    """Whether nothing is left when nodes without an arrow to them are taken away, again and again."""
    first = nodes - {end for _, end in edges}
    if not first:
        return not nodes
    return is_acyclic(nodes - first, {(start, end) for start, end in edges if start not in first})


def test_an_order_is_found_for_any_dag_and_a_cycle_in_any_other_graph(lesson: LessonCells) -> None:
    generator = random.Random(0)
    found = set()
    for _ in range(10):
        nodes = [f"n{number}" for number in range(8)]
        edges = {(start, end) for start in nodes for end in nodes if generator.random() < 0.1}
        chains = [*nodes, *(f"{start} -> {end}" for start, end in sorted(edges))]
        names = lesson.run("graphviz-order", my_graph="; ".join(chains))
        place = {name: number for number, name in enumerate(names["order"])}
        assert bool(place) == is_acyclic(set(nodes), edges)
        assert not place or all(place[start] < place[end] for start, end in edges)
        found.add(bool(place))
    assert found == {True, False}


def test_the_example_shows_what_the_texts_say_of_it(lesson: LessonCells) -> None:
    results = lesson.run()
    assert results["plan_days"] == 28
    assert results["own_has_cycle"] is False
    assert results["tree_accuracy"] > 0.85
    assert results["network_accuracy"] > 0.9
    drawn = [f"{name}.{kind}" for name in ("pipeline", "own", "tree", "network", "plan") for kind in ("gv", "svg")]
    assert set(drawn) <= {path.name for path in (lesson.folder / "outputs").iterdir()}
    assert lesson.changed_types() == {}


def test_the_critical_path_is_the_longest_of_all(lesson: LessonCells) -> None:
    names = lesson.run("graphviz-longest", skip=LEARNED)

    def paths_from(task: str) -> list[list[str]]:
        following = [end for start, end in names["shed_edges"] if start == task]
        return [[task, *path] for end in following for path in paths_from(end)] or [[task]]

    lengths = {tuple(path): sum(names["days"][task] for task in path) for path in paths_from("design")}
    assert len(lengths) > 3
    assert tuple(names["critical_path"]) == max(lengths, key=lambda path: lengths[path])
    assert names["plan_days"] == max(lengths.values())
