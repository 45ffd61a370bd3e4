"""Prisma for LiteLLM: the pinned CLI, a query engine that runs on this machine, and the generated Python client.

Prisma's own engines are executables that its set-up downloads. Where they cannot be downloaded, two small programs in
`deploy/prisma-engine` stand in for them and run the WASM engine that Prisma publishes on npm. Which of the two is
used is decided once, recorded in the set-up's stamp, and differs only in two environment variables.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from .checkout import CACHE, ENGINE, VENV, VENV_BIN, VENV_PYTHON, say
from .errors import LocalError
from .node import find_node, with_node_first
from .npm import ensure_npm_packages
from .packages import fingerprint, read_stamp, run_step, write_stamp

EngineKind = Literal["native", "wasm"]

DOWNLOAD_SECONDS = 45.0
_CLI_SETTINGS = {
    "PRISMA_CLI_QUERY_ENGINE_TYPE": "binary",
    "PRISMA_HIDE_UPDATE_MESSAGE": "true",
    "CHECKPOINT_DISABLE": "1",
}
_PRISMA_ENGINES = ENGINE / "node_modules" / "@prisma" / "engines"
_WRAPPERS = CACHE / "prisma"


@dataclass(frozen=True)
class Engine:
    """The executables that serve Prisma here."""

    kind: EngineKind
    query: Path
    schema: Path
    node: Path

    def environment(self) -> dict[str, str]:
        """Return the variables by which Prisma, its Python wrapper and LiteLLM find these executables."""
        path = with_node_first(self.node, os.environ.get("PATH", os.defpath))
        return {
            "PATH": os.pathsep.join([str(VENV_BIN), path]),
            "PRISMA_BINARY_CACHE_DIR": str(ENGINE),
            "PRISMA_QUERY_ENGINE_BINARY": str(self.query),
            "PRISMA_SCHEMA_ENGINE_BINARY": str(self.schema),
            # LiteLLM then calls the CLI itself for its migrations. Through Prisma's Python wrapper it would import the
            # generated client first, twice a start: 17 of 28 seconds.
            "PRISMA_OFFLINE_MODE": "true",
            "PRISMA_CLI_PATH": str(ENGINE / "node_modules" / ".bin" / "prisma"),
            **_CLI_SETTINGS,
        }


def recorded_engine() -> Engine:
    """Return the engine that set-up chose.

    Raises:
        LocalError: set-up has not finished.

    """
    stamp = read_stamp()
    try:
        kind, node = cast("EngineKind", stamp["engine"]), Path(stamp["node"])
        engine = Engine(kind, Path(stamp["query_engine"]), Path(stamp["schema_engine"]), node)
    except KeyError as error:
        raise LocalError("set-up has not finished", "run `make setup`") from error
    if not (engine.query.exists() and engine.schema.exists() and node.exists()):
        raise LocalError("Prisma's engine is not where set-up left it", "run `make setup`")
    return engine


def ensure_prisma() -> Engine:
    """Install Prisma's npm packages, choose the engine and generate LiteLLM's client; do nothing where done."""
    asked = os.environ.get("PRISMA_ENGINE", "auto")
    if asked not in ("auto", "native", "wasm"):
        raise LocalError(f"PRISMA_ENGINE is {asked!r}", "write auto, native or wasm")
    node = find_node()
    ensure_npm_packages(ENGINE, node, step="npm", what="Prisma's npm packages", undoes="engine_asked")
    engine = _kept_choice(asked, node) or _choose(asked, node)
    _generate(engine)
    return engine


def _kept_choice(asked: str, node: Path) -> Engine | None:
    stamp = read_stamp()
    if stamp.get("engine_asked") != asked or stamp.get("node") != str(node):
        return None
    try:
        return recorded_engine()
    except LocalError:
        return None


def _choose(asked: str, node: Path) -> Engine:
    engine = None if asked == "wasm" else _native(node)
    if engine is None:
        if asked == "native":
            raise LocalError(
                "Prisma's own engine could not be downloaded or does not run here",
                "allow the download, set PRISMA_ENGINES_MIRROR, or use PRISMA_ENGINE=wasm",
            )
        engine = _wasm(node)
    say(f"Prisma's engine: {engine.kind}")
    write_stamp(
        engine=engine.kind,
        engine_asked=asked,
        node=str(node),
        query_engine=str(engine.query),
        schema_engine=str(engine.schema),
    )
    return engine


def _native(node: Path) -> Engine | None:
    """Try Prisma's download once, within a time limit, and keep what it brought only if it runs."""
    say(f"trying to download Prisma's own engine (at most {DOWNLOAD_SECONDS:.0f} s)")
    env = {
        **os.environ,
        "PATH": with_node_first(node, os.environ.get("PATH", "")),
        **_CLI_SETTINGS,
    }
    download = "require('@prisma/engines').ensureBinariesExist().catch((e) => { console.error(e); process.exit(1); })"
    with (CACHE / "prisma-download.log").open("w") as log:
        process = subprocess.Popen(
            [node, "-e", download],
            cwd=ENGINE,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            process.wait(DOWNLOAD_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    query, schema = (_working(f"{name}-engine-*") for name in ("query", "schema"))
    return Engine("native", query, schema, node) if query and schema else None


def _working(pattern: str) -> Path | None:
    for file in sorted(_PRISMA_ENGINES.glob(pattern)):
        if file.suffix in (".gz", ".sha256", ".tmp"):
            continue
        try:
            if subprocess.run([file, "--version"], capture_output=True, timeout=20, check=False).returncode == 0:
                return file
        except (OSError, subprocess.TimeoutExpired):
            continue
    return None


def _wasm(node: Path) -> Engine:
    """Write the two executables that run the stand-ins with exactly this Node.js, whatever is on PATH later."""
    _WRAPPERS.mkdir(parents=True, exist_ok=True)
    wrappers = []
    for name in ("query-engine", "schema-engine"):
        wrapper = _WRAPPERS / name
        script = ENGINE / f"{name}.cjs"
        wrapper.write_text(f'#!/bin/sh\nexec {shlex.quote(str(node))} {shlex.quote(str(script))} "$@"\n')
        wrapper.chmod(0o755)
        wrappers.append(wrapper)
    return Engine("wasm", wrappers[0], wrappers[1], node)


def _generate(engine: Engine) -> None:
    found = list(VENV.glob("lib/python*/site-packages/litellm/proxy/schema.prisma"))
    if not found:
        raise LocalError("LiteLLM's database schema is missing from .venv", "remove .venv and run the command again")
    schema = found[0]
    packages = schema.parents[2]
    client = packages / "prisma" / "client.py"
    wanted = fingerprint(schema, *packages.glob("prisma-*.dist-info/RECORD"), extra=f"{engine.kind} {engine.query}")
    if client.exists() and read_stamp().get("client") == wanted:
        return
    say("generating LiteLLM's database client (about ten seconds)")
    run_step(
        [str(VENV_PYTHON), "-m", "prisma", "generate", "--schema", str(schema)],
        what="Prisma could not generate LiteLLM's client",
        remedy="run the command again, or with PRISMA_ENGINE=wasm",
        env={**os.environ, **engine.environment()},
    )
    write_stamp(client=wanted)
