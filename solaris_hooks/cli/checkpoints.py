"""``solaris ledger keygen`` and ``checkpoint``: what proves that nobody rewrote the books."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Self
from uuid import UUID

import typer
from pydantic import BaseModel

from solaris_hooks.cli import runtime
from solaris_hooks.cli.invocation import Json
from solaris_hooks.cli.output import counted, show_json, show_line
from solaris_hooks.ledger.checkpoints import (
    Checkpoint,
    PublicKey,
    make_keys,
    read_public_key,
    read_signing_key,
)
from solaris_hooks.ledger.records import Verification
from solaris_hooks.quota.errors import CheckpointError
from solaris_hooks.settings import Settings
from solaris_hooks.web.answers import VerificationAnswer

PublicKeyFile = Annotated[
    Path | None,
    typer.Option(
        envvar="SOLARIS_CHECKPOINT_PUBLIC_KEY",
        help="Public key of the checkpoints. Default: the half of the setting checkpoint_key.",
    ),
]
CheckpointFiles = Annotated[
    list[Path] | None,
    typer.Option("--checkpoint", help="Compare with this checkpoint too; may be given several times."),
]


class KeysAnswer(BaseModel):
    """A new pair of keys."""

    key: str
    private: Path
    public: Path


class TakenAnswer(BaseModel):
    """A checkpoint that was taken."""

    file: Path
    number: int
    books: UUID
    taken_at: dt.datetime
    accounts: int
    key: str
    sha256: str


class ComparedAnswer(BaseModel):
    """What the comparison with a signed checkpoint found; its flaws are among the others."""

    number: int
    taken_at: dt.datetime
    accounts: int
    differing: int
    known: bool


class AuditAnswer(VerificationAnswer):
    """A verification with the checkpoints that were compared beside it."""

    checkpoints: list[ComparedAnswer]

    @classmethod
    def of(cls, result: Verification) -> Self:
        """A result."""
        compared = [ComparedAnswer.model_validate(each, from_attributes=True) for each in result.checkpoints]
        return cls(**dict(VerificationAnswer.of(result)), checkpoints=compared)


def keygen(
    private: Annotated[Path, typer.Argument(help="New file for the private key.")] = Path("checkpoint.key"),
    as_json: Json = False,
) -> None:
    """Make the keys for checkpoints: the private one, which signs, and beside it the public one (.pub)."""
    public = private.with_name(f"{private.name.removesuffix('.key')}.pub")
    answer = KeysAnswer(key=make_keys(private, public).public.key_id, private=private, public=public)
    if as_json:
        show_json(answer)
        return
    show_line(f"Key {answer.key}: {private} signs, {public} verifies.")
    show_line(f"Keep {private} where the database's administrators cannot read it, and give {public} to the auditors.")


def checkpoint(
    context: typer.Context,
    output: Annotated[Path | None, typer.Option(help="The new file. Default: one in --directory.")] = None,
    directory: Annotated[
        Path | None, typer.Option(help="Folder for the new file. Default: checkpoint_directory, else here.")
    ] = None,
    key: Annotated[str, typer.Option(help="File of the private key. Default: checkpoint_key.")] = "",
    as_json: Json = False,
) -> None:
    """Sign where every account's chain stands now, in a file to be kept elsewhere. Traffic goes on."""
    using = runtime.settings(context.obj)
    where = key or using.checkpoint_key
    if not where:
        raise CheckpointError(
            "No key signs checkpoints: make one with `solaris ledger keygen`, and set checkpoint_key."
        )
    folder = directory or Path(using.checkpoint_directory)
    taken = runtime.take_checkpoint(using, read_signing_key(where), folder=folder, path=output)
    answer = TakenAnswer(
        file=taken.path,
        number=taken.header.number,
        books=taken.header.books,
        taken_at=taken.header.taken_at,
        accounts=taken.accounts,
        key=taken.header.key,
        sha256=taken.sha256.hex(),
    )
    if as_json:
        show_json(answer)
        return
    said = f"Checkpoint {answer.number} of {counted(answer.accounts, 'account')}"
    show_line(f"{said}, signed by key {answer.key}: {answer.file}")


def read_checkpoints(using: Settings, files: list[Path], public_key: Path | None) -> list[Checkpoint]:
    """Read checkpoints whose signatures hold.

    Raises:
        CheckpointError: there is no key to check them with, or one cannot be trusted.
    """
    key = _verifying_key(using, public_key)
    return [Checkpoint.read(file, key) for file in files]


def _verifying_key(using: Settings, public_key: Path | None) -> PublicKey:
    if public_key is not None:
        return read_public_key(public_key)
    if using.checkpoint_key:
        return read_signing_key(using.checkpoint_key).public
    raise CheckpointError("Give the public key of the checkpoints: --public-key checkpoint.pub")
