"""Which messages are commands, and which title requests are about nothing but one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from solaris_hooks.hooks.commands.messages import Wire, last_user_text
from solaris_hooks.hooks.commands.parsing import NAMES, Command, CommandName, mentioned, read_command
from solaris_hooks.hooks.commands.texts import HEADINGS
from solaris_hooks.hooks.commands.titles import TitleRequest, read_title_request


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("/saldo", CommandName.BALANCE),
        ("  /Balance\n", CommandName.BALANCE),
        ("/EXTRATO", CommandName.STATEMENT),
        ("/statement", CommandName.STATEMENT),
        ("/creditos", CommandName.CREDITS),
        ("/Créditos ", CommandName.CREDITS),
        ("/ajuda", CommandName.HELP),
        ("/help", CommandName.HELP),
    ],
)
def test_a_message_that_is_a_command_is_one_in_capitals_or_not(text: str, name: CommandName) -> None:
    assert read_command(text) == Command(name)


@pytest.mark.parametrize(
    "text",
    [
        "saldo",
        "/foo",
        "/saldo por favor",
        "qual é o /saldo",
        "/saldo\n/extrato",
        "/saldos",
        "//saldo",
        "/ saldo",
        "",
        "/creditos 10 x\ne mais uma linha",
        "/saldo" + " " * 10 + "x" * 2000,
    ],
)
def test_anything_else_is_for_the_model(text: str) -> None:
    assert read_command(text) is None


@pytest.mark.parametrize(
    ("written", "tokens"),
    [
        ("200000", 200_000),
        ("200.000", 200_000),
        ("200,000", 200_000),
        ("1.234.567", 1_234_567),
        ("200 000", 200_000),
        ("200k", 200_000),
        ("1.5k", 1500),
        ("1,5m", 1_500_000),
        ("2M", 2_000_000),
        ("200mil", 200_000),
        ("200 mil", 200_000),
        ("1 milhão", 1_000_000),
        ("2 milhões", 2_000_000),
        ("1 million", 1_000_000),
        ("0", 0),
    ],
)
def test_tokens_are_read_as_people_write_them(written: str, tokens: int) -> None:
    assert read_command(f"/creditos {written}") == Command(CommandName.CREDITS, tokens)
    assert read_command(f"/credits {written} projeto X 2") == Command(CommandName.CREDITS, tokens, "projeto X 2")


@pytest.mark.parametrize("written", ["projeto X", "muitos 200000", "-5 x", "1.5 x", "0,0001k x", "12,34.5"])
def test_what_is_no_number_of_tokens_is_said_to_be_none(written: str) -> None:
    assert read_command(f"/creditos {written}") == Command(CommandName.CREDITS, misread=written)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_the_bytes_of_a_request_show_whether_a_command_is_in_it(name: str, *, ascii_only: bool) -> None:
    for written in (name, name.upper()):
        assert mentioned(json.dumps({"content": f" /{written}"}, ensure_ascii=ascii_only).encode())
    assert not mentioned(b'{"content": "a/b saldo http://x/y"}')


TEXT = "/saldo"


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (Wire.CHAT, {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": TEXT}]}),
        (Wire.CHAT, {"messages": [{"role": "user", "content": [{"type": "text", "text": TEXT}]}]}),
        (Wire.MESSAGES, {"messages": [{"role": "user", "content": [{"type": "text", "text": TEXT}]}]}),
        (Wire.RESPONSES, {"input": TEXT}),
        (Wire.RESPONSES, {"input": [{"role": "user", "content": [{"type": "input_text", "text": TEXT}]}]}),
    ],
)
def test_the_last_message_is_read_on_every_route(wire: Wire, body: dict[str, Any]) -> None:
    assert last_user_text(wire, body) == TEXT


@pytest.mark.parametrize(
    "messages",
    [
        [],
        None,
        ["/saldo"],
        [{"role": "user", "content": TEXT}, {"role": "assistant", "content": "x"}],
        [{"role": "tool", "content": TEXT}],
        [{"role": "user", "content": [{"type": "text", "text": TEXT}, {"type": "image_url", "image_url": {}}]}],
        [{"role": "user", "content": [{"type": "text", "text": 5}]}],
        [{"role": "user", "content": None}],
    ],
)
def test_what_is_not_a_users_text_alone_is_no_command(messages: Any) -> None:
    assert last_user_text(Wire.CHAT, {"messages": messages}) is None


COMPLETION = (
    "Provide a concise, 5-word-or-less title for the conversation, using title case conventions. "
    "Only return the title itself.\n\nConversation:\n"
)


def asked(convo: str, **more: Any) -> TitleRequest | None:
    body = {"messages": [{"role": "user", "content": COMPLETION + convo}], **more}
    return read_title_request(Wire.CHAT, body, headings=HEADINGS)


@pytest.mark.parametrize(
    "answered", ["", " ", " **Saldo**\n\n`██` 10%\n\n| | Tokens |", "**Balance**\n\nUser input: 5"]
)
def test_the_title_of_a_chat_that_is_one_command_is_recognised(answered: str) -> None:
    assert asked(f"User: /saldo\nAI: {answered}") == TitleRequest(CommandName.BALANCE)


def test_the_function_or_schema_of_a_title_is_followed() -> None:
    schema = {"type": "object", "properties": {"language": {}, "title": {}}}
    tools = [{"type": "function", "function": {"name": "extract", "parameters": schema}}]
    assert asked("User: /help\nAI: ", tools=tools) == TitleRequest(CommandName.HELP, "extract", ("language", "title"))
    form = {"type": "json_schema", "json_schema": {"name": "t", "schema": schema}}
    assert asked("User: /help\nAI: ", response_format=form) == TitleRequest(
        CommandName.HELP, None, ("language", "title")
    )


@pytest.mark.parametrize(
    ("convo", "more"),
    [
        ("User: /saldo\nAI: Sunny all day", {}),
        ("User: /saldo\nAI: **Saldo**\nUser: and now a poem\nAI: ...", {}),
        ("User: what is /saldo\nAI: ", {}),
        ("User: hello\nAI: /saldo", {}),
        ("/saldo", {"stream": False}),
        ("User: /saldo\nAI: ", {"stream": True}),
        ("User: /saldo\nAI: ", {"tools": [{"type": "function", "function": {"name": "f"}}]}),
        ("User: /saldo\nAI: ", {"response_format": {"type": "json_object"}}),
        (
            "User: /saldo\nAI: ",
            {"tools": [{"function": {"name": "f", "parameters": {"properties": {"title": {}, "code": {}}}}}]},
        ),
        ("User: /saldo\nAI: ", {"messages": [{"role": "user", "content": "x"}] * 2}),
    ],
)
def test_any_other_title_is_the_models_work(convo: str, more: dict[str, Any]) -> None:
    assert asked(convo, **more) is None
