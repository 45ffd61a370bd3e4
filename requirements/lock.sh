#!/bin/sh
# Writes the lock files anew (`make lock`): every version with its hashes, and no registry's address.
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
lock() {
  out=$1
  shift
  "$uv" pip compile "$@" --output-file "requirements/$out" --quiet --universal --python-version 3.11 \
    --generate-hashes --no-emit-index-url --no-annotate \
    --custom-compile-command "make lock"
}
lock bootstrap.txt requirements/bootstrap.in
lock runtime.txt pyproject.toml requirements/build.in --extra local
lock dev.txt pyproject.toml requirements/build.in --extra local --group dev --constraints requirements/runtime.txt
