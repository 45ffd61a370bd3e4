"""How the formats write usage, and what the books read from a usage that a test has stated."""

from typing import Any, TypeGuard

from deploy.simulated_provider.served import Tokens, UsageShape


def _counts(usage: object, *names: str) -> list[int] | None:
    """Give these figures of a usage, or None unless all are whole numbers from 0 up."""
    if not isinstance(usage, dict):
        return None
    figures = [figure for figure in (usage.get(name) for name in names) if _is_count(figure)]
    return figures if len(figures) == len(names) else None


def _is_count(figure: object) -> TypeGuard[int]:
    return isinstance(figure, int) and not isinstance(figure, bool) and figure >= 0


def _detail(usage: dict[str, Any], name: str, group: str | None = None) -> int:
    """Give a figure that may be missing: 0 unless it is a count."""
    of: Any = usage if group is None else usage.get(group)
    figure = of.get(name) if isinstance(of, dict) else None
    return figure if _is_count(figure) else 0


def _write_chat(tokens: Tokens) -> dict[str, Any]:
    return {
        "prompt_tokens": tokens.prompt_tokens,
        "completion_tokens": tokens.completion_tokens,
        "total_tokens": tokens.total_tokens,
        "prompt_tokens_details": {"cached_tokens": tokens.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning_tokens},
    }


def _read_chat(usage: Any) -> Tokens | None:
    counts = _counts(usage, "prompt_tokens", "completion_tokens", "total_tokens")
    if counts is None:
        return None
    prompt, completion, total = counts
    return Tokens(
        prompt,
        completion,
        total,
        cached_tokens=_detail(usage, "cached_tokens", "prompt_tokens_details"),
        reasoning_tokens=_detail(usage, "reasoning_tokens", "completion_tokens_details"),
    )


def _write_prompt_only(tokens: Tokens) -> dict[str, Any]:
    return {"prompt_tokens": tokens.prompt_tokens, "total_tokens": tokens.total_tokens}


def _read_prompt_only(usage: Any) -> Tokens | None:
    counts = _counts(usage, "prompt_tokens", "total_tokens")
    return None if counts is None else Tokens(prompt_tokens=counts[0], total_tokens=counts[1])


def _write_responses(tokens: Tokens) -> dict[str, Any]:
    return {
        "input_tokens": tokens.prompt_tokens,
        "input_tokens_details": {"cached_tokens": tokens.cached_tokens},
        "output_tokens": tokens.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning_tokens},
        "total_tokens": tokens.total_tokens,
    }


def _read_responses(usage: Any) -> Tokens | None:
    counts = _counts(usage, "input_tokens", "output_tokens", "total_tokens")
    if counts is None:
        return None
    prompt, completion, total = counts
    return Tokens(
        prompt,
        completion,
        total,
        cached_tokens=_detail(usage, "cached_tokens", "input_tokens_details"),
        reasoning_tokens=_detail(usage, "reasoning_tokens", "output_tokens_details"),
    )


def _write_messages(tokens: Tokens) -> dict[str, Any]:
    cache = tokens.cached_tokens + tokens.cache_creation_tokens
    usage: dict[str, Any] = {
        "input_tokens": tokens.prompt_tokens - cache,
        "cache_creation_input_tokens": tokens.cache_creation_tokens,
        "cache_read_input_tokens": tokens.cached_tokens,
        "output_tokens": tokens.completion_tokens,
    }
    if tokens.reasoning_tokens:
        usage["output_tokens_details"] = {"thinking_tokens": tokens.reasoning_tokens}
    return usage


def _read_messages(usage: Any) -> Tokens | None:
    counts = _counts(usage, "input_tokens", "output_tokens")
    if counts is None:
        return None
    created = _detail(usage, "cache_creation_input_tokens")
    cached = _detail(usage, "cache_read_input_tokens")
    prompt = counts[0] + created + cached
    thoughts = _detail(usage, "thinking_tokens", "output_tokens_details")
    return Tokens(prompt, counts[1], prompt + counts[1], cached, created, thoughts)


def _write_gemini(tokens: Tokens) -> dict[str, Any]:
    usage = {
        "promptTokenCount": tokens.prompt_tokens,
        "candidatesTokenCount": tokens.completion_tokens - tokens.reasoning_tokens,
        "totalTokenCount": tokens.total_tokens,
    }
    if tokens.cached_tokens:
        usage["cachedContentTokenCount"] = tokens.cached_tokens
    if tokens.reasoning_tokens:
        usage["thoughtsTokenCount"] = tokens.reasoning_tokens
    return usage


def _read_gemini(usage: Any) -> Tokens | None:
    counts = _counts(usage, "promptTokenCount", "candidatesTokenCount", "totalTokenCount")
    if counts is None:
        return None
    prompt, candidates, total = counts
    thoughts = _detail(usage, "thoughtsTokenCount")
    return Tokens(
        prompt,
        candidates + thoughts,
        total,
        cached_tokens=_detail(usage, "cachedContentTokenCount"),
        reasoning_tokens=thoughts,
    )


def _write_image(tokens: Tokens) -> dict[str, Any]:
    return {
        "input_tokens": tokens.prompt_tokens,
        "input_tokens_details": {"text_tokens": tokens.prompt_tokens, "image_tokens": 0},
        "output_tokens": tokens.completion_tokens,
        "total_tokens": tokens.total_tokens,
    }


def _write_audio(tokens: Tokens) -> dict[str, Any]:
    return {
        "type": "tokens",
        "input_tokens": tokens.prompt_tokens,
        "input_token_details": {"text_tokens": 0, "audio_tokens": tokens.prompt_tokens},
        "output_tokens": tokens.completion_tokens,
        "total_tokens": tokens.total_tokens,
    }


def _read_audio(usage: Any) -> Tokens | None:
    if isinstance(usage, dict) and usage.get("type") == "duration":
        return Tokens()
    return _read_responses(usage)


def seconds(heard: int) -> UsageShape:
    """Give the shape of a transcription's usage that tells whole seconds, and no tokens."""
    return UsageShape(lambda _tokens: {"type": "duration", "seconds": heard}, _read_audio)


CHAT = UsageShape(_write_chat, _read_chat)
"""OpenAI's chat and text completions."""

PROMPT_ONLY = UsageShape(_write_prompt_only, _read_prompt_only)
"""OpenAI's embeddings: there is no completion."""

RESPONSES = UsageShape(_write_responses, _read_responses)
"""OpenAI's responses."""

MESSAGES = UsageShape(_write_messages, _read_messages)
"""Anthropic's messages: ``input_tokens`` without those of the cache."""

GEMINI = UsageShape(_write_gemini, _read_gemini)
"""Google's Gemini: candidates without their thoughts."""

IMAGES = UsageShape(_write_image, _read_responses)
"""OpenAI's images, as gpt-image-1 reports them."""

AUDIO = UsageShape(_write_audio, _read_audio)
"""OpenAI's transcriptions, as gpt-4o-transcribe reports them."""
