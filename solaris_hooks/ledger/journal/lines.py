r"""What a journal looks like: one JSON record a line, each under a checksum of its own.

``<CRC-32 of the JSON, 8 hex digits> <JSON>\n``. The first line of a file is its header. A line that was
being written when the process or the machine died ends without a newline, or not at all as its checksum says:
nothing that anybody waited for can be in it, since every wait ends with an fsync.
"""

from __future__ import annotations

import datetime as dt
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from solaris_hooks.ledger.records import Settlement
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId
from solaris_hooks.quota.usage import Usage, UsageSource

VERSION = 1
_CHECKSUM_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Header:
    """Whose file it is.

    Attributes:
        books: id of the books that its records belong to, and no others.
        pid: of the process that wrote it, for people to read.
        made_at: UTC.
    """

    books: UUID
    pid: int
    made_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Passed:
    """A request that passed without a hold in the books. Its end must follow, or it died with its process.

    Attributes:
        amount: booked tokens that it may use at the most.
        prompt: the prompt's share of them.
        member_id: whose request it is, where the account is a team's.
    """

    account_id: AccountId
    hold_id: HoldId
    model: str
    amount: int
    prompt: int
    at: dt.datetime
    member_id: MemberId | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """A settlement that the books could not take."""

    settlement: Settlement
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Unused:
    """A release that the books could not take."""

    account_id: AccountId
    hold_id: HoldId
    at: dt.datetime


Record = Passed | Used | Unused


@dataclass(frozen=True, slots=True)
class Line:
    """One line as read back.

    Attributes:
        record: None for a line that cannot be believed, and for the header.
        header: only on a header.
        end: offset of the first byte after it.
        torn: the file ends within it.
    """

    record: Record | None
    header: Header | None
    end: int
    torn: bool = False

    @property
    def damaged(self) -> bool:
        """Whether something stood there once that is lost."""
        return self.record is None and self.header is None and not self.torn


def hold_of(record: Record) -> HoldId:
    """Which request a record is about."""
    return record.settlement.hold_id if isinstance(record, Used) else record.hold_id


def header_line(header: Header) -> bytes:
    """A header as its line."""
    return _line(
        {
            "kind": "header",
            "version": VERSION,
            "books": str(header.books),
            "pid": header.pid,
            "made_at": header.made_at.isoformat(),
        }
    )


def record_line(record: Record) -> bytes:
    """A record as its line."""
    at = record.at.isoformat()
    if isinstance(record, Used):
        each = record.settlement
        return _line(
            {
                "kind": "used",
                "at": at,
                "account_id": each.account_id,
                "hold_id": str(each.hold_id),
                "model": each.model,
                "charge": each.charge,
                "usage": asdict(each.usage),
                "source": each.source.value,
                "details": dict(each.details),
                **_of_member(each.member_id),
            }
        )
    about = {"at": at, "account_id": record.account_id, "hold_id": str(record.hold_id)}
    if isinstance(record, Unused):
        return _line({"kind": "unused", **about})
    sized = {"model": record.model, "amount": record.amount, "prompt": record.prompt}
    return _line({"kind": "passed", **about, **sized, **_of_member(record.member_id)})


def _of_member(member_id: MemberId | None) -> Mapping[str, object]:
    """What a line says of a member: nothing where there is none, as all lines did before there were members."""
    return {} if member_id is None else {"member_id": member_id}


def read_lines(data: bytes, *, offset: int = 0, to_the_end: bool = True) -> Iterator[Line]:
    """All lines of a piece of a file.

    Args:
        data: from the start of a line on.
        offset: where in the file it starts.
        to_the_end: whether it reaches to the end of the file, where a line may be torn.
    """
    at = 0
    while at < len(data):
        newline = data.find(b"\n", at)
        end = len(data) if newline < 0 else newline + 1
        found = _believed(data[at:end])
        at = end
        # Whatever the last line is, if it cannot be believed then nobody was told that it had been written.
        torn = to_the_end and found is None and end == len(data)
        header = found if isinstance(found, Header) else None
        record = None if isinstance(found, Header) else found
        yield Line(record, header, offset + end, torn)


def _line(fields: Mapping[str, object]) -> bytes:
    body = json.dumps(fields, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _believed(line: bytes) -> Header | Record | None:
    checksum, _, body = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or len(checksum) != _CHECKSUM_DIGITS:
        return None
    try:
        if int(checksum, 16) != zlib.crc32(body):
            return None
        return _read(json.loads(body))
    except (ValueError, KeyError, TypeError):
        return None


def _read(fields: Mapping[str, Any]) -> Header | Record:
    """What the fields of a line say.

    Raises:
        KeyError, TypeError, ValueError: they are not those of any record.
    """
    if fields["kind"] == "header":
        made_at = dt.datetime.fromisoformat(fields["made_at"])
        if fields["version"] != VERSION:
            raise ValueError(fields["version"])
        return Header(UUID(fields["books"]), int(fields["pid"]), made_at)
    at = dt.datetime.fromisoformat(fields["at"])
    account_id, hold_id = AccountId(fields["account_id"]), HoldId(UUID(fields["hold_id"]))
    if fields["kind"] == "unused":
        return Unused(account_id, hold_id, at)
    member_id = MemberId(fields["member_id"]) if "member_id" in fields else None
    if fields["kind"] == "passed":
        return Passed(account_id, hold_id, fields["model"], fields["amount"], fields["prompt"], at, member_id)
    if fields["kind"] != "used":
        raise ValueError(fields["kind"])
    settlement = Settlement(
        account_id=account_id,
        hold_id=hold_id,
        model=fields["model"],
        charge=fields["charge"],
        usage=Usage(**fields["usage"]),
        source=UsageSource(fields["source"]),
        details=fields["details"],
        member_id=member_id,
    )
    return Used(settlement, at)
