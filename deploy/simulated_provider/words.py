"""Texts and their tokens: one piece, a word with the blanks before it, is one token."""

import re
from collections.abc import Iterator
from itertools import islice

TOKENS_PER_MESSAGE = 4
"""What each message of a prompt counts beyond its words."""

_PIECE = re.compile(r"\s*\S+(?:\s+\Z)?|\s+\Z")
_WORD = re.compile(r"[^\W\d_]+")
_QUOTED_WORDS = 6

_COMMON_WORDS = {
    "en": "the a is are you i to of and what how hello hi please in for with my can this",
    "pt": "o os um uma é são você eu de do da e que como olá oi não por em para com meu qual",
    "es": "el los un una es son usted yo de del la y qué cómo hola no por en para con mi cuál",
}
_COMMON = {language: frozenset(words.split()) for language, words in _COMMON_WORDS.items()}

_ANSWERS = {
    "en": (
        "You wrote “{quote}”. Thank you for your message! This is a simulated answer: no "
        "model was called, nothing left this machine, and every word that you read here "
        "counts as exactly one token."
    ),
    "pt": (
        "Você escreveu “{quote}”. Obrigado pela mensagem! Esta é uma resposta simulada: "
        "nenhum modelo foi chamado, nada saiu desta máquina, e cada palavra que você lê "
        "aqui vale exatamente um token."
    ),
    "es": (
        "Usted escribió “{quote}”. ¡Gracias por su mensaje! Esta es una respuesta simulada: "
        "no se llamó a ningún modelo, nada salió de esta máquina, y cada palabra que lee "
        "aquí vale exactamente un token."
    ),
}


def split_pieces(text: str) -> list[str]:
    """Split a text into its tokens; joined, they are the text again.

    A word carries the blanks before it, the last word those after it too, and a text of
    blanks alone is one piece.
    """
    return _PIECE.findall(text)


def count_words(text: str) -> int:
    """Count the words of a text: runs of characters that are not blank."""
    return len(text.split())


def language_of(text: str) -> str:
    """Guess the language by its commonest words: "en", "pt" or "es"; "en" when in doubt."""
    words = frozenset(_WORD.findall(text.lower()))
    return max(_COMMON, key=lambda language: len(words & _COMMON[language]))


def pleasant_answer(message: str) -> str:
    """Write the default answer, about 40 tokens in the language of the message."""
    words = message.split()
    ellipsis = "…" if len(words) > _QUOTED_WORDS else ""
    quote = " ".join(words[:_QUOTED_WORDS]) + ellipsis
    return _ANSWERS[language_of(message)].replace("{quote}", quote)


def repeat_pieces(pieces: list[str], count: int) -> list[str]:
    """Take exactly ``count`` pieces, starting the text again as often as it takes.

    Args:
        pieces: the text's pieces; at least one when ``count`` is not 0.
        count: how many tokens the answer must have.
    """
    return list(islice(_endlessly(pieces), count))


def _endlessly(pieces: list[str]) -> Iterator[str]:
    yield from pieces
    while pieces:
        yield pieces[0] if pieces[0][0].isspace() else f" {pieces[0]}"
        yield from pieces[1:]
