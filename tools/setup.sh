#!/bin/sh
# Make .venv with a Python that the lessons' libraries support, and see to the system packages
# named as arguments (graphviz, libarchive): install them where we may, else say what to type.
set -eu

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    for python in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if fits "$python"; then echo "$python"; return; fi
    done
    echo "No Python 3.11, 3.12 or 3.13 found (TensorFlow runs on no other). Install one, then: make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
}

is_here() {
    case $1 in
        python*-venv) "$python" -c 'import ensurepip, venv' 2>/dev/null ;;
        chromium) { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null ;;
        graphviz) command -v dot >/dev/null ;;
        libarchive) "$python" -c 'import ctypes.util, sys; sys.exit(not ctypes.util.find_library("archive"))' ;;
    esac
}

debian_name() {
    case $1 in
        libarchive) apt-cache show libarchive13t64 >/dev/null 2>&1 && echo libarchive13t64 || echo libarchive13 ;;
        *) echo "$1" ;;
    esac
}

install_missing() {
    if command -v apt-get >/dev/null; then
        may_install=no
        if [ "$(id -u)" = 0 ]; then may_install=yes; apt-get update --quiet=2; fi
        names=""
        for package in $missing; do names="$names $(debian_name "$package")"; done
        if [ $may_install = yes ]; then
            DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends $names
            return
        fi
        echo "Type this, then try again:  sudo apt-get install$names" >&2
    elif command -v brew >/dev/null; then
        echo "Type this, then try again:  brew install$missing" >&2
    else
        echo "Install these, then try again: $missing" >&2
    fi
    exit 1
}

python=$(find_python)
missing=""
for package in "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv" "$@"; do
    is_here "$package" || missing="$missing $package"
done
[ -z "$missing" ] || install_missing

if [ ! -x .venv/bin/python ] || ! fits .venv/bin/python; then
    rm -rf .venv
    "$python" -m venv .venv
fi
