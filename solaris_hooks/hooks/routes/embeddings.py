"""Embeddings: texts in, vectors out, nothing generated."""

from __future__ import annotations

from solaris_hooks.hooks.reported import usage_of
from solaris_hooks.hooks.request_body import Body
from solaris_hooks.hooks.routes.route import NO_OUTPUT, Demand
from solaris_hooks.hooks.routes.whole import WholeOnly
from solaris_hooks.quota.prompt import read_prompt
from solaris_hooks.quota.usage import Usage


class EmbeddingsRoute(WholeOnly):
    """``/v1/embeddings``, its azure-style twin and ``/engines/{model}/embeddings``."""

    call_types = frozenset({"aembedding"})

    def read(self, body: Body, *, media_tokens: int) -> Demand:
        """See :meth:`Route.read`."""
        return Demand(read_prompt(body, media_tokens=media_tokens), NO_OUTPUT)

    def usage_of(self, answer: object) -> Usage | None:
        """See :meth:`Route.usage_of`."""
        return usage_of(answer, no_output=True)
