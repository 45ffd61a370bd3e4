"""``python -m deploy.local COMMAND``: what the Makefile calls."""

from __future__ import annotations

import sys

from .errors import LocalError


def main(argv: list[str]) -> int:
    """Run one command and return its exit code; a failure that a person can mend is one line on stderr."""
    command, *rest = argv or ["help"]
    try:
        return _run(command, rest)
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - this is the command's own output
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)  # noqa: T201
        return 130


def _run(command: str, rest: list[str]) -> int:
    # Imported late: `setup` runs before any package is installed, under the machine's own Python.
    if command == "setup":
        from .setup import set_up  # noqa: PLC0415

        return set_up(rest[0] if rest else "runtime")
    from .commands import COMMANDS  # noqa: PLC0415

    if command not in COMMANDS:
        raise LocalError(f"there is no command {command!r}", f"use one of setup, {', '.join(COMMANDS)}")
    return COMMANDS[command]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
