"""The venue's stream messages as JSON text, one function per kind; market differences are arguments.

Samples are recorded ones. ``spot`` has ``M`` on trades and no ``T`` on books; ``um`` and ``cm`` have ``pu``; ``cm``
adds the pair as ``ps``.
"""

from __future__ import annotations

from quantservice.simulator.config import MarketName
from quantservice.simulator.markets.bars import Bar
from quantservice.simulator.protocol.text import SymbolText


def kline_values(text: SymbolText, bar: Bar) -> tuple[str, ...]:
    """Return a bar's ten values as text: o h l c v q n V Q and the first trade id."""
    price, quantity, quote = text.price, text.quantity, text.quote
    return (
        price(bar.open),
        price(bar.high),
        price(bar.low),
        price(bar.close),
        quantity(bar.volume),
        quote(bar.quote),
        str(bar.count),
        quantity(bar.taker_volume),
        quote(bar.taker_quote),
        str(bar.first_id if bar.count else -1),
    )


def kline(symbol: str, period: str, times: tuple[int, int, int], values: tuple[str, ...], *, closed: bool) -> bytes:
    """Write a kline frame; ``times`` are event, open and close time.

    ``{"e":"kline","E":1626992741424,"s":"CTKUSDT","k":{"t":1626992700000,"T":1626992759999,"s":"CTKUSDT","i":"1m",
    "f":23961275,"L":23961322,"o":"1.01000","c":"1.01100","h":"1.01100","l":"1.01000","v":"3917","n":48,"x":false,
    "q":"3957.89900","V":"1729","Q":"1748.01900","B":"0"}}``
    """
    event, opened, closes = times
    o, h, low, c, v, q, n, taker, taker_quote, first = values
    last = int(first) + int(n) - 1 if int(first) >= 0 else -1
    return (
        f'{{"e":"kline","E":{event},"s":"{symbol}","k":{{"t":{opened},"T":{closes},"s":"{symbol}","i":"{period}","f":{first},"L":{last},'
        f'"o":"{o}","c":"{c}","h":"{h}","l":"{low}","v":"{v}","n":{n},"x":{"true" if closed else "false"},'
        f'"q":"{q}","V":"{taker}","Q":"{taker_quote}","B":"0"}}}}'
    ).encode()


def trade(market: MarketName, symbol: str, event: int, fields: tuple[int, str, str, int, bool]) -> bytes:
    """Write a trade; ``fields`` are id, price, quantity, trade time and whether the buyer is the maker.

    spot ``{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000",
    "T":1723161255342,"m":true,"M":true}``; um and cm ``{…,"T":…,"s":…,"t":…,"p":…,"q":…,"X":"MARKET","m":false}``
    """
    trade_id, price, quantity, time_ms, maker = fields
    flag = "true" if maker else "false"
    if market == "spot":
        return (
            f'{{"e":"trade","E":{event},"s":"{symbol}","t":{trade_id},"p":"{price}","q":"{quantity}","T":{time_ms},"m":{flag},"M":true}}'
        ).encode()
    return (
        f'{{"e":"trade","E":{event},"T":{time_ms},"s":"{symbol}","t":{trade_id},"p":"{price}","q":"{quantity}","X":"MARKET","m":{flag}}}'
    ).encode()


def agg_trade(market: MarketName, symbol: str, event: int, fields: tuple[int, str, str, int, bool], first_id: int) -> bytes:
    """Write an aggregate trade.

    ``{"e":"aggTrade","E":1626992741575,"a":16599292,"s":"CTKUSDT","p":"1.01100","q":"10","f":23961322,"l":23961322,
    "T":1626992741421,"m":false}``; spot puts ``s`` before ``a`` and adds ``M``.
    """
    trade_id, price, quantity, time_ms, maker = fields
    flag = "true" if maker else "false"
    names = f'"s":"{symbol}","a":{trade_id}' if market == "spot" else f'"a":{trade_id},"s":"{symbol}"'
    end = ',"M":true' if market == "spot" else ""
    return (
        f'{{"e":"aggTrade","E":{event},{names},"p":"{price}","q":"{quantity}","f":{first_id},"l":{trade_id},"T":{time_ms},"m":{flag}{end}}}'
    ).encode()


def book_ticker(
    market: MarketName, names: tuple[str, str], times: tuple[int, int], update: int, top: tuple[str, str, str, str]
) -> bytes:
    """Write the best bid and ask; ``names`` are symbol and pair, ``top`` is bid, bid size, ask, ask size.

    spot ``{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}``
    """
    symbol, pair = names
    event, time_ms = times
    bid, bid_size, ask, ask_size = top
    sides = f'"b":"{bid}","B":"{bid_size}","a":"{ask}","A":"{ask_size}"'
    if market == "spot":
        return f'{{"u":{update},"s":"{symbol}",{sides}}}'.encode()
    end = f'"T":{time_ms},"E":{event}'
    if market == "um":
        return f'{{"e":"bookTicker","u":{update},"s":"{symbol}",{sides},{end}}}'.encode()
    return f'{{"u":{update},"e":"bookTicker","s":"{symbol}","ps":"{pair}",{sides},{end}}}'.encode()


def levels(side: list[tuple[str, str]]) -> str:
    """Write one side of a book."""
    return "[" + ",".join(f'["{price}","{size}"]' for price, size in side) + "]"


def depth(
    market: MarketName, names: tuple[str, str], times: tuple[int, int], ids: tuple[int, int, int], sides: tuple[str, str]
) -> bytes:
    """Write a depth difference; ``ids`` are first, last and previous last update id.

    um ``{"e":"depthUpdate","E":1626992741037,"T":1626992741024,"s":"SUSHIUSDT","U":…,"u":…,"pu":…,"b":[…],"a":[…]}``
    """
    symbol, pair = names
    event, time_ms = times
    first, last, previous = ids
    bids, asks = sides
    if market == "spot":
        return f'{{"e":"depthUpdate","E":{event},"s":"{symbol}","U":{first},"u":{last},"b":{bids},"a":{asks}}}'.encode()
    pair_field = f'"ps":"{pair}",' if market == "cm" else ""
    return (
        f'{{"e":"depthUpdate","E":{event},"T":{time_ms},"s":"{symbol}",{pair_field}"U":{first},"u":{last},"pu":{previous},'
        f'"b":{bids},"a":{asks}}}'
    ).encode()


def mark_price(market: MarketName, symbol: str, event: int, values: tuple[str, str, str, str, int]) -> bytes:
    """Write a mark price; ``values`` are mark, index, settle price, funding rate and next funding time.

    ``{"e":"markPriceUpdate","E":…,"s":"BTCUSDT","p":"…","i":"…","P":"…","r":"0.00038167","T":…}``; cm has no ``i``.
    """
    mark, index, settle, rate, next_funding = values
    index_field = f'"i":"{index}",' if market == "um" else ""
    return (
        f'{{"e":"markPriceUpdate","E":{event},"s":"{symbol}","p":"{mark}",{index_field}"P":"{settle}","r":"{rate}","T":{next_funding}}}'
    ).encode()
