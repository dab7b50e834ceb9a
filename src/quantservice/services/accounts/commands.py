"""Add, list and remove accounts; take, check, replace and rotate venue keys.

The clear parts of a key exist while it is checked with its venue and while its gateway runs. At rest there is an envelope that
opens in its own row only. A key that can withdraw is refused, whatever else it can do.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec
import structlog

from quantservice.core.errors import IntegrityError, InvalidValue, Refused, UnknownName, UserError, VenueError
from quantservice.core.messages import Command, Message, Topic, new_event_id
from quantservice.ports import (
    AccountFees,
    Clock,
    EnvelopeSealer,
    KeyPermissions,
    StateStore,
    TradingAccount,
    UnitOfWork,
    VenueKey,
    VenueSecret,
)
from quantservice.ports.trading_store import CHANGES
from quantservice.services.accounts.texts import moment, refusal_of

_log = structlog.get_logger(__name__)
#: Event type of the command that tells gateways to look at accounts and keys again.
CHANGED: Final = "accounts.changed"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_CURRENCY: Final = re.compile(r"[A-Z0-9]{2,12}")
_LONGEST_KEY: Final = 512
_LONGEST_SECRET: Final = 8_192  # an RSA key in PEM
_BATCH: Final = 200
_DAY_MS: Final = 86_400_000
_SOON_MS: Final = 7 * _DAY_MS
_SCOPE: Final = "venue_keys"
_FEES: Final = "account_fees"
_WHOSE: Final = "account_uid"  # of the key that was forgotten last
_TURN: Final = "writer"
_LIBRARY: Final = "ccxt"  # begins the names of venues that are traded by the library

#: Asks the venue what a key may do. Raises Refused where the venue does not take the key, VenueError where it is away.
PermissionsOf: TypeAlias = Callable[[TradingAccount, VenueSecret], Awaitable[KeyPermissions]]


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """What a rotation of the master key did: the version in use now, and the keys whose envelopes were made anew."""

    version: int
    rewrapped: int


class KeyFault(msgspec.Struct, frozen=True, kw_only=True):
    """Why a key is not to be used any more (``disabled``), or not for long."""

    key: VenueKey
    sentence: str
    disabled: bool


class Accounts:
    """The registry of accounts and venue keys (tables accounts, venue_key)."""

    def __init__(
        self,
        state: StateStore,
        clock: Clock,
        sealer: EnvelopeSealer,
        permissions_of: PermissionsOf,
        *,
        venues: Callable[[], Collection[tuple[str, str]]],
    ) -> None:
        self._state = state
        self._clock = clock
        self._sealer = sealer
        self._permissions_of = permissions_of
        self._venues = venues

    # --- accounts ----------------------------------------------------------------------------------------------------

    async def list(self) -> builtins.list[TradingAccount]:
        """Return all accounts by name."""
        async with self._state.transaction() as work:
            return await work.accounts.list()

    async def get(self, name: str) -> TradingAccount:
        """Return an account; UnknownName names the nearest."""
        async with self._state.transaction() as work:
            return await _account(work, name)

    async def add(
        self,
        name: str,
        venue: str,
        market: str,
        *,
        mode: Literal["paper", "live"] = "paper",
        currency: str = "USDT",
        settings: Mapping[str, Any] | None = None,
    ) -> TradingAccount:
        """Add an account. A live one trades once it has a key."""
        if not _NAME.fullmatch(name):
            raise InvalidValue("name", "1 to 40 letters, digits, '.', '_' or '-', the first a letter or a digit")
        if mode not in ("paper", "live"):
            raise UnknownName("mode", str(mode), ("paper", "live"))
        if not _CURRENCY.fullmatch(currency):
            raise InvalidValue("currency", "the currency of reports is 2 to 12 capital letters or digits, such as USDT")
        known = sorted(self._venues())
        if (venue, market) not in known:
            raise UnknownName("venue and market", f"{venue}:{market}", (":".join(pair) for pair in known))
        made = TradingAccount(
            name=name,
            venue=venue,
            market=market,
            mode=mode,
            currency=currency,
            settings=dict(settings or {}),
            created_ms=self._clock.now_ms(),
        )
        async with self._state.transaction() as work:
            if await work.accounts.get(name) is not None:
                raise InvalidValue("name", f"{name!r} is taken by another account")
            await work.accounts.put(made)
            await self._tell(work, name)
        return made

    async def enable(self, name: str, *, enabled: bool) -> TradingAccount:
        """Let an account trade, or keep it from trading; its orders at the venue stay."""
        async with self._state.transaction() as work:
            changed = msgspec.structs.replace(await _account(work, name), enabled=enabled)
            await work.accounts.put(changed)
            await self._tell(work, name)
        return changed

    async def note_fees(self, fees: AccountFees) -> None:
        """Keep what an account pays, as its venue says."""
        before = (await self.fees()).get(fees.account)
        async with self._state.transaction() as work:
            await work.values.put(_FEES, fees.account, msgspec.to_builtins(fees))
        if before is None or (before.maker, before.taker) != (fees.maker, fees.taker):
            rates = {"maker": f"{fees.maker:f}", "taker": f"{fees.taker:f}"}
            _log.info("accounts.fees_read", account=fees.account, instrument=fees.instrument, **rates)

    async def fees(self) -> dict[str, AccountFees]:
        """Return what accounts pay, by name; those of which it was never read are missing."""
        async with self._state.transaction() as work:
            return await kept_fees(work)

    async def fees_at(self, venue: str, market: str) -> AccountFees | None:
        """Return what a live account pays at a venue's market: of several the one that was read last."""
        live = {item.name for item in await self.list() if item.mode == "live"}
        found = [item for item in (await self.fees()).values() if (item.venue, item.market) == (venue, market)]
        return max((item for item in found if item.account in live), key=lambda item: item.read_ms, default=None)

    async def remove(self, name: str) -> bool:
        """Forget an account and its keys; what it traded stays. One that has orders or positions is not removed."""
        async with self._state.transaction() as work:
            if await work.accounts.get(name) is None:
                return False
            orders = await work.orders.open(name)
            held = [item for item in await work.books.positions(account=name) if item.position.quantity and not item.deployment]
            if orders or held:
                raise UserError(
                    f"account {name} has {len(orders)} open orders and {len(held)} positions; cancel and close them before it goes"
                )
            await work.accounts.remove(name)
            await work.values.remove(_FEES, name)
            await work.values.remove(_WHOSE, name)
            await self._tell(work, name)
        return True

    # --- keys --------------------------------------------------------------------------------------------------------

    async def keys(self, account: str | None = None) -> builtins.list[VenueKey]:
        """Return the keys: prefixes and rights, sealed."""
        async with self._state.transaction() as work:
            return await work.accounts.keys(account)

    async def add_key(self, account: str, secret: VenueSecret) -> VenueKey:
        """Check a key with its venue and keep it sealed. An account has one key; ``replace_key`` brings another."""
        owner = await self.get(account)
        if owner.mode == "paper":
            raise UserError(f"account {account} trades on paper and needs no key")
        permissions = await self._checked(owner, secret)
        now_ms = self._clock.now_ms()
        fresh = VenueKey(account=account, prefix=secret.prefix, sealed="", created_ms=now_ms, checked_ms=now_ms)
        async with self._state.transaction() as work:
            await self._turn(work)
            if await work.accounts.keys(account):
                raise UserError(f"account {account} has a key already; replace it, or remove it first")
            await self._check_unshared(work, owner, secret, permissions.uid)
            if await work.orders.open(account):  # of the account that the key before was of
                _check_same(owner, permissions, str(await work.values.get(_WHOSE, account) or ""))
            kept = await work.accounts.put_key(msgspec.structs.replace(fresh, permissions=_rights(permissions)))
            return await self._seal(work, owner, kept, secret)

    async def replace_key(self, key_id: int, secret: VenueSecret) -> VenueKey:
        """Put a new key of the venue in the place of one; its gateway takes it as soon as it is told."""
        async with self._state.transaction() as work:
            found = await _key(work, key_id)
            owner = await _account(work, found.account)
        permissions = await self._checked(owner, secret)
        now_ms = self._clock.now_ms()
        async with self._state.transaction() as work:
            await self._turn(work)
            await self._check_unshared(work, owner, secret, permissions.uid)
            before = await _key(work, key_id)
            _check_same(owner, permissions, str(before.permissions.get("uid", "")))
            changed = msgspec.structs.replace(
                before,
                prefix=secret.prefix,
                permissions=_rights(permissions),
                enabled=True,
                checked_ms=now_ms,
                rotated_ms=now_ms,
            )
            return await self._seal(work, owner, changed, secret)

    async def remove_key(self, key_id: int, *, force: bool = False) -> bool:
        """Forget a key; say whether it existed. At the venue it is still valid: delete it there.

        Nobody watches the account's orders any more; while some are open it takes ``force``.
        """
        async with self._state.transaction() as work:
            found = next((key for key in await work.accounts.keys() if key.id == key_id), None)
            if found is None:
                return False
            orders = [] if force else await work.orders.open(found.account)
            if orders:
                raise UserError(
                    f"account {found.account} has {len(orders)} open orders, which nobody would watch without its key; "
                    f"cancel them first, or force it"
                )
            if found.permissions.get("uid"):
                await work.values.put(_WHOSE, found.account, found.permissions["uid"])
            await work.accounts.remove_key(key_id)
            await self._tell(work, found.account)
        return True

    async def unwatched(self) -> dict[str, str]:
        """Return why nobody asks the venue what becomes of an account's orders, for the accounts where that is so."""
        async with self._state.transaction() as work:
            usable = {key.account for key in await work.accounts.keys() if key.enabled}
            accounts = await work.accounts.list()
        why = {item.name: f"account {item.name} is switched off" for item in accounts if not item.enabled}
        for item in accounts:
            if item.mode == "live" and item.name not in usable:
                why[item.name] = f"account {item.name} has no key that may be used"
        return {name: f"not watched any more: {reason}" for name, reason in why.items()}

    async def secret_of(self, account: str) -> VenueSecret:
        """Return the clear parts of an account's key: for its gateway alone."""
        owner = await self.get(account)
        key = await self._enabled(account)
        for _ in range(2):
            try:
                return _opened(await self._sealer.unseal(key.sealed, context=_context(owner, key)))
            except IntegrityError:
                again = await self._enabled(account)
                if again.sealed == key.sealed:
                    raise
                key = again  # a rotation has passed between reading and opening
        raise IntegrityError(f"the key of account {account} changes faster than it can be opened; try again")

    async def twin_of(self, account: str, permissions: KeyPermissions) -> str:
        """Return the other account here that trades the same account of the venue, or nothing."""
        async with self._state.transaction() as work:
            return await _twin(work, await _account(work, account), permissions.uid)

    async def check_keys(self) -> builtins.list[KeyFault]:
        """Ask each venue again what its key may do. One that may withdraw by now, or has expired, is disabled.

        A venue that is away says nothing about its key: the next check asks again.
        """
        faults: list[KeyFault] = []
        for key in await self.keys():
            if not key.enabled:
                continue
            try:
                fault = await self._check_again(key)
            except VenueError as error:
                _log.warning("accounts.key_not_checked", account=key.account, reason=type(error).__name__)
            except UserError:  # removed or disabled meanwhile
                _log.info("accounts.key_gone", account=key.account)
            else:
                faults += [fault] if fault is not None else []
        return faults

    async def _check_again(self, key: VenueKey) -> KeyFault | None:
        owner = await self.get(key.account)
        secret = await self.secret_of(key.account)
        try:
            permissions = await self._permissions_of(owner, secret)
        except Refused as error:
            return await self._disable(key, f"the venue refuses the key: {secret.hide(str(error))}")
        refused = refusal_of(permissions, now_ms=self._clock.now_ms())
        if refused:
            return await self._disable(key, refused)
        checked = await self._note_checked(key, permissions)
        twin = await self.twin_of(owner.name, permissions)
        if twin:  # from before the venue was asked whose key it is
            return KeyFault(key=checked, sentence=f"the key is one too many: {_of_twin(owner, twin)}", disabled=False)
        if permissions.expires_ms is not None and permissions.expires_ms - self._clock.now_ms() < _SOON_MS:
            sentence = f"the key expires on {moment(permissions.expires_ms)}; replace it before"
            return KeyFault(key=checked, sentence=sentence, disabled=False)
        return None

    # --- the master key ----------------------------------------------------------------------------------------------

    async def rotate_master(self) -> Rotation:
        """Make a new master key, put every envelope under it, and make the old ones unusable. Keys are used meanwhile.

        A crash in between leaves both master keys: the next rotation finishes the work. While an envelope does not open nothing is
        made: the error says whose key it is.
        """
        await self._check_opens()
        version = await self._sealer.rotate()
        rewrapped = 0
        while True:
            old = [key for key in await self.keys() if self._sealer.version_of(key.sealed) < version]
            for start in range(0, len(old), _BATCH):
                rewrapped += await self._rewrap(old[start : start + _BATCH])
            if await self._retire(version):
                return Rotation(version=version, rewrapped=rewrapped)

    async def _check_opens(self) -> None:
        owners = {account.name: account for account in await self.list()}
        for key in await self.keys():
            if key.account in owners:
                try:
                    await self._sealer.unseal(key.sealed, context=_context(owners[key.account], key))
                except IntegrityError as error:
                    raise UserError(f"nothing was changed: the key of account {key.account} does not open: {error}") from None

    async def _rewrap(self, keys: builtins.list[VenueKey]) -> int:
        async with self._state.transaction() as work:
            owners = [await work.accounts.get(key.account) for key in keys]
        made = [
            (key, await self._sealer.rewrap(key.sealed, context=_context(owner, key)))
            for key, owner in zip(keys, owners, strict=True)
            if owner is not None  # one that went meanwhile took its keys along
        ]
        count = 0
        async with self._state.transaction() as work:
            for key, sealed in made:
                version = self._sealer.version_of(sealed)
                count += await work.accounts.rewrap_key(key.id, before=key.sealed, sealed=sealed, version=version)
        return count

    async def _retire(self, version: int) -> bool:
        """Retire what is older, unless a key was sealed with it meanwhile: whoever seals takes the same turn."""
        async with self._state.transaction() as work:
            await self._turn(work)
            if any(self._sealer.version_of(key.sealed) < version for key in await work.accounts.keys()):
                return False
            await self._sealer.retire(version)
        return True

    # --- within ------------------------------------------------------------------------------------------------------

    async def _checked(self, owner: TradingAccount, secret: VenueSecret) -> KeyPermissions:
        _check_shape(secret)
        try:
            permissions = await self._permissions_of(owner, secret)
        except Refused as error:
            # "from None": the cause may hold the request.
            raise InvalidValue("venue key", f"{owner.venue} does not take it: {secret.hide(str(error))}") from None
        refused = refusal_of(permissions, now_ms=self._clock.now_ms())
        if refused:
            raise InvalidValue("venue key", refused)
        return permissions

    async def _check_unshared(self, work: UnitOfWork, owner: TradingAccount, secret: VenueSecret, uid: str) -> None:
        """Refuse a key that trades the same market here already: two gateways would book each other's orders as external.

        Another key of the same account of the venue is the same: both would book the whole wallet.
        """
        twin = await _twin(work, owner, uid)
        if twin:
            raise InvalidValue("venue key", _of_twin(owner, twin))
        for key in await work.accounts.keys():
            if key.account == owner.name or key.prefix != secret.prefix:
                continue
            other = await work.accounts.get(key.account)
            if other is None or _exchange(other) != _exchange(owner):
                continue
            try:
                kept = _opened(await self._sealer.unseal(key.sealed, context=_context(other, key)))
            except IntegrityError:  # what cannot be opened is not traded with
                continue
            if kept.key == secret.key:
                what = f"{owner.venue} {owner.market} is traded with it by account {other.name} already"
                raise InvalidValue("venue key", f"{what}; one account of the venue is one account here")

    async def _seal(self, work: UnitOfWork, owner: TradingAccount, key: VenueKey, secret: VenueSecret) -> VenueKey:
        parts = {"key": secret.key, "secret": secret.secret, "passphrase": secret.passphrase}
        sealed = await self._sealer.seal(msgspec.json.encode(parts).decode(), context=_context(owner, key))
        done = msgspec.structs.replace(key, sealed=sealed, version=self._sealer.version_of(sealed))
        await work.accounts.put_key(done)
        await self._tell(work, key.account)
        return done

    async def _enabled(self, account: str) -> VenueKey:
        found = [key for key in await self.keys(account) if key.enabled]
        if not found:
            raise UserError(f"account {account} has no key that may be used; add one: qs accounts key {account}")
        return found[-1]

    async def _disable(self, key: VenueKey, sentence: str) -> KeyFault:
        async with self._state.transaction() as work:
            await self._turn(work)
            disabled = msgspec.structs.replace(await _key(work, key.id), enabled=False, checked_ms=self._clock.now_ms())
            await work.accounts.put_key(disabled)
            await self._tell(work, key.account)
        return KeyFault(key=disabled, sentence=f"{sentence}; it is not used any more", disabled=True)

    async def _note_checked(self, key: VenueKey, permissions: KeyPermissions) -> VenueKey:
        async with self._state.transaction() as work:
            await self._turn(work)  # a rotation that works at the same row would be undone
            found = await _key(work, key.id)
            checked = msgspec.structs.replace(found, permissions=_rights(permissions), checked_ms=self._clock.now_ms())
            return await work.accounts.put_key(checked)

    async def _turn(self, work: UnitOfWork) -> None:
        """Let those who write envelopes pass one after the other: the row is locked until the commit."""
        await work.values.put(_SCOPE, _TURN, self._clock.now_ms())

    async def _tell(self, work: UnitOfWork, account: str) -> None:
        command = Command(id=new_event_id(), name=CHANGED, arguments={"account": account})
        await work.values.put(CHANGES, f"account:{account}", command.id)
        await work.outbox.add(Message(topic=Topic.COMMAND, data=command, event_type=CHANGED, key=account))


async def _twin(work: UnitOfWork, owner: TradingAccount, uid: str) -> str:
    """Return the other account here whose key is of the same account of the venue, by the venue's number of it; or nothing."""
    for key in await work.accounts.keys() if uid else ():
        if key.account == owner.name or key.permissions.get("uid") != uid:
            continue
        other = await work.accounts.get(key.account)
        if other is not None and _exchange(other) == _exchange(owner):
            return other.name
    return ""


def _exchange(account: TradingAccount) -> tuple[str, str]:
    """Return the market that an account trades, by whichever adapter."""
    return account.venue.removeprefix(_LIBRARY), account.market


def _check_same(owner: TradingAccount, permissions: KeyPermissions, before: str) -> None:
    """Refuse a key of another account of the venue in the place of one: there the open orders would be taken for lost."""
    if permissions.uid and before not in ("", permissions.uid):
        what = f"it is of another account of the venue than the key that {owner.name} has or had, whose orders are booked"
        raise InvalidValue("venue key", f"{what}; add an account of its own for it")


def _of_twin(owner: TradingAccount, twin: str) -> str:
    what = f"it is of the same account of the venue as the key of account {twin}, which trades {owner.market} with it already"
    return f"{what}; one account of the venue is one account here"


def _context(owner: TradingAccount, key: VenueKey) -> str:
    """Name the row: an envelope that is moved to another one does not open there."""
    return f"venue_key:{key.id}:{owner.name}:{owner.venue}:{owner.market}"


def _opened(text: str) -> VenueSecret:
    parts = msgspec.json.decode(text, type=dict[str, str])
    return VenueSecret(parts["key"], parts["secret"], parts["passphrase"])


def _rights(permissions: KeyPermissions) -> dict[str, Any]:
    rights: dict[str, Any] = msgspec.to_builtins(permissions)
    return rights


def _check_shape(secret: VenueSecret) -> None:
    for name, text, longest in (("key", secret.key, _LONGEST_KEY), ("secret", secret.secret, _LONGEST_SECRET)):
        if not text.strip():
            raise InvalidValue("venue key", f"its {name} is missing")
        if len(text) > longest or not text.isascii():
            raise InvalidValue("venue key", f"its {name} is not plain text of at most {longest} characters")
    if len(secret.key) < 8 or not secret.key.isprintable() or " " in secret.key:
        raise InvalidValue("venue key", "its key is at least 8 characters without blanks")
    if len(secret.passphrase) > _LONGEST_KEY:
        raise InvalidValue("venue key", f"its passphrase is longer than {_LONGEST_KEY} characters")


async def kept_fees(work: UnitOfWork) -> dict[str, AccountFees]:
    """Return what accounts pay, as it was read last."""
    return {name: msgspec.convert(fields, AccountFees) for name, fields in (await work.values.items(_FEES)).items()}


async def _account(work: UnitOfWork, name: str) -> TradingAccount:
    found = await work.accounts.get(name)
    if found is None:
        raise UnknownName("account", name, [account.name for account in await work.accounts.list()])
    return found


async def _key(work: UnitOfWork, key_id: int) -> VenueKey:
    keys = await work.accounts.keys()
    found = next((key for key in keys if key.id == key_id), None)
    if found is None:
        raise UnknownName("venue key", str(key_id), [str(key.id) for key in keys])
    return found
