"""Prompts as OpenAI's older routes take them: one text or several, or their token ids."""

from typing import Annotated

from pydantic import Field

_Ids = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]

Input = str | _Ids | Annotated[list[str], Field(min_length=1)] | Annotated[list[_Ids], Field(min_length=1)]


def split_inputs(given: Input) -> list[str | list[int]]:
    """Give the prompts one by one, each a text or its token ids."""
    if isinstance(given, str):
        return [given]
    texts = [each for each in given if isinstance(each, str)]
    lists = [each for each in given if isinstance(each, list)]
    ids = [each for each in given if isinstance(each, int)]
    return [*texts, *lists, *([ids] if ids else [])]


def inputs_of(given: Input) -> int:
    """Count the prompts."""
    return len(split_inputs(given))


def input_texts(given: Input) -> list[str]:
    """Give the prompts that are texts."""
    return [each for each in split_inputs(given) if isinstance(each, str)]


def input_ids(given: Input) -> int:
    """Count the token ids of the prompts that are ids."""
    return sum(len(each) for each in split_inputs(given) if isinstance(each, list))
