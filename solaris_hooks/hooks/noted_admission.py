"""Admission, with every refusal of it written down."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from solaris_hooks.hooks import refusals
from solaris_hooks.hooks.attempt import Attempt
from solaris_hooks.ledger.refusal_records import RefusalReason

if TYPE_CHECKING:
    from litellm.proxy._types import UserAPIKeyAuth

    from solaris_hooks.hooks.admission import Admission
    from solaris_hooks.hooks.models import Models
    from solaris_hooks.hooks.refusal_log import RefusalLog
    from solaris_hooks.hooks.request_body import Body

_LOG = logging.getLogger(__name__)


class NotedAdmission:
    """Admits requests as :class:`Admission` does, and tells whoever is refused under which id that is explained."""

    def __init__(self, admission: Admission, *, log: RefusalLog, models: Models, locale: str) -> None:
        """Keep the collaborators.

        Args:
            admission: decides.
            log: takes refusals in.
            models: what LiteLLM knows of them.
            locale: language of what is said of a defect.
        """
        self._admission = admission
        self._log = log
        self._models = models
        self._locale = locale

    async def admit(self, auth: UserAPIKeyAuth, body: Body, call_type: str) -> None:
        """See :meth:`Admission.admit`. A defect refuses the request, too: what nobody counted must not pass.

        Raises:
            Refused: the request is not admitted.
        """
        attempt = Attempt.of(auth, body, call_type)
        try:
            await self._admission.admit(auth, body, call_type, attempt)
        except refusals.Refused as refused:
            self._note(refused, attempt)
            raise
        except Exception as exc:
            _LOG.exception("a request is refused because of a defect in its admission")
            unmetered = refusals.unavailable(self._locale, RefusalReason.DEFECT)
            self._note(unmetered, attempt)
            raise unmetered from exc

    def _note(self, refused: refusals.Refused, attempt: Attempt) -> None:
        sized = attempt.sized
        if sized is not None:
            sized.model_limit = self._models.facts(sized.models[sized.largest]).output_limit
        refusal_id = self._log.note(
            attempt,
            refused.reason,
            status=refused.status_code,
            message=refused.message,
            balance=refused.balance,
            param=refused.param,
        )
        refusals.identify(refused, refusal_id)
