"""The overview in each of its trends and in both languages."""

from __future__ import annotations

import re

import httpx
import pytest

from solaris_hooks.web.admin.overview import TRENDS
from tests.integration.web.asking import ADMIN


@pytest.mark.parametrize("language", ["en", "pt-BR"])
@pytest.mark.parametrize("trend", TRENDS)
async def test_every_trend_has_its_points(admin: httpx.AsyncClient, trend: str, language: str) -> None:
    answer = await admin.get(f"{ADMIN}?trend={trend}", headers={"accept-language": language})
    assert answer.status_code == 200, answer.text
    chart = answer.text.split("<figure")[1].split("</figure>")[0]
    names = re.findall(r"<tr><td>([^<]+)</td>", chart)
    assert len(names) == TRENDS[trend][1] == len(set(names)), "each point has a name of its own"
