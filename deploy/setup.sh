#!/bin/sh
# First step of every command: find a Python that will do, and let it set up everything else.
# Usage: deploy/setup.sh [runtime|dev|librechat]. PYTHON names an interpreter to use instead of the first that fits.
set -eu
cd "$(dirname "$0")/.."

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1; }

for python in ${PYTHON:+"$PYTHON"} .venv/bin/python python3 python3.13 python3.12 python3.11; do
  if command -v "$python" >/dev/null 2>&1 && fits "$python"; then
    exec "$python" -m deploy.local setup "${1:-runtime}"
  fi
done
echo "error: no Python 3.11, 3.12 or 3.13 was found: install one (Debian: apt-get install python3 python3-venv)" \
  "or name it with PYTHON=/path/to/python3" >&2
exit 1
