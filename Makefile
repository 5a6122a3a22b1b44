# make demo: bake the Keras notebook into demo/ and run it.   make test: check everything.
# Both make their own .venv first. PYTHON=python3.12 chooses another Python.
# What they install stands in requirements/*.txt, with hashes; NEWEST=1 takes the newest of everything instead.

# Otherwise each of the thousands of processes that the tests start would compile all that it imports: 10 s for TensorFlow.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
RUN_TESTS := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest --numprocesses 3 --dist loadgroup --no-loadscope-reorder

.PHONY: demo test test-all all-tests daily-tests tests-environment lint bench gallery languages page docs dist parity locks clean

demo:
	sh tools/setup.sh demo
	$(BIN)/python -m cookiecutter . --no-input --overwrite-if-exists preset=keras project_name=Demo project_slug=demo
	$(BIN)/python tools/run_demo.py demo/notebooks/keras.ipynb

tests-environment:
	sh tools/setup.sh tests chromium graphviz libarchive

lint: tests-environment
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python tools/renew_page.py --check

# Beside each other: mypy keeps one core busy for half a minute if it has not seen the files before.
test:
	$(MAKE) --no-print-directory --jobs 2 lint daily-tests

test-all:
	$(MAKE) --no-print-directory --jobs 2 lint all-tests

daily-tests: tests-environment
	$(RUN_TESTS)

all-tests: tests-environment
	$(RUN_TESTS) -m ""

bench: tests-environment
	$(BIN)/python benchmarks/bake.py
	$(BIN)/python benchmarks/check.py
	$(BIN)/python benchmarks/lessons.py
	$(BIN)/python benchmarks/gpu.py --images 3000
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/elsewhere.py
	$(BIN)/python benchmarks/outputs.py
	$(BIN)/python benchmarks/resume.py
	$(BIN)/python benchmarks/search.py
	$(BIN)/python benchmarks/samplers.py
	$(BIN)/python benchmarks/starts.py
	$(BIN)/python benchmarks/clusters.py

gallery: tests-environment
	$(BIN)/python tools/renew_gallery.py

languages: tests-environment
	$(BIN)/python tools/languages.py

page: tests-environment
	$(BIN)/python tools/renew_page.py

docs:
	sh tools/setup.sh docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

dist: tests-environment
	rm -rf dist
	$(BIN)/python -m build

parity: tests-environment
	$(BIN)/python tools/parity.py

locks:
	sh tools/setup.sh bare
	$(BIN)/python tools/renew_locks.py

clean:
	rm -rf .venv .venv.discarded .parity demo dist site
