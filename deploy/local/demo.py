"""`make demo`: the whole story, told step by step on throwaway data; it succeeds only if every step held."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from .checkout import ROOT, VENV_BIN
from .demo_key import make_key
from .environment import proxy_environment
from .errors import LocalError
from .ports import free_port
from .postgres import start_postgres
from .processes import last_lines
from .state import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

USER = "ana"
ACCOUNT = f"user:{USER}"
MONTHLY_TOKENS = 200
GRANTED_CREDITS = 500
MOST_CHATS = 40
# The demonstration is the same whatever its reader has set for `make up`.
_NOT_INHERITED = ("DATABASE_URL", "LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "CONFIG", "HOST", "SIMULATED_PROVIDER_URL")


@dataclass
class Story:
    """Numbers and prints the steps, and remembers what did not hold."""

    step: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def tell(self, title: str) -> None:
        """Begin a step."""
        print(f"\n{next(self.step)}. {title}", flush=True)  # noqa: T201 - the story is the output

    def say(self, line: str) -> None:
        """Tell a detail."""
        print(textwrap.indent(line, "   "), flush=True)  # noqa: T201

    def check(self, held: bool, claim: str) -> None:  # noqa: FBT001 - reads as a sentence
        """Say that a claim holds, or end the demonstration.

        Raises:
            LocalError: it does not hold.

        """
        if not held:
            raise LocalError(f"the demonstration failed, for this does not hold: {claim}", "see what is printed above")
        self.say(f"ok: {claim}")


@dataclass(frozen=True)
class Answer:
    """One chat, as the client saw it."""

    status: int
    text: str
    tokens: int
    """What the provider reported as its usage; 0 for a refusal."""
    headers: Mapping[str, str]


@dataclass(frozen=True)
class World:
    """The running installation, seen as its administrator and its user see it."""

    admin: httpx.Client
    user: httpx.Client
    env: Mapping[str, str]

    def account(self) -> dict[str, Any]:
        """Return the account from the JSON API."""
        return dict(self.call("GET", f"/accounts/{ACCOUNT}"))

    def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """Call the JSON API as the administrator.

        Raises:
            LocalError: it answered with an error.

        """
        response = self.admin.request(method, f"/solaris/api/v1{path}", json=body)
        if response.is_error:
            said = " ".join(response.text.split())[:300]
            raise LocalError(
                f"{method} /solaris/api/v1{path} answered {response.status_code} ({said})", "see the proxy's log"
            )
        return response.json()

    def chat(self, *, stream: bool) -> Answer:
        """Ask the model one question with the user's key."""
        body: dict[str, object] = {"model": "demo", "messages": [{"role": "user", "content": "What is a token?"}]}
        if not stream:
            response = self.user.post("/v1/chat/completions", json=body)
            return _answer(response.status_code, response.json(), response.headers)
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        with self.user.stream("POST", "/v1/chat/completions", json=body) as response:
            if response.is_error:
                response.read()
                return _answer(response.status_code, response.json(), response.headers)
            return _streamed(response)

    def solaris(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the operator's command line."""
        argv = [str(VENV_BIN / "solaris"), *arguments]
        return subprocess.run(
            argv, cwd=ROOT, env={**os.environ, **self.env}, text=True, capture_output=True, check=False
        )

    def served(self) -> int:
        """Return the tokens that the provider says it served."""
        provider = str(httpx.URL(self.env["SIMULATED_PROVIDER_URL"]).join("/sim/served"))
        return int(httpx.get(provider, trust_env=False).json()["total_tokens"])


def run_demo() -> int:
    """Tell the story.

    Returns:
        0, when every step held.

    Raises:
        LocalError: a step did not hold.

    """
    story = Story()
    with _installation(story) as world:
        _issue_a_plan(story, world)
        spent = _chat_until_blocked(story, world)
        spent += _grant_and_go_on(story, world)
        _show_the_books(story, world, spent)
    print("\nEvery step held.", flush=True)  # noqa: T201
    return 0


@contextmanager
def _installation(story: Story) -> Iterator[World]:
    story.tell("Start PostgreSQL, the simulated provider and the stock LiteLLM proxy, on free ports and throwaway data")
    folder = Path(tempfile.mkdtemp(prefix="solaris-demo-"))
    port = free_port()
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in _NOT_INHERITED and not name.endswith("_API_KEY")
    }
    env |= {"STATE_DIR": str(folder / "state"), "PORT": str(port), "DETACH": "1"}
    run = [sys.executable, "-m", "deploy.local"]
    try:
        if subprocess.run([*run, "up"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            log = folder / "state" / "logs" / "up.log"
            story.say(last_lines(log))
            raise LocalError("the installation did not start", "see what is printed above")
        yield from _connected(story, folder / "state", port)
    finally:
        story.tell("Stop everything")
        subprocess.run([*run, "down"], cwd=ROOT, env=env, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _connected(story: Story, folder: Path, port: int) -> Iterator[World]:
    state = State.open(folder)
    base_url = f"http://127.0.0.1:{port}"
    master_key = state.secret("master-key") or ""
    server = start_postgres(state)
    provider = state.noted("the simulated provider-port")["port"]
    env = proxy_environment(
        database_url=server.url(),
        master_key=master_key,
        salt_key=state.secret("salt-key") or "",
        provider_url=f"http://127.0.0.1:{provider}/v1",
    )
    story.say(f"the proxy answers on {base_url}")
    story.tell("Make a user and a virtual key through LiteLLM's own API")
    with _client(base_url, master_key) as admin:
        key = make_key(admin, master_key, user=USER)
        story.say(f"user {USER}, key {key[:7]}...")
        with _client(base_url, key) as user:
            yield World(admin, user, env)


def _issue_a_plan(story: Story, world: World) -> None:
    story.tell(f"Give the user a small plan: {MONTHLY_TOKENS} tokens a month")
    world.call("PUT", "/plans/demo-small", {"monthly_tokens": MONTHLY_TOKENS, "thresholds": [80, 95, 100]})
    world.call("PUT", f"/accounts/{ACCOUNT}", {"plan": "demo-small"})
    account = world.account()
    story.check(account["allowance"]["granted"] == MONTHLY_TOKENS, f"the account has {MONTHLY_TOKENS} tokens")
    story.check(account["allowance"]["used"] == 0, "none is used")


def _chat_until_blocked(story: Story, world: World) -> int:
    story.tell("Chat, streamed and not, until the plan is used up")
    spent = 0
    seen: set[bool] = set()
    for turn in range(MOST_CHATS):
        stream = bool(turn % 2)
        answer = world.chat(stream=stream)
        if answer.status != httpx.codes.OK:
            break
        seen.add(stream)
        spent += answer.tokens
        used = world.account()["allowance"]["used"]
        story.say(
            f"{'streamed' if stream else 'whole   '}  {answer.tokens:3} tokens, {used:3} used: {answer.text[:60]}..."
        )
        story.check(used == spent, f"exactly {spent} tokens are booked")
    story.check(seen == {True, False}, "both kinds of answer were given")
    story.check(answer.status == httpx.codes.PAYMENT_REQUIRED, "then a chat is refused with 402")
    story.say(f"the user reads: {answer.text}")
    account = world.account()
    story.check(account["held"] == 0, "no token is held any more")
    story.check(
        spent <= MONTHLY_TOKENS and account["overage"] == 0, f"not one token beyond the {MONTHLY_TOKENS} was used"
    )
    return spent


def _grant_and_go_on(story: Story, world: World) -> int:
    story.tell(f"Grant {GRANTED_CREDITS} credits and chat again")
    body = {"tokens": GRANTED_CREDITS, "reason": "a welcome gift", "idempotency_key": "demo-gift"}
    for _ in range(2):  # the second is the first one's repetition and grants nothing
        world.call("POST", f"/accounts/{ACCOUNT}/credits", body)
    account = world.account()
    story.check(
        account["credits"]["remaining"] == GRANTED_CREDITS, f"{GRANTED_CREDITS} credits, though it was posted twice"
    )
    answer = world.chat(stream=False)
    story.check(answer.status == httpx.codes.OK, f"the chat is answered again: {answer.text[:50]}...")
    quota = {name: value for name, value in answer.headers.items() if name.startswith("x-solaris-quota")}
    story.say("\n".join(f"{name}: {value}" for name, value in quota.items()))
    return answer.tokens


def _show_the_books(story: Story, world: World, spent: int) -> None:
    story.tell("Read the books")
    account = world.account()
    used = account["allowance"]["used"] + GRANTED_CREDITS - account["credits"]["remaining"]
    story.check(used == spent, f"{used} tokens are booked, just what the client was told")
    served = world.served()
    story.check(used == served, f"and just what the provider says it served: {served}")
    listed = world.solaris("entries", ACCOUNT)
    story.say(listed.stdout.strip() or listed.stderr.strip())
    story.check(listed.returncode == 0, "`solaris entries` lists each step")
    verified = world.solaris("ledger", "verify")
    story.say(verified.stdout.strip() or verified.stderr.strip())
    story.check(verified.returncode == 0, "`solaris ledger verify` finds the chain whole and the sums right")


def _client(base_url: str, key: str) -> httpx.Client:
    return httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False)


def _answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
    if status != httpx.codes.OK:
        return Answer(status, str(body.get("error", {}).get("message", body)), 0, headers)
    text = str(body["choices"][0]["message"]["content"])
    return Answer(status, text, int(body["usage"]["total_tokens"]), headers)


def _streamed(response: httpx.Response) -> Answer:
    text, tokens = "", 0
    for line in response.iter_lines():
        payload = line.removeprefix("data: ")
        if payload in (line, "[DONE]"):
            continue
        chunk = json.loads(payload)
        tokens = int((chunk.get("usage") or {}).get("total_tokens", tokens))
        text += "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])
    return Answer(response.status_code, text, tokens, response.headers)
