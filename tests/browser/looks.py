"""The ways in which people look at a page: language, colours, and the size of their screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["pt-BR", "en"]
Colours = Literal["light", "dark"]
Screen = Literal["desktop", "phone"]

_PIXELS: dict[Screen, tuple[int, int]] = {"desktop": (1280, 800), "phone": (360, 740)}


@dataclass(frozen=True, slots=True)
class Look:
    """How one visitor's browser is set.

    Attributes:
        language: what the browser asks for (``Accept-Language``).
        colours: the colour scheme that its owner prefers.
    """

    language: Language = "pt-BR"
    colours: Colours = "light"
    screen: Screen = "desktop"

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of the window."""
        return _PIXELS[self.screen]

    def __str__(self) -> str:
        """As it stands in names of tests and pictures: ``pt-BR-light-desktop``."""
        return f"{self.language}-{self.colours}-{self.screen}"


LOOKS = [
    Look("pt-BR", "light", "desktop"),
    Look("pt-BR", "dark", "phone"),
    Look("en", "light", "phone"),
    Look("en", "dark", "desktop"),
]
"""Any two of the three settings meet in each of their ways: ``@pytest.mark.parametrize("look", LOOKS, ids=str)``."""
