"""One account put together: where its orders go, who keeps its books, what risk control sees of it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import structlog

from quantservice.app.following import Follower
from quantservice.core.errors import EnvironmentFault
from quantservice.core.events import FundingRate, Kline, Quote
from quantservice.core.fees import worth_of_fees
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import Alert, BalanceChanged, Message, OrderChanged, PositionChanged, Topic
from quantservice.core.money import exact, round_to_digits
from quantservice.core.positions import Position
from quantservice.core.process import process_token
from quantservice.core.worth import Collateral, Worth, worth_of
from quantservice.ports import (
    AccountFees,
    HeldPosition,
    RunTold,
    TradingAccount,
    UnitOfWork,
)
from quantservice.ports.trading import AccountSnapshot, MarketTaker, Trading
from quantservice.services.execution import Algorithms, Deadlines, ExecutionConfig, ExecutionService, Gateway, GatewayConfig, Guard
from quantservice.services.execution.telling import update_of
from quantservice.services.portfolio import Bookkeeper
from quantservice.services.portfolio.books import fees_of, wallet_of
from quantservice.services.portfolio.equity import EquityLog, paid_in
from quantservice.services.portfolio.sizing import Sizer
from quantservice.services.risk import ExposureBook, MarginBook, RiskDesk, keep_standing

if TYPE_CHECKING:
    from quantservice.app.parts import Parts

log = structlog.get_logger(__name__)
_LEASE_MS: Final = 6_000  # a killed process is followed so late at most: with the start itself within the ten seconds of G5
_EQUITY_EVERY_S: Final = 1.0
_QUOTED_NS: Final = 10_000_000_000  # how long a quote counts
_DAY_NS: Final = 86_400 * 1_000_000_000
_STANDING_NS: Final = 5_000_000_000  # how often a peak that grows is kept
_RATIO_DIGITS: Final = 4
_VALID_NS: Final = 30_000_000_000  # how long after a signal its orders may be sent


def holder() -> str:
    """Name this process, among all that may ever use the store, so that a person knows where to look for it."""
    return f"{socket.gethostname()}, process {os.getpid()}, {process_token()}"


class AccountDesk:
    """An account's gateway with what it needs of books, risk control and sizing.

    ``takes_market``: who must be told prices and funding, where no venue tells them.
    """

    def __init__(
        self,
        account: TradingAccount,
        trading: Trading,
        platform: Parts,
        risk: RiskDesk,
        *,
        takes_market: MarketTaker | None = None,
        usual_leverage: Decimal | None = None,
        speed: float = 1.0,
    ) -> None:
        self.account, self.trading, self._takes_market = account, trading, takes_market
        self._state, self._clock = platform.state_store, platform.clock

        def instrument_of(name: InstrumentId) -> Any:
            return platform.book().get(name)

        self.exposure = risk.books[account.name] = ExposureBook(account.name, instrument_of, account.currency)
        self.exposure.quotas = risk.quotas  # one for all accounts, kept in line with the store
        self.exposure.data_faults = risk.data_faults
        self.exposure.unreconciled_ns = round(self.exposure.unreconciled_ns * speed)
        self.margin = MarginBook(instrument_of)
        self._standing_kept = (0, 0)  # changes of the standing that are kept, and when (ns) the last was
        self._wallet: Mapping[str, Decimal] = {}
        self._held: Sequence[HeldPosition] = ()
        self.books = Bookkeeper(account, instrument_of, platform.clock)
        self.prices: dict[InstrumentId, Decimal] = {}
        self._rates: dict[tuple[str, str], Decimal] = {}  # of currencies: base, quote -> price
        self._collateral = Collateral(account.venue, account.market, account.currency)
        self._equity = EquityLog(account.name, platform.state_store, platform.clock)
        self._instrument_of, self._book = instrument_of, platform.book
        self.gateway = Gateway(
            trading,
            platform.state_store,
            platform.clock,
            check=risk,
            books=self.books,
            told=self._told,
            holder=holder(),
            config=GatewayConfig(lease_ms=round(_LEASE_MS * speed), send_within_s=10.0 * speed),
        )
        self.gateway.reconciled = self._reconciled
        if usual_leverage is not None:  # of instruments whose own no venue says
            self.exposure.usual_leverage = usual_leverage
        dead_man_s = ExecutionConfig().dead_man_s if account.mode == "live" else 0.0  # paper dies with us
        config = ExecutionConfig(lease_every_s=_LEASE_MS / 3_000, start_again_s=0.5, dead_man_s=dead_man_s)
        self.follower = Follower(
            account,
            self.gateway,
            platform.state_store,
            platform.clock,
            sizer=Sizer(account.name, instrument_of, valid_ns=round(_VALID_NS * speed)),
            prices=self.prices,
        )
        self.execution = ExecutionService(self.gateway, trading, platform.clock, config)
        self.guard = Guard(
            self.gateway,
            platform.state_store,
            platform.clock,
            rules_of=lambda deployment: risk.position_rules(account.name, deployment),
            instrument_of=instrument_of,
            rests=trading.stops,
            margin_ratio=self._margin_ratio,
        )

        self.algorithms = Algorithms(
            self.gateway, platform.state_store, platform.clock, instrument_of=instrument_of, touch_of=self._touch
        )
        self.deadlines = Deadlines(self.gateway, platform.clock)
        self._quotes: dict[InstrumentId, tuple[Quote, int]] = {}

    async def run(self) -> None:
        """Run the account until cancelled."""
        await self.value()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.execution.run())
            tasks.create_task(self.guard.run())
            tasks.create_task(self.algorithms.run())
            tasks.create_task(self.deadlines.run())
            tasks.create_task(self.follower.run())
            tasks.create_task(self._value_often())

    async def _told(self, work: UnitOfWork, payload: Any) -> None:
        """Take into the exposure what was booked; pass alerts on, and what a strategy hears of its orders."""
        heard = update_of(payload, self._clock.now_ms())
        if heard is not None:
            await self.follower.write(work, heard[0], RunTold(update=heard[1]))
        if isinstance(payload, PositionChanged):
            self.exposure.apply_position(payload.position, payload.deployment, self._clock.now_ns())
            self.guard.touch(held=True)
        elif isinstance(payload, OrderChanged):
            if payload.order.purpose in ("protective", "flatten"):
                self.guard.touch()
        elif isinstance(payload, BalanceChanged):
            self._equity.touch()
            if not self.exposure.equity.now:  # the opening: risk control knows it before the first order
                equity = self._worth(payload.wallet, {}, ()).equity
                self.exposure.set_equity(equity, self._clock.now_ns(), free_margin=equity, sure=False)
        elif isinstance(payload, Alert):
            await work.outbox.add(Message(topic=Topic.ALERT, data=payload, event_type=payload.name, key=payload.account))

    # --- the market ----------------------------------------------------------------------------------------------------

    async def price(self, kline: Kline, came_ns: int = 0) -> None:
        """Take a live kline: its close is the last price; once it closed its range counts too. ``came_ns``: when, if not now."""
        name = kline.stream.instrument
        self.prices[name] = kline.close
        rules = self._instrument_of(name)
        if rules is not None:
            self._rates[rules.base, rules.quote] = kline.close
        self.exposure.set_price(name, kline.close, came_ns or self._clock.now_ns())
        self.guard.mark(name, kline.close)
        if self._takes_market is not None:
            bar = (kline.open_time, kline.low, kline.high) if kline.closed else None
            await self._takes_market.mark(name, kline.close, bar=bar)

    async def quote(self, event: Quote, came_ns: int = 0) -> None:
        """Take the best bid and ask; their middle is the price where no kline came yet. ``came_ns``: when they came, if not now."""
        name, now_ns = event.stream.instrument, came_ns or self._clock.now_ns()
        self._quotes[name] = (event, now_ns)
        if name in self.prices:
            return
        middle = (event.bid_price + event.ask_price) / 2
        self.exposure.set_price(name, middle, now_ns)
        if self._takes_market is not None:
            await self._takes_market.mark(name, middle)

    def quoted(self, name: InstrumentId) -> Quote | None:
        """Return the best bid and ask with their sizes; None where none came lately."""
        quoted = self._quotes.get(name)
        return None if quoted is None or self._clock.now_ns() - quoted[1] > _QUOTED_NS else quoted[0]

    def _touch(self, name: InstrumentId) -> tuple[Decimal, Decimal] | None:
        """Return the best bid and ask, or where none came lately the last price and a tick around it."""
        quoted = self.quoted(name)
        if quoted is not None:
            return quoted.bid_price, quoted.ask_price
        last, rules = self.prices.get(name), self._instrument_of(name)
        return None if last is None or rules is None else (last - rules.tick_size, last + rules.tick_size)

    async def funding(self, event: FundingRate) -> None:
        """Settle funding on paper; a live venue does it itself and tells."""
        if self._takes_market is not None and event.mark_price is not None:
            await self._takes_market.settle_funding(event.stream.instrument, event.rate, event.mark_price, event.time)

    async def _value_often(self) -> None:
        while True:
            await self._clock.sleep(_EQUITY_EVERY_S)
            try:
                await self.value()
            except EnvironmentFault as error:  # the store is away: what was valued last still counts
                log.debug("trading.equity_not_valued", account=self.account.name, reason=str(error))

    async def value(self) -> None:
        """Mark the account's equity for risk control, in its currency."""
        async with self._state.transaction() as work:
            balances = await work.books.balances(account=self.account.name)
            held = await work.books.positions(account=self.account.name, deployment="")
        wallet = wallet_of(balances)
        if not wallet:
            return  # the books are not open yet
        collateral = self._collateral.of(self._book())
        fees = {name: amount for name, amount in fees_of(balances).items() if name not in collateral}
        worth = self._worth(wallet, paid_in(balances), [item.position for item in held])
        equity, paid = _less(worth.equity, worth_of_fees(fees, self.account.currency, self._rates)), worth.paid_in
        self._wallet, self._held = wallet, held
        self.exposure.set_equity(
            equity,
            self._clock.now_ns(),
            free_margin=equity,
            margin_ratio=self._margin_ratio(),
            paid_in=None if worth.unknown else paid,
            # before the first comparison with the venue, or without a price, it is nothing to be measured against
            sure=self.gateway.ready
            and not worth.unknown
            and all(item.position.instrument in self._marks() for item in held if item.position.quantity),
        )
        await self._keep_standing()
        if not worth.unknown and all(item.position.instrument in self.prices for item in held if item.position.quantity):
            # without a price, as after a start, something would be missing: that is no fall
            await self._equity.take(equity, paid)

    def _worth(self, wallet: Mapping[str, Decimal], paid: Mapping[str, Decimal], held: Sequence[Position]) -> Worth:
        return worth_of(
            wallet,
            paid,
            held,
            self._marks(),
            collateral=self._collateral.of(self._book()),
            rules_of=self._instrument_of,
            rate_of=self.exposure.rate_of,
        )

    def _marks(self) -> Mapping[InstrumentId, Decimal]:
        """Return the last prices; where none came yet, as after a start, a live venue's own marks."""
        return self.prices if self._takes_market is not None else {**self.margin.marks, **self.prices}

    async def _keep_standing(self) -> None:
        """Keep the peak and the day's start, at once where a day began or money moved, else every few seconds at most."""
        equity, (changes, kept_ns), now_ns = self.exposure.equity, self._standing_kept, self._clock.now_ns()
        if not self.gateway.ready or equity.changes == changes or equity.day < 0:
            return
        if changes and equity.day == kept_ns // _DAY_NS and now_ns - kept_ns < _STANDING_NS:
            return
        changes = equity.changes
        try:
            async with self._state.transaction() as work:
                await keep_standing(work, self.account.name, equity)
        except EnvironmentFault as error:
            log.warning("trading.standing_not_kept", account=self.account.name, reason=str(error))
            return
        self._standing_kept = (changes, now_ns)

    def _reconciled(self, snapshot: AccountSnapshot) -> None:
        """Take what the venue says of margin and leverage, and that it was heard."""
        if self._takes_market is None:  # who is brought the market is here, in this process: it cannot be silent
            self.exposure.reconciled_ns = self._clock.now_ns()
        self.exposure.leverage.update({item.instrument: item.leverage for item in snapshot.positions if item.leverage > 0})
        self.margin.take(snapshot)

    def _margin_ratio(self) -> Decimal:
        """Return the margin ratio with what is held and priced now: a fill that was booked counts at once."""
        held = (item.position for item in self._held)
        return self.margin.ratio(self.exposure.legs(), self.prices, wallet=self._wallet, held=held)

    async def fees(self) -> AccountFees | None:
        """Ask the venue what the account pays; None where it does not say, or nothing of its currency is listed."""
        account = self.account
        found = self._typical(account)
        if found is None:
            return None
        modes = await self.trading.modes([found])
        if modes.maker_fee is None or modes.taker_fee is None:
            return None
        return AccountFees(
            account=account.name,
            venue=account.venue,
            market=account.market,
            instrument=str(found),
            maker=modes.maker_fee,
            taker=modes.taker_fee,
            read_ms=self._clock.now_ms(),
        )

    def _typical(self, account: TradingAccount) -> InstrumentId | None:
        """Return an instrument that the account could trade: a tier is the same for nearly all of them."""
        mine = [
            item.id
            for item in self._book()
            if (item.id.venue, item.id.market, item.status) == (account.venue, account.market, "trading")
            and account.currency in (item.quote, item.settle)
        ]
        return min(mine, key=lambda name: (not name.symbol.startswith("BTC-"), name.symbol), default=None)

    def figures(self) -> dict[str, Any]:
        """Return equity and how books and venue compare."""
        equity, statement = self.exposure.equity, self.gateway.resolver.statement
        return {
            "equity": equity.now,
            "peak": equity.peak,
            "day_start": equity.day_start,
            "margin_ratio": round_to_digits(self._margin_ratio(), _RATIO_DIGITS),
            "unexplained": dict(statement.unexplained) if statement is not None else {},
            "differing": [str(gap.instrument) for gap in statement.positions] if statement is not None else [],
            "compared": statement is not None,
            "exposure": self.exposure.gross(),
            "used": self.exposure.used(self._clock.now_ns()),
        }


@exact
def _less(amount: Decimal, taken: Decimal) -> Decimal:
    return amount - taken
