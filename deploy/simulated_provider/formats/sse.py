"""Server-sent events."""

from deploy.simulated_provider import strict_json

MEDIA_TYPE = "text/event-stream; charset=utf-8"
DONE = b"data: [DONE]\n\n"
"""How OpenAI ends the streams of its completions."""


def event(content: object) -> bytes:
    """Write an event that has no name."""
    return b"data: " + strict_json.write(content) + b"\n\n"


def named(content: dict[str, object]) -> bytes:
    """Write an event that is named by the ``type`` of its content."""
    return f"event: {content['type']}\n".encode() + event(content)
