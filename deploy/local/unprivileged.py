"""The system user that PostgreSQL runs as when everything else runs as root: PostgreSQL refuses root."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import struct
import subprocess
from pathlib import Path

from .checkout import say
from .errors import LocalError

USER = "solaris-pg"

_ACL = "system.posix_acl_access"
_ACL_ENTRY = struct.Struct("<HHI")
_ACL_VERSION = struct.pack("<I", 2)
_USER_OBJ, _ONE_USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NOBODY_IN_PARTICULAR = 0xFFFFFFFF
_SEARCH = 0o1


def server_user() -> tuple[int, int] | None:
    """Return the user and group id that the server must run as, or None where this process's own will do.

    Raises:
        LocalError: this process is root's and the system user can be neither found nor made.

    """
    if os.geteuid() != 0:
        return None
    # One process at a time looks for it, and makes it.
    with Path("/etc/passwd").open() as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        try:
            entry = pwd.getpwnam(USER)
        except KeyError:
            _make_user()
            entry = pwd.getpwnam(USER)
    return entry.pw_uid, entry.pw_gid


def _make_user() -> None:
    if shutil.which("useradd"):
        argv = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", USER]
    else:
        argv = ["adduser", "-S", "-D", "-H", "-s", "/sbin/nologin", USER]
    try:
        subprocess.run(argv, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise LocalError(
            f"PostgreSQL does not run as root, and the system user {USER} could not be made",
            "run the command as an ordinary user, or give a server with DATABASE_URL=postgresql://...",
        ) from error
    say(f"made the system user {USER}: PostgreSQL does not run as root")


def let_reach(folder: Path, uid: int) -> None:
    """Let one user pass through the folders above one; nobody else gets more than before.

    The mode bits would open a folder (often root's home) to everybody, so an access-control entry names the one user.

    Raises:
        LocalError: the file system keeps no such entries.

    """
    for above in reversed(folder.parents):
        status = above.stat()
        if status.st_mode & _SEARCH or status.st_uid == uid:
            continue
        try:
            _add_entry(above, uid)
        except OSError as error:
            raise LocalError(
                f"the system user {USER} cannot pass through {above}",
                f"run `chmod o+x {above}`, run the command as an ordinary user, or give DATABASE_URL=postgresql://...",
            ) from error
        say(f"let {USER} pass through {above} (an access-control entry for it alone)")


def _add_entry(folder: Path, uid: int) -> None:
    try:
        acl = os.getxattr(folder, _ACL)
        entries = [_ACL_ENTRY.unpack_from(acl, at) for at in range(len(_ACL_VERSION), len(acl), _ACL_ENTRY.size)]
    except OSError:
        mode = folder.stat().st_mode
        group = (mode >> 3) & 0o7
        entries = [
            (_USER_OBJ, (mode >> 6) & 0o7, _NOBODY_IN_PARTICULAR),
            (_GROUP_OBJ, group, _NOBODY_IN_PARTICULAR),
            (_MASK, group, _NOBODY_IN_PARTICULAR),
            (_OTHER, mode & 0o7, _NOBODY_IN_PARTICULAR),
        ]
    kept = [entry for entry in entries if (entry[0], entry[2]) != (_ONE_USER, uid)]
    # The mask bounds what named users get, and the kernel wants the entries in order of their tags.
    widened = [(tag, allowed | _SEARCH if tag == _MASK else allowed, who) for tag, allowed, who in kept]
    wanted = sorted([*widened, (_ONE_USER, _SEARCH, uid)], key=lambda entry: (entry[0], entry[2]))
    os.setxattr(folder, _ACL, _ACL_VERSION + b"".join(_ACL_ENTRY.pack(*entry) for entry in wanted))
