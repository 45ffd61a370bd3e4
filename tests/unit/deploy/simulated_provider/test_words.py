"""How the simulated provider splits texts into tokens, for any text."""

from hypothesis import given
from hypothesis import strategies as st

from deploy.simulated_provider.words import (
    count_words,
    language_of,
    pleasant_answer,
    repeat_pieces,
    split_pieces,
)

BLANKS = " \t\n\r\x0b\x0c\x1c\x85\u00a0\u2003\u2028\u3000"
texts = st.text() | st.text(alphabet=st.sampled_from("aé字\u200b" + BLANKS))
worded = texts.filter(lambda text: text.split())


@given(texts)
def test_the_pieces_joined_are_the_text_again(text: str) -> None:
    assert "".join(split_pieces(text)) == text


@given(texts)
def test_there_is_one_piece_a_word(text: str) -> None:
    blank = bool(text) and not text.split()
    assert len(split_pieces(text)) == (1 if blank else count_words(text))
    assert all(split_pieces(text))


@given(worded, st.integers(min_value=0, max_value=500))
def test_a_repeated_text_has_exactly_the_tokens_asked(text: str, tokens: int) -> None:
    pieces = repeat_pieces(split_pieces(text), tokens)
    assert len(pieces) == tokens
    words = text.split()
    expected = [words[number % len(words)] for number in range(tokens)]
    assert [piece.strip() for piece in pieces] == expected


@given(worded, st.integers(min_value=0, max_value=500))
def test_words_of_a_repeated_text_do_not_grow_together(text: str, tokens: int) -> None:
    assert count_words("".join(repeat_pieces(split_pieces(text), tokens))) == tokens


@given(texts)
def test_the_pleasant_answer_is_about_forty_tokens_whatever_is_said(text: str) -> None:
    tokens = len(split_pieces(pleasant_answer(text)))
    assert 28 <= tokens <= 45
    assert language_of(text) in {"en", "pt", "es"}
