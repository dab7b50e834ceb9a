"""One account put together: where its orders go, who keeps its books, what risk control sees of it."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import structlog

from quantservice.adapters.venues.paper import PaperTrading
from quantservice.core.events import FundingRate, Kline
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import Alert, BalanceChanged, Message, PositionChanged, StrategySignal, Topic
from quantservice.core.money import ZERO, exact
from quantservice.core.positions import PositionSide
from quantservice.ports import HeldPosition, TradingAccount, UnitOfWork
from quantservice.services.execution import ExecutionConfig, ExecutionService, Gateway, GatewayConfig
from quantservice.services.portfolio import Bookkeeper
from quantservice.services.portfolio.books import wallet_of
from quantservice.services.portfolio.sizing import Holdings, Sizer
from quantservice.services.risk import ExposureBook, RiskDesk

if TYPE_CHECKING:
    from quantservice.adapters.venues.binance.trading.adapter import BinanceTrading
    from quantservice.app.parts import Parts

log = structlog.get_logger(__name__)
_LEASE_MS: Final = 6_000  # a killed process is followed so late at most: with the start itself within the ten seconds of G5
_VALID_NS: Final = 30_000_000_000  # how long after a signal its orders may be sent


class AccountDesk:
    """An account's gateway with what it needs of books, risk control and sizing."""

    def __init__(
        self,
        account: TradingAccount,
        trading: PaperTrading | BinanceTrading,
        platform: Parts,
        risk: RiskDesk,
        *,
        speed: float = 1.0,
    ) -> None:
        self.account, self.trading = account, trading
        self._state, self._clock = platform.state_store, platform.clock

        def instrument_of(name: InstrumentId) -> Any:
            return platform.book().get(name)

        self.exposure = risk.books[account.name] = ExposureBook(account.name, instrument_of)
        self.books = Bookkeeper(account, instrument_of, platform.clock)
        self.prices: dict[InstrumentId, Decimal] = {}
        self._instrument_of = instrument_of
        self._sizer = Sizer(account.name, instrument_of, valid_ns=round(_VALID_NS * speed))
        self.gateway = Gateway(
            trading,
            platform.state_store,
            platform.clock,
            check=risk,
            books=self.books,
            told=self._told,
            holder=f"pid-{os.getpid()}",
            config=GatewayConfig(lease_ms=round(_LEASE_MS * speed), send_within_s=10.0 * speed),
        )
        dead_man_s = ExecutionConfig().dead_man_s if account.mode == "live" else 0.0  # paper dies with us
        config = ExecutionConfig(lease_every_s=_LEASE_MS / 3_000, start_again_s=0.5, dead_man_s=dead_man_s)
        self.execution = ExecutionService(self.gateway, trading, platform.clock, config)

    async def run(self) -> None:
        """Run the account until cancelled."""
        async with self._state.transaction() as work:
            for held in await work.books.positions(account=self.account.name):
                self.exposure.apply_position(held.position, held.deployment)
        await self.value()
        await self.execution.run()

    async def _told(self, work: UnitOfWork, payload: Any) -> None:
        """Take into the exposure what was booked; pass alerts on."""
        if isinstance(payload, PositionChanged):
            self.exposure.apply_position(payload.position, payload.deployment)
        elif isinstance(payload, BalanceChanged) and not self.exposure.equity.now:
            equity = payload.wallet.get(self.account.currency, ZERO)  # the opening: risk control knows it before the first order
            self.exposure.set_equity(equity, self._clock.now_ns(), free_margin=equity)
        elif isinstance(payload, Alert):
            await work.outbox.add(Message(topic=Topic.ALERT, data=payload, event_type=payload.name, key=payload.account))

    # --- the market ----------------------------------------------------------------------------------------------------

    async def price(self, kline: Kline) -> None:
        """Take a live kline: its close is the last price; once it closed its range counts too."""
        name = kline.stream.instrument
        self.prices[name] = kline.close
        self.exposure.set_price(name, kline.close, self._clock.now_ns())
        if isinstance(self.trading, PaperTrading):
            bar = (kline.open_time, kline.low, kline.high) if kline.closed else None
            await self.trading.mark(name, kline.close, bar=bar)

    async def funding(self, event: FundingRate) -> None:
        """Settle funding on paper; a live venue does it itself and tells."""
        if isinstance(self.trading, PaperTrading) and event.mark_price is not None:
            await self.trading.settle_funding(event.stream.instrument, event.rate, event.mark_price, event.time)

    async def value(self) -> None:
        """Mark the account's equity for risk control, in its currency."""
        async with self._state.transaction() as work:
            wallet = wallet_of(await work.books.balances(account=self.account.name))
            held = await work.books.positions(account=self.account.name, deployment="")
        if not wallet:
            return  # the books are not open yet
        equity = _equity(wallet.get(self.account.currency, ZERO), held, self.prices, self.account.currency)
        self.exposure.set_equity(equity, self._clock.now_ns(), free_margin=equity)

    def figures(self) -> dict[str, Any]:
        """Return equity and how books and venue compare."""
        equity, statement = self.exposure.equity, self.gateway.resolver.statement
        return {
            "equity": equity.now,
            "peak": equity.peak,
            "day_start": equity.day_start,
            "unexplained": dict(statement.unexplained) if statement is not None else {},
            "differing": [str(gap.instrument) for gap in statement.positions] if statement is not None else [],
            "compared": statement is not None,
        }

    # --- strategies ------------------------------------------------------------------------------------------------------

    async def follow(self, signal: StrategySignal, cause: str, allocation: Decimal) -> None:
        """Size a signal by what its deployment has, and send what it asks for."""
        holdings = await self._holdings(signal.deployment, allocation)
        sizing = self._sizer.size(signal, cause, holdings, self._clock.now_ns())
        for nothing in sizing.nothing:
            log.info("trading.no_trade", deployment=signal.name, instrument=str(nothing.instrument), reason=nothing.reason)
        for name in sizing.cancels:
            await self.gateway.cancel(name)
        if sizing.intents:
            await self.gateway.submit(sizing.intents)

    async def _holdings(self, deployment: str, allocation: Decimal) -> Holdings:
        async with self._state.transaction() as work:
            held = await work.books.positions(account=self.account.name, deployment=deployment)
            earned = wallet_of(await work.books.balances(account=self.account.name, deployment=deployment))
            orders = await work.orders.open(self.account.name)
        currency = self.account.currency
        equity = _equity(allocation + earned.get(currency, ZERO), held, self.prices, currency)
        positions: dict[tuple[InstrumentId, PositionSide], Decimal] = {
            (item.position.instrument, item.position.side): item.position.quantity for item in held
        }
        return Holdings(
            equity={currency: equity},
            positions=positions,
            orders=tuple(order for order in orders if order.deployment == deployment),
            prices=dict(self.prices),
        )


@exact
def _equity(wallet: Decimal, held: list[HeldPosition], prices: dict[InstrumentId, Decimal], currency: str) -> Decimal:
    """Return the money and what is open at the last prices; what was bought on spot counts at its price."""
    total = wallet
    for item in held:
        position, price = item.position, prices.get(item.position.instrument)
        if price is None or not position.quantity:
            continue
        total += position.quantity * price if position.instrument.market == "spot" else position.unrealised(price)
    return total
