"""The API key and its secret: read once, checked, used to sign, and never shown.

The secret appears in no `repr`, no text, no pickle and no traceback, not even one that prints local variables: every
function here lets go of it before it raises. Credential files are described at `Credentials.from_file`.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import stat
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, Self

from rxkraken.errors import InvalidArgument, MissingCredentials
from rxkraken.protocol.signing import Hidden, HiddenBytes, sign

KEY_VARIABLE: Final = "KRAKEN_API_KEY"
SECRET_VARIABLE: Final = "KRAKEN_API_SECRET"  # noqa: S105 - the name of a variable, not a secret
OTP_VARIABLE: Final = "KRAKEN_API_OTP"
_NAMES: Final = {
    **dict.fromkeys(("key", "api_key", KEY_VARIABLE.casefold()), "key"),
    **dict.fromkeys(("secret", "api_secret", "private_key", SECRET_VARIABLE.casefold()), "secret"),
    **dict.fromkeys(("otp", OTP_VARIABLE.casefold()), "otp"),
}
_MOST_BYTES: Final = 65_536

Otp = str | Callable[[], str]
"""A static password, or a function that gives the current code each time one is needed."""


class Credentials:
    """An API key with its secret. Immutable; safe to print, log and copy; refuses to be pickled.

    `key` is the public part, `secret` the private key as Kraken shows it (base64). `otp` is for keys with two-factor
    authentication: the static password, or a function returning the current code (rest reference section 2.5).

    Raises `InvalidArgument` when a part is missing or the secret is not base64; the message does not contain it.
    """

    __slots__ = ("_key", "_otp", "_secret")

    def __init__(self, key: str, secret: str, otp: Otp | None = None) -> None:
        """Check and keep the parts; the secret is kept decoded."""
        # A traceback prints this object too, so it is whole before anything can be wrong.
        self._key = key if _is_key(key) else ""
        self._secret, problem = _decoded(secret)
        self._otp, otp_problem = _checked_otp(otp)
        # An invalid "key" may be the secret in the wrong place: it is not shown either.
        del key, secret, otp
        if problem or otp_problem or not self._key:
            self._key = ""
            raise InvalidArgument(problem or otp_problem or _BAD_KEY)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read `KRAKEN_API_KEY`, `KRAKEN_API_SECRET` and, when set, `KRAKEN_API_OTP` (a static password).

        Raises `MissingCredentials` naming the variable that is not set, `InvalidArgument` for a value that cannot be.
        """
        source = os.environ if environ is None else environ
        missing = [name for name in (KEY_VARIABLE, SECRET_VARIABLE) if not source.get(name, "").strip()]
        if missing:
            del source, environ
            raise MissingCredentials(f"{' and '.join(missing)} not set; set them, or pass Credentials(key, secret)")
        parts = _Parts(source[KEY_VARIABLE], source[SECRET_VARIABLE], source.get(OTP_VARIABLE) or None)
        del source, environ
        return cls._of(parts, "the environment")

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file that only its owner can read, in one of three formats.

        - two or three lines: the key, the secret, perhaps a static one-time password;
        - `NAME=value` lines as in an `.env` file: `KRAKEN_API_KEY`, `KRAKEN_API_SECRET`, `KRAKEN_API_OTP`, or plainly
          `key`, `secret`, `otp`; blank lines, `#` comments, `export` and quotes are understood;
        - a JSON object with the members `key`, `secret` and perhaps `otp`.

        Raises `InvalidArgument` when the file cannot be read, is readable by group or others (`chmod 600` it), or holds
        no key and secret. No message contains what the file contains.
        """
        text = _read_private(path)
        parts = _parts_of(text)
        del text
        if parts is None:
            raise InvalidArgument(f"{os.fspath(path)} holds no key and secret; write them on two lines")
        return cls._of(parts, os.fspath(path))

    @classmethod
    def _of(cls, parts: _Parts, where: str) -> Self:
        try:
            return cls(parts.key.strip(), parts.secret.strip(), parts.otp)
        except InvalidArgument as error:
            problem = str(error)
        raise InvalidArgument(f"{where}: {problem}")

    @property
    def key(self) -> str:
        """The public part, sent as `API-Key`."""
        return self._key

    def otp(self) -> Hidden | None:
        """Return the one-time password to send now, asking the function when there is one; None without."""
        given = self._otp
        if given is None or isinstance(given, Hidden):
            return given
        return Hidden(given())

    def sign(self, path: str, nonce: str, body: bytes) -> Hidden:
        """Return the `API-Sign` header for a body that will be sent to `path` as it is (see `protocol.signing`)."""
        return sign(self._secret, path, nonce, body)

    def __repr__(self) -> str:
        """Show enough of the key to tell two apart, and nothing of the secret."""
        shown = f"{self._key[:4]}..." if len(self._key) > 2 * _SHOWN_OF_KEY else "..."
        return f"Credentials(key='{shown}', secret=<hidden>{', otp=<hidden>' if self._otp is not None else ''})"

    def __reduce__(self) -> NoReturn:
        """Refuse: a pickle is a file that anybody can read."""
        raise TypeError("Credentials are not pickled; make them where they are needed, from_env() or from_file()")

    def __copy__(self) -> Self:
        """Return itself: there is nothing that could change."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return itself: there is nothing that could change."""
        return self


_SHOWN_OF_KEY: Final = 4
_BAD_KEY: Final = "the API key is empty or not printable text without spaces; copy it as Kraken shows it"
_NO_SECRET: Final = "the API secret is empty or not text; copy the private key as Kraken shows it (base64)"  # noqa: S105 - a message
_NOT_BASE64: Final = "the API secret is not base64; copy the whole private key as Kraken shows it"


class _Parts:
    """What a source holds, shown nowhere: a traceback prints the locals that hold it."""

    __slots__ = ("key", "otp", "secret")

    def __init__(self, key: str, secret: str, otp: str | None) -> None:
        self.key = Hidden(key)
        self.secret = Hidden(secret)
        self.otp = otp and Hidden(otp.strip())


def _is_key(key: object) -> bool:
    return isinstance(key, str) and key != "" and key.isascii() and key.isprintable() and " " not in key


def _decoded(secret: object) -> tuple[HiddenBytes, str | None]:
    if not isinstance(secret, str) or not secret:
        return HiddenBytes(), _NO_SECRET
    try:
        return HiddenBytes(base64.b64decode(secret, validate=True)), None
    except (binascii.Error, ValueError):
        return HiddenBytes(), _NOT_BASE64


def _checked_otp(otp: Otp | None) -> tuple[Hidden | Callable[[], str] | None, str | None]:
    if otp is None:
        return None, None
    if isinstance(otp, str) and otp:
        return Hidden(otp), None
    if not callable(otp):
        return None, "otp must be a password, or a function that returns the current code"
    return otp, None


def _read_private(path: str | os.PathLike[str]) -> Hidden:
    name = os.fspath(path)
    try:
        descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise InvalidArgument(f"cannot read the credentials file {name}: {error.strerror}") from error
    try:
        # The open file is asked, not the path: nobody can swap it in between.
        _refuse_readable(name, os.fstat(descriptor).st_mode)
        return Hidden(os.read(descriptor, _MOST_BYTES).decode("utf-8-sig", errors="replace"))
    finally:
        os.close(descriptor)


def _refuse_readable(name: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise InvalidArgument(f"{name} is not a regular file")
    if os.name == "posix" and stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise InvalidArgument(
            f"{name} has mode {stat.S_IMODE(mode):o}, so others may read the secret; run: chmod 600 {name}"
        )


def _parts_of(text: str) -> _Parts | None:
    lines = [line for raw in text.splitlines() if (line := raw.strip()) and not line.startswith("#")]
    named = _from_json(text) if text.lstrip().startswith("{") else _from_assignments(lines)
    if "key" in named and "secret" in named:
        return _Parts(named["key"], named["secret"], named.get("otp"))
    match lines if not named else []:
        case [key, secret]:
            return _Parts(key, secret, None)
        case [key, secret, otp]:
            return _Parts(key, secret, otp)
        case _:
            return None


def _from_json(text: str) -> dict[str, str]:
    try:
        members: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {_NAMES[name.casefold()]: str(value) for name, value in members.items() if name.casefold() in _NAMES}


def _from_assignments(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.removeprefix("export ").partition("=")
        # A base64 secret on a line of its own may end in `=`, but what stands before is no known name.
        if equals and (known := _NAMES.get(name.strip().casefold())):
            found[known] = value.strip().strip("\"'")
    return found
