#!/bin/sh
# Pin every dependency with hashes and without index addresses. Needs uv (pip install uv).
set -eu
cd "$(dirname -- "$0")/.."
compile() { # output file, extras...
    out=$1; shift
    uv pip compile pyproject.toml "$@" --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header --no-annotate --quiet --output-file "$out"
}
compile requirements.lock --extra install
compile requirements-dev.lock --extra install --extra dev --constraint requirements.lock
