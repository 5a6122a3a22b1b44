"""What happens between a notebook's imports."""

import nbformat

from colab_starter.notebook.model import read_notebook as read_facts
from colab_starter.run.warm.steps import BarrierStep, read_steps
from tests.conftest import Bake, read_notebook


def test_only_our_own_install_cell_is_no_barrier_whatever_follows_it(bake: Bake) -> None:
    path = bake(preset="blank") / "notebooks/blank.ipynb"
    assert not any(isinstance(step, BarrierStep) for step in read_steps(read_facts(path)))
    notebook = read_notebook(path)
    after = [cell.id for cell in notebook.cells].index("install-0") + 1
    notebook.cells.insert(after, nbformat.v4.new_code_cell("%pip install no-such-package-of-colab-starter"))
    nbformat.write(notebook, path.with_name("mine.ipynb"))
    assert any(isinstance(step, BarrierStep) for step in read_steps(read_facts(path.with_name("mine.ipynb"))))
