"""Which answers people read, as text: those alone get a notice."""

from __future__ import annotations

from collections.abc import Mapping


def read_by_people(body: Mapping[str, object]) -> bool:
    """Whether a request asks for one answer in plain text.

    Not for JSON, not for several answers, and not for the figures of tokens, which programs alone read.
    """
    if body.get("n") not in {None, 1} or body.get("logprobs") or body.get("output_format"):
        return False
    config, text = body.get("output_config"), body.get("text")
    return all(
        form is None or (isinstance(form, Mapping) and form.get("type") == "text")
        for form in (
            body.get("response_format"),
            config.get("format") if isinstance(config, Mapping) else None,
            text.get("format") if isinstance(text, Mapping) else None,
        )
    )
