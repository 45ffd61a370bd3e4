"""A refusal in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from solaris_hooks.ledger.refusal_records import Estimate, RefusalReason
from solaris_hooks.ledger.refusal_words import SHOWN_HOLDERS, explain
from solaris_hooks.messages import LOCALES
from tests.refused import ASKED, AT, FIGURES, holders, refusal


def test_who_held_what_is_told_in_plain_sentences() -> None:
    told = explain(refusal(holders=holders(400, 300)), "en")
    assert told[0] == "At 2026-01-15 12:00:00 UTC a request for the model demo was refused with status 429."
    assert any(each.startswith("It wanted up to 1,200 tokens;") for each in told)
    assert "800 tokens were left, of which 700 were held and 100 were free." in told
    assert "2 running requests together held 700 tokens:" in told
    assert any(
        each.startswith("400 tokens by a request for the model demo, since 2026-01-15 11:59:55") for each in told
    )
    assert "Who held was read 12 ms after the refusal." in told
    assert "The request waited 1.0 s for others to end." in told


def test_the_same_is_told_in_portuguese_with_its_numbers() -> None:
    told = explain(refusal(holders=holders(700)), "pt_BR")
    assert told[0] == "Em 2026-01-15 12:00:00 UTC, um pedido ao modelo demo foi recusado com o status 429."
    assert "Restavam 800 tokens, dos quais 700 estavam reservados e 100 livres." in told
    assert "Um pedido em andamento reservava 700 tokens:" in told
    assert any("1.200 tokens" in each for each in told)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("reason", RefusalReason)
def test_every_reason_has_its_sentence(locale: str, reason: RefusalReason) -> None:
    told = explain(refusal(reason=reason, figures=None, asked=None, message="", waited_ms=0), locale)
    assert len(told) == 2
    assert not any("why." in each or "%" in each for each in told)


@pytest.mark.parametrize("locale", LOCALES)
def test_figures_stand_only_where_they_explain_something(locale: str) -> None:
    suspended = explain(refusal(reason=RefusalReason.SUSPENDED), locale)
    assert not any("800" in each for each in suspended)


def test_how_the_prompt_was_estimated_is_told() -> None:
    def estimated(estimate: Estimate) -> str:
        return " ".join(explain(refusal(asked=replace(ASKED, estimate=estimate)), "en"))

    assert "counted: 272 tokens (by its bytes at most 1,100); at 110% of that" in estimated(Estimate.TOKENIZER)
    assert "the most that its bytes can be; it was not counted" in estimated(Estimate.UPPER_BOUND)
    assert "the model's whole window" in estimated(Estimate.WINDOW)


def test_limits_choices_weights_prices_and_the_renewal_are_told() -> None:
    asked = replace(ASKED, choices=3, cap_asked=None, weight_output="1.5", price=50)
    figures = replace(FIGURES, overdraft=10, max_in_flight=4, held=0)
    told = explain(refusal(asked=asked, figures=figures, reason=RefusalReason.TIGHT, count=7), "en")
    assert "Each of its 3 answers could have up to 900 tokens." in told
    assert "The request set no limit of its own." in told
    assert "The model's limit is 4,096 tokens." in told
    assert "With the model demo a token of prompt counts as 1, and one of answer as 1.5." in told
    assert "50 tokens of it were the price of units such as images or seconds." in told
    assert "It could owe up to 10 tokens beyond that." in told
    assert "It may have 4 requests at once." in told
    assert "810 tokens were left, none of them held." in told
    assert "The allowance renews on February 1, 2026." in told
    assert any(each.startswith("Up to 2026-01-15 12:00:00 UTC there were 7 of the same") for each in told)


def test_many_holders_are_summed_up() -> None:
    told = explain(refusal(holders=holders(*range(10, 10 + SHOWN_HOLDERS + 3))), "en")
    assert sum("tokens by a request" in each for each in told) == SHOWN_HOLDERS
    assert "And 3 more." in told


def test_a_call_without_a_model_is_named_by_its_kind() -> None:
    told = explain(refusal(model=None, call_type="create_batch", reason=RefusalReason.ROUTE, status=403), "en")
    assert told[0] == f"At {AT:%Y-%m-%d %H:%M:%S} UTC a call of type create_batch was refused with status 403."
