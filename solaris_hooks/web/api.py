"""The JSON API, built as an application of its own and mounted on LiteLLM's."""

from __future__ import annotations

import re

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import Mount

from solaris_hooks import __version__
from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.administration import Administration
from solaris_hooks.ledger.compensation import Compensation
from solaris_hooks.ledger.port import Books
from solaris_hooks.settings import CreditRequestLimits
from solaris_hooks.web.access import Authenticator
from solaris_hooks.web.asgi import MOUNT_PATH, Answered, BoundedBodies, SegmentPaths
from solaris_hooks.web.dependencies import Reporting, Services, Verifying
from solaris_hooks.web.description import describe
from solaris_hooks.web.errors import answer_errors
from solaris_hooks.web.routes import (
    accounts,
    actions,
    audit,
    batches,
    compensation,
    credit_lots,
    deliveries,
    erasures,
    export,
    exports,
    ledger,
    me,
    members,
    merges,
    overview,
    plans,
    refusals,
    report_schedules,
    requests,
    terms,
    undo,
    verifications,
)


def build_api(  # noqa: PLR0913 - what it is built on; most of it may be missing
    books: Books,
    authenticator: Authenticator,
    *,
    open_accounts: bool = True,
    requests_for_credits: CreditRequests | None = None,
    campaigns: Compensation | None = None,
    reporting: Reporting | None = None,
    administration: Administration | None = None,
    verifying: Verifying | None = None,
) -> FastAPI:
    """Build the API.

    Args:
        books: the ledger.
        authenticator: who checks keys; in the proxy :class:`solaris_hooks.web.auth.LiteLLMAuthenticator`.
        open_accounts: whether ``me`` makes the account of a user who was never seen, as his first
            request would. It gets what ``books.put_account`` gives to new accounts.
        campaigns: compensation in bulk; None where the books cannot tell who had requests.
        reporting: figures over all accounts; None where the books keep no totals.
        administration: merges, erasures, batches and undoing; None where the books can do none of it.
        verifying: verifications in processes of their own; None where the books are verified while the request waits.
        requests_for_credits: how users ask for credits; None for the limits that settings have by default.

    Returns:
        An application whose paths begin at ``/api/v1`` and ``/health``; see :func:`mount`.
    """
    api = FastAPI(
        title="Solaris Hooks",
        version=__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(Answered), Middleware(BoundedBodies), Middleware(SegmentPaths)],
    )
    asking = requests_for_credits or CreditRequests(books.requests, limits=CreditRequestLimits())
    api.state.services = Services(
        books, authenticator, open_accounts, asking, campaigns, reporting, administration, verifying
    )
    answer_errors(api)
    for module in (accounts, members, terms, audit, credit_lots, requests, plans, me, ledger, deliveries, refusals):
        api.include_router(module.router)
    api.include_router(requests.own_router)
    api.include_router(refusals.own_router)
    api.include_router(actions.router)
    api.include_router(actions.own_router)
    api.include_router(export.router)
    api.include_router(export.own_router)
    if administration is not None:
        for module in (merges, erasures, batches, undo):
            api.include_router(module.router)
        api.include_router(erasures.member_router)
    if campaigns is not None:
        api.include_router(compensation.router)
    api.include_router(exports.router)
    if reporting is not None:
        api.include_router(exports.usage_router)
        api.include_router(overview.router)
    if reporting is not None and administration is not None:
        api.include_router(report_schedules.router)
    if verifying is not None:
        api.include_router(verifications.router)
    api.include_router(deliveries.mails_router)
    describe(api)
    return api


def mount(app: FastAPI, api: FastAPI) -> None:
    """Put the API under ``/solaris`` of LiteLLM's application, once, before all other routes.

    In front, since LiteLLM has routes that begin with a parameter (``/{provider}/...``) and lets
    operators add pass-through routes that catch everything. Works while the application runs, which is
    when LiteLLM imports callbacks.
    """
    routes = app.router.routes
    routes[:] = [route for route in routes if not (isinstance(route, Mount) and route.path == MOUNT_PATH)]
    mounted = Mount(MOUNT_PATH, app=api, name="solaris")
    # Starlette's pattern ends at a newline (%0A): such a path would get the host's own error.
    mounted.path_regex = re.compile(mounted.path_regex.pattern, re.DOTALL)
    routes.insert(0, mounted)
