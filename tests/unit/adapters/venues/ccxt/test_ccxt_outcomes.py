"""What the library's exceptions mean for an order, and which code of an answer is told."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from quantservice.adapters.venues.ccxt.outcomes import Outcome, code_of, outcome_of

JSON: dict[str, Any] = {"code": -1}


@pytest.mark.parametrize(
    ("error", "status", "answer", "outcome"),
    [
        (ccxt.RequestTimeout, 408, JSON, Outcome.UNKNOWN),
        (ccxt.RequestTimeout, 400, JSON, Outcome.UNKNOWN),
        (ccxt.NetworkError, 200, JSON, Outcome.UNKNOWN),
        (ccxt.ExchangeNotAvailable, 200, JSON, Outcome.UNKNOWN),
        (ccxt.ExchangeNotAvailable, 429, JSON, Outcome.UNKNOWN),
        (ccxt.OperationFailed, 400, JSON, Outcome.UNKNOWN),
        (ccxt.BadResponse, 200, JSON, Outcome.UNKNOWN),
        (ccxt.NullResponse, 200, JSON, Outcome.UNKNOWN),
        (ccxt.CancelPending, 200, JSON, Outcome.UNKNOWN),
        (ccxt.ExchangeError, 200, JSON, Outcome.UNKNOWN),  # a no that nobody can name may be anything
        (ccxt.ExchangeError, 503, JSON, Outcome.UNKNOWN),
        (ccxt.BadRequest, 503, JSON, Outcome.UNKNOWN),
        (ccxt.OnMaintenance, 503, JSON, Outcome.UNKNOWN),
        (ccxt.InsufficientFunds, 502, None, Outcome.UNKNOWN),  # no JSON: whose words they are is not known
        (ccxt.ExchangeError, 400, JSON, Outcome.REFUSED),
        (ccxt.OnMaintenance, 200, JSON, Outcome.REFUSED),
        (ccxt.InsufficientFunds, 200, JSON, Outcome.REFUSED),
        (ccxt.InsufficientFunds, 500, JSON, Outcome.REFUSED),  # bitfinex says no with 500
        (ccxt.InvalidOrder, 200, JSON, Outcome.REFUSED),
        (ccxt.OrderImmediatelyFillable, 400, JSON, Outcome.REFUSED),
        (ccxt.AuthenticationError, 401, JSON, Outcome.REFUSED),
        (ccxt.PermissionDenied, 403, JSON, Outcome.REFUSED),
        (ccxt.AccountSuspended, 200, JSON, Outcome.REFUSED),
        (ccxt.BadSymbol, 400, JSON, Outcome.REFUSED),
        (ccxt.MarketClosed, 400, JSON, Outcome.REFUSED),
        (ccxt.OrderNotFound, 400, JSON, Outcome.GONE),
        (ccxt.DuplicateOrderId, 400, JSON, Outcome.EXISTS),
        (ccxt.InvalidNonce, 400, JSON, Outcome.CLOCK),
        (ccxt.RateLimitExceeded, 200, JSON, Outcome.LIMITED),
        (ccxt.RateLimitExceeded, 429, JSON, Outcome.LIMITED),
        (ccxt.DDoSProtection, 418, JSON, Outcome.LIMITED),
        (ccxt.DDoSProtection, 403, JSON, Outcome.LIMITED),
        (ccxt.DDoSProtection, 200, JSON, Outcome.UNKNOWN),
        (ccxt.DDoSProtection, 401, JSON, Outcome.REFUSED),
        (ccxt.InvalidNonce, 401, JSON, Outcome.CLOCK),
    ],
)
def test_every_kind_of_trouble_has_one_meaning(error: Any, status: int, answer: Any, outcome: Outcome) -> None:
    assert outcome_of("any", error("x"), status, answer) is outcome


def test_every_class_of_the_library_is_classed() -> None:
    """A class that a newer library brings is unknown or refused by its ancestor, and never raises."""
    for kind in vars(ccxt).values():
        if isinstance(kind, type) and issubclass(kind, ccxt.BaseError):
            assert isinstance(outcome_of("any", kind("x"), 200, JSON), Outcome)
            assert outcome_of("any", kind("x"), 502, None) is Outcome.UNKNOWN


def test_a_code_that_the_library_has_no_word_for_is_known_by_its_exchange() -> None:
    answer = {"code": "1", "data": [{"sCode": "51169", "sMsg": "no positions"}]}
    assert outcome_of("okx", ccxt.ExchangeError("x"), 200, answer) is Outcome.REFUSED
    assert outcome_of("bybit", ccxt.ExchangeError("x"), 200, answer) is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"code": "-2010", "msg": "x"}, -2010),
        ({"code": "1", "data": [{"ordId": "", "sCode": "51008"}]}, 51008),
        ({"status": "error", "err-code": "order-value-min-error", "data": None}, "order-value-min-error"),
        ({"retCode": "110007", "retMsg": "x", "result": {}}, 110007),
        ({"label": "BALANCE_NOT_ENOUGH", "message": "x"}, "BALANCE_NOT_ENOUGH"),
        ({"error": ["EOrder:Insufficient funds"]}, "InvalidOrder"),
        (None, "InvalidOrder"),
        ({"code": "0"}, "InvalidOrder"),
    ],
)
def test_the_exchanges_own_code_is_told(answer: Any, code: int | str) -> None:
    assert code_of(ccxt.InvalidOrder("x"), answer) == code
