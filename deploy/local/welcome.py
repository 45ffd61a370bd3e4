"""What `make up` prints when everything is ready."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .database import libpq_url

if TYPE_CHECKING:
    from pathlib import Path

_CHOICES = ("STATE_DIR", "CONFIG", "DATABASE_URL")


@dataclass(frozen=True)
class Welcome:
    """Where things are and what to try first."""

    base_url: str
    demo_key: str
    model: str | None
    simulated: bool
    database_url: str
    state_dir: Path
    new_master_key: str | None
    """The master key, where it was made just now: it is shown this once."""
    detached: bool

    def show(self) -> None:
        """Print it."""
        sys.stdout.write(self.text())
        sys.stdout.flush()

    def text(self) -> str:
        """Return what is printed."""
        lines = ["", f"  proxy       {self.base_url}", f"  demo key    {self.demo_key}"]
        if self.new_master_key is not None:
            lines.append(
                f"  master key  {self.new_master_key}   (shown once; kept in {self.state_dir}/secrets/master-key)"
            )
        if self.model is not None:
            lines += [
                "",
                f"  try it{' (a simulated provider answers)' if self.simulated else ''}:",
                f"    {self.curl()}",
            ]
        lines += [
            "",
            "  the books, in another terminal:",
            f'    eval "$(make -s env{self.chosen()})" && solaris accounts list',
            f"    psql {shlex.quote(libpq_url(self.database_url))}",
            "",
            f"  logs and data in {self.state_dir}",
            f"  `make down{self.chosen()}` stops everything" if self.detached else "  Ctrl-C stops everything",
            "",
        ]
        return "\n".join(lines) + "\n"

    def chosen(self) -> str:
        """Return what the caller chose by environment, as arguments for `make` in another terminal."""
        names = [name for name in _CHOICES if os.environ.get(name)]
        return "".join(f" {name}={shlex.quote(os.environ[name])}" for name in names)

    def curl(self) -> str:
        """Return a command that asks the proxy one question with the demo key."""
        body = {"model": self.model, "messages": [{"role": "user", "content": "Hello!"}]}
        return (
            f"curl -s {self.base_url}/v1/chat/completions -H 'Authorization: Bearer {self.demo_key}'"
            f" -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}"
        )
