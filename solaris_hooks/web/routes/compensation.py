"""Compensation in bulk, for administrators."""

from __future__ import annotations

from fastapi import APIRouter

from solaris_hooks.web.credit_answers import CompensationAnswer
from solaris_hooks.web.credit_bodies import CompensationBody
from solaris_hooks.web.dependencies import Changer, TheCompensation
from solaris_hooks.web.description import CONFLICT

router = APIRouter(prefix="/api/v1/compensations", tags=["accounts"])


@router.post("", summary="Compensate all accounts that had requests within some time", responses=CONFLICT)
async def compensate(
    administrator: Changer, compensation: TheCompensation, body: CompensationBody
) -> CompensationAnswer:
    """Grant credits to everybody who had requests within some time; with `dry_run`, only list them.

    Each account is granted once for each campaign. Whatever stops it, sending the same again grants the rest.
    """
    campaign = body.whole
    affected = await compensation.affected(campaign)
    granted = None if body.dry_run else await compensation.grant(campaign, affected, actor=administrator.actor)
    return CompensationAnswer.of(campaign.name, affected, granted)
