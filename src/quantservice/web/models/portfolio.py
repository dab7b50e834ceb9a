"""Portfolio: equity, what was earned, the journal."""

from __future__ import annotations

from pydantic import Field

from quantservice.web.models.common import Answer, DecimalText, Millis


class EquityRow(Answer):
    """An account's equity as risk control sees it: marked at the last prices, in the account's currency."""

    account: str = Field(examples=["paper"])
    currency: str = Field(examples=["USDT"])
    equity: DecimalText
    peak: DecimalText = Field(description="The highest ever, moved by what was paid in or out since.")
    day_start: DecimalText = Field(description="At the beginning of this UTC day, moved by what was paid in or out since.")
    margin_ratio: DecimalText = Field(description="Maintenance margin over margin balance: 1 is liquidation.")
    unexplained: dict[str, DecimalText] = Field(description="Per currency what the venue owes beyond the books.", examples=[{}])
    differing: list[str] = Field(description="Instruments of which venue and books hold different quantities.", examples=[[]])
    compared: bool = Field(description="Whether books and venue were compared since the start.")


class EquityStepRow(Answer):
    """An account's equity in one step of time: the last figure, the lowest and the highest."""

    time_ms: Millis
    equity: DecimalText
    low: DecimalText
    high: DecimalText
    paid_in: DecimalText = Field(description="What was there at the opening, plus transfers.")
    profit: DecimalText = Field(description="Equity beyond what was paid in.")
    drawdown: DecimalText = Field(description="Share by which the lowest is below the highest before it, transfers left out.")


class EquityCurveAnswer(Answer):
    """Equity over time, as fine as it is kept for the whole range, oldest first."""

    account: str = Field(examples=["paper"])
    currency: str = Field(examples=["USDT"])
    step_ms: int = Field(description="60000, 3600000 or 86400000.", examples=[60_000])
    max_drawdown: DecimalText
    data: list[EquityStepRow]


class EarnedRow(Answer):
    """What a deployment earned with an instrument on a UTC day. Fees paid are negative."""

    account: str = Field(examples=["paper"])
    deployment: str = Field(description="Empty for a person's own.", examples=[""])
    instrument: str = Field(description="Empty for what belongs to no trade.", examples=["binance:um:BTC-USDT-PERP"])
    day_ms: Millis
    currency: str = Field(examples=["USDT"])
    realised: DecimalText
    fees: DecimalText
    funding: DecimalText
    other: DecimalText
    total: DecimalText
    trades: int = Field(examples=[4])


class PortfolioAnswer(Answer):
    """Equity by account, and what was earned by deployment, instrument and day."""

    equity: list[EquityRow]
    earned: list[EarnedRow]


class PositionGapRow(Answer):
    """A leg of which the venue held another quantity than the books."""

    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    side: str = Field(examples=["both"])
    booked: DecimalText
    venue: DecimalText


class StatementRow(Answer):
    """An account's UTC day in one currency: `closing` is `opening` plus all that moved between. Fees paid are negative."""

    account: str = Field(examples=["paper"])
    day_ms: Millis
    currency: str = Field(examples=["USDT"])
    opening: DecimalText
    paid_in: DecimalText = Field(description="The opening of the books, and transfers.")
    exchanged: DecimalText = Field(description="What spot trades moved.")
    realised: DecimalText
    fees: DecimalText
    funding: DecimalText
    other: DecimalText = Field(description="Rebates, insurance and whatever else the venue moved.")
    closing: DecimalText
    unbalanced: DecimalText = Field(description="Closing minus opening and moves: 0, or an entry does not add up.")
    compared_ms: Millis | None = Field(description="When books and venue were last compared on that day.")
    venue: DecimalText | None = Field(description="What the venue owed then.")
    unexplained: DecimalText | None = Field(description="That minus what the books said then.")
    differed_ms: Millis | None = Field(description="When they last differed on that day.")
    positions: list[PositionGapRow] = Field(description="Legs that differed at the last comparison.")


class BalanceDifferenceRow(Answer):
    """A balance that is kept as another figure than its entries add up to."""

    ledger_account: str = Field(examples=["wallet"])
    currency: str = Field(examples=["USDT"])
    kept: DecimalText
    summed: DecimalText


class StatementsAnswer(Answer):
    """Daily statements, newest first, and whether the books add up."""

    account: str = Field(examples=["paper"])
    entries: int = Field(description="Entries of the journal that were added up.", examples=[120])
    balanced: bool = Field(description="Every day and balance is what its entries make it, and the venue's last word was the same.")
    differences: list[BalanceDifferenceRow]
    data: list[StatementRow]


class PostingRow(Answer):
    """One side of an entry."""

    account: str = Field(examples=["wallet"])
    currency: str = Field(examples=["USDT"])
    amount: DecimalText


class JournalEntryRow(Answer):
    """A balanced entry: the sum of its postings is zero."""

    sequence: int = Field(examples=[12])
    account: str = Field(examples=["paper"])
    deployment: str = Field(examples=[""])
    entry_id: str = Field(examples=["fill:paper|binance:um:BTC-USDT-PERP|7"])
    reason: str = Field(examples=["trade"])
    time_ms: Millis
    postings: list[PostingRow]


class JournalList(Answer):
    """Entries, newest first."""

    data: list[JournalEntryRow]
