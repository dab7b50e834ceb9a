"""The DDL of the market store, alone and on a cluster, and the names of views."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.market import instrument

from quantservice.adapters.market_store.schema import (
    KLINE,
    TABLES,
    TRADE,
    check_identifier,
    create_statements,
    view_name,
    view_statement,
)
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import Instrument, InstrumentId


def pair(symbol: str, *, venue: str = "binance", market: str = "um") -> Instrument:
    return msgspec.structs.replace(instrument(), id=InstrumentId(venue, market, "X"), venue_symbol=symbol)


def test_klines_alone_are_a_plain_merge_tree_that_keeps_every_revision() -> None:
    (sql,) = create_statements(KLINE, database="q")
    assert "ENGINE = MergeTree\n" in sql
    assert "Replacing" not in sql
    assert "PARTITION BY toYYYYMM(fromUnixTimestamp64Milli(`open_time`, 'UTC'))" in sql
    assert "ORDER BY (`venue`, `market`, `symbol`, `period`, `open_time`, `revision`)" in sql
    assert "`close` Decimal(38, 18)" in sql


def test_on_a_cluster_each_table_is_replicated_and_distributed() -> None:
    local, distributed = create_statements(KLINE, database="q", cluster="c1")
    assert "CREATE TABLE IF NOT EXISTS `q`.`kline_local` ON CLUSTER `c1`" in local
    assert "ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/q/kline', '{replica}')" in local
    assert "CREATE TABLE IF NOT EXISTS `q`.`kline` ON CLUSTER `c1` AS `q`.`kline_local`" in distributed
    assert "ENGINE = Distributed(`c1`, `q`, `kline_local`, cityHash64(`venue`, `market`, `symbol`))" in distributed
    replacing = create_statements(TRADE, database="q", cluster="c1")[0]
    assert "ReplicatedReplacingMergeTree(" in replacing


def test_a_version_column_reaches_the_replicated_engine() -> None:
    table = next(item for item in TABLES if item.name == "instrument")
    assert "'{replica}', written_ns)" in create_statements(table, database="q", cluster="c1")[0]
    assert "ReplacingMergeTree(written_ns)" in create_statements(table, database="q")[0]


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (pair("BTCUSDT"), "kline_BTCUSDT_um_1m"),
        (pair("BTCUSDT", market="spot"), "kline_BTCUSDT_spot_1m"),
        (pair("BTCUSD_250328", market="cm"), "kline_BTCUSD_250328_cm_1m"),
        (pair("BTCUSDT", venue="okx"), "kline_okx_BTCUSDT_um_1m"),
        (pair("测试USDT"), "kline_xe6b58bzxe8af95zUSDT_um_1m"),
        # No capital before the underscore: kept, the head could be taken for a venue's name.
        (pair("okx_BTCUSDT"), "kline_x6fzx6bzx78zx5fzBTCUSDT_um_1m"),
        (pair("1_BTC"), "kline_1x5fzBTC_um_1m"),
    ],
)
def test_views_are_named_by_the_venues_symbol(made: Instrument, name: str) -> None:
    assert view_name(made, "1m") == name


symbols = st.text(st.sampled_from("ABxz_05测-. \"';u"), min_size=1, max_size=8)


@given(symbols, symbols, st.sampled_from(["binance", "okx", "x5fz"]), st.sampled_from(["binance", "okx", "x5fz", "a"]))
def test_two_symbols_never_share_a_view(left: str, right: str, left_venue: str, right_venue: str) -> None:
    names = {view_name(pair(symbol, venue=venue), "1m") for symbol, venue in ((left, left_venue), (right, right_venue))}
    same = left == right and left_venue == right_venue
    assert len(names) == (1 if same else 2)
    assert all(name.replace("_", "a").isalnum() and name.isascii() for name in names)


def test_names_that_are_none_are_refused() -> None:
    with pytest.raises(InvalidValue):
        check_identifier('q"; DROP', field="database")
    with pytest.raises(InvalidValue):
        view_name(pair("BTC", venue="Ok-x"), "1m")
    with pytest.raises(UnknownName):
        view_name(pair("BTC"), "7m")
    with pytest.raises(UnknownName):
        view_name(pair("BTC", market="x; DROP"), "1m")


def test_a_views_text_quotes_what_it_cannot_parameterise() -> None:
    odd = msgspec.structs.replace(pair("X"), id=InstrumentId("binance", "um", "a'b\\"))
    assert "symbol = 'a\\'b\\\\'" in view_statement(odd, "1m", database="q")
    with pytest.raises(InvalidValue):
        view_statement(msgspec.structs.replace(odd, id=InstrumentId("binance", "um", "a\nb")), "1m", database="q")
