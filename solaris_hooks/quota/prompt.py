"""How many tokens a prompt may be: a cheap upper bound, and the texts for an exact count."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat

PROMPT_FIELDS = (
    "messages",
    "prompt",
    "suffix",
    "input",
    "instructions",
    "system",
    "systemInstruction",
    "system_instruction",
    "contents",
    "text",
    "tools",
    "tool_choice",
    "toolConfig",
    "functions",
    "function_call",
    "response_format",
    "output_config",
    "prediction",
    "web_search_options",
    "query",
    "documents",
)
"""Fields of a request whose text the model reads."""

OVERHEAD_TOKENS = 16
"""What a chat format adds to any prompt (start, role of the answer), generously."""

OBJECT_TOKENS = 4
"""What a chat format adds to each message, part and tool: OpenAI's cookbook counts 3 for a message."""

TOOLS_TOKENS = 1000
"""What a provider adds to a prompt with tools, once: Anthropic's own text for them is up to 800 tokens."""

BUILT_IN_TOOL_TOKENS = 1000
"""A tool that a request names without describing it: Anthropic documents 245 to 735 tokens for its own."""

_TOKEN_ID_FIELDS = ("prompt", "input")
"""Fields in which clients may send a prompt as token ids, each of which is a token."""

_UNSEEN_FIELDS = ("previous_response_id", "conversation", "cachedContent", "cached_content", "container", "mcp_servers")
"""Fields that bring a context which the provider keeps, or fetches itself."""

_DESCRIBED_TOOLS = frozenset({"function", "custom"})
"""Types of tools that the client runs itself, and whose description is all that the model reads."""

_CLIENT_TOOLS = ("bash_", "text_editor_", "computer_", "memory_")
"""Anthropic's tools that the client runs, by the beginning of their types."""

_MEDIA_FIELDS = frozenset(
    {"image_url", "input_image", "input_audio", "file", "file_data", "source", "video_url"}
    | {"inlineData", "inline_data", "fileData"}
)
"""Fields whose text is data of another medium: base64 or an address, not words."""

_BYTES_PER_MEDIA_TOKEN = 16
"""Sound and documents: a second of MP3 at 128 kbit/s is 16 kB and counts 10 to 32 tokens; a page of a
PDF is some 50 kB and counts up to 3,000. One token for 16 bytes is above both. A PDF of dense text is smaller
for what it says, so its upper bound is a token for each byte."""

_REFERRING = frozenset({"input_file", "item_reference"})
"""Types of objects that name a file or an item which the provider keeps, unless a file's data stands in them."""

_OBJECTS = (dict, Mapping)
"""The plain type first: asking for the other one takes three times as long, and prompts have thousands of objects."""

SLICE_NODES = 1_000
"""Texts, objects and lists that are read in some 0.1 ms."""

PAUSE_SECONDS = 0.0001
"""Long enough for another thread to take over."""

_LONGEST_NAME = 256
"""Longer texts beside a medium are its data, shorter ones name it."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is known of a prompt without a tokenizer.

    Attributes:
        texts: every text the model reads.
        fixed_tokens: what the format and other media add to the texts.
        upper_bound: tokens that the prompt cannot exceed: a token of a byte-level tokenizer is at least
            one byte, so the texts have at most as many tokens as bytes.
        unseen: the provider adds what the request only names (a stored conversation, a file, a search): the
            window of the model alone bounds it.
    """

    texts: Sequence[str]
    fixed_tokens: int
    upper_bound: int
    unseen: bool = False

    def counted(self, count: Callable[[str], int]) -> int:
        """Tokens by a tokenizer; never above the upper bound.

        Args:
            count: tokens of one text. It may take long: call this outside of an event loop.
        """
        counted = self.fixed_tokens
        for start in range(0, len(self.texts), SLICE_NODES):
            counted += count("\n".join(self.texts[start : start + SLICE_NODES]))
        return min(counted, self.upper_bound)


def read_prompt(body: Mapping[str, object], *, media_tokens: int) -> Prompt:
    """Walk the fields of a request that the model reads.

    Outside of the main thread it pauses again and again, so that an event loop there has its turns.

    Args:
        body: the request's JSON.
        media_tokens: estimate for each image, and the least for any other medium.
    """
    fixed = OVERHEAD_TOKENS
    fields = {name: body[name] for name in PROMPT_FIELDS if name in body}
    for name in _TOKEN_ID_FIELDS:
        value = fields.get(name)
        if isinstance(value, list):
            fields[name], ids = _without_token_ids(value)
            fixed += ids
    found = _walk(fields)
    fixed += OBJECT_TOKENS * found.objects
    hidden = 0
    unseen = _names_context(body)
    for kind, data in found.others:
        least = media_tokens
        if kind == "reference":
            unseen = True
        elif kind != "image":
            least = max(media_tokens, len(data) // _BYTES_PER_MEDIA_TOKEN)
            hidden += max(0, len(data) - least) if kind == "document" else 0
        fixed += least
    tools_tokens, hosted = _read_tools(body.get("tools"))
    fixed += tools_tokens
    return Prompt(found.texts, fixed, _bytes_of(found.texts) + fixed + hidden, unseen or hosted)


def _let_others_run() -> None:
    """Without this a thread keeps the event loop from its turn for five milliseconds at a time."""
    if threading.current_thread() is not threading.main_thread():
        time.sleep(PAUSE_SECONDS)


def _bytes_of(texts: list[str]) -> int:
    """Bytes of all texts in UTF-8, each with one that parts it from the next."""
    size = 0
    for start in range(0, len(texts), SLICE_NODES):
        if start:
            _let_others_run()
        joined = "\n".join(texts[start : start + SLICE_NODES])
        size += 1 + (len(joined) if joined.isascii() else len(joined.encode("utf-8", "surrogatepass")))
    return size


def _names_context(body: Mapping[str, object]) -> bool:
    """Whether a request names a context instead of sending it; a stored prompt is an object with an id."""
    return any(body.get(name) for name in _UNSEEN_FIELDS) or isinstance(body.get("prompt"), Mapping)


def _read_tools(tools: object) -> tuple[int, bool]:
    """Tokens that tools add beside their own words, and whether the provider runs one of them."""
    if not isinstance(tools, list) or not tools:
        return 0, False
    built_in = [tool for tool in tools if isinstance(tool, Mapping) and _is_built_in(tool)]
    hosted = any(not str(tool.get("type", "")).startswith(_CLIENT_TOOLS) for tool in built_in)
    return TOOLS_TOKENS + BUILT_IN_TOOL_TOKENS * len(built_in), hosted


def _is_built_in(tool: Mapping[str, object]) -> bool:
    if "type" in tool:
        return str(tool["type"]) not in _DESCRIBED_TOOLS
    # Anthropic's and chat's own tools have a name; Gemini's hold declarations, or name one of Google's.
    described = {"name", "function", "functionDeclarations", "function_declarations"}
    return described.isdisjoint(tool)


def _without_token_ids(prompt: list[object]) -> tuple[list[object], int]:
    """A prompt without its token ids, and how many there are: one prompt of ids, or a list of such prompts."""
    if made_of(prompt, int):
        return [], len(prompt)
    rest: list[object] = []
    ids = seen = 0
    for item in prompt:
        seen += len(item) if isinstance(item, list) else 1
        if seen >= SLICE_NODES:
            seen = 0
            _let_others_run()
        if type(item) is int:
            ids += 1
        elif isinstance(item, list) and item and made_of(item, int):
            ids += len(item)
        else:
            rest.append(item)
    return rest, ids


def made_of(items: list[object], *kinds: type) -> bool:
    """Whether a list holds nothing but some types: told by slices, without a look at each of a hundred thousand."""
    for start in range(0, len(items), SLICE_NODES):
        if not set(map(type, items[start : start + SLICE_NODES])).issubset(kinds):
            return False
        if start:
            _let_others_run()
    return True


@dataclass(slots=True)
class _Found:
    """What a walk through a request has come upon.

    Attributes:
        texts: every text, the names of fields included.
        objects: how many there are.
        others: what is not words: pairs of a kind (image, media, document, reference) and its data.
    """

    texts: list[str] = field(default_factory=list)
    objects: int = 0
    others: list[tuple[str, str]] = field(default_factory=list)


def _walk(fields: Mapping[str, object]) -> _Found:
    """Walk through the fields. Without recursion, since a client chooses how deep its JSON nests.

    Without a tuple for each part, too: thousands of them would set off Python's garbage collection.
    """
    found = _Found()
    texts, others = found.texts, found.others
    levels: list[Iterator[tuple[object, object]]] = [iter(fields.items())]
    left = SLICE_NODES
    while levels:
        for name, value in levels[-1]:
            left -= 1
            if not left:
                left = SLICE_NODES
                _let_others_run()
            if name in _MEDIA_FIELDS and isinstance(value, str | Mapping) and not _is_words(value):
                others.append(_medium(name, value))
            elif isinstance(value, str):
                texts.append(value)
            elif isinstance(value, _OBJECTS):
                found.objects += 1
                if value.get("type") in _REFERRING and not value.get("file_data"):
                    others.append(("reference", ""))
                texts.extend(map(str, value))
                levels.append(iter(value.items()))
                break
            elif isinstance(value, list | tuple):
                levels.append(zip(repeat(None), value, strict=False))
                break
            elif value is not None:
                texts.append(str(value))
        else:
            levels.pop()
    return found


def _is_words(value: str | Mapping[str, object]) -> bool:
    """Whether what stands in a medium's place is text after all: Anthropic's documents of text, or files of it."""
    if isinstance(value, str):
        return value.startswith("data:text/")
    file_data = value.get("file_data")
    if isinstance(file_data, str) and file_data.startswith("data:text/"):
        return True
    return value.get("type") in {"content", "text"} or _media_type(value).startswith("text/")


def _media_type(value: Mapping[str, object]) -> str:
    return str(value.get("media_type") or value.get("mimeType") or value.get("mime_type") or "")


def _medium(name: object, value: str | Mapping[str, object]) -> tuple[str, str]:
    if name in {"image_url", "input_image"}:
        return "image", ""
    if isinstance(value, str):
        if value.startswith(("http://", "https://", "gs://")):
            return "reference", ""
        return ("document", value) if name in {"file", "file_data", "source"} else ("media", value)
    media_type = _media_type(value)
    if media_type.startswith("image/"):
        return "image", ""
    data = next((inner for inner in value.values() if isinstance(inner, str) and len(inner) > _LONGEST_NAME), "")
    named = any(each in value for each in ("file_id", "url", "fileUri", "file_uri", "file_url"))
    if named and (not data or data.startswith("http")):
        return "reference", ""
    sound = name == "input_audio" or media_type.startswith(("audio/", "video/"))
    return ("media" if sound else "document"), data
