"""What administrators may do: roles, and what each permits."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """What a page or an address of the API asks for."""

    READ = "read"
    """See every account and every figure."""
    VERIFY = "verify"
    """Have the books recomputed."""
    SUPPORT = "support"
    """Help users without touching tokens: send messages again, write to them, their language and their mails."""
    CHANGE = "change"
    """Move tokens and change accounts and plans."""
    GOVERN = "govern"
    """What cannot be undone: merge accounts, erase personal data."""


class Role(StrEnum):
    """Who somebody is here. LiteLLM decides who is an administrator at all; setting ``admin_roles`` narrows it."""

    SUPER_ADMIN = "super_admin"
    ADMIN = "admin"
    OPERATOR = "operator"
    """Reads, and supports users."""
    AUDITOR = "auditor"
    """Reads, and verifies."""

    def may(self, permission: Permission) -> bool:
        """Whether the role has a permission."""
        return permission in _PERMISSIONS[self]


_PERMISSIONS = {
    Role.SUPER_ADMIN: frozenset(Permission),
    Role.ADMIN: frozenset(Permission) - {Permission.GOVERN},
    Role.OPERATOR: frozenset({Permission.READ, Permission.SUPPORT}),
    Role.AUDITOR: frozenset({Permission.READ, Permission.VERIFY}),
}

READ_ONLY_ROLES = frozenset({Role.OPERATOR, Role.AUDITOR})
"""What a ``proxy_admin_viewer`` of LiteLLM can be."""
