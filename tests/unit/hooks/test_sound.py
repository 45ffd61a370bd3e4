"""How long a sound can be, by its file."""

from __future__ import annotations

import io
import struct
import wave
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.hooks.sound import LEAST_BITS_A_SECOND, MOST_BITS_A_SECOND, seconds_of


def wav(seconds: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(bytes(32_000 * seconds))
    return file.getvalue()


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def mp4(seconds: int, size: int) -> bytes:
    """An MP4 file that says how long it is, and is as large as it is."""
    header = struct.pack(">IIIII", 0, 0, 0, 1000, seconds * 1000) + bytes(80)
    return box(b"ftyp", b"M4A " + bytes(12)) + box(b"moov", box(b"mvhd", header)) + box(b"mdat", bytes(size))


def test_a_file_tells_its_length() -> None:
    assert seconds_of(io.BytesIO(wav(7))) == 7


def test_a_lossy_file_is_never_shorter_than_its_size_allows() -> None:
    honest, lying = mp4(60, 480_000), mp4(1, 6_400_000)
    assert seconds_of(io.BytesIO(honest)) == 60
    assert seconds_of(io.BytesIO(lying)) >= Decimal(8 * 6_400_000) / MOST_BITS_A_SECOND


@pytest.mark.parametrize("data", [b"", b"not a sound" * 100, b"ID3" + bytes(500), b"OggS" + bytes(500)])
def test_what_says_nothing_is_as_long_as_its_bytes_can_be(data: bytes) -> None:
    assert seconds_of(io.BytesIO(data)) >= (Decimal(8 * len(data)) / LEAST_BITS_A_SECOND).quantize(Decimal("0.001"))


@given(st.sampled_from([b"RIFF", b"ID3", b"fLaC", b"OggS", b"\xff\xfb", b"FORM", b""]), st.binary(max_size=2000))
def test_no_bytes_break_it_and_the_file_is_left_at_its_beginning(head: bytes, rest: bytes) -> None:
    file = io.BytesIO(head + rest)
    assert seconds_of(file) >= 0
    assert file.tell() == 0
