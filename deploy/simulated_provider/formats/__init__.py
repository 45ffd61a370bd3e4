"""Every format that the provider speaks: one module for each kind of route."""

from typing import Any

from .chat import CHAT
from .completions import COMPLETIONS
from .embeddings import EMBEDDINGS
from .format import Format
from .messages import COUNT_TOKENS, MESSAGES
from .responses import RESPONSES

FORMATS: tuple[Format[Any], ...] = (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    RESPONSES,
    MESSAGES,
    COUNT_TOKENS,
)
