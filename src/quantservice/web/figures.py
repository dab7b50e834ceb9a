"""From the replica and the context's callables to the plain mappings that REST and the live WebSocket both answer with."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
import psutil

from quantservice.core.events import FeedStatus, Kline, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import SystemEvent
from quantservice.ports import Probe
from quantservice.web.context import WebContext
from quantservice.web.encode import plain
from quantservice.web.projections import GapLife, Price


def stream_parts(context: WebContext, stream: StreamId) -> dict[str, Any]:
    """Name a stream by its parts, with the venue's own symbol where the instrument is known."""
    name = stream.instrument
    known = context.instruments().get(name)
    return {
        "stream": str(stream),
        "venue": name.venue,
        "market": name.market,
        "symbol": name.symbol,
        "venue_symbol": known.venue_symbol if known else name.symbol,
        "kind": str(stream.kind),
        "period": stream.period,
    }


def gap_row(context: WebContext, gap: GapLife) -> dict[str, Any]:
    """Return a gap as the API shows it."""
    change = gap.change
    return {
        "id": gap.id,
        **stream_parts(context, change.gap.stream),
        "start_ms": change.gap.span.start_ms,
        "end_ms": change.gap.span.end_ms,
        "missing": change.gap.missing,
        "state": change.state,
        "reason": change.gap.reason,
        "detail": change.detail,
        "healed_rows": change.rows,
        "found_ms": gap.found_ms,
        "updated_ms": gap.updated_ms,
    }


def kline_row(kline: Kline) -> dict[str, Any]:
    """Return a live kline as the WebSocket shows it."""
    return {
        "instrument": str(kline.instrument),
        "period": kline.stream.period,
        "open_time": kline.open_time,
        "close_time": kline.close_time,
        "open": plain(kline.open),
        "high": plain(kline.high),
        "low": plain(kline.low),
        "close": plain(kline.close),
        "volume": plain(kline.volume),
        "quote_volume": plain(kline.quote_volume),
        "count": kline.count,
        "taker_buy_base_volume": plain(kline.taker_buy_base_volume),
        "taker_buy_quote_volume": plain(kline.taker_buy_quote_volume),
        "closed": kline.closed,
        "source": str(kline.source),
    }


def revision_row(context: WebContext, kline: Kline, revision: int) -> dict[str, Any]:
    """Return a restated kline as the API shows it."""
    return {
        **stream_parts(context, kline.stream),
        "open_time": kline.open_time,
        "revision": revision,
        "source": str(kline.source),
        "synthetic": kline.synthetic,
        "first_seen_ms": kline.recv_ns // 1_000_000,
        "open": plain(kline.open),
        "high": plain(kline.high),
        "low": plain(kline.low),
        "close": plain(kline.close),
        "volume": plain(kline.volume),
    }


def ticker_row(instrument: InstrumentId, price: Price) -> dict[str, Any]:
    """Return the newest price of an instrument."""
    return {"instrument": str(instrument), **price_parts(price)}


def price_parts(price: Price | None) -> dict[str, Any]:
    """Return the price fields of an instrument; all null where none was seen."""
    if price is None:
        names = ("last_price", "change_24h_percent", "volume_24h", "quote_volume_24h", "updated_ms")
        return dict.fromkeys(names)
    return {
        "last_price": plain(price.last),
        "change_24h_percent": price.change_percent,
        "volume_24h": _plain_or_none(price.volume_24h),
        "quote_volume_24h": _plain_or_none(price.quote_volume_24h),
        "updated_ms": price.updated_ms,
    }


def _plain_or_none(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def connection_row(status: FeedStatus) -> dict[str, Any]:
    """Return a connection as the API shows it."""
    return {
        "venue": status.venue,
        "market": status.market,
        "connection": status.connection,
        "state": status.state,
        "streams": len(status.streams),
        "since_ms": status.time_ns // 1_000_000,
        "detail": status.detail,
    }


def event_row(event: tuple[int, SystemEvent]) -> dict[str, Any]:
    """Return a system event as the API shows it."""
    time_ms, data = event
    return {"time_ms": time_ms, "name": data.name, "level": data.level, "detail": data.detail}


def queue_rows(context: WebContext) -> list[dict[str, Any]]:
    """Return the bus's queues."""
    return [
        {
            "group": queue.group,
            "topics": [str(topic) for topic in queue.topics],
            "overflow": str(queue.overflow),
            "capacity": queue.capacity,
            "depth": queue.depth,
            "delivered": queue.delivered,
            "conflated": queue.conflated,
            "dropped": queue.dropped,
        }
        for queue in context.bus.stats()
    ]


def weight_rows(context: WebContext) -> list[dict[str, Any]]:
    """Return each venue market's weight."""
    rows = []
    for figures in context.weights():
        used, limit = _number(figures.get("used")), _number(figures.get("limit"))
        rows.append(
            {
                "venue": str(figures.get("venue", "")),
                "market": str(figures.get("market", "")),
                "used": used,
                "limit": limit,
                "used_percent": round(100 * used / limit, 2) if used is not None and limit else None,
                "figures": plain_figures(figures),
            }
        )
    return rows


def throughput(context: WebContext) -> dict[str, Any]:
    """Return what flows now."""
    rates, second = context.projections.rates, int(context.clock.monotonic())
    names = {"events": "live", "klines": "klines", "history": "history", "stored": "stored"}
    speeds = {f"{shown}_per_s": rates.per_second(name, second) for shown, name in names.items()}
    return {**speeds, **{shown: rates.totals[name] for shown, name in names.items()}, "revised": rates.totals["revised"]}


def history_row(context: WebContext) -> dict[str, Any]:
    """Return how far the wanted history is stored."""
    figures = context.history()
    wanted, stored = int(_number(figures.get("wanted")) or 0), int(_number(figures.get("stored")) or 0)
    stored = min(stored, wanted)
    known = bool(figures.get("scanned", True))  # before the first scan nobody knows what is wanted
    percent = round(100 * stored / wanted, 2) if wanted else 100.0 if known else 0.0
    done = known and stored >= wanted
    return {"wanted": wanted, "stored": stored, "percent": percent, "done": done, "figures": plain_figures(figures)}


def process_figures(process: psutil.Process) -> dict[str, Any]:
    """Return memory, processor and files of this process."""
    with process.oneshot():
        memory, times = process.memory_info(), process.cpu_times()
        return {
            "pid": process.pid,
            "rss_bytes": memory.rss,
            "cpu_seconds": round(times.user + times.system, 2),
            "cpu_percent": process.cpu_percent(),
            "threads": process.num_threads(),
            "open_files": process.num_fds() if hasattr(process, "num_fds") else 0,
            "cpus": os.cpu_count() or 1,
            "tasks": len(asyncio.all_tasks()),
        }


def held_rows(context: WebContext) -> list[dict[str, Any]]:
    """Return the states of the system, of accounts and of deployments that are not ACTIVE."""
    return [msgspec.structs.asdict(state) for state in context.projections.held_back]


def live_status(context: WebContext, process: psutil.Process) -> dict[str, Any]:
    """Return the figures that the page gets once a second."""
    now_ms = context.clock.now_ms()
    return {
        "now_ms": now_ms,
        "uptime_s": max(0, now_ms - context.started_ms) / 1000,
        "throughput": throughput(context),
        "history": history_row(context),
        "gaps_open": context.projections.gaps_open(),
        "held_back": held_rows(context),
        "connections": [connection_row(status) for status in context.projections.feeds.values()],
        "queues": queue_rows(context),
        "weights": weight_rows(context),
        "process": process_figures(process),
    }


def probe_figures(probe: Probe) -> dict[str, Any]:
    """Return a component's figures; one that fails says so and takes no other down."""
    try:
        return plain_figures(probe())
    except Exception as error:  # noqa: BLE001 - figures come from every corner; the page that shows a fault must not fail by it
        return {"error": f"{type(error).__name__}: {error}"[:200]}


def plain_figures(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return figures as plain JSON values; anything else as its text."""
    return {str(key): _plain_value(value) for key, value in figures.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    if isinstance(value, Mapping):
        return plain_figures(value)
    if isinstance(value, list | tuple):
        return [_plain_value(item) for item in value]
    return str(value)


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
