"""Only the file that was signed, whole and by the key that is known, is a checkpoint."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from solaris_hooks.ledger.checkpoints import (
    Checkpoint,
    CheckpointHeader,
    Head,
    SigningKey,
    make_keys,
    read_public_key,
    read_signing_key,
)
from solaris_hooks.ledger.checkpoints.document import Writer
from solaris_hooks.quota.errors import CheckpointError
from solaris_hooks.quota.ids import AccountId

HEADS = [Head(AccountId(f"user:{name}"), number, bytes([number] * 32)) for number, name in enumerate("abc", start=1)]


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return make_keys(tmp_path / "checkpoint.key", tmp_path / "checkpoint.pub")


def header(key: SigningKey) -> CheckpointHeader:
    taken_at = dt.datetime(2026, 11, 22, 3, tzinfo=dt.UTC)
    return CheckpointHeader(books=UUID(int=7), number=17, taken_at=taken_at, key=key.public.key_id)


def lines_of(heads: list[Head]) -> list[str]:
    return [json.dumps({"account": h.account_id, "entries": h.entries, "digest": h.digest.hex()}) for h in heads]


def written(path: Path, key: SigningKey, heads: list[Head] = HEADS) -> Path:
    writer = Writer(path)
    writer.lines([header(key).model_dump_json()])
    writer.lines(lines_of(heads))
    writer.seal(key)
    writer.publish()
    writer.discard()
    return path


@pytest.fixture
def file(tmp_path: Path, key: SigningKey) -> Path:
    return written(tmp_path / "c.jsonl", key)


@pytest.mark.parametrize("heads", [HEADS, HEADS[:1], []])
def test_what_was_written_is_read_again(tmp_path: Path, key: SigningKey, heads: list[Head]) -> None:
    checkpoint = Checkpoint.read(written(tmp_path / "c.jsonl", key, heads), key.public)
    assert checkpoint.header == header(key)
    assert list(checkpoint.heads()) == heads


def test_every_byte_is_signed(file: Path, key: SigningKey) -> None:
    whole = file.read_bytes()
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(CheckpointError):
            Checkpoint.read(file, key.public)
    file.write_bytes(whole)
    Checkpoint.read(file, key.public)


def test_no_line_may_be_missing_double_or_moved(file: Path, key: SigningKey) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    forged = [
        lines[:-1],
        lines[1:],
        [],
        lines[:2] + lines[3:],
        [*lines, lines[-1]],
        [*lines[:2], *lines[1:]],
        [lines[0], lines[2], lines[1], *lines[3:]],
        [*lines[:-1], lines[-1][:-1]],
        [*lines, b"\n"],
        [b"x" * 100_000, *lines],
    ]
    for each in forged:
        file.write_bytes(b"".join(each))
        with pytest.raises(CheckpointError, match=r"whole checkpoint|signature"):
            Checkpoint.read(file, key.public)


def test_a_signature_by_a_key_of_the_forger_s_own_is_not_taken(tmp_path: Path, file: Path, key: SigningKey) -> None:
    forger = make_keys(tmp_path / "forger.key", tmp_path / "forger.pub")
    with pytest.raises(CheckpointError, match=f"key {forger.public.key_id} signed it"):
        Checkpoint.read(written(tmp_path / "forged.jsonl", forger), key.public)
    # The same with the header of the true key: the header is only a name.
    lines = file.read_bytes().splitlines(keepends=True)[:-1]
    digest = hashlib.sha256(b"".join(lines))
    signature = forger.sign(f"solaris-checkpoint/1 {digest.hexdigest()}".encode())
    seal = {"sha256": digest.hexdigest(), "signature": signature.hex()}
    file.write_bytes(b"".join([*lines, json.dumps(seal).encode(), b"\n"]))
    with pytest.raises(CheckpointError, match="signature does not fit"):
        Checkpoint.read(file, key.public)


def test_a_file_that_is_changed_while_it_is_compared_is_noticed(file: Path, key: SigningKey) -> None:
    checkpoint = Checkpoint.read(file, key.public)
    file.write_bytes(file.read_bytes().replace(b'"entries": 2', b'"entries": 1'))
    with pytest.raises(CheckpointError, match="changed while"):
        list(checkpoint.heads())


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path, key: SigningKey) -> None:
    path = tmp_path / "c.jsonl"
    writer = Writer(path)
    writer.lines([header(key).model_dump_json()])
    assert not path.exists()
    writer.discard()
    assert [each.name for each in tmp_path.iterdir() if "jsonl" in each.name] == []


def test_nothing_is_ever_overwritten(tmp_path: Path, file: Path, key: SigningKey) -> None:
    with pytest.raises(CheckpointError, match="already a file"):
        Writer(file)
    for names in (("checkpoint.key", "new.pub"), ("new.key", "checkpoint.pub")):
        with pytest.raises(CheckpointError, match="already a file"):
            make_keys(*(tmp_path / name for name in names))
    assert not (tmp_path / "new.pub").exists()
    assert not (tmp_path / "new.key").exists()


def test_what_is_missing_or_cannot_be_written_is_named(tmp_path: Path, key: SigningKey) -> None:
    missing = tmp_path / "nowhere" / "x"
    for attempt in (
        lambda: Checkpoint.read(missing, key.public),
        lambda: read_public_key(missing),
        lambda: read_signing_key(str(missing)),
        lambda: make_keys(missing, tmp_path / "x.pub"),
        lambda: Writer(missing),
    ):
        with pytest.raises(CheckpointError, match=f"{missing}.*No such file"):
            attempt()


def test_keys_of_other_kinds_are_refused_with_a_word_on_what_to_give(tmp_path: Path, key: SigningKey) -> None:
    other = tmp_path / "other.pem"
    elliptic = generate_private_key(SECP256R1())
    cases: list[tuple[bytes, str]] = [
        (elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "not an Ed25519 key"),
        (key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"p")), "is encrypted"),
        ((tmp_path / "checkpoint.pub").read_bytes(), "no private key"),
        (os.urandom(50), "no private key"),
    ]
    for content, said in cases:
        other.write_bytes(content)
        with pytest.raises(CheckpointError, match=said):
            read_signing_key(str(other))
    with pytest.raises(CheckpointError, match="no public key"):
        read_public_key(tmp_path / "checkpoint.key")
