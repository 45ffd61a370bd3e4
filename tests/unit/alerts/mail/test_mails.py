"""What mails say, and what a wrong template is answered with."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from solaris_hooks.alerts.delivery import Audience, Delivery, UndeliverableError
from solaris_hooks.alerts.mail.channel import mail_channel
from solaris_hooks.alerts.mail.examples import EXAMPLES
from solaris_hooks.alerts.mail.mails import ANY_EVENT, FOR_ADMINISTRATORS, FOR_USERS, Mails
from solaris_hooks.alerts.mail.templates import MailTemplateError, Templates
from solaris_hooks.ledger.event import Event, EventKind
from solaris_hooks.ledger.records import DailyUsage
from solaris_hooks.messages import LOCALES, translations
from solaris_hooks.quota.errors import LedgerUnavailableError, SettingsError
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.settings import Settings

TEMPLATES = resources.files("solaris_hooks.alerts.mail").joinpath("templates")
MAIL = {"host": "127.0.0.1", "from_address": "solaris@example.org", "from_name": "IA SOLARIS"}
USERS = [each for each in EXAMPLES if each.audience is Audience.USER]


@cache
def templates() -> Templates:
    return Templates()


def mails(usage: Totals | None = None) -> Mails:
    return Mails(templates(), brand="IA SOLARIS", public_url="https://ia.example.org", usage=usage)


def example(kind: EventKind, audience: Audience = Audience.USER, **details: object) -> Delivery:
    found = next(each for each in EXAMPLES if each.event.kind is kind and each.audience is audience)
    return replace(found, event=replace(found.event, details={**found.event.details, **details}))


def settings(tmp_path: Path, **mail: str) -> Settings:
    return Settings(
        database_url="postgresql://x/y",
        litellm_database_url="",
        mail={**MAIL, "template_directory": str(tmp_path), **mail},
    )


class Totals:
    """Daily totals of an account that used 10,000 tokens on each of the last days."""

    def __init__(self, *, away: bool = False) -> None:
        self._away = away

    async def daily_usage(self, account_id: AccountId, *, since: dt.date, until: dt.date) -> list[DailyUsage]:
        if self._away:
            raise LedgerUnavailableError
        days = [since + dt.timedelta(days=number) for number in range((until - since).days + 1)]
        return [DailyUsage(day, model, 1, 0, 0, 0, 0, 5_000) for day in days for model in ("a", "b")]


class Tags(HTMLParser):
    """Elements and their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_every_kind_of_mail_has_an_example() -> None:
    shown = {(each.audience, each.event.kind) for each in EXAMPLES}
    assert {kind for audience, kind in shown if audience is Audience.USER} == set(FOR_USERS)
    assert set(FOR_ADMINISTRATORS) <= {kind for audience, kind in shown if audience is Audience.ADMINISTRATOR}
    named = {*FOR_USERS.values(), *FOR_ADMINISTRATORS.values(), ANY_EVENT}
    files = {file.name.removesuffix(".jinja") for file in TEMPLATES.iterdir() if file.name.endswith(".jinja")}
    assert files - named == {"parts"}


def test_both_languages_have_the_sentences_that_templates_use_and_no_others() -> None:
    catalogues = {}
    for locale in LOCALES:
        with resources.files("solaris_hooks").joinpath(f"locale/{locale}/LC_MESSAGES/mails.po").open("rb") as catalogue:
            catalogues[locale] = {str(each.id): str(each.string) for each in read_po(catalogue) if each.id}
    portuguese, english = (catalogues[locale] for locale in LOCALES)
    assert portuguese.keys() == english.keys()
    for key, text in portuguese.items():
        assert set(re.findall(r"%\((\w+)\)s", text)) == set(re.findall(r"%\((\w+)\)s", english[key])), key
    source = "".join(file.read_text("utf-8") for file in TEMPLATES.iterdir() if not file.name.startswith("__"))
    used = set(re.findall(r'"([a-z_]+(?:\.[a-z_]+)+)"', source)) | {f"kind.{kind.value}" for kind in EventKind}
    used |= {f"foot.{audience.value}" for audience in Audience} | {"greeting"}
    assert portuguese.keys() - used == set()
    assert {key for key in used if not key.endswith((".jinja", ".txt", ".html"))} <= portuguese.keys() | {"details.get"}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("told", EXAMPLES, ids=lambda each: f"{each.audience.value}-{each.event.kind.value}")
def test_a_mail_says_the_same_in_text_and_html_and_leaves_nothing_open(told: Delivery, locale: str) -> None:
    rendered = mails().render_with(replace(told, locale=locale), projection=dt.date(2026, 11, 24))
    assert rendered.subject
    for said in (rendered.text, rendered.html):
        assert rendered.subject in said
        assert "None" not in said
        assert "{{" not in said
        assert "%(" not in said
    shown = set(re.findall(r"\d[\d.,]{3,}", rendered.text))
    assert shown <= set(re.findall(r"\d[\d.,]{3,}", rendered.html))


@pytest.mark.parametrize("told", EXAMPLES, ids=lambda each: f"{each.audience.value}-{each.event.kind.value}")
def test_html_needs_nothing_from_the_network_and_no_style_sheet(told: Delivery) -> None:
    rendered = mails().render_with(told, projection=None)
    tags = Tags(rendered.html).found
    assert {tag for tag, _ in tags} <= {
        *("html", "head", "meta", "title", "body", "table", "tbody", "tr", "td", "th", "h1", "p", "a")
    }
    own = "admin/reports" if told.event.kind is EventKind.REPORT_SCHEDULED else "me"
    assert [str(attributes["href"]).partition("?")[0] for tag, attributes in tags if tag == "a"] in (
        [],
        [f"https://ia.example.org/solaris/{own}"],
    )
    assert all("style" in attributes for tag, attributes in tags if tag in {"td", "th", "p", "h1"})
    assert len(rendered.html.encode()) < 100_000  # where Gmail cuts


def test_figures_and_days_are_written_as_the_language_writes_them() -> None:
    told = example(EventKind.THRESHOLD_CROSSED)
    portuguese = mails().render_with(told, projection=dt.date(2026, 11, 24)).text
    english = mails().render_with(replace(told, locale="en"), projection=dt.date(2026, 11, 24)).text
    assert "Restam 187.600 tokens até a renovação, em 1 de dezembro de 2026." in portuguese
    assert "No ritmo atual, acabam em: 24 de novembro de 2026" in portuguese
    assert "187,600 tokens remain until the renewal on December 1, 2026." in english
    assert "At this pace, used up on: November 24, 2026" in english


def test_the_renewal_is_the_day_in_the_accounts_zone() -> None:
    told = example(EventKind.THRESHOLD_CROSSED, period_end="2026-12-01T03:00:00Z")
    assert "1 de dezembro" in mails().render_with(told, projection=None).text
    west = replace(told, time_zone="America/Los_Angeles")
    assert "30 de novembro" in mails().render_with(west, projection=None).text


async def test_the_day_of_exhaustion_comes_from_daily_totals() -> None:
    told = example(EventKind.THRESHOLD_CROSSED, remaining=55_000)
    assert "acabam em: 24 de novembro de 2026" in (await mails(Totals()).render(told)).text
    plenty = example(EventKind.THRESHOLD_CROSSED, remaining=187_600)
    assert "acabam em: depois da renovação" in (await mails(Totals()).render(plenty)).text


async def test_without_daily_totals_the_mail_says_nothing_of_that_day() -> None:
    told = example(EventKind.THRESHOLD_CROSSED)
    assert "acabam em" not in (await mails().render(told)).text
    assert "acabam em" not in (await mails(Totals(away=True)).render(told)).text


async def test_users_get_no_mail_that_is_not_written_for_them() -> None:
    told = replace(example(EventKind.REPORT_DIGEST, Audience.ADMINISTRATOR), audience=Audience.USER)
    with pytest.raises(UndeliverableError):
        await mails().render(told)


def test_what_users_wrote_cannot_become_markup() -> None:
    told = example(EventKind.CREDIT_REQUESTED, Audience.ADMINISTRATOR, reason="<img src=x onerror=alert(1)>")
    told = replace(told, name='</title><script>alert("x")</script>')
    rendered = mails().render_with(told, projection=None)
    assert {"img", "script"} & {tag for tag, _ in Tags(rendered.html).found} == set()
    assert "<img src=x onerror=alert(1)>" in rendered.text


def test_a_command_to_copy_is_quoted_for_the_shell() -> None:
    told = example(EventKind.ANOMALY_DETECTED, Audience.ADMINISTRATOR)
    event = replace(told.event, account_id=AccountId("user:x; rm -rf /"))
    text = mails().render_with(replace(told, event=event), projection=None).text
    assert "solaris accounts set 'user:x; rm -rf /' --status suspended" in text


def test_an_unknown_address_of_the_proxy_means_no_button() -> None:
    told = example(EventKind.THRESHOLD_CROSSED)
    rendered = Mails(templates(), brand="x", public_url="", usage=None).render_with(told, projection=None)
    assert "href" not in rendered.html
    assert "/saldo" in rendered.text


def test_without_a_mail_server_there_is_no_channel() -> None:
    assert mail_channel(Settings(database_url="postgresql://x/y", litellm_database_url="")) is None


def test_an_operators_template_replaces_ours(tmp_path: Path) -> None:
    (tmp_path / "_sign.jinja").write_text("Equipe SOLARIS", "utf-8")
    (tmp_path / "quota-exhausted.jinja").write_text(
        "{% extends layout %}{% block subject %}Fim{% endblock %}"
        '{% block body %}Sem tokens, {{ name or "você" }}. {% include "_sign.jinja" %}{% endblock %}',
        "utf-8",
    )
    made = Mails(Templates(tmp_path), brand="x", public_url="", usage=None)
    made.check()
    rendered = made.render_with(example(EventKind.QUOTA_EXHAUSTED), projection=None)
    assert rendered.subject == "Fim"
    assert "Sem tokens, Ana Souza. Equipe SOLARIS" in rendered.text
    assert made.render_with(example(EventKind.THRESHOLD_CROSSED), projection=None).subject != "Fim"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("quota-exhausted.jinja", "{% extends layout %}\n{% block subject %}{{ nam }}{% endblock %}", "line 2.*nam"),
        ("quota-exhausted.jinja", "{% extends layout %}\n\n{% if %}", "line 3"),
        ("quota-exhausted.jinja", "{% extends layout %}", "line 1: there is no block 'subject'"),
        ("parts.jinja", "{% macro balance() %}\n{{ 1 // 0 }}{% endmacro %}", "parts.jinja"),
        ("layout.html", "<p>\n{{ figures.nothing }}</p>", "layout.html, line 2.*nothing"),
        ("layout.html", "<p>\n{{ ''.__class__.__mro__ }}</p>", "layout.html, line 2.*unsafe"),
        ("layout.txt", '{{ t("no.such") }}', "layout.txt, line 1.*no.such"),
        ("treshold.jinja", "", "treshold.jinja replaces no template"),
    ],
)
def test_a_wrong_template_stops_the_start_with_its_file_and_line(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(SettingsError) as error:
        mail_channel(settings(tmp_path))
    assert re.search(said, error.value.message), error.value.message
    assert str(tmp_path / name) in error.value.message


def test_an_error_that_no_example_shows_is_not_hidden(tmp_path: Path) -> None:
    (tmp_path / "quota-exhausted.jinja").write_text(
        "{% extends layout %}{% block subject %}{{ 1 // figures.overage if figures.percent > 100 }}{% endblock %}",
        "utf-8",
    )
    made = Mails(Templates(tmp_path), brand="x", public_url="", usage=None)
    made.check()
    with pytest.raises(MailTemplateError, match=r"quota-exhausted.jinja, line 1"):
        made.render_with(example(EventKind.QUOTA_EXHAUSTED, percent=101), projection=None)


def test_events_that_waited_are_told_in_the_same_mail() -> None:
    told = example(EventKind.QUOTA_EXHAUSTED)
    others = tuple(replace(told.event, kind=kind) for kind in (EventKind.THRESHOLD_CROSSED, EventKind.CREDIT_GRANTED))
    rendered = mails().render_with(replace(told, others=others), projection=None)
    for said in (rendered.text, rendered.html):
        assert "Limiar de uso alcançado" in said
        assert "Créditos concedidos" in said
    assert "Créditos concedidos" not in mails().render_with(told, projection=None).text


def test_an_event_without_figures_is_told_all_the_same() -> None:
    told = example(EventKind.ACCOUNT_CREATED, Audience.ADMINISTRATOR)
    event = Event(1, told.event.event_id, EventKind.ACCOUNT_CREATED, None, told.event.at, {})
    assert (
        mails().render_with(replace(told, event=event, name=None), projection=None).subject
        == "Conta criada: IA SOLARIS"
    )


@pytest.mark.parametrize("locale", LOCALES)
def test_a_mail_tells_what_else_waited(locale: str) -> None:
    told = replace(example(EventKind.CREDIT_REQUESTED, Audience.ADMINISTRATOR), locale=locale)
    others = (told.event, example(EventKind.DELIVERY_FAILED, Audience.ADMINISTRATOR).event)
    many = mails().render_with(replace(told, others=others), projection=None)
    alone = mails().render_with(told, projection=None)
    heading = translations(locale, "mails").ugettext("others.heading")
    assert [heading in text for text in (many.text, many.html, alone.text, alone.html)] == [True, True, False, False]
    assert f"{translations(locale, 'mails').ugettext('kind.delivery.failed')}:" in many.text
