"""Verifications that were started, and what they found."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.web.dependencies import Reader, TheServices
from solaris_hooks.web.description import error_answers
from solaris_hooks.web.verification_answers import VerificationRunAnswer

router = APIRouter(prefix="/api/v1/ledger/verifications", tags=["ledger"])
_NOT_FOUND = error_answers(404, "There is no such verification.")


@router.get("/{verification}", summary="Read a verification", responses=_NOT_FOUND)
async def read_verification(_: Reader, services: TheServices, verification: UUID) -> VerificationRunAnswer:
    """One that was started here or on a page, as far as it is."""
    assert services.verifying is not None  # or this has no address
    run = await services.verifying.list.get(verification)
    if run is None:
        raise NotFoundError("There is no such verification.", param="verification")
    return VerificationRunAnswer.of_run(run)
