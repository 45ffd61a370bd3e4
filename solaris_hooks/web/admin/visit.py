"""One request of an administrator's browser: who asks, and how his pages look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from solaris_hooks.ledger.audit_trail import AuditRecord
from solaris_hooks.ledger.undo import UndoAction, undo_of
from solaris_hooks.roles import Permission
from solaris_hooks.web.access import Administrator
from solaris_hooks.web.asgi import MOUNT_PATH
from solaris_hooks.web.dependencies import segment
from solaris_hooks.web.look import Look
from solaris_hooks.web.pages.rendering import page
from solaris_hooks.web.paths import root_of

E = TypeVar("E", bound=StrEnum)
ADMIN_PATH = f"{MOUNT_PATH}/admin"
_MOST_DIGITS = 19
"""Fewer digits than this are a bigint of PostgreSQL in any case."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who has signed in.

    Attributes:
        form_token: what each form must carry.
        form: what a form sent, its token checked; empty for pages that only show.
    """

    request: Request
    administrator: Administrator
    look: Look
    form_token: str
    form: FormData = field(default_factory=FormData)

    @property
    def root(self) -> str:
        """What the addresses of the plugin begin with."""
        return root_of(self.request)

    @property
    def partial(self) -> bool:
        """Whether a script asks for a piece of the page only."""
        headers = self.request.headers
        return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"

    def may(self, permission: str) -> bool:
        """Whether the administrator has a permission."""
        return self.administrator.may(Permission(permission))

    def undo_of(self, record: AuditRecord) -> UndoAction | None:
        """How the visitor can undo a change; None where it cannot be, or he may not."""
        return undo_of(record) if self.may(Permission.CHANGE) else None

    def segment(self, name: str) -> str:
        """A segment of the path, decoded."""
        return segment(str(self.request.path_params[name]))

    def text(self, name: str, *, longest: int = 500) -> str:
        """A field of the form, or of the address where there is no form; without blanks around it."""
        said = self.form.get(name) if self.form else self.request.query_params.get(name)
        return said.strip()[:longest] if isinstance(said, str) else ""

    def texts(self, name: str) -> list[str]:
        """All values of a field of the form, or of the address where there is no form."""
        found = self.form.getlist(name) if self.form else self.request.query_params.getlist(name)
        return [each for each in found if isinstance(each, str)]

    def choice(self, name: str, choices: type[E]) -> E | None:
        """A member of an enumeration that the address names; None where it names none."""
        said = self.text(name)
        return next((each for each in choices if each.value == said), None)

    def number(self, name: str) -> int | None:
        """A number of the address above 0, such as where a page of a list begins; None where there is none."""
        said = self.request.query_params.get(name, "")
        number = int(said) if said.isascii() and said.isdigit() and len(said) < _MOST_DIGITS else 0
        return number or None

    def show(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """A page.

        Args:
            template: name of the file under ``templates/admin/``.
            status: of the answer.
            values: what the template shows.
        """
        return page(
            f"admin/{template}",
            self.look.locale,
            status=status,
            time_zone=self.look.time_zone,
            root=self.root,
            theme=self.look.theme,
            framed=True,
            visit=self,
            **values,
        )

    def to(self, path: str, *, done: str = "", **query: str) -> RedirectResponse:
        """Lead on to another page after a form: a reload then sends nothing twice.

        Args:
            path: below ``/solaris/admin``, its parts percent-encoded.
            done: what that page says was done: a key of ``done.html``.
            query: further parameters.
        """
        return RedirectResponse(f"{self.root}/admin{path}{_query({**query, 'done': done})}", 303)


def address(path: str, parameters: Mapping[str, str]) -> str:
    """A path below ``/solaris/admin`` with those of its parameters that say something."""
    return path + _query(parameters)


def account_path(account: str) -> str:
    """The address of an account's page, below ``/solaris/admin``."""
    return f"/accounts/{quote(account, safe='')}"


def _query(parameters: Mapping[str, str]) -> str:
    said = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items() if value)
    return f"?{said}" if said else ""
