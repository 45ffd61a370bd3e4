"""The guard chooses as the router does, and lets nothing through that nobody decided on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Scope
from starlette.websockets import WebSocketDisconnect

from solaris_hooks.hooks.closed_routes import ClosedRoutes
from solaris_hooks.hooks.guard import Guard, let_pass

HANDLERS = {
    "chat_completion": "litellm.proxy.proxy_server",
    "model_list": "litellm.proxy.proxy_server",
    "run_thread": "litellm.proxy.proxy_server",
    "realtime_websocket_endpoint": "litellm.proxy.proxy_server",
    "create_batch": "litellm.proxy.batches_endpoints.endpoints",
    "rerank": "litellm.proxy.rerank_endpoints.endpoints",
}


def handler(name: str) -> Callable[..., Awaitable[str]]:
    """A function that passes for one of LiteLLM's."""

    async def endpoint() -> str:
        return f"{name} {let_pass()}"

    endpoint.__name__ = endpoint.__qualname__ = name
    endpoint.__module__ = HANDLERS.get(name, "somebody.else")
    return endpoint


async def realtime_websocket_endpoint(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("open")
    await websocket.close()


realtime_websocket_endpoint.__module__ = "litellm.proxy.proxy_server"
realtime_websocket_endpoint.__qualname__ = "realtime_websocket_endpoint"


def proxy(*, locale: str = "en", **settings: Any) -> FastAPI:
    """An application laid out as LiteLLM's is, behind a guard."""
    app = FastAPI()
    included = APIRouter()
    included.add_api_route("/v1/batches", handler("create_batch"), methods=["POST"])
    included.add_api_route("/{provider}/v1/batches", handler("create_batch"), methods=["POST"])
    included.add_api_route("/rerank", handler("rerank"), methods=["POST"])
    app.add_api_route("/v1/chat/completions", handler("chat_completion"), methods=["POST"])
    app.add_api_route("/v1/models", handler("model_list"), methods=["GET"])
    app.add_api_route("/threads/{thread_id}/runs", handler("run_thread"), methods=["POST"])
    app.add_api_route("/{anything}/open", handler("pass_through"), methods=["POST", "GET"])
    app.add_api_websocket_route("/v1/realtime", realtime_websocket_endpoint)
    app.include_router(included)
    app.router.routes.append(Mount("/mcp", PlainTextResponse("mcp")))
    app.router.routes.append(Mount("/ui", PlainTextResponse("ui")))

    async def administrator(scope: Scope) -> bool:
        return (b"authorization", b"Bearer admin") in scope["headers"]

    def at_end(inner: ASGIApp) -> ASGIApp:
        async def marked(scope: Scope, receive: Any, send: Any) -> None:
            async def marking(message: Any) -> None:
                if message["type"] == "http.response.start":
                    message = {**message, "headers": [*message["headers"], (b"x-settled", b"at its end")]}
                await send(message)

            await inner(scope, receive, marking)

        return marked

    app.router.middleware_stack = Guard(
        app.router.middleware_stack,
        routes=app.router.routes,
        administrator=administrator,
        at_end=at_end,
        closed=ClosedRoutes(locale=locale),
        **settings,
    )
    return app


def ask(app: FastAPI, method: str, path: str, key: str = "ordinary") -> Any:
    return TestClient(app).request(method, path, headers={"authorization": f"Bearer {key}"})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/chat/completions", 200),
        ("GET", "/v1/models", 200),
        ("POST", "/v1/batches", 200),
        ("POST", "/azure/v1/batches", 200),
        ("GET", "/ui/index.html", 200),
        ("POST", "/threads/1/runs", 403),
        ("POST", "/key/open", 403),
        ("GET", "/ui/open", 403),
        ("GET", "/mcp", 307),
        ("GET", "/mcp/tools", 403),
        ("GET", "/nowhere", 404),
        ("DELETE", "/v1/models", 405),
    ],
)
def test_the_guard_chooses_as_the_router_does(method: str, path: str, status: int) -> None:
    app = proxy()
    for _ in range(2):
        assert TestClient(app, follow_redirects=False).request(method, path).status_code == status


def test_a_refusal_names_the_setting_and_the_path() -> None:
    answer = ask(proxy(locale="pt_BR"), "POST", "/threads/1/runs")
    error = answer.json()["error"]
    assert error["type"] == "route_not_metered"
    assert "solaris_settings.unmetered_routes: /threads/1/runs" in error["message"]
    assert "recusado" in error["message"]
    assert answer.headers["x-should-retry"] == "false"


def test_administrators_may_do_anything() -> None:
    assert ask(proxy(), "POST", "/threads/1/runs", "admin").text == '"run_thread False"'


def test_a_setting_opens_an_address_and_admission_is_told_for_that_request_alone() -> None:
    app = proxy(unmetered_routes=["/threads/*"])
    assert ask(app, "POST", "/threads/1/runs").text == '"run_thread True"'
    assert ask(app, "POST", "/v1/chat/completions").text == '"chat_completion False"'
    assert ask(app, "POST", "/key/open").status_code == 403


def test_a_pattern_never_makes_a_metered_address_free() -> None:
    assert ask(proxy(unmetered_routes=["*"]), "POST", "/v1/chat/completions").text == '"chat_completion False"'


def test_what_is_settled_at_its_end_goes_through_the_wrapper() -> None:
    assert ask(proxy(), "POST", "/rerank").headers["x-settled"] == "at its end"
    assert "x-settled" not in ask(proxy(), "POST", "/v1/chat/completions").headers


def test_a_web_socket_is_refused_before_it_opens() -> None:
    with pytest.raises(WebSocketDisconnect), TestClient(proxy()).websocket_connect("/v1/realtime"):
        pass


def test_a_web_socket_opens_where_its_call_type_may_pass() -> None:
    app = proxy(unmetered_call_types=["_arealtime"])
    with TestClient(app).websocket_connect("/v1/realtime") as socket:
        assert socket.receive_text() == "open"


def test_routes_that_are_added_later_are_closed_until_somebody_knows_them() -> None:
    app = proxy()
    assert ask(app, "GET", "/late").status_code == 404
    app.add_api_route("/late", handler("late"), methods=["GET"])
    assert ask(app, "GET", "/late").status_code == 403


def test_the_guard_chooses_the_same_below_a_root_path() -> None:
    app = proxy()
    client = TestClient(app, root_path="/base")
    assert client.post("/base/threads/1/runs").status_code == 403
    assert client.get("/base/v1/models").status_code == 200
