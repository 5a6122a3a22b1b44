#!/bin/sh
# Make .venv, install what SET needs, and see to the system PACKAGEs: install them where we may, else say what to type.
#
#     sh tools/setup.sh SET [PACKAGE ...]
#
# SET: bare (pip alone), demo, docs or tests. PACKAGE: chromium, graphviz or libarchive.
# PYTHON names the Python of .venv. NEWEST=1 takes the newest version of everything, not those of requirements/*.txt.
#
# It may be killed at any moment and started again. While .venv is being changed there is a .venv/incomplete; where one
# is left over, .venv is made anew, because a package that pip was installing may look whole and not be.
set -eu

fail() {
    echo "$1" >&2
    exit 1
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' </dev/null 2>/dev/null || true
}

fits() {
    case $(version_of "$1") in 3.11 | 3.12 | 3.13) ;; *) return 1 ;; esac
}

installation_of() {
    "$1" -c 'import sys; print(sys.base_prefix, sys.version_info[:2])' </dev/null 2>/dev/null
}

check_wanted_python() {
    remedy="give one of 3.11, 3.12 or 3.13: make PYTHON=/path/to/python3.12 ..."
    command -v "$PYTHON" >/dev/null || fail "PYTHON=$PYTHON is not a program; $remedy"
    version=$(version_of "$PYTHON")
    case $version in
        3.11 | 3.12 | 3.13) ;;
        [0-9].[0-9] | [0-9].[0-9][0-9]) fail "PYTHON=$PYTHON is Python $version; $remedy" ;;
        *) fail "PYTHON=$PYTHON does not start as Python; $remedy" ;;
    esac
}

find_python() {
    for python in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11; do
        if fits "$python"; then return; fi
    done
    fail "No Python 3.11, 3.12 or 3.13 found (TensorFlow runs on no other). Install one, then: make PYTHON=/path/to/python3.12 ..."
}

is_environment_whole() {
    [ ! -e .venv/incomplete ] && fits .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1
}

is_environment_wanted() {
    [ -z "${PYTHON:-}" ] || [ "$(installation_of .venv/bin/python)" = "$(installation_of "$PYTHON")" ]
}

works() {
    case $1 in
        python*-venv) "$python" -c 'import ensurepip, venv' 2>/dev/null ;;
        chromium) chromium --version || chromium-browser --version || google-chrome --version ;;
        graphviz) echo 'graph {}' | dot -Tsvg ;;
        libarchive) "$python" -c 'import ctypes.util, sys; sys.exit(not ctypes.util.find_library("archive"))' ;;
    esac >/dev/null 2>&1
}

list_missing() {
    for package in "$@"; do
        works "$package" || echo "$package"
    done
}

debian_name() {
    case $1 in
        libarchive) apt-cache show libarchive13t64 >/dev/null 2>&1 && echo libarchive13t64 || echo libarchive13 ;;
        *) echo "$1" ;;
    esac
}

install_system_packages() {
    if command -v apt-get >/dev/null; then
        may_install=no
        if [ "$(id -u)" = 0 ]; then
            may_install=yes
            dpkg --configure -a # what an interrupted installation left to be done
            apt-get update --quiet=2
        fi
        names=""
        for package in "$@"; do names="$names $(debian_name "$package")"; done
        [ $may_install = yes ] || fail "Type this, then try again:  sudo apt-get install$names"
        DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends $names
        missing=$(list_missing "$@")
        [ -z "$missing" ] || fail "Installed, but not working: $(echo $missing). Try: apt-get install --reinstall$names"
    elif command -v brew >/dev/null; then
        fail "Type this, then try again:  brew install $*"
    else
        fail "Install these, then try again: $*"
    fi
}

discard_environment() { # a .venv that is half deleted must not be taken for a whole one
    rm -rf .venv.discarded
    if [ -e .venv ] || [ -L .venv ]; then mv .venv .venv.discarded; fi
    rm -rf .venv.discarded
}

make_environment() {
    case $(command -v "$python") in
        .venv/* | "$PWD"/.venv/*) python=$("$python" -c 'import sys; print(sys._base_executable)') ;; # .venv goes
    esac
    discard_environment
    mkdir .venv
    : >.venv/incomplete
    "$python" -m venv .venv
    rm .venv/incomplete
}

pip_install() {
    .venv/bin/python -m pip --quiet --disable-pip-version-check install --no-compile "$@"
}

install_colab_starter() {
    pip_install --no-deps --no-build-isolation --editable .
}

install_locked() {
    pip_install --no-deps --require-hashes --requirement "requirements/$1.txt" # they list all, so there is nothing to resolve
    case $1 in
        docs) install_colab_starter ;;
        tests)
            pip_install --requirement requirements/torch.txt
            install_colab_starter
            .venv/bin/python tools/install_colab_command.py
            ;;
    esac
}

install_newest() {
    case $1 in
        demo) pip_install --upgrade --requirement requirements/demo.in ;;
        docs) pip_install --upgrade --editable ".[docs]" ;;
        tests)
            pip_install --upgrade --editable ".[lessons,dev,docs,ray]"
            .venv/bin/python tools/install_colab_command.py
            ;;
    esac
}

install_set() {
    locks=$(cat requirements/*.in requirements/*.txt pyproject.toml | cksum)
    if [ -n "${NEWEST:-}" ]; then locks=newest; fi
    if [ "$locks" != newest ] && grep -qsxF "$1 $locks" .venv/installed; then return; fi
    echo "Installing the packages of '$1' (minutes the first time) ..."
    : >.venv/incomplete
    if [ "$locks" = newest ]; then install_newest "$1"; else install_locked "$1"; fi
    { # of the sets that were installed from these very locks
        grep -sF " $locks" .venv/installed || true
        echo "$1 $locks"
    } >.venv/installed.new
    mv .venv/installed.new .venv/installed
    rm .venv/incomplete
}

set_name=$1
shift
if [ -n "${PYTHON:-}" ]; then check_wanted_python; fi
if is_environment_whole && is_environment_wanted; then
    python=.venv/bin/python
else
    find_python
    set -- "python$(version_of "$python")-venv" "$@"
fi
missing=$(list_missing "$@")
[ -z "$missing" ] || install_system_packages $missing
[ "$python" = .venv/bin/python ] || make_environment
[ "$set_name" = bare ] || install_set "$set_name"
