"""What Binance sends over the WebSocket, one struct per message with a sample as recorded. Field names are the venue's own.

A key that always comes is required. That, and counting the colons of a frame, proves that no key came twice without
looking for one (see :func:`check_unique_keys`).
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

import msgspec

from quantservice.core.errors import MalformedFrame

#: An id, a count or a time in ms: never negative, exact in a float64 as well.
Whole: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
#: A first or last trade id; -1 where a bar has no trade.
TradeId: TypeAlias = Annotated[int, msgspec.Meta(ge=-1, le=1 << 53)]
WireLevel: TypeAlias = tuple[Decimal, Decimal]


class WireKline(msgspec.Struct, gc=False):
    """What is used of the ``k`` of a kline frame; see :class:`KlineFrame`. The rest is skipped, which is faster."""

    t: Whole
    T: Whole
    i: str
    f: TradeId
    L: TradeId
    o: str  # open, high and low seldom change within a bar: they become decimals only when they do
    c: Decimal
    h: str
    l: str  # noqa: E741  the venue's own name
    v: Decimal
    n: Whole
    x: bool
    q: Decimal
    V: Decimal
    Q: Decimal


class KlineData(msgspec.Struct, gc=False):
    """The ``data`` of a kline frame."""

    e: str
    E: Whole
    s: str
    k: WireKline


class KlineFrame(msgspec.Struct, gc=False):
    """A kline as it is (``x`` false) or as it closed (``x`` true); 23 keys.

    ```
    {"stream":"nknusdt@kline_1m","data":{"e":"kline","E":1633998523963,"s":"NKNUSDT","k":{"t":1633998480000,
    "T":1633998539999,"s":"NKNUSDT","i":"1m","f":19862761,"L":19862790,"o":"0.35270000","c":"0.35280000",
    "h":"0.35280000","l":"0.35220000","v":"25877.00000000","n":30,"x":false,"q":"9116.04600000","V":"58.00000000",
    "Q":"20.46240000","B":"0"}}}
    ```
    """

    data: KlineData


class TradeData(msgspec.Struct, gc=False):
    """The ``data`` of a trade frame; ``M`` is spot's, ``X`` the futures' kind of trade."""

    e: str
    E: Whole
    s: str
    t: Whole
    p: Decimal
    q: Decimal
    T: Whole
    m: bool
    X: str | None = None
    M: bool | None = None


class TradeFrame(msgspec.Struct, gc=False):
    """One trade; 11 keys.

    ```
    {"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,
    "p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}                              spot
    {"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256322,"T":1723161256322,"s":"BTCUSDT",
    "t":5266583935,"p":"61800.30","q":"0.006","X":"MARKET","m":false}}                                       um, cm
    ```
    """

    data: TradeData


class AggTradeData(msgspec.Struct, gc=False):
    """The ``data`` of an aggregate trade frame; ``f``..``l`` are the ids of its trades, ``nq`` um's quantity without RPI orders."""

    e: str
    E: Whole
    s: str
    a: Whole
    p: Decimal
    q: Decimal
    f: Whole
    l: Whole  # noqa: E741  the venue's own name
    T: Whole
    m: bool
    M: bool | None = None
    nq: str | None = None


class AggTradeFrame(msgspec.Struct, gc=False):
    """Trades of one taker order at one price; 12 keys, 13 on spot.

    ```
    {"stream":"nknusdt@aggTrade","data":{"e":"aggTrade","E":1633998523963,"s":"NKNUSDT","a":15683430,
    "p":"0.35280000","q":"58.00000000","f":19862790,"l":19862790,"T":1633998523963,"m":false,"M":true}}
    ```
    """

    data: AggTradeData


class BookTickerData(msgspec.Struct, gc=False):
    """The ``data`` of a best bid and ask frame; spot gives neither event type nor times."""

    u: Whole
    s: str
    b: Decimal
    B: Decimal
    a: Decimal
    A: Decimal
    e: str | None = None
    E: Whole | None = None
    T: Whole | None = None
    ps: str | None = None


class BookTickerFrame(msgspec.Struct, gc=False):
    """Best bid and ask; 8 keys on spot, 11 on um, 12 on cm.

    ```
    {"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000",
    "a":"61837.64000000","A":"1.54698000"}}                                                                  spot
    {"stream":"btcusd_perp@bookTicker","data":{"u":1007198632021,"e":"bookTicker","s":"BTCUSD_PERP","ps":"BTCUSD",
    "b":"61804.7","B":"35","a":"61804.8","A":"1645","T":1723161257465,"E":1723161257476}}                    cm
    ```
    """

    data: BookTickerData


class DepthData(msgspec.Struct, gc=False):
    """The ``data`` of a depth frame."""

    e: str
    E: Whole
    s: str
    U: Whole
    u: Whole
    b: tuple[WireLevel, ...]
    a: tuple[WireLevel, ...]
    T: Whole | None = None
    pu: Whole | None = None
    ps: str | None = None


class DepthFrame(msgspec.Struct, gc=False):
    """Changed levels of the book; 9 keys on spot, 11 on um, 12 on cm.

    ```
    {"stream":"akrousdt@depth@100ms","data":{"e":"depthUpdate","E":1626992741077,"T":1626992740974,"s":"AKROUSDT",
    "U":600859599831,"u":600859599831,"pu":600859598737,"b":[],"a":[["0.01737","437848"]]}}
    ```
    """

    data: DepthData


class MarkPriceData(msgspec.Struct, gc=False):
    """The ``data`` of a mark price frame; ``i`` and ``r`` are absent or empty for dated futures."""

    e: str
    E: Whole
    s: str
    p: Decimal
    T: Whole = 0
    i: str | None = None
    r: str | None = None


class MarkPriceFrame(msgspec.Struct, gc=False):
    """Mark price, index and the coming funding.

    ```
    {"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT",
    "p":"11794.15000000","i":"11784.62659091","P":"11784.25641265","r":"0.00038167","T":1562306400000}}
    ```
    """

    data: MarkPriceData


class TickerData(msgspec.Struct, gc=False):
    """The ``data`` of a 24 h ticker frame."""

    e: str
    E: Whole
    s: str
    c: Decimal
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741  the venue's own name
    v: Decimal
    q: Decimal
    n: Whole


class TickerFrame(msgspec.Struct, gc=False):
    """Rolling statistics of 24 hours.

    ```
    {"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":123456789,"s":"BTCUSDT","p":"0.0015","P":"250.00",
    "w":"0.0018","c":"0.0025","Q":"10","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18","O":0,
    "C":86400000,"F":0,"L":18150,"n":18151}}
    ```
    """

    data: TickerData


def check_unique_keys(frame: bytes, expected: int = -1) -> None:
    """Raise :class:`MalformedFrame` if a key of one object comes twice.

    ``expected`` is how many keys the caller has seen to be there. A key needs a colon, so when the frame has just as many
    colons no further key can hide in it and the answer is found without looking. Otherwise (a new key of the venue's, a
    colon in a text) the frame is decoded once more with an eye on its keys.
    """
    if frame.count(b":") != expected:
        json.loads(frame.decode(), object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise MalformedFrame("duplicate_key")
