"""What LiteLLM says of a key, and what is made of it: the cases that no running proxy shows easily."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import HTTPException, Request
from litellm.proxy._types import LitellmUserRoles, ProxyException, UserAPIKeyAuth
from litellm.proxy.auth import user_api_key_auth as litellm_auth
from litellm.proxy.auth.auth_exception_handler import DB_UNAVAILABLE_FALLBACK_USER_ID

from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.roles import Permission
from solaris_hooks.web.access import AuthenticationUnavailableError, ForbiddenError, Holder, UnauthenticatedError
from solaris_hooks.web.auth import LiteLLMAuthenticator, actor_of

PATH = "/solaris/api/v1/accounts/user:a/b"
Answer = UserAPIKeyAuth | Exception


class LiteLLM:
    """Answers by path, and notes what it was asked."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []

    async def __call__(self, request: Request, **_: object) -> UserAPIKeyAuth:
        self.asked.append((request.method, request.scope["path"]))
        self.bodies.append(await request.body())
        answer = self.answers.get(request.scope["path"], self.answers.get("*", refused(401)))
        if isinstance(answer, Exception):
            raise answer
        return answer


def refused(status: object, kind: str = "auth_error") -> ProxyException:
    return ProxyException("Authentication Error, Key Hash (Token) =abc", type=kind, param=None, code=status)  # type: ignore[arg-type]


def identity(**fields: Any) -> UserAPIKeyAuth:
    return UserAPIKeyAuth(
        **{"token": "t" * 64, "user_id": "maria", "user_role": LitellmUserRoles.INTERNAL_USER} | fields
    )


ADMIN = identity(user_id="boss", user_role=LitellmUserRoles.PROXY_ADMIN)
VIEWER = identity(user_id="eye", user_role=LitellmUserRoles.PROXY_ADMIN_VIEW_ONLY)


@pytest.fixture
def authenticator() -> LiteLLMAuthenticator:
    async def holder_of(auth: UserAPIKeyAuth, _: Request) -> Holder | None:
        return Holder(AccountId(f"user:{auth.user_id}")) if auth.user_id != "boss" else None

    return LiteLLMAuthenticator(holder_of)


def litellm(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Answer]) -> LiteLLM:
    fake = LiteLLM(answers)
    monkeypatch.setattr(litellm_auth, "user_api_key_auth", fake)
    return fake


def a_request(method: str = "GET") -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b'{"model": "gpt-4", "user": "x"}', "more_body": False}

    scope = {
        "type": "http",
        "method": method,
        "path": "/solaris/api/v1/accounts/user:a%2Fb",
        "solaris.decoded_path": PATH,
        "raw_path": b"/solaris/api/v1/accounts/user:a%2Fb",
        "root_path": "/solaris",
        "app_root_path": "",
        "query_string": b"key=sk-1",
        "headers": [(b"authorization", b"Bearer sk-1")],
    }
    return Request(scope, receive)


async def test_litellm_is_asked_about_the_real_path_and_method_without_the_body(
    authenticator: LiteLLMAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = litellm(monkeypatch, {PATH: ADMIN})
    request = a_request("PUT")
    assert (await authenticator.administrator(request, Permission.CHANGE)).actor == "admin:boss"
    assert fake.asked == [("PUT", PATH)]
    assert fake.bodies == [b""]
    assert await request.body()


async def test_what_changes_nothing_is_asked_as_a_get(
    authenticator: LiteLLMAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = litellm(monkeypatch, {PATH: VIEWER})
    await authenticator.administrator(a_request("POST"), Permission.READ)
    assert fake.asked == [("GET", PATH)]
    with pytest.raises(ForbiddenError):
        await authenticator.administrator(a_request("POST"), Permission.CHANGE)


@pytest.mark.parametrize("role", [each for each in LitellmUserRoles if not each.value.startswith("proxy_admin")])
async def test_a_path_that_litellm_lets_anybody_call_makes_nobody_an_administrator(
    authenticator: LiteLLMAuthenticator, monkeypatch: pytest.MonkeyPatch, role: LitellmUserRoles
) -> None:
    litellm(monkeypatch, {"*": identity(user_role=role)})
    for permission in Permission:
        with pytest.raises(ForbiddenError):
            await authenticator.administrator(a_request(), permission)


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        # LiteLLM's 401 for a good key of no administrator, told apart by an ordinary route.
        ({PATH: refused("401"), "/v1/models": identity()}, ForbiddenError),
        ({PATH: HTTPException(403, "allowed_routes")}, ForbiddenError),
        ({}, UnauthenticatedError),
        ({"*": refused("401", "expired_key")}, UnauthenticatedError),
        ({"*": refused(None)}, UnauthenticatedError),
        ({"*": refused("none")}, UnauthenticatedError),
        ({"*": refused("503")}, AuthenticationUnavailableError),
        ({"*": HTTPException(500, "x")}, AuthenticationUnavailableError),
        ({"*": refused("400", "no_db_connection")}, AuthenticationUnavailableError),
        ({"*": RuntimeError("prisma is away")}, AuthenticationUnavailableError),
        # allow_requests_on_db_unavailable makes an identity up for any key.
        ({"*": identity(user_id=DB_UNAVAILABLE_FALLBACK_USER_ID)}, AuthenticationUnavailableError),
        ({"*": identity(user_role=LitellmUserRoles.PROXY_ADMIN, blocked=True)}, UnauthenticatedError),
        # public_routes lets everybody through, without a key.
        ({"*": UserAPIKeyAuth(user_role=LitellmUserRoles.INTERNAL_USER_VIEW_ONLY)}, UnauthenticatedError),
    ],
)
async def test_nobody_gets_in_by_a_failure(
    authenticator: LiteLLMAuthenticator,
    monkeypatch: pytest.MonkeyPatch,
    answers: dict[str, Answer],
    error: type[Exception],
) -> None:
    litellm(monkeypatch, answers)
    with pytest.raises(error) as caught:
        await authenticator.administrator(a_request(), Permission.READ)
    assert "Hash" not in str(caught.value)


@pytest.mark.parametrize(
    ("answers", "tries"),
    [
        ({"/v1/models": identity()}, 1),
        ({"*": HTTPException(403, "x"), "/v1/chat/completions": identity()}, 2),
        ({"*": refused("422", "budget_exceeded"), "/key/info": identity()}, 3),
        ({"*": HTTPException(403, "x"), PATH: identity()}, 4),
    ],
)
async def test_whoever_may_call_any_ordinary_route_has_an_account(
    authenticator: LiteLLMAuthenticator, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Answer], tries: int
) -> None:
    fake = litellm(monkeypatch, answers)
    holder = await authenticator.holder(a_request())
    assert holder.account_id == "user:maria"
    assert len(fake.asked) == tries


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"*": HTTPException(403, "x")}, ForbiddenError),
        ({"*": refused("401")}, UnauthenticatedError),
        ({"*": ADMIN}, ForbiddenError),  # pays from no account
        ({"*": identity(blocked=True)}, UnauthenticatedError),
    ],
)
async def test_others_have_none(
    authenticator: LiteLLMAuthenticator,
    monkeypatch: pytest.MonkeyPatch,
    answers: dict[str, Answer],
    error: type[Exception],
) -> None:
    litellm(monkeypatch, answers)
    with pytest.raises(error):
        await authenticator.holder(a_request())


async def test_what_the_account_s_rule_says_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    async def name_the_user(_: UserAPIKeyAuth, __: Request) -> Holder:
        raise InvalidRequestError("Name the end user.")

    litellm(monkeypatch, {"*": identity()})
    with pytest.raises(InvalidRequestError):
        await LiteLLMAuthenticator(name_the_user).holder(a_request())


@pytest.mark.parametrize(
    ("who", "actor"),
    [
        (identity(token="litellm_proxy_master_key", user_id="default_user_id"), "admin:master-key"),
        (identity(user_id="boss", key_alias="laptop"), "admin:boss"),
        (identity(user_id=None, key_alias="laptop"), "admin:laptop"),
        (identity(user_id=None), "admin:key-tttttttttttt"),
        (identity(user_id="a\r\nb\u2028c"), "admin:a??b?c"),
        (identity(user_id="x" * 999), "admin:" + "x" * 200),
    ],
)
def test_the_books_name_who_it_was(who: UserAPIKeyAuth, actor: str) -> None:
    assert actor_of(who) == actor
