#!/bin/sh
# Makes a virtual environment with the first usable Python >= 3.11, and says so in one sentence if
# there is none. Every candidate is tried by running it: a name on the PATH proves nothing (pyenv
# leaves shims for versions that are not active, Debian ships Python without ensurepip).
#
#   sh scripts/create_venv.sh .venv
#
# PYTHON=/path/to/python is tried first. A working environment is kept as it is.
set -u
dir=${1:?give the directory of the virtual environment}

usable() { "$@" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
works() { "$dir/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

works && exit 0
if [ -L "$dir" ] || { [ -e "$dir" ] && [ ! -e "$dir/pyvenv.cfg" ]; }; then
    echo "$dir is in the way: it is no virtual environment with Python 3.11 or newer; move it and run make again." >&2
    exit 1
fi
rm -rf "$dir"

for python in ${PYTHON:+"$PYTHON"} python3.14 python3.13 python3.12 python3.11 python3; do
    if usable "$python" && "$python" -m venv "$dir" >/dev/null 2>&1 && works; then
        echo "Using $("$dir/bin/python" --version) ($python) in $dir"
        exit 0
    fi
    rm -rf "$dir"
done
if command -v uv >/dev/null 2>&1 && uv venv --quiet --seed --python '>=3.11' "$dir" && works; then
    echo "Using $("$dir/bin/python" --version) (found by uv) in $dir"
    exit 0
fi
rm -rf "$dir"
echo "Farthing needs Python 3.11 or newer with the venv module (or uv): install one, or name it with 'make PYTHON=/path/to/python'." >&2
exit 1
