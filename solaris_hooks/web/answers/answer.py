"""What all answers have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """What the API answers: never changed once it is made."""

    model_config = ConfigDict(frozen=True)
