"""Preflight: each thing that can be wrong with an account is said in one sentence, and a sound one passes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.orders import Evidence, OrderState
from quantservice.ports import Deployment, KeyPermissions, RiskState, TradingAccount
from quantservice.ports.trading import AccountModes, AccountSnapshot, OrderReport, VenueBalance
from quantservice.services.accounts.preflight import Facts, judge

D = Decimal
NOW_MS = 1_740_787_200_000
BTC = InstrumentId("binance", "um", "BTC-USDT-PERP")
ACCOUNT = TradingAccount(name="main", venue="binance", market="um", mode="live")
LISTED = Instrument(
    id=BTC,
    venue_symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    settle="USDT",
    tick_size=D("0.1"),
    lot_size=D("0.001"),
    min_notional=D(100),
)
DEPLOYMENT = Deployment(
    id="d1", name="trend", strategy="x", instruments=(str(BTC),), account="main", allocation="1000", created_ms=0, updated_ms=0
)
RIGHTS = KeyPermissions(read=True, trade=True, withdraw=False, ip_bound=True)
SNAPSHOT = AccountSnapshot(
    account="main", balances=(VenueBalance(currency="USDT", total=D(5_000), free=D(5_000)),), positions=(), orders=()
)
MODES = AccountModes(leverage={str(BTC): D(3)}, maker_fee=D("0.0002"), taker_fee=D("0.0005"))
SOUND = Facts(
    account=ACCOUNT,
    permissions=RIGHTS,
    modes=MODES,
    snapshot=SNAPSHOT,
    offset_ms=12,
    deployments=(DEPLOYMENT,),
    instruments={str(BTC): LISTED},
    prices={str(BTC): D(50_000)},
)


def found(**changes: Any) -> dict[str, tuple[str, str]]:
    """Findings that are not in order, by check."""
    facts = msgspec.structs.replace(SOUND, **changes)
    return {item.check: (item.outcome, item.sentence) for item in judge(facts, now_ms=NOW_MS) if item.outcome != "ok"}


def test_a_sound_account_passes_every_check() -> None:
    findings = judge(SOUND, now_ms=NOW_MS)
    assert {item.outcome for item in findings} == {"ok"}
    checks = ["account", "key", "clock", "mode", "leverage", "fees", "money", "limits", "risk control", "alerts"]
    assert [item.check for item in findings] == checks


def rights(**changes: Any) -> KeyPermissions:
    return msgspec.structs.replace(RIGHTS, **changes)


@pytest.mark.parametrize(
    ("assumed", "said"),
    [
        (None, "backtest with the same"),
        ((D("0.0002"), D("0.0005")), "as backtests take"),
        ((D("0.0003"), D("0.0005")), "less than the 0.03 % and 0.05 %"),
    ],
)
def test_fees_are_compared_with_what_a_backtest_takes(assumed: tuple[Decimal, Decimal] | None, said: str) -> None:
    findings = judge(msgspec.structs.replace(SOUND, assumed_fees=assumed), now_ms=NOW_MS)
    (fees,) = [item for item in findings if item.check == "fees"]
    assert fees.outcome == "ok"
    assert said in fees.sentence


@pytest.mark.parametrize(
    ("changes", "check", "outcome", "said"),
    [
        ({"account": msgspec.structs.replace(ACCOUNT, enabled=False)}, "account", "failed", "switched off"),
        ({"has_key": False}, "key", "failed", "qs accounts key main"),
        ({"permissions": rights(withdraw=True)}, "key", "failed", "withdraw"),
        ({"permissions": rights(trade=False)}, "key", "failed", "may not trade"),
        ({"permissions": rights(expires_ms=NOW_MS)}, "key", "failed", "expired"),
        ({"permissions": rights(expires_ms=NOW_MS + 86_400_000)}, "key", "warning", "2025-03-02"),
        ({"permissions": rights(ip_bound=False)}, "key", "warning", "not bound"),
        ({"permissions": rights(told=False, detail="see to it")}, "key", "warning", "is not told: see to it"),
        ({"twin": "second"}, "key", "failed", "as that of second: both would book the whole wallet"),
        ({"permissions": None, "faults": {"key": "Invalid API-key"}}, "key", "failed", "Invalid API-key"),
        ({"offset_ms": 10_000}, "clock", "failed", "10,000 ms"),
        ({"offset_ms": -10_000}, "clock", "failed", "10,000 ms"),
        ({"offset_ms": 400}, "clock", "warning", "400 ms"),
        ({"offset_ms": None}, "clock", "failed", "not known"),
        ({"modes": msgspec.structs.replace(MODES, hedge=True)}, "mode", "failed", "one-way"),
        ({"modes": msgspec.structs.replace(MODES, hedge=True), "deployments": ()}, "mode", "warning", "one-way"),
        ({"modes": msgspec.structs.replace(MODES, multi_asset=True)}, "mode", "warning", "multi-asset"),
        ({"modes": msgspec.structs.replace(MODES, leverage={str(BTC): D(20)})}, "leverage", "warning", "5.0%"),
        ({"modes": msgspec.structs.replace(MODES, taker_fee=None)}, "fees", "warning", "does not say"),
        ({"assumed_fees": (D("0.0002"), D("0.0004"))}, "fees", "warning", "0.02 % as maker and 0.05 % as taker; backtests take"),
        ({"assumed_fees": (D("0.0001"), D("0.0005"))}, "fees", "warning", "were too kind"),
        ({"snapshot": msgspec.structs.replace(SNAPSHOT, balances=())}, "money", "failed", "no USDT"),
        ({"deployments": (msgspec.structs.replace(DEPLOYMENT, allocation="5001"),)}, "money", "failed", "5001"),
        ({"instruments": {}}, "instruments", "failed", "does not list"),
        ({"instruments": {str(BTC): msgspec.structs.replace(LISTED, status="break")}}, "instruments", "failed", "break"),
        ({"account": msgspec.structs.replace(ACCOUNT, market="cm")}, "instruments", "failed", "cannot be traded from main"),
        (
            {"deployments": (msgspec.structs.replace(DEPLOYMENT, allocation="99"),)},
            "limits",
            "failed",
            "smallest order is worth 100",
        ),
        ({"deployments": (msgspec.structs.replace(DEPLOYMENT, allocation="499"),)}, "limits", "warning", "coarse"),
        ({"prices": {}}, "limits", "warning", "no price"),
        ({"risk": RiskState(scope="system", state="HALTED", reason="drill")}, "risk control", "failed", "drill"),
        ({"alerts": False}, "alerts", "warning", "alerts.urls"),
        ({"dead_man": False}, "dead-man timer", "warning", "no timer"),
        ({"stops": False}, "stops", "warning", "watched here"),
        ({"deployments": ()}, "deployments", "warning", "qs deployments create"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], check: str, outcome: str, said: str) -> None:
    findings = found(**changes)
    assert check in findings, findings
    assert findings[check][0] == outcome
    assert said in findings[check][1]


def test_dust_and_what_was_there_before_are_told() -> None:
    balances = (*SNAPSHOT.balances, VenueBalance(currency="ETH", total=D("0.00003"), free=D("0.00003")))
    order = OrderReport(
        account="main",
        instrument=BTC,
        client_id="web",
        venue_order_id="1",
        side="buy",
        type="limit",
        quantity=D(1),
        state=OrderState.OPEN,
        evidence=Evidence(source="query"),
    )
    findings = found(
        account=msgspec.structs.replace(ACCOUNT, market="spot"),
        snapshot=msgspec.structs.replace(SNAPSHOT, balances=balances, orders=(order,)),
        dust_of={"ETH": D("0.001"), "USDT": D(1)},
        deployments=(),
    )
    assert findings["dust"] == ("warning", "too little to be sold: 0.00003 ETH; it stays when a position is closed")
    assert "1 open orders" in findings["found there"][1]


def test_a_paper_account_is_asked_of_no_venue() -> None:
    account = msgspec.structs.replace(ACCOUNT, mode="paper")
    checks = {item.check for item in judge(Facts(account=account), now_ms=NOW_MS)}
    assert checks == {"account", "deployments", "risk control"}
