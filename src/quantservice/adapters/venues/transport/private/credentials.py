"""A venue's key and its secret, shown nowhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from quantservice.core.errors import InvalidValue

#: What OKX's and HTX's keys are made of, and how that is said.
DASHED_KEY = (re.compile(r"[A-Za-z0-9-]{16,128}"), "16 to 128 letters, digits and dashes are expected")


class KeyAndSecret:
    """A key and its secret. Its text never shows the secret, and of the key only the beginning."""

    __slots__ = ("_secret", "key")

    def __init__(self, key: str, secret: str, *, shape: tuple[re.Pattern[str], str]) -> None:
        pattern, expected = shape
        if not pattern.fullmatch(key):
            raise InvalidValue("venue key", expected)
        if not secret or not secret.isascii():
            raise InvalidValue("venue key", "its secret is missing or is not plain text")
        self.key = key
        self._secret = secret.encode()

    def digest(self, text: str) -> bytes:
        """Return the HMAC-SHA256 of ``text``."""
        return hmac.new(self._secret, text.encode(), hashlib.sha256).digest()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.key[:4]}…)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("venue credentials are not to be copied out of the process")


class Base64Credentials(KeyAndSecret):
    """A key whose signatures are written in base64."""

    __slots__ = ()

    def __init__(self, key: str, secret: str) -> None:
        super().__init__(key, secret, shape=DASHED_KEY)

    def sign(self, text: str) -> str:
        """Return the HMAC-SHA256 of ``text`` in base64."""
        return base64.b64encode(self.digest(text)).decode()
