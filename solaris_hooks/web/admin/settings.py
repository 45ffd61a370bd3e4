"""The settings in force, to be read: they are changed in LiteLLM's config file or the environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import groupby

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.settings_in_force import Origin, SettingInForce, settings_in_force
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit


class SettingsPages:
    """``/admin/settings``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what is shown."""
        self._settings = services.settings

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        return [door.get("/settings", self._show)]

    async def _show(self, visit: Visit) -> Response:
        found = settings_in_force(self._settings, os.environ)
        set_ones = [each for each in found if each.origin is not Origin.DEFAULT]
        shown = set_ones if visit.text("show") == "set" else found
        # Those of no section come first; the others stay in order.
        sections = groupby(sorted(shown, key=lambda each: "." in each.name), key=_section)
        return visit.show(
            "settings.html",
            groups=[(name, list(settings)) for name, settings in sections],
            show="set" if shown is set_ones else "all",
            set_count=len(set_ones),
        )


def _section(setting: SettingInForce) -> str:
    section, dot, _ = setting.name.partition(".")
    return section if dot else ""
