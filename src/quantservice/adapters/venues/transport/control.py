"""What a market stream says that is no market data."""

from __future__ import annotations

import msgspec


class ControlMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What is not market data. ``name`` is answer, error, shutdown or ping (``message`` is what is sent back).

    ```
    {"result":null,"id":1}                                       answer
    {"error":{"code":2,"msg":"Invalid request: ..."},"id":1}     error (um, cm)
    {"code":2,"msg":"Invalid request: ...","id":1}               error (spot)
    {"e":"serverShutdown","E":1770123456789}                     shutdown
    ```
    """

    name: str
    id: int | str | None = None
    result: tuple[str, ...] = ()
    code: int = 0
    message: str = ""
    time: int = 0
