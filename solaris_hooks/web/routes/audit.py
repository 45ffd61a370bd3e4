"""The audit trail, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from solaris_hooks.web.answers import AuditPageAnswer
from solaris_hooks.web.bodies import AuditQuery
from solaris_hooks.web.dependencies import Reader, TheBooks

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])


@router.get("", summary="Read what was changed by whom")
async def list_changes(_: Reader, books: TheBooks, query: Annotated[AuditQuery, Query()]) -> AuditPageAnswer:
    """Changes by people, newest first, a page at a time."""
    return AuditPageAnswer.of(await books.trail.records(query.wanted, limit=query.limit + 1), query.limit)
