"""What an administrator does to one account, and what its user sets for himself."""

from __future__ import annotations

from fastapi import APIRouter, Response

from solaris_hooks.ledger.account_actions import MOST_MESSAGES_A_DAY, MessageOutcome
from solaris_hooks.web.action_answers import MessageAnswer, PreferencesAnswer, ResetAnswer
from solaris_hooks.web.action_bodies import MessageBody, OwnPreferencesBody, PreferencesBody, ResetBody
from solaris_hooks.web.action_errors import TooManyMessagesError, UnreachableError
from solaris_hooks.web.answers import AccountAnswer
from solaris_hooks.web.dependencies import Changer, Reader, Supporter, TheAccountId, TheBooks, existing
from solaris_hooks.web.description import CONFLICT, NOT_FOUND, error_answers
from solaris_hooks.web.routes.me import OwnAccount, OwnAlone

router = APIRouter(prefix="/api/v1/accounts/{account}", tags=["accounts"])
own_router = APIRouter(prefix="/api/v1/me/preferences", tags=["me"])

_REPLAYED = {"Idempotent-Replayed": "true"}


@router.post("/reset", summary="Set the use of this period back to zero", responses={**NOT_FOUND, **CONFLICT})
async def reset_period(
    administrator: Changer, books: TheBooks, account: TheAccountId, body: ResetBody, response: Response
) -> ResetAnswer:
    """Give the account its full allowance again, once for each idempotency key. What is owed is forgiven.

    The renewal stays where it is. Where nothing was used, `tokens` is 0, nothing is written, and the key can be sent
    again.
    """
    result = await books.actions.reset(body.reset(account, administrator.actor))
    if result.replayed:
        response.headers.update(_REPLAYED)
    return ResetAnswer(tokens=result.tokens, account=AccountAnswer.of(await existing(books, account)))


@router.post(
    "/messages",
    status_code=201,
    summary="Send a message to an account's user",
    responses={
        200: {
            "model": MessageAnswer,
            "description": "This idempotency key sent this text before; nothing was sent again.",
        },
        **NOT_FOUND,
        **error_answers(409, "The key was used for another text, or the user can be reached neither way."),
        **error_answers(429, f"{MOST_MESSAGES_A_DAY} messages were sent to the account within 24 hours."),
    },
)
async def send_message(
    administrator: Supporter, books: TheBooks, account: TheAccountId, body: MessageBody, response: Response
) -> MessageAnswer:
    """Send plain text, once for each idempotency key: in the chat with his next answer, by e-mail, or both."""
    result = await books.actions.send(body.message(account, administrator.actor))
    if result.outcome is MessageOutcome.LIMITED:
        raise TooManyMessagesError
    if result.outcome is MessageOutcome.UNREACHABLE:
        raise UnreachableError
    if result.outcome is MessageOutcome.REPLAYED:
        response.status_code = 200
        response.headers.update(_REPLAYED)
    return MessageAnswer.of(result)


@router.get("/preferences", summary="Read what a user has set for himself", responses=NOT_FOUND)
async def read_preferences(_: Reader, books: TheBooks, account: TheAccountId) -> PreferencesAnswer:
    """Language, mails, notices in the chat."""
    return PreferencesAnswer.of(await books.actions.preferences(account))


@router.put("/preferences", summary="Set a user's preferences", responses=NOT_FOUND)
async def put_preferences(
    administrator: Supporter, books: TheBooks, account: TheAccountId, body: PreferencesBody
) -> PreferencesAnswer:
    """Set what is sent. Written to the audit trail."""
    change = body.change(account, administrator.actor, body.reason)
    return PreferencesAnswer.of(await books.actions.set_preferences(change))


@own_router.get("", summary="Read your own preferences", responses=NOT_FOUND)
async def read_my_preferences(account: OwnAccount, books: TheBooks) -> PreferencesAnswer:
    """Language, mails, notices in the chat. Those of a team are read by its members, and set by its administrators."""
    return PreferencesAnswer.of(await books.actions.preferences(account.balance.account_id))


@own_router.put("", summary="Set your own preferences", responses=NOT_FOUND)
async def put_my_preferences(account: OwnAlone, books: TheBooks, body: OwnPreferencesBody) -> PreferencesAnswer:
    """Set what is sent: the language of what you read, whether you get mails, whether the chat tells you anything."""
    own = account.balance.account_id
    return PreferencesAnswer.of(await books.actions.set_preferences(body.change(own, own)))
