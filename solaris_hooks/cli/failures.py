"""How a command that fails says so: one line on stderr, and an exit code."""

from __future__ import annotations

import sys

import typer
from pydantic import ValidationError

from solaris_hooks.cli.invocation import ExitCode
from solaris_hooks.cli.output import printable
from solaris_hooks.quota.errors import LedgerError, SolarisError
from solaris_hooks.web.problems import ErrorAnswer, ErrorBody, explained


def told(error: Exception, *, as_json: bool) -> ExitCode:
    """Say on stderr what went wrong and what to do.

    Returns:
        The exit code.
    """
    code, body = _read(error)
    if as_json:
        sys.stderr.write(ErrorAnswer(error=body).model_dump_json() + "\n")
    elif _is_help(error):
        sys.stderr.write(f"{body.message}\n")
    else:
        sys.stderr.write(f"error: {printable(' '.join(body.message.split()))}\n")
    return code


def _read(error: Exception) -> tuple[ExitCode, ErrorBody]:
    if isinstance(error, SolarisError):
        code = ExitCode.UNREACHABLE if isinstance(error, LedgerError) else ExitCode.USAGE
        return code, ErrorBody(type=error.code, message=error.message, param=error.param, code=str(error.status))
    if isinstance(error, ValidationError):
        message, param = explained(error.errors())
        return ExitCode.USAGE, ErrorBody(type="invalid_request", message=message, param=param, code="400")
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        hint = f" See `{context.command_path} --help`." if context is not None else ""
        message = error.format_message() if _is_help(error) else f"{error.format_message().rstrip('. ')}.{hint}"
        return ExitCode.USAGE, ErrorBody(type="usage", message=message, param=None, code="400")
    message = (
        f"Something went wrong that should not ({type(error).__name__}); "
        "set SOLARIS_TRACEBACK=1, run it again, and report what it shows."
    )
    return ExitCode.DEFECT, ErrorBody(type="internal_error", message=message, param=None, code="500")


def _is_help(error: Exception) -> bool:
    """Whether it is the help that a group shows when no command is given."""
    return type(error).__name__ == "NoArgsIsHelpError"
