"""The lifetime ledger of trials as notebooks and commands use it: asked of the running process, or in the state store itself."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec

from quantservice.app.client import platform_client
from quantservice.app.places import Places
from quantservice.app.process import find_running
from quantservice.app.settings import LoadedSettings
from quantservice.core.process import process_token
from quantservice.ports import Trial, TrialSummary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quantservice.quant.strategies.base import Strategy
    from quantservice.services.backtests.commands import Trials

#: Figures of a run that its row in the ledger keeps.
TOLD: Final = ("duration", "sharpe_daily", "skew", "kurtosis")
_T = TypeVar("_T")
_numbers: Final = count()


class Client(Protocol):
    """What is asked of the platform."""

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """GET a JSON object."""
        ...

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST a JSON object."""
        ...


def summary_by(client: Client, family: str) -> TrialSummary:
    """Return a family's life so far."""
    return msgspec.convert(client.get(f"/api/v1/trials/{family}"), TrialSummary)


def count_by(client: Client, trials: Sequence[Trial]) -> int:
    """Count runs."""
    rows = [trial_body(trial) for trial in trials]
    return sum(
        int(client.post("/api/v1/trials", {"trials": rows[at : at + 1_000]})["counted"]) for at in range(0, len(rows), 1_000)
    )


def trial_body(trial: Trial) -> dict[str, Any]:
    """Return a run to be counted as the API takes it."""
    told = set(Trial.__struct_fields__) - {"id", "result_id", "created_ms", "deleted_ms"}
    return {name: value for name, value in msgspec.to_builtins(trial).items() if name in told}


def trial_of(strategy: Strategy, figures: Mapping[str, float], *, data_fingerprint: str, source: str) -> Trial:
    """Return the ledger's row of a run of this process; ``figures`` are those of :data:`TOLD`, NaN where undefined."""
    from quantservice.quant.honesty import code_hash, family_hash
    from quantservice.quant.optimize.space import parameter_hash

    cls = type(strategy)
    known = {name: figures[name] if math.isfinite(figures[name]) else None for name in TOLD}
    return Trial(
        family=family_hash(cls),
        strategy=strategy.name(),
        code_hash=code_hash(cls),
        parameters=strategy.parameters,
        parameter_hash=parameter_hash(strategy.parameters),
        run_id=f"{source}-{process_token()}",  # with the number: what is counted twice by accident is counted once
        number=next(_numbers),
        source=source,
        data_fingerprint=data_fingerprint,
        days=int(known["duration"] or 0),
        sharpe_daily=known["sharpe_daily"],
        skew=known["skew"],
        kurtosis=known["kurtosis"],
        created_ms=0,
    )


class Ledger:
    """The ledger of one data directory, from anywhere: also inside a notebook's event loop."""

    def __init__(self, loaded: LoadedSettings) -> None:
        self._loaded = loaded
        self._places = Places.of(loaded.settings)

    @property
    def exists(self) -> bool:
        """Whether there is a store to count in; none is made for it."""
        remote = not self._loaded.settings.stores.state_url.startswith("sqlite")
        return remote or self._places.state.is_file() or find_running(self._places) is not None

    def summary(self, family: str) -> TrialSummary:
        """Return a family's life so far; nothing for one that was never tried."""
        if find_running(self._places) is not None:
            return self._through_api(lambda client: summary_by(client, family))
        return self._in_store(lambda trials: trials.summary(family))

    def count(self, trials: Sequence[Trial]) -> int:
        """Count runs; return how many were new."""
        if find_running(self._places) is not None:
            return self._through_api(lambda client: count_by(client, trials))
        return self._in_store(lambda ledger: ledger.count(trials))

    def _through_api(self, ask: Callable[[Client], _T]) -> _T:
        def work() -> _T:
            with platform_client(self._loaded) as client:
                return ask(client)

        return _apart(work)

    def _in_store(self, ask: Callable[[Trials], Awaitable[_T]]) -> _T:
        """Open the state store alone: the market's takes its time, and is not needed."""
        from quantservice.adapters.clock.system import SystemClock
        from quantservice.app.wiring import make_sealer, make_state_store
        from quantservice.services.backtests.commands import Trials

        async def within() -> _T:
            store = make_state_store(self._loaded.settings, self._places, make_sealer(self._places))
            await store.open()
            try:
                return await ask(Trials(store, SystemClock()))
            finally:
                await store.close()

        return _apart(lambda: asyncio.run(within()))


def _apart(work: Callable[[], _T]) -> _T:
    """Work in a thread of its own: a notebook has a running event loop, and a second one cannot run inside it."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(work).result()
