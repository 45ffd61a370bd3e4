"""How long a sound file can be, before anybody has listened to it."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import BinaryIO

from tinytag import TinyTag

LEAST_BITS_A_SECOND = 6_000
"""Opus, the thriftiest codec that providers take, is hardly understood below this."""

MOST_BITS_A_SECOND = 512_000
"""No lossy codec in use spends more on speech: a header that claims less time than this leaves is not believed."""

_MILLISECOND = Decimal("0.001")
_LOSSLESS = (b"RIFF", b"FORM", b"fLaC")
"""Beginnings of WAV, AIFF and FLAC, whose lengths follow from their sizes."""


def seconds_of(file: BinaryIO) -> Decimal:
    """The seconds of a file by its own headers, or the most that its bytes can hold where those say nothing.

    A client writes the headers, so a lossy file never counts as shorter than its size allows.

    Args:
        file: open for reading; it is left at its beginning.
    """
    size = file.seek(0, io.SEEK_END)
    said = _said(file)
    file.seek(0)
    lossless = file.read(4) in _LOSSLESS
    file.seek(0)
    bits = Decimal(8 * size)
    if said is None:
        return (bits / LEAST_BITS_A_SECOND).quantize(_MILLISECOND)
    return max(said, Decimal(0) if lossless else bits / MOST_BITS_A_SECOND).quantize(_MILLISECOND)


def _said(file: BinaryIO) -> Decimal | None:
    file.seek(0)
    try:
        duration = TinyTag.get(file_obj=file, tags=False).duration
    except Exception:  # noqa: BLE001 - whatever a crafted file breaks in a parser: it says nothing then
        return None
    if duration is None or not 0 < duration < 10**7:  # four months
        return None
    return Decimal(str(duration))
