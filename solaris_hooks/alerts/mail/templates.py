"""The templates of mails: the package's own, and the operator's, which come first.

One template makes both the text and the HTML of a mail: it extends ``layout`` and builds its body of
``pieces``, and there are two of each. Templates run in Jinja's sandbox, and a name that is not
defined is an error, not nothing.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import css_inline
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined, Template, TemplateError
from jinja2.exceptions import TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from solaris_hooks.alerts.mail.message import Rendered

_LOG = logging.getLogger(__name__)

OWN_PART = "_"
"""Files of the operator's folder that begin so are for other templates to include."""


class MailTemplateError(Exception):
    """A template cannot be rendered; the message names its file and line."""


class Templates:
    """Templates by name; see ``docs/how-to/set-up-mail.md`` for what each is given."""

    def __init__(self, folder: Path | None = None) -> None:
        """Read the templates.

        Args:
            folder: the operator's templates, which replace those of the same name.

        Raises:
            MailTemplateError: a file there replaces nothing.
        """
        loader: BaseLoader = PackageLoader("solaris_hooks.alerts.mail")
        self._names = frozenset(loader.list_templates())
        if folder is not None:
            _check_names(folder, self._names)
            loader = ChoiceLoader([FileSystemLoader(folder), loader])
        self._folder = folder
        self._html = _environment(loader, "html")
        self._text = _environment(loader, "txt")
        # Mail clients know little of style sheets: styles go into the elements. Nothing is fetched for that.
        self._inliner = css_inline.CSSInliner(load_remote_stylesheets=False)

    def render(self, name: str, words: Mapping[str, object]) -> Rendered:
        """A mail.

        Args:
            name: of the template, without ``.jinja``.
            words: what it may speak of.

        Raises:
            MailTemplateError: it cannot be rendered.
        """
        try:
            text = self._text.get_template(f"{name}.jinja")
            subject = _block(text, "subject", words)
            words = {**words, "subject": subject}
            return Rendered(
                subject=subject,
                text=_tidy(text.render(words)),
                html=self._inliner.inline(self._html.get_template(f"{name}.jinja").render(words)),
            )
        except TemplateSyntaxError as exc:
            raise MailTemplateError(f"{self._path(exc.name)}, line {exc.lineno}: {exc.message}") from exc
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as exc:
            raise MailTemplateError(f"{self._place(exc, name)}: {exc}") from exc

    def _place(self, exc: Exception, name: str) -> str:
        """Where in a template an error was raised: Jinja puts its lines into the traceback."""
        ours = self._names | {path.name for path in _files(self._folder)}
        for frame in reversed(traceback.extract_tb(exc.__traceback__)):
            file = Path(frame.filename).name
            if file in ours:
                return f"{self._path(file)}, line {frame.lineno}"
        return self._path(f"{name}.jinja")

    def _path(self, name: str | None) -> str:
        replaced = self._folder / name if self._folder is not None and name else None
        return str(replaced) if replaced is not None and replaced.exists() else f"the package's {name}"


def _environment(loader: BaseLoader, kind: str) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=loader,
        autoescape=kind == "html",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(layout=f"layout.{kind}", pieces=f"pieces.{kind}")
    return environment


def _files(folder: Path | None) -> list[Path]:
    return [] if folder is None else sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _check_names(folder: Path, own: Collection[str]) -> None:
    for path in _files(folder):
        if path.name in own:
            _LOG.info("mails use the template %s", path)
        elif not path.name.startswith(OWN_PART):
            raise MailTemplateError(
                f"{path} replaces no template; there are {', '.join(sorted(own))}, and names of your own begin with _"
            )


def _block(template: Template, name: str, words: Mapping[str, object]) -> str:
    if name not in template.blocks:
        raise TemplateSyntaxError(f"there is no block {name!r}", 1, template.name)
    made: Any = template.blocks[name](template.new_context(dict(words)))
    try:
        return " ".join("".join(made).split())
    except Exception:  # noqa: BLE001 - it is raised again, by the template's own lines
        template.environment.handle_exception()


def _tidy(text: str) -> str:
    """Text without blanks at ends of lines, and no more than one empty line in a row."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"
