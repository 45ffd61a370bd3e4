"""Every format that the provider speaks: one module for each kind of route."""

from typing import Any

from .audio import SPEECH, TRANSCRIPTIONS, TRANSLATIONS
from .chat import CHAT
from .completions import COMPLETIONS
from .embeddings import EMBEDDINGS
from .format import Format
from .gemini import GENERATE, STREAM_GENERATE
from .images import EDITS, GENERATIONS
from .messages import COUNT_TOKENS, MESSAGES
from .moderations import MODERATIONS
from .rerank import RERANKS
from .responses import RESPONSES

FORMATS: tuple[Format[Any], ...] = (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    RESPONSES,
    MESSAGES,
    COUNT_TOKENS,
    GENERATE,
    STREAM_GENERATE,
    GENERATIONS,
    EDITS,
    SPEECH,
    TRANSCRIPTIONS,
    TRANSLATIONS,
    MODERATIONS,
    *RERANKS,
)
