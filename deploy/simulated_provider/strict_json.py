"""JSON as its standard has it: Python's own reader lets NaN and infinities in."""

import json
import math
from typing import Any, NoReturn


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _finite(figure: str) -> float:
    number = float(figure)
    if not math.isfinite(number):
        message = f"{figure} is beyond a float"
        raise ValueError(message)
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


def read(raw: bytes) -> Any:
    """Read a whole body.

    Raises:
        ValueError: it is not JSON, or nested too deeply to read.
    """
    return read_start(raw.decode(), whole=True)[0]


def read_start(text: str, *, whole: bool = False) -> tuple[Any, int]:
    """Read the JSON value that a text begins with, and tell where it ends.

    Args:
        text: what to read.
        whole: whether nothing but blanks may follow.

    Raises:
        ValueError: it is not JSON, or nested too deeply to read.
    """
    try:
        return (_DECODER.decode(text), len(text)) if whole else _DECODER.raw_decode(text)
    except RecursionError as deep:
        message = "it is nested too deeply"
        raise ValueError(message) from deep


def write(content: object) -> bytes:
    """Write compact JSON in ASCII, so that even half a surrogate pair can travel."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
