"""A run done again by the backtester, in the strategy's own process."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from quantservice.adapters.strategy_host.given import GivenAccount, rates_of, table_of, ticker_of
from quantservice.core.money import ZERO
from quantservice.core.signals import OrderUpdate
from quantservice.ports import HostedFill, HostedReplay, HostedReplayed
from quantservice.quant.backtest.assumptions import Assumptions, FeeRates, Slippage
from quantservice.quant.backtest.data import MarketData
from quantservice.quant.backtest.replay import SentOrder, model_fills, replay_decisions
from quantservice.quant.strategies.bar import MarketTicker
from quantservice.quant.strategies.base import Strategy


class _PastAccount(GivenAccount):
    """The account as it was given at each kline, and what was given with it."""

    def __init__(self, replay: HostedReplay) -> None:
        self._accounts, self._next = replay.accounts, 0
        self._given = {item.open_time: item for item in replay.given}
        self._acts_from = replay.acts_from
        self._open_time = -1

    def go_to(self, open_time: int) -> None:
        """Be as it was when the kline that opened then was answered."""
        self._open_time = open_time
        while self._next < len(self._accounts) and self._accounts[self._next][0] <= open_time:
            self.now = self._accounts[self._next][1]
            self._next += 1

    def asked(self) -> bool:
        """Whether the strategy was asked at that kline: one that acts is not where it was given silently."""
        return self._acts_from is None or self._open_time < self._acts_from or self._open_time in self._given

    def updates(self) -> list[OrderUpdate]:
        """What it was told of its orders before that kline."""
        given = self._given.get(self._open_time)
        return [] if given is None else list(given.updates)

    def tickers(self) -> Iterator[MarketTicker]:
        """What it was given of the market after that kline."""
        given = self._given.get(self._open_time)
        for ticker, account in () if given is None else given.tickers:
            self.now = account
            yield ticker_of(ticker)


def replayed(strategy: Strategy, replay: HostedReplay) -> HostedReplayed:
    """Do a run again: what the strategy decides at each kline, and what the fill model makes of the orders that were sent."""
    # What a venue took is not refused again: a reduction may be of any size there, and the model does not know that it was one.
    rules = [msgspec.structs.replace(item, min_quantity=ZERO, min_notional=ZERO) for item in replay.rules]
    paid = {name: (rates.time, rates.rate) for name, rates in rates_of(replay.rates).items()}
    data = MarketData.of([table_of(item) for item in replay.tables], instruments=rules, funding=paid)
    decisions = replay_decisions(data, strategy, _PastAccount(replay))
    sent = [SentOrder(item.order_id, item.open_time, item.request) for item in replay.sent]
    slippage = Slippage(model="fixed", bps=replay.slippage_bps)
    fees = "venue" if replay.fees is None else FeeRates(maker=replay.fees[0], taker=replay.fees[1])
    assumptions = Assumptions(slippage=slippage, fees=fees)
    fills = [HostedFill(item.key, item.price, item.quantity, item.fee, item.state) for item in model_fills(data, sent, assumptions)]
    return HostedReplayed(decisions, fills)
