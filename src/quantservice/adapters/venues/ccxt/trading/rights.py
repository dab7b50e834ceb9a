"""What a key may do, where an exchange can be asked and its answer was tried: the library has no word of its own for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from quantservice.ports.trading import KeyPermissions

#: the library's name of an exchange's request, and how its answer is read
Rights = tuple[str, Callable[[Any, str], KeyPermissions]]


def _binance(answer: Any, market: str) -> KeyPermissions:
    expires = int(answer.get("tradingAuthorityExpirationTime") or 0)
    return KeyPermissions(
        read=_yes(answer.get("enableReading")),
        trade=_yes(answer.get("enableSpotAndMarginTrading" if market == "spot" else "enableFutures")),
        withdraw=_yes(answer.get("enableWithdrawals")),
        ip_bound=_yes(answer.get("ipRestrict")),
        expires_ms=expires or None,
    )


def _okx(answer: Any, market: str) -> KeyPermissions:  # one key for all markets
    row = answer["data"][0]
    rights = str(row["perm"]).split(",")
    return KeyPermissions(
        read="read_only" in rights,
        trade="trade" in rights,
        withdraw="withdraw" in rights,
        ip_bound=bool(row.get("ip")),
        uid=str(row.get("uid") or ""),
    )


RIGHTS: Final[Mapping[str, Rights]] = {
    **dict.fromkeys(("binance", "binanceusdm", "binancecoinm"), ("sapiGetAccountApiRestrictions", _binance)),
    "okx": ("privateGetAccountConfig", _okx),
}
#: what is known of a key of any other exchange: it was let in
UNTOLD: Final = KeyPermissions(
    read=True,
    trade=True,
    withdraw=False,
    told=False,
    detail="see to it at the venue that it may trade, cannot withdraw and is bound to this machine's address",
)


def _yes(value: Any) -> bool:
    return value is True or str(value).lower() == "true"
