"""The virtual environment and the locked Python packages in it.

Runs under the machine's own Python before anything is installed, so it imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Literal

from .checkout import CACHE, REQUIREMENTS, ROOT, VENV, VENV_BIN, VENV_PYTHON, say
from .errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

Profile = Literal["runtime", "dev"]

STAMP = VENV / ".solaris-setup.json"
HALF_DONE = VENV / ".solaris-installing"


def fingerprint(*files: Path, extra: str = "") -> str:
    """Return a digest of files' contents: what was installed stays good as long as it does not change."""
    digest = hashlib.sha256(extra.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def read_stamp() -> dict[str, str]:
    """Return what earlier set-ups recorded, or nothing where the record is missing or damaged."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(**steps: str) -> None:
    """Record finished steps beside those already recorded; written aside and moved, so never half there."""
    aside = STAMP.with_suffix(".new")
    aside.write_text(json.dumps({**read_stamp(), **steps}, indent=1))
    aside.replace(STAMP)


@contextlib.contextmanager
def setup_lock() -> Iterator[None]:
    """Let one set-up run at a time in this checkout; a second one waits and then finds everything done."""
    try:
        CACHE.mkdir(exist_ok=True)
        handle = (CACHE / "setup.lock").open("w")
    except OSError as error:
        raise LocalError(f"cannot write in {ROOT} ({error.strerror})", "use a checkout that you own") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another set-up is running in this checkout; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run_step(argv: Sequence[str], *, what: str, remedy: str, env: Mapping[str, str] | None = None) -> str:
    """Run one installing command quietly; on failure keep its whole output in a log and raise with the last line."""
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    log = CACHE / "setup-failed.log"
    log.write_text(f"$ {' '.join(argv)}\n{done.stdout}")
    raise LocalError(f"{what} ({last_line(done.stdout)})", f"{remedy}; the whole output is in {log}")


def last_line(text: str) -> str:
    """Return the line of an output that most likely says why it failed: the last that says error, else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    blamed = [line for line in lines if "error" in line.lower()]
    return (blamed or lines or ["it said nothing"])[-1][:200]


def ensure_packages(profile: Profile) -> None:
    """Make the virtual environment hold exactly the locked packages; do nothing when it already does."""
    wanted = _wanted(profile)
    stamp = read_stamp()
    kept = stamp.get("profile")
    if _venv_works() and not HALF_DONE.exists():
        # The dev set holds the runtime set, so `make up` after `make test` installs nothing.
        if stamp.get("packages") == wanted or (kept == "dev" and stamp.get("packages") == _wanted("dev")):
            return
        profile = "dev" if kept == "dev" else profile
    else:
        _make_venv()
    _install(profile)
    write_stamp(packages=_wanted(profile), profile=profile)


def _wanted(profile: Profile) -> str:
    # Of the project's own file, only what its installed metadata come from: settings of tools install nothing.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    own = json.dumps([project.get("build-system"), project.get("project"), project.get("tool", {}).get("hatch")])
    files = (REQUIREMENTS / "bootstrap.txt", REQUIREMENTS / f"{profile}.txt")
    return fingerprint(*files, extra=f"{profile} {ROOT} {own}")


def _venv_works() -> bool:
    if not VENV_PYTHON.exists():
        return False
    probe = subprocess.run([VENV_PYTHON, "-c", "import pip"], capture_output=True, check=False)
    return probe.returncode == 0


def _make_venv() -> None:
    if VENV.exists():
        say("a half-finished or broken .venv was found; making it anew")
        shutil.rmtree(VENV)
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian splits it off, and `venv` then fails half-way
        import venv  # noqa: F401, PLC0415
    except ImportError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise LocalError(
            f"{sys.executable} has no {error.name} module",
            f"install it (Debian: apt-get install python{version}-venv) and run the command again",
        ) from error
    say("making .venv")
    # `sys.executable` may be the interpreter of the very .venv that was just removed: its base still works.
    python = getattr(sys, "_base_executable", sys.executable)
    run_step([python, "-m", "venv", str(VENV)], what="cannot make .venv", remedy="free disk space or permissions")


def _install(profile: Profile) -> None:
    HALF_DONE.touch()
    say(f"installing the locked {profile} packages (about a minute the first time)")
    remedy = "check the network and the package index, then run the command again"
    pip = [str(VENV_PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes"]
    run_step([*pip, "-r", str(REQUIREMENTS / "bootstrap.txt")], what="cannot install uv", remedy=remedy)
    uv = [str(VENV_BIN / "uv"), "pip"]
    env = _uv_environment()
    lock = str(REQUIREMENTS / f"{profile}.txt")
    # `sync` removes what is not locked; pip itself and uv are put back by name. Compiled here, once and on all
    # processors: LiteLLM is large, and where PYTHONDONTWRITEBYTECODE is set each start would compile it again.
    keep = str(REQUIREMENTS / "bootstrap.txt")
    run_step(
        [*uv, "sync", "--require-hashes", "--compile-bytecode", "--quiet", lock, keep],
        what="cannot install packages",
        remedy=remedy,
        env=env,
    )
    run_step(
        [*uv, "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
        what="cannot install this project",
        remedy="run the command again",
        env=env,
    )
    run_step(
        [str(VENV_PYTHON), "-m", "ensurepip"],
        what="cannot restore pip",
        remedy="remove .venv and run the command again",
    )
    HALF_DONE.unlink()


def _uv_environment() -> dict[str, str]:
    env = {**os.environ, "VIRTUAL_ENV": str(VENV), "UV_NO_PROGRESS": "1"}
    # Who points pip at a mirror means uv too.
    for pip_name, uv_name in (("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), ("PIP_EXTRA_INDEX_URL", "UV_INDEX")):
        if env.get(pip_name) and not env.get(uv_name):
            env[uv_name] = env[pip_name]
    return env
