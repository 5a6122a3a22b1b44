# make demo: bake the Keras notebook into demo/ and run it.   make test: check everything.
# Both make their own .venv first. PYTHON=python3.12 chooses another Python.

BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo test lint bench gallery docs parity clean

demo:
	sh tools/setup.sh
	$(PIP) install "cookiecutter>=2.7"
	$(BIN)/cookiecutter . --no-input --overwrite-if-exists preset=keras project_name=Demo project_slug=demo
	@echo "Installing what the notebook needs (minutes the first time, seconds after that) ..."
	$(PIP) install -r demo/requirements.txt
	$(BIN)/python tools/run_demo.py demo/notebooks/keras.ipynb

.venv/test.stamp: pyproject.toml tests/constraints.txt
	sh tools/setup.sh chromium graphviz libarchive
	@echo "Installing what the tests need (minutes the first time) ..."
	$(PIP) install --constraint tests/constraints.txt --editable ".[lessons,dev,docs,ray]"
	touch $@

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

bench: .venv/test.stamp
	$(BIN)/python benchmarks/bake.py
	$(BIN)/python benchmarks/check.py
	$(BIN)/python benchmarks/lessons.py
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/resume.py
	$(BIN)/python benchmarks/starts.py
	$(BIN)/python benchmarks/clusters.py

gallery: .venv/test.stamp
	$(BIN)/python tools/renew_gallery.py

docs: .venv/test.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

parity: .venv/test.stamp
	$(BIN)/python tools/parity.py

clean:
	rm -rf .venv .venv-parity demo dist site
