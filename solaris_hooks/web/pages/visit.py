"""One request of a user's browser: whose account it is about, and how his pages look."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from solaris_hooks.ledger.records import Account
from solaris_hooks.quota.ids import AccountId, MemberId
from solaris_hooks.web.look import chosen_language
from solaris_hooks.web.pages.rendering import page
from solaris_hooks.web.pages.whose import Whose
from solaris_hooks.web.paths import root_of


@dataclass(frozen=True, slots=True)
class OwnVisit:
    """A request of somebody who sees one account: his own.

    Attributes:
        account: as of now. It follows from the session alone: no address and no field of a form names one.
        theme: ``light``, ``dark`` or ``auto`` (as the browser says).
        form_token: what each form must carry.
        form: what a form sent, its token checked; empty for pages that only show.
    """

    request: Request
    account: Account
    theme: str
    form_token: str
    form: FormData = field(default_factory=FormData)

    @property
    def account_id(self) -> AccountId:
        """Whose account."""
        return self.account.balance.account_id

    @property
    def member_id(self) -> MemberId | None:
        """Who he is, where the account is that of his team."""
        share = self.account.balance.share
        return share.member_id if share is not None else None

    @property
    def whose(self) -> Whose:
        """Whose session this is."""
        return Whose(self.account_id, self.member_id)

    @property
    def asker(self) -> str:
        """How the books name what he does."""
        return self.member_id or self.account_id

    @property
    def locale(self) -> str:
        """The language of the account; of a team's, where the member's browser was told another one, that."""
        own = chosen_language(self.request) if self.member_id is not None else None
        return own or self.account.balance.locale

    @property
    def root(self) -> str:
        """What the addresses of the plugin begin with."""
        return root_of(self.request)

    @property
    def partial(self) -> bool:
        """Whether a script asks for a piece of the page only."""
        headers = self.request.headers
        return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"

    def text(self, name: str) -> str:
        """A field of the form, without blanks around it."""
        said = self.form.get(name)
        return said.strip() if isinstance(said, str) else ""

    def show(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """A page in the language of the account.

        Args:
            template: name of the file under ``templates/me/``.
            status: of the answer.
            values: what the template shows.
        """
        balance = self.account.balance
        return page(
            f"me/{template}",
            self.locale,
            status=status,
            time_zone=balance.time_zone,
            root=self.root,
            theme=self.theme,
            framed=False,
            visit=self,
            account=self.account,
            balance=balance,
            **values,
        )

    def to(self, path: str, *, done: str = "", anchor: str = "") -> RedirectResponse:
        """Lead on to another page after a form: a reload then sends nothing twice.

        Args:
            path: below ``/solaris/me``.
            done: what that page says was done: a key of ``done.html``.
            anchor: where on the page.
        """
        told = f"?done={done}" if done else ""
        return RedirectResponse(f"{self.root}/me{path}{told}{f'#{anchor}' if anchor else ''}", 303)
