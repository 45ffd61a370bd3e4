"""Requests for a chat's title, where the chat is nothing but a command and its answer.

LibreChat asks a model for a title beside or after the first answer: one message, not streamed, with the conversation
inside as ``User: ...`` and ``AI: ...``, and perhaps a function or a schema to answer in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from solaris_hooks.hooks.commands.messages import Wire, only_text
from solaris_hooks.hooks.commands.parsing import CommandName, read_command

_CONVERSATION = re.compile(r"(?:^|\n)User:(?P<asked>[^\n]*)\nAI:(?P<answered>.*)\Z", re.DOTALL)
_ANOTHER_TURN = re.compile(r"^(?:User|AI):", re.MULTILINE)
_KNOWN_FIELDS = frozenset({"title", "language"})


@dataclass(frozen=True, slots=True)
class TitleRequest:
    """A request for the title of a chat that is one command.

    Attributes:
        function: the function whose arguments the title is to be; None for text.
        fields: what the JSON of a function or schema has to say; empty for plain text.
    """

    command: CommandName
    function: str | None = None
    fields: Sequence[str] = ()


def read_title_request(wire: Wire, body: Mapping[str, object], *, headings: frozenset[str]) -> TitleRequest | None:
    """What title is asked for; None where this is no such request.

    Args:
        wire: whose words the route speaks.
        body: the request's JSON.
        headings: first lines of our own answers.
    """
    text = only_text(wire, body)
    found = _CONVERSATION.search(text) if text is not None and not body.get("stream") else None
    if found is None or _ANOTHER_TURN.search(found["answered"]):
        return None
    command = read_command(found["asked"])
    answered = found["answered"].strip()
    # Beside the first answer, LibreChat knows nothing of it yet.
    if command is None or (answered and answered.split("\n", 1)[0].strip() not in headings):
        return None
    shape = _shape(wire, body)
    return None if shape is None else TitleRequest(command.name, *shape)


def _shape(wire: Wire, body: Mapping[str, object]) -> tuple[str | None, tuple[str, ...]] | None:
    """How the title is to be given: a function and its fields, a schema's fields, or text. None if not to be told."""
    tools, form = body.get("tools"), body.get("response_format")
    if not tools and not form:
        return None, ()
    if wire is not Wire.CHAT or (tools and form):
        return None
    if tools:
        function = _at(tools[0], "function") if isinstance(tools, list) and len(tools) == 1 else None
        name = _at(function, "name")
        fields = _fields(_at(function, "parameters"))
        return (name, fields) if isinstance(name, str) and fields else None
    fields = _fields(_at(_at(form, "json_schema"), "schema"))
    return (None, fields) if fields else None


def _fields(schema: object) -> tuple[str, ...]:
    """The fields of a schema for titles; none where it asks for anything else."""
    properties = _at(schema, "properties")
    names = tuple(properties) if isinstance(properties, dict) else ()
    return names if "title" in names and _KNOWN_FIELDS.issuperset(names) else ()


def _at(holder: object, name: str) -> object:
    return holder.get(name) if isinstance(holder, dict) else None
