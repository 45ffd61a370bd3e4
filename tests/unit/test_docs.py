"""The documentation says what the code does, and its links lead somewhere."""

from __future__ import annotations

import html
import json
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
import typer.main
from babel.messages.pofile import read_po
from typer.core import TyperGroup

from solaris_hooks.cli.main import app
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.messages import LOCALES
from solaris_hooks.settings import Settings
from solaris_hooks.web.api import build_api
from tests.unit.web.asking import FakeAuthenticator

ROOT = Path(__file__).parents[2]
NPM_FOLDERS = (
    ROOT / "deploy" / "prisma-engine",
    ROOT / "deploy" / "librechat" / "schema",
    ROOT / "tests" / "librechat" / "client",
)
READMES = {"en": ROOT / "README.md", "pt_BR": ROOT / "README.pt-BR.md"}
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
REFERENCE = ROOT / "docs" / "reference"
_ROW = re.compile(r"^\| `(?P<name>\w+)` \| `(?P<default>[^`]*)` \|", re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)|(?:src|href)=\"(?P<html>[^\"]+)\"")
_TEST = re.compile(r"`(?P<name>test_\w+)`")
_HOST = re.compile(r"https?://(?P<host>[\w.-]+)")
# Where documentation may send a reader, or what an example may call.
_KNOWN_HOSTS = {
    "127.0.0.1",
    "proxy.example.com",
    "tokens.example.com",
    "litellm-proxy",
    "keepachangelog.com",
    "semver.org",
}


def page_ids(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """GitHub's anchors of a page's headings."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL), re.MULTILINE
    )
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def settings_as_written() -> list[tuple[str, str]]:
    """Names and defaults, as the tables of the READMEs must show them."""
    bare = Settings.model_construct().model_dump(mode="json")
    return [
        (name, value if isinstance(value, str) and value else json.dumps(value))
        for name, value in ((name, bare[name]) for name in Settings.model_fields)
    ]


@cache
def messages(locale: str) -> dict[str, str]:
    catalogue = ROOT / "solaris_hooks" / "locale" / locale / "LC_MESSAGES" / "solaris.po"
    with catalogue.open("rb") as source:
        return {str(each.id): str(each.string) for each in read_po(source) if each.id}


def flat(text: str) -> str:
    """Text as a reader sees it: placeholders as names, line breaks as blanks."""
    return " ".join(html.unescape(re.sub(r"%\((\w+)\)s", r"<\1>", text)).split())


@pytest.mark.parametrize("language", READMES)
def test_the_settings_table_has_every_setting_with_its_default(language: str) -> None:
    written = [(row["name"], row["default"]) for row in _ROW.finditer(READMES[language].read_text("utf-8"))]
    assert written == settings_as_written()


@pytest.mark.parametrize("page", PAGES, ids=page_ids)
def test_links_lead_somewhere(page: Path) -> None:
    text = without_code(page.read_text("utf-8"))
    for found in _LINK.finditer(text):
        target = found["target"] or found["html"]
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), target
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), target


@pytest.mark.parametrize("page", PAGES, ids=page_ids)
def test_no_page_names_a_registry_or_an_unknown_host(page: Path) -> None:
    hosts = {found["host"] for found in _HOST.finditer(page.read_text("utf-8"))}
    assert hosts <= _KNOWN_HOSTS


def test_every_page_of_the_documentation_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [READMES["en"]]
    while waiting:
        page = waiting.pop().resolve()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        targets = (found["target"] or "" for found in _LINK.finditer(without_code(page.read_text("utf-8"))))
        waiting += [page.parent / path for path in (each.partition("#")[0] for each in targets) if path.endswith(".md")]
    assert {page_ids(page) for page in PAGES} - {page_ids(page) for page in reached} == set()


def test_both_catalogues_have_the_same_messages() -> None:
    assert set(messages("en")) == set(messages("pt_BR"))
    assert set(LOCALES) == {"en", "pt_BR"}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_refusal_is_documented_word_by_word(locale: str) -> None:
    page = flat((REFERENCE / "refusals.md").read_text("utf-8"))
    refusals = {key: said for key, said in messages(locale).items() if key.startswith("refusal.")}
    assert [key for key in refusals if f"`{key}`" not in page] == []
    assert [key for key, said in refusals.items() if flat(said) not in page] == []


def test_every_command_is_documented() -> None:
    page = (REFERENCE / "cli.md").read_text("utf-8")
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    commands = [
        f"solaris {name}{f' {inner}' if inner else ''}"
        for name, command in root.commands.items()
        for inner in (command.commands if isinstance(command, TyperGroup) else [""])
    ]
    assert [command for command in commands if f"`{command}" not in page] == []


def test_every_address_of_the_api_is_documented() -> None:
    page = (REFERENCE / "http-api.md").read_text("utf-8")
    paths = build_api(MemoryLedger(), FakeAuthenticator()).openapi()["paths"]
    asked = [f"`{method.upper()} /solaris{path}`" for path, operations in paths.items() for method in operations]
    assert [each for each in asked if each not in page] == []


def test_every_dependency_has_its_reason() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text("utf-8").lower()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["local"],
        *project["dependency-groups"]["dev"],
    ]
    npm = [json.loads((folder / "package.json").read_text("utf-8")) for folder in NPM_FOLDERS]
    needed = [name for each in npm for name in {**each["dependencies"], **each.get("optionalDependencies", {})}]
    names = [*(re.split(r"[\[<>=]", each)[0].lower() for each in wanted), *needed]
    assert [name for name in names if not re.search(rf"(?<![\w/-]){re.escape(name)}(?![\w/-])", page)] == []


def test_every_test_that_a_page_names_exists() -> None:
    named = {found["name"] for page in PAGES for found in _TEST.finditer(page.read_text("utf-8"))}
    defined = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", file.read_text("utf-8"))
    }
    files = {file.stem for file in (ROOT / "tests").rglob("test_*.py")}
    assert named - defined - files == set()


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    code = re.compile(r"(?:^|[`\"(;] ?)(?:[A-Z_]+=\S+ )*make (?:-s )?([a-z-]+)", re.MULTILINE)
    named = {name for page in PAGES for name in code.findall(page.read_text("utf-8"))}
    assert {"up", "down", "env", "demo", "test", "lint"} <= named <= targets


def test_the_librechat_examples_are_those_in_the_how_to() -> None:
    page = (ROOT / "docs" / "how-to" / "point-librechat.md").read_text("utf-8")
    shown = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    folder = ROOT / "deploy" / "librechat"
    assert shown == [(folder / name).read_text("utf-8") for name in ("librechat.yaml", "librechat.service-key.yaml")]


def test_the_readmes_have_the_same_commands() -> None:
    def commands(page: Path) -> list[str]:
        blocks = re.findall(r"```(?:bash|console)\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
        return [
            line
            for block in blocks
            for line in block.splitlines()
            if line.startswith(("make ", "$ ", "curl ", "solaris ", "pip "))
        ]

    assert commands(READMES["en"]) == commands(READMES["pt_BR"])
