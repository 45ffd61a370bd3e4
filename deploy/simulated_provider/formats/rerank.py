"""Documents in their order: Cohere's ``POST /v1/rerank`` and ``/v2/rerank``, vLLM's and Jina's too."""

from typing import Annotated, Any, ClassVar
from uuid import uuid4

from pydantic import Field

from deploy.simulated_provider import strict_json
from deploy.simulated_provider.answer import plan_tokens
from deploy.simulated_provider.directive import Directive
from deploy.simulated_provider.request import Request
from deploy.simulated_provider.served import NO_TOKENS, Report, Units, report

from . import usages
from .format import USAGE, Format, WholeWire

_DOCUMENTS_PER_UNIT = 100
"""What Cohere bills as one search unit."""


class RerankRequest(Request):
    """The body of each route."""

    directed_field: ClassVar[str] = "query"

    query: str
    documents: Annotated[list[str | dict[str, Any]], Field(min_length=1)]
    top_n: Annotated[int, Field(ge=1)] | None = None
    return_documents: bool | None = None

    @property
    def documents_texts(self) -> list[str]:
        """The documents, of an object its ``text``."""
        return [each if isinstance(each, str) else str(each.get("text", "")) for each in self.documents]

    @property
    def texts(self) -> list[str]:
        """The documents and the query."""
        return [*self.documents_texts, self.query]


def _plan(request: RerankRequest, directive: Directive, message: str) -> WholeWire:
    searched = directive.search_units
    if searched is None:
        searched = -(-len(request.documents) // _DOCUMENTS_PER_UNIT)
    usage = _usage(request, directive, message)
    body: dict[str, Any] = {"id": uuid4().hex, "results": _results(request)}
    if not directive.omit_usage:
        body["meta"] = {"api_version": {"version": "2"}, "billed_units": {"search_units": searched}}
    return WholeWire(strict_json.write(body | usage.field()), usage, Units(search_units=searched))


def _usage(request: RerankRequest, directive: Directive, message: str) -> Report:
    if directive.token_usage or directive.states_usage or directive.omit_usage:
        return report(directive, plan_tokens(request, directive, message), usages.PROMPT_ONLY)
    return NO_TOKENS


def _results(request: RerankRequest) -> list[dict[str, Any]]:
    """Put the last document first, so that an order is seen; scores are exact in a float."""
    ranked = list(enumerate(request.documents_texts))[::-1][: request.top_n]
    results: list[dict[str, Any]] = []
    for rank, (index, text) in enumerate(ranked):
        result: dict[str, Any] = {"index": index, "relevance_score": 1 / 2**rank}
        if request.return_documents:
            result["document"] = {"text": text}
        results.append(result)
    return results


RERANKS = tuple(
    Format(path, RerankRequest, _plan, USAGE | {"search_units", "token_usage"}) for path in ("/v1/rerank", "/v2/rerank")
)
