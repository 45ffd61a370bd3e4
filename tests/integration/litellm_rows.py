"""Rows of LiteLLM's spend logs, as LiteLLM 1.106 writes them (tests/e2e/test_reconcile.py looks at real ones)."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from uuid import UUID

import psycopg

_NUMBERS = itertools.count(1)


def log_call(
    url: str,
    *,
    hold_id: UUID | None = None,
    prompt_tokens: int = 30,
    completion_tokens: int = 12,
    cached_tokens: object = None,
    user: str = "ana",
    team: str | None = None,
    api_key: str = "5e1f",
    model: str = "demo",
    call_type: str = "acompletion",
    cache_hit: str = "None",
    status: str = "success",
    at: dt.datetime | None = None,
) -> None:
    """Insert a call that began at ``at`` (default: now) and took a second."""
    began = (at or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).replace(tzinfo=None)
    metadata: dict[str, object] = {
        "usage_object": {"prompt_tokens_details": {"cached_tokens": cached_tokens}},
        "spend_logs_metadata": {"solaris_hold_id": str(hold_id), "theirs": 1} if hold_id else None,
    }
    if status == "failure":
        metadata["status"] = status
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            'INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, prompt_tokens, completion_tokens, '
            'total_tokens, "startTime", "endTime", model, model_group, "user", team_id, metadata, cache_hit, status, '
            "updated_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now())",
            (
                f"chatcmpl-{next(_NUMBERS)}",
                call_type,
                api_key,
                prompt_tokens,
                completion_tokens,
                prompt_tokens + completion_tokens,
                began,
                began + dt.timedelta(seconds=1),
                f"openai/{model}",
                model,
                user,
                team,
                json.dumps(metadata),
                cache_hit,
                status,
            ),
        )
