"""Plans on the pages: what they grant, and a change that is looked at before it is made."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape
from uuid import uuid4

import httpx
import pytest

from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Plan
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.weights import Weights, WeightTable
from tests.integration.web.asking import ADMIN, send, signed_in

FULL = {
    "monthly_tokens": "2.000.000",
    "thresholds": "50 %, 80; 100",
    "allowed_models": "gpt-*\n\n claude-* \n",
    "max_in_flight": "4",
    "overdraft": "1000",
    "time_zone": "Europe/Lisbon",
    "anchor_day": "31",
    "notices": "1",
    "trial_days": "14",
    "trial_then": "default",
    "weight_pattern": ["gpt-*", ""],
    "weight_input": ["0,376", ""],
    "weight_cached": ["", ""],
    "weight_output": ["2", ""],
}


@pytest.fixture
async def plan(books: PostgresLedger) -> Plan:
    """A plan of 1,000 tokens with one account on it."""
    made = await books.put_plan(Plan(f"team-{uuid4().hex[:10]}", 1_000), actor="admin:root")
    change = AccountChange(plan_id=made.plan_id)
    await books.put_account(AccountId(f"user:{uuid4().hex[:12]}"), change, actor="admin:root")
    return made


def hidden(page: str) -> dict[str, list[str]]:
    """What the form of a preview would send again."""
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page):
        fields.setdefault(name, []).append(unescape(value))
    return fields


async def previewed(admin: httpx.AsyncClient, plan_id: str, seen: str, **fields: object) -> httpx.Response:
    return await send(admin, "/plans", plan_id=plan_id, seen=seen, step="preview", **fields)


async def seen(admin: httpx.AsyncClient, plan_id: str) -> str:
    return hidden((await admin.get(f"{ADMIN}/plans/{plan_id}")).text)["seen"][0]


async def test_the_list_says_who_has_what(admin: httpx.AsyncClient, plan: Plan) -> None:
    page = (await admin.get(f"{ADMIN}/plans")).text
    row = page.split(f"{ADMIN}/plans/{plan.plan_id}")[1].split("</tr>")[0]
    assert re.findall(r'class="number">([\d,]+)<', row) == ["1,000", "1", "1,000"]
    assert "for new accounts" in page.split(f"{ADMIN}/plans/default")[1].split("</tr>")[0]


async def test_a_change_is_shown_before_it_is_made(admin: httpx.AsyncClient, books: PostgresLedger, plan: Plan) -> None:
    preview = await previewed(admin, plan.plan_id, await seen(admin, plan.plan_id), **FULL)
    assert preview.status_code == 200
    assert await books.plan(plan.plan_id) == plan, "nothing is saved yet"
    assert "Accounts affected" in preview.text
    assert "<del>1,000</del>" in preview.text
    assert "<ins>2,000,000</ins>" in preview.text
    sent = {name: value for name, value in hidden(preview.text).items() if name != "form_token"}
    without = await send(admin, "/plans", **sent, step="confirm", reason="")
    assert (without.status_code, "Fill this in." in without.text) == (400, True)
    answer = await send(admin, "/plans", **sent, step="confirm", reason="new year")
    assert answer.headers["location"] == f"{ADMIN}/plans/{plan.plan_id}?done=plan_saved"
    assert await books.plan(plan.plan_id) == Plan(
        plan.plan_id,
        2_000_000,
        (50, 80, 100),
        allowed_models=("gpt-*", "claude-*"),
        max_in_flight=4,
        overdraft=1000,
        time_zone="Europe/Lisbon",
        anchor_day=31,
        weights=WeightTable({"gpt-*": Weights(Decimal("0.376"), Decimal("0.376"), Decimal(2))}),
        trial_days=14,
        trial_then="default",
    )
    changes = await books.trail.records(AuditFilter(action="plan.put", actor="admin:boss"), limit=1)
    assert (changes[0].subject, changes[0].reason) == (plan.plan_id, "new year")


async def test_the_form_of_a_plan_saves_it_as_it_is(
    admin: httpx.AsyncClient, books: PostgresLedger, plan: Plan
) -> None:
    full = hidden((await previewed(admin, plan.plan_id, "x", **FULL)).text)
    full["seen"] = [await seen(admin, plan.plan_id)]
    full.pop("form_token")
    await send(admin, "/plans", **full, step="confirm", reason="r")
    saved = await books.plan(plan.plan_id)
    page = (await admin.get(f"{ADMIN}/plans/{plan.plan_id}")).text
    fields: dict[str, object] = {
        **hidden(page),
        "allowed_models": unescape(re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)[0]),
        "notices": "1",
        "trial_then": re.findall(r'<option value="([^"]*)" selected>', page)[0],
    }
    for name, value in re.findall(r'<input (?:id="[^"]*" )?name="(\w+)"(?: type="\w+")? value="([^"]*)"', page):
        if name.startswith("weight_"):
            fields.setdefault(name, [])
            fields[name] = [*list(fields[name]), unescape(value)]  # type: ignore[call-overload]
        else:
            fields[name] = unescape(value)
    fields.pop("form_token")
    again = await send(admin, "/plans", **fields, step="preview")
    assert "Nothing changes." in again.text
    assert saved == await books.plan(plan.plan_id)


async def test_who_was_faster_is_not_overwritten(admin: httpx.AsyncClient, books: PostgresLedger, plan: Plan) -> None:
    started = await seen(admin, plan.plan_id)
    await books.put_plan(Plan(plan.plan_id, 7_777), actor="admin:other")
    fields = {"plan_id": plan.plan_id, "monthly_tokens": "5", "thresholds": "80", "reason": "r"}
    answer = await send(admin, "/plans", **fields, seen=started, step="confirm")
    assert answer.status_code == 409
    assert "Somebody has changed the plan meanwhile" in answer.text
    assert "<del>7,777</del>" in answer.text
    now = await books.plan(plan.plan_id)
    assert now is not None
    assert now.monthly_tokens == 7_777


async def test_a_new_plan(admin: httpx.AsyncClient, books: PostgresLedger, plan: Plan) -> None:
    assert (await admin.get(f"{ADMIN}/new-plan")).status_code == 200
    fields = {"monthly_tokens": "5", "thresholds": "", "seen": "new"}
    taken = await send(admin, "/plans", **fields, plan_id=plan.plan_id, step="preview")
    assert (taken.status_code, "There is such a plan already." in taken.text) == (400, True)
    name = f"fresh-{uuid4().hex[:10]}"
    preview = await send(admin, "/plans", **fields, plan_id=name, step="preview")
    assert f"New plan {name}" in preview.text
    await send(admin, "/plans", **fields, plan_id=name, step="confirm", reason="r")
    assert await books.plan(name) == Plan(name, 5, (), notices=False)


async def test_going_back_keeps_what_was_typed(admin: httpx.AsyncClient, plan: Plan) -> None:
    page = await send(admin, "/plans", **{**FULL, "plan_id": plan.plan_id}, seen="x", step="edit")
    assert page.status_code == 200
    assert 'value="2.000.000"' in page.text
    assert 'value="0,376"' in page.text


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("monthly_tokens", "", "Fill this in."),
        ("monthly_tokens", "many", "Write a whole number"),
        ("thresholds", "95, 80", "each higher than the last"),
        ("thresholds", "80, 101", "each higher than the last"),
        ("thresholds", "<b>", "each higher than the last"),
        ("max_in_flight", "0", "This number is too small."),
        ("anchor_day", "32", "This number is too large."),
        ("time_zone", "Mars/Olympus", "Write an IANA name"),
        ("trial_days", "99999", "This number is too large."),
        ("trial_days", "", "needs the days of the trial"),
        ("trial_then", "nowhere", "Choose one of those that are offered."),
        ("allowed_models", "x" * 301, "at most 300 characters"),
        ("weight_input", ["lots", ""], "Each line needs a pattern"),
        ("weight_input", ["1001", ""], "Each line needs a pattern"),
        ("weight_input", ["NaN", ""], "Each line needs a pattern"),
        ("weight_pattern", ["", ""], "Each line needs a pattern"),
    ],
)
async def test_what_cannot_be_is_said_beside_its_field_and_kept(
    admin: httpx.AsyncClient, books: PostgresLedger, plan: Plan, field: str, typed: object, said: str
) -> None:
    fields = {**FULL, field: typed, "plan_id": plan.plan_id, "seen": await seen(admin, plan.plan_id)}
    answer = await send(admin, "/plans", **fields, step="confirm", reason="r")
    assert answer.status_code == 400, answer.text
    assert said in answer.text
    assert "<b>" not in answer.text
    assert await books.plan(plan.plan_id) == plan


@pytest.mark.parametrize("plan_id", ["Team", "a b", "", "../x", "x" * 65])
async def test_a_plan_s_id_must_be_one(admin: httpx.AsyncClient, plan_id: str) -> None:
    fields = {"monthly_tokens": "5", "thresholds": "", "seen": "new", "plan_id": plan_id}
    answer = await send(admin, "/plans", **fields, step="preview")
    assert (answer.status_code, "beginning with a letter or a digit" in answer.text) == (400, True)


@pytest.mark.parametrize("key", ["sk-operator", "sk-auditor"])
async def test_who_may_only_read_sees_the_terms_and_changes_nothing(
    browser: httpx.AsyncClient, books: PostgresLedger, plan: Plan, key: str
) -> None:
    await signed_in(browser, key)
    page = await browser.get(f"{ADMIN}/plans/{plan.plan_id}")
    assert '<fieldset class="bare" disabled>' in page.text
    assert "New plan" not in (await browser.get(f"{ADMIN}/plans")).text
    assert (await browser.get(f"{ADMIN}/new-plan")).status_code == 403
    fields = {"monthly_tokens": "5", "thresholds": "", "seen": "x", "plan_id": plan.plan_id}
    assert (await send(browser, "/plans", **fields, step="confirm", reason="r")).status_code == 403
    assert await books.plan(plan.plan_id) == plan


async def test_a_plan_that_there_is_not(admin: httpx.AsyncClient) -> None:
    assert (await admin.get(f"{ADMIN}/plans/nowhere")).status_code == 404
