"""Accounts and venue keys: what is refused, what is shown of a key, and master keys that rotate while keys are used."""

from __future__ import annotations

import asyncio
import copy
import pickle
import traceback
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from tests.support.clock import ManualClock
from tests.support.state import sqlite_store

from quantservice.adapters.secrets.envelopes import AesGcmEnvelopes
from quantservice.adapters.secrets.key_file import FileKeyRing
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import IntegrityError, InvalidValue, Refused, UnknownName, UserError, VenueUnreachable
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Intent, OrderTerms
from quantservice.core.orders import order_of
from quantservice.ports import KeyPermissions, TradingAccount, VenueSecret
from quantservice.services.accounts import CHANGED, Accounts
from quantservice.services.accounts.commands import _context

SECRET = VenueSecret("CANARYKEY0123456789", "CANARYSECRET0123456789", "CANARYPHRASE")
OTHER = VenueSecret("ANOTHERKEY0123456789", "ANOTHERSECRET")
TRADES = KeyPermissions(read=True, trade=True, withdraw=False)
VENUES = (("binance", "spot"), ("binance", "um"), ("ccxtbinance", "um"))


class Rig:
    """Accounts over a store, and a venue that says of keys what the test wants."""

    def __init__(self, store: SqlStateStore, folder: Path) -> None:
        self.store, self.clock = store, ManualClock()
        self.ring = FileKeyRing(folder / "venue-keys.json")
        self.sealer = AesGcmEnvelopes(self.ring)
        self.answer: KeyPermissions | Exception = TRADES
        self.asked: list[VenueSecret] = []
        self.accounts = Accounts(store, self.clock, self.sealer, self._permissions, venues=lambda: VENUES)

    async def _permissions(self, _account: TradingAccount, secret: VenueSecret) -> KeyPermissions:
        self.asked.append(secret)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def live(self, name: str = "main", secret: VenueSecret = SECRET) -> int:
        await self.accounts.add(name, "binance", "um", mode="live")
        return (await self.accounts.add_key(name, secret)).id

    async def told(self) -> list[Any]:
        async with self.store.transaction() as work:
            return [message.data for message in await work.outbox.pending(1_000)]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with sqlite_store(tmp_path) as store:
        yield Rig(store, tmp_path)


async def test_an_account_is_added_once_and_named_well(rig: Rig) -> None:
    made = await rig.accounts.add("main", "binance", "um", settings={"hedge": True})
    assert (made.mode, made.currency, made.settings, made.enabled) == ("paper", "USDT", {"hedge": True}, True)
    assert await rig.accounts.list() == [made]
    assert [(item.name, item.arguments) for item in await rig.told()] == [(CHANGED, {"account": "main"})]
    with pytest.raises(InvalidValue, match="taken"):
        await rig.accounts.add("main", "binance", "spot")
    for name in ("", "-x", "a b", "x" * 41, "ü"):
        with pytest.raises(InvalidValue, match="name"):
            await rig.accounts.add(name, "binance", "um")
    with pytest.raises(UnknownName, match="binance:um"):
        await rig.accounts.add("other", "binance", "umm")
    with pytest.raises(InvalidValue, match="currency"):
        await rig.accounts.add("other", "binance", "um", currency="usd")
    with pytest.raises(UnknownName, match="main"):
        await rig.accounts.get("mian")
    assert not (await rig.accounts.enable("main", enabled=False)).enabled


async def _open_order(rig: Rig) -> None:
    terms = OrderTerms(account="main", instrument=InstrumentId("binance", "um", "BTC-USDT-PERP"), side="buy", quantity=Decimal(1))
    async with rig.store.transaction() as work:
        await work.orders.put(order_of(Intent(intent_id="i1", terms=terms), created_ns=1))


async def test_an_account_with_open_orders_stays(rig: Rig) -> None:
    await rig.accounts.add("main", "binance", "um")
    await _open_order(rig)
    with pytest.raises(UserError, match="1 open orders"):
        await rig.accounts.remove("main")
    await rig.accounts.add("second", "binance", "um")
    assert await rig.accounts.remove("second")
    assert not await rig.accounts.remove("second")


async def test_a_key_is_not_forgotten_while_orders_are_open_unless_forced(rig: Rig) -> None:
    key_id = await rig.live()
    await _open_order(rig)
    with pytest.raises(UserError, match="account main has 1 open orders, which nobody would watch without its key"):
        await rig.accounts.remove_key(key_id)
    assert await rig.accounts.unwatched() == {}
    assert await rig.accounts.remove_key(key_id, force=True)
    assert await rig.accounts.unwatched() == {"main": "not watched any more: account main has no key that may be used"}
    await rig.accounts.add("paper", "binance", "um")
    await rig.accounts.enable("paper", enabled=False)
    assert (await rig.accounts.unwatched())["paper"] == "not watched any more: account paper is switched off"


async def test_another_account_of_the_venue_does_not_take_the_place_of_the_first(rig: Rig) -> None:
    """Its wallet and orders are not those that are booked: open ones would be taken for lost."""
    rig.answer = msgspec.structs.replace(TRADES, uid="1")
    key_id = await rig.live()
    rig.answer = msgspec.structs.replace(TRADES, uid="2")
    with pytest.raises(InvalidValue, match="another account of the venue than the key that main has"):
        await rig.accounts.replace_key(key_id, OTHER)
    assert await rig.accounts.secret_of("main") == SECRET
    await _open_order(rig)
    await rig.accounts.remove_key(key_id, force=True)
    with pytest.raises(InvalidValue, match="another account of the venue than the key that main has or had"):
        await rig.accounts.add_key("main", OTHER)
    rig.answer = msgspec.structs.replace(TRADES, uid="1")
    await rig.accounts.add_key("main", OTHER)  # another key of the same account


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (msgspec.structs.replace(TRADES, withdraw=True), "may withdraw money"),
        (msgspec.structs.replace(TRADES, expires_ms=1), "expired on 1970-01-01"),
        (msgspec.structs.replace(TRADES, trade=False), "may not trade"),
        (msgspec.structs.replace(TRADES, read=False), "may not read"),
        (Refused("Invalid API-key CANARYKEY0123456789", code=-2015, status=401), "binance does not take it"),
    ],
)
async def test_a_key_that_can_do_too_much_or_too_little_is_refused_and_not_kept(rig: Rig, answer: Any, sentence: str) -> None:
    await rig.accounts.add("main", "binance", "um", mode="live")
    rig.answer = answer
    with pytest.raises(InvalidValue, match=sentence) as caught:
        await rig.accounts.add_key("main", SECRET)
    text = "".join(traceback.format_exception(caught.value))
    assert SECRET.key not in text
    assert SECRET.secret not in text
    assert await rig.accounts.keys() == []


@pytest.mark.parametrize(
    "secret",
    [
        VenueSecret("", "x" * 20),
        VenueSecret("x" * 20, " "),
        VenueSecret("short", "x" * 20),
        VenueSecret("with blank in it", "x" * 20),
        VenueSecret("x" * 20, "密" * 20),
        VenueSecret("x" * 600, "x" * 20),
        VenueSecret("x" * 20, "x" * 20, "p" * 600),
    ],
)
async def test_a_key_of_no_shape_is_not_even_asked_about(rig: Rig, secret: VenueSecret) -> None:
    await rig.accounts.add("main", "binance", "um", mode="live")
    with pytest.raises(InvalidValue, match="venue key"):
        await rig.accounts.add_key("main", secret)
    assert rig.asked == []


async def test_an_account_has_one_key_and_paper_has_none(rig: Rig) -> None:
    key_id = await rig.live()
    with pytest.raises(UserError, match="has a key already"):
        await rig.accounts.add_key("main", SECRET)
    await rig.accounts.add("paper", "binance", "um")
    with pytest.raises(UserError, match="on paper"):
        await rig.accounts.add_key("paper", SECRET)
    with pytest.raises(UserError, match="qs accounts key paper"):
        await rig.accounts.secret_of("paper")
    other = VenueSecret("ANOTHERKEY0123456789", "ANOTHERSECRET")
    await rig.clock.advance(60)
    replaced = await rig.accounts.replace_key(key_id, other)
    assert (replaced.id, replaced.prefix, replaced.rotated_ms) == (key_id, "ANOTHE", rig.clock.now_ms())
    assert await rig.accounts.secret_of("main") == other
    assert await rig.accounts.remove_key(key_id)
    assert not await rig.accounts.remove_key(key_id)


async def test_a_venues_account_is_traded_by_one_account_only(rig: Rig) -> None:
    """Two gateways with one key would each book the other's orders as external, and close the same position twice."""
    key_id = await rig.live("one", SECRET)
    await rig.accounts.add("two", "binance", "um", mode="live")
    again = VenueSecret(SECRET.key, "another secret of the same key")
    with pytest.raises(InvalidValue, match="binance um is traded with it by account one already; one account of the venue"):
        await rig.accounts.add_key("two", again)
    assert await rig.accounts.keys("two") == []
    await rig.accounts.add("spot", "binance", "spot", mode="live")
    await rig.accounts.add_key("spot", SECRET)  # another market of the same key is another account
    await rig.accounts.add("library", "ccxtbinance", "um", mode="live")
    with pytest.raises(InvalidValue, match="by account one already"):
        await rig.accounts.add_key("library", SECRET)  # the same wallet by another adapter
    await rig.accounts.replace_key(key_id, again)
    other = await rig.accounts.add_key("two", VenueSecret(SECRET.key[:6] + "OTHERKEY0123456789", "of the same beginning"))
    with pytest.raises(InvalidValue, match="by account one already"):
        await rig.accounts.replace_key(other.id, SECRET)
    await rig.accounts.remove_key(key_id)
    assert (await rig.accounts.replace_key(other.id, SECRET)).prefix == SECRET.prefix


async def test_two_keys_of_one_account_of_the_venue_are_one_account_here(rig: Rig) -> None:
    """Each gateway would book the whole wallet, and the other's orders as external."""
    rig.answer = msgspec.structs.replace(TRADES, uid="354937868")
    await rig.live("one", SECRET)
    await rig.accounts.add("two", "binance", "um", mode="live")
    with pytest.raises(InvalidValue, match=r"same account of the venue as the key of account one, which trades um .*; one account"):
        await rig.accounts.add_key("two", OTHER)
    assert await rig.accounts.keys("two") == []
    await rig.accounts.add("spot", "binance", "spot", mode="live")
    await rig.accounts.add_key("spot", OTHER)  # another market of the same account is another account
    rig.answer = msgspec.structs.replace(TRADES, uid="2")
    second = await rig.accounts.add_key("two", OTHER)
    rig.answer = msgspec.structs.replace(TRADES, uid="354937868")
    with pytest.raises(InvalidValue, match="as the key of account one"):
        await rig.accounts.replace_key(second.id, VenueSecret("A_THIRD_KEY0123456789", "A_THIRD_SECRET"))
    assert await rig.accounts.secret_of("two") == OTHER


async def test_keys_of_one_account_that_were_taken_before_are_told_of(rig: Rig) -> None:
    await rig.live("one", SECRET)  # nobody asked then whose it is
    await rig.accounts.add("two", "binance", "um", mode="live")
    await rig.accounts.add_key("two", OTHER)
    rig.answer = msgspec.structs.replace(TRADES, uid="7")
    faults = await rig.accounts.check_keys()
    assert [(fault.key.account, fault.disabled) for fault in faults] == [("two", False)]
    assert "as the key of account one, which trades um with it already" in faults[0].sentence


async def test_the_clear_parts_of_a_key_are_nowhere(rig: Rig, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with structlog.testing.capture_logs() as logs:
        await rig.live()
        (key,) = await rig.accounts.keys()
        secret = await rig.accounts.secret_of("main")
        assert secret == SECRET
        rig.answer = VenueUnreachable(f"GET /account?apiKey={SECRET.key} failed", cause="reset")
        await rig.accounts.check_keys()
        rig.answer = Refused(f"bad signature for {SECRET.secret}", code=1, status=401)
        (fault,) = await rig.accounts.check_keys()
    assert key.prefix == "CANARY"  # the first six characters are shown, to know the key by
    shown = [repr(key), repr(secret), str(secret), f"{secret!r:>40}", fault.sentence, str(logs), str(await rig.told())]
    shown += ["".join(capfd.readouterr()), msgspec.json.encode(key).decode()]
    for text in shown:
        assert not any(part in text for part in (SECRET.key, SECRET.secret, SECRET.passphrase)), text
    for name, content in await asyncio.to_thread(_files, tmp_path):
        assert not any(part.encode() in content for part in (SECRET.key, SECRET.secret, SECRET.passphrase)), name
    for way_out in (pickle.dumps, copy.copy, msgspec.json.encode):
        with pytest.raises(TypeError):
            way_out(secret)


def _files(folder: Path) -> list[tuple[str, bytes]]:
    return [(file.name, file.read_bytes()) for file in folder.rglob("*") if file.is_file()]


async def test_an_envelope_opens_in_its_own_row_only(rig: Rig) -> None:
    await rig.live("one", VenueSecret("FIRSTKEY0123456789", "first"))
    await rig.live("two", VenueSecret("SECONDKEY0123456789", "second"))
    one, two = await rig.accounts.keys()
    async with rig.store.transaction() as work:
        await work.accounts.put_key(msgspec.structs.replace(two, sealed=one.sealed))
    with pytest.raises(IntegrityError):
        await rig.accounts.secret_of("two")
    assert (await rig.accounts.secret_of("one")).secret == "first"


async def test_keys_are_checked_again_and_a_bad_one_is_disabled(rig: Rig) -> None:
    await rig.live()
    soon = rig.clock.now_ms() + 3 * 86_400_000
    rig.answer = msgspec.structs.replace(TRADES, expires_ms=soon)
    (fault,) = await rig.accounts.check_keys()
    assert (fault.disabled, "expires on 2025-03-04" in fault.sentence) == (False, True)
    rig.answer = msgspec.structs.replace(TRADES, withdraw=True)
    (fault,) = await rig.accounts.check_keys()
    assert fault.disabled
    assert "may withdraw" in fault.sentence
    with pytest.raises(UserError, match="no key that may be used"):
        await rig.accounts.secret_of("main")
    assert await rig.accounts.check_keys() == [], "it is not asked about again"


# --- rotation --------------------------------------------------------------------------------------------------------


async def _fill(rig: Rig, count: int) -> None:
    """Put many accounts and their keys straight into the tables, each sealed in its row."""
    main = await rig.accounts.add("main", "binance", "um", mode="live")
    first = await rig.accounts.add_key("main", SECRET)
    for start in range(1, count, 500):
        async with rig.store.transaction() as work:
            for number in range(start, min(start + 500, count)):
                owner = msgspec.structs.replace(main, name=f"a{number}")
                await work.accounts.put(owner)
                key = msgspec.structs.replace(first, id=0, account=owner.name, sealed="")
                kept = await work.accounts.put_key(key)
                parts = msgspec.json.encode({"key": f"KEY{number:08}", "secret": f"s{number}", "passphrase": ""}).decode()
                sealed = await rig.sealer.seal(parts, context=_context(owner, kept))
                await work.accounts.put_key(msgspec.structs.replace(kept, sealed=sealed))


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
async def test_the_master_key_rotates_while_keys_are_used(rig: Rig, count: int) -> None:
    await _fill(rig, count)
    old = await rig.accounts.keys()
    reads = writes = 0
    done = asyncio.Event()

    async def read() -> None:
        nonlocal reads
        while not done.is_set():
            assert await rig.accounts.secret_of("main") == SECRET
            reads += 1
            await asyncio.sleep(0)

    async def write() -> None:
        nonlocal writes
        while not done.is_set():
            name = f"new{writes}"
            await rig.live(name, VenueSecret(f"NEWKEY{writes:08}", f"n{writes}"))
            writes += 1
            await asyncio.sleep(0)

    async def rotate() -> None:
        try:
            rotation = await rig.accounts.rotate_master()
        finally:
            done.set()
        assert rotation.version == 2
        assert rotation.rewrapped >= count

    async with asyncio.TaskGroup() as tasks:
        for work in (rotate, read, write):
            tasks.create_task(work())
    assert reads
    assert writes
    keys = await rig.accounts.keys()
    assert len(keys) == count + writes
    assert {key.version for key in keys} == {rig.sealer.version_of(key.sealed) for key in keys} == {2}
    for before, after in list(zip(old, keys, strict=False))[:: max(1, count // 50)]:
        assert before.id == after.id
        owner = await rig.accounts.get(after.account)
        opened = await rig.sealer.unseal(after.sealed, context=_context(owner, after))
        assert SECRET.secret in opened if after.id == old[0].id else f"s{after.id - old[0].id}" in opened
        with pytest.raises(IntegrityError, match="retired"):
            await rig.sealer.unseal(before.sealed, context=_context(owner, before))


async def test_nothing_is_rotated_while_a_key_does_not_open(rig: Rig) -> None:
    await rig.live()
    (key,) = await rig.accounts.keys()
    async with rig.store.transaction() as work:
        await work.accounts.put_key(msgspec.structs.replace(key, sealed=key.sealed[:-3] + "AAA"))
    with pytest.raises(UserError, match="nothing was changed: the key of account main does not open"):
        await rig.accounts.rotate_master()
    assert rig.sealer.version_of(await rig.sealer.seal("x", context="row")) == 1


async def test_a_rotation_that_was_cut_off_is_finished_by_the_next(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.live()
    (before,) = await rig.accounts.keys()
    rewrap: Callable[..., Any] = rig.accounts._rewrap

    async def cut(_keys: Any) -> int:
        raise ConnectionAbortedError

    monkeypatch.setattr(rig.accounts, "_rewrap", cut)
    with pytest.raises(ConnectionAbortedError):
        await rig.accounts.rotate_master()
    assert await rig.accounts.secret_of("main") == SECRET, "the old master key still opens it"
    monkeypatch.setattr(rig.accounts, "_rewrap", rewrap)
    assert (await rig.accounts.rotate_master()).version == 3
    assert await rig.accounts.secret_of("main") == SECRET
    with pytest.raises(IntegrityError):
        await rig.sealer.unseal(before.sealed, context=_context(await rig.accounts.get("main"), before))


async def test_a_key_sealed_between_the_last_look_and_the_end_of_a_rotation_is_not_lost(rig: Rig) -> None:
    await rig.live()
    async with rig.store.transaction() as work:  # as another process that began before the rotation and commits after its look
        (key,) = await work.accounts.keys()
    version = await rig.sealer.rotate()
    assert not await rig.accounts._retire(version), "an envelope under the old key holds it back"
    assert await rig.accounts.secret_of("main") == SECRET
    assert rig.sealer.version_of(key.sealed) == 1
