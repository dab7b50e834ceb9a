"""A bounded disk queue of events for the time the store is away.

Frames ``length(4) crc32(4) payload`` are appended to numbered segment files and synced before :meth:`Spool.write`
returns. A segment is deleted once all of it was handed over; after a crash at most one segment is handed over twice,
which the store's natural keys absorb. A tail that a crash or a full disk tore is cut off at the last whole frame.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault, QuantServiceError
from quantservice.core.events import BookSnapshot, FundingRate, Kline, MarketEvent, MarkPrice, OpenInterest, Quote, Ticker, Trade

_log = structlog.get_logger(__name__)

_HEADER: Final = struct.Struct("<II")
_SEGMENT_BYTES: Final = 8_000_000
_LONGEST_FRAME: Final = 256_000_000
#: Tag on disk -> type. Append only: a number never changes its meaning.
_TYPES: Final[dict[int, type[Any]]] = {
    1: Kline,
    2: Trade,
    3: Quote,
    4: BookSnapshot,
    5: Ticker,
    6: FundingRate,
    7: MarkPrice,
    8: OpenInterest,
}
_TAGS: Final = {kind: tag for tag, kind in _TYPES.items()}


class SpoolFull(QuantServiceError):
    """The spool has reached its bound, or the disk below it is full."""


class Spool:
    """An append-only queue on disk with one writer and one reader, both in this process."""

    def __init__(self, directory: Path, *, limit_bytes: int, segment_bytes: int = _SEGMENT_BYTES) -> None:
        self._directory = directory
        self._limit = limit_bytes
        self._segment_bytes = segment_bytes
        self._sizes: dict[int, int] = {}
        self._descriptor: int | None = None
        self._read_offset = 0
        self._encoder = msgspec.msgpack.Encoder()
        self._outer = msgspec.msgpack.Decoder(list[tuple[int, msgspec.Raw]])
        self._decoders = {tag: msgspec.msgpack.Decoder(list[kind]) for tag, kind in _TYPES.items()}  # type: ignore[valid-type] # a type per tag
        self.torn_bytes = 0

    def open(self) -> None:
        """Find what an earlier run left; cut a torn tail off."""
        self.close()
        self._sizes.clear()
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            numbers = sorted(int(path.stem.split("-")[1]) for path in self._directory.glob("spool-*.bin"))
            for number in numbers:
                self._sizes[number] = self._mend(number)
        except OSError as error:
            raise EnvironmentFault(f"the spill directory {self._directory} cannot be used: {error.strerror or error}") from error
        self._read_offset = 0

    def close(self) -> None:
        """Let go of the open file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def size_bytes(self) -> int:
        """Bytes that wait on disk."""
        return sum(self._sizes.values()) - self._read_offset

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return self.size_bytes == 0

    def write(self, events: Sequence[MarketEvent]) -> int:
        """Append ``events`` as one frame and sync it; raises :class:`SpoolFull` and leaves no trace when it does not fit."""
        payload = self._encode(events)
        frame = _HEADER.pack(len(payload), zlib.crc32(payload)) + payload
        if sum(self._sizes.values()) + len(frame) > self._limit:
            raise SpoolFull(f"the spill file has reached its bound of {self._limit} bytes")
        number = max(self._sizes, default=0)
        if not self._sizes or self._sizes[number] + len(frame) > self._segment_bytes:
            number = self._next_segment()
        try:
            descriptor = self._open_segment(number)
            _write_all(descriptor, frame)
            os.fdatasync(descriptor)
        except OSError as error:
            self._cut(number, self._sizes[number])
            raise SpoolFull(f"the spill file cannot be written: {error.strerror or error}") from error
        self._sizes[number] += len(frame)
        return len(frame)

    def read(self, *, most_events: int) -> tuple[list[MarketEvent], int]:
        """Return the oldest waiting events, at least one frame when there is one, and the token that :meth:`done` takes."""
        if self.empty:
            return [], 0
        number = min(self._sizes)
        events: list[MarketEvent] = []
        offset = self._read_offset
        for payload, end in self._frames(number, offset):
            decoded = self._decode(payload)
            if events and len(events) + len(decoded) > most_events:
                break
            events.extend(decoded)
            offset = end
        if offset == self._read_offset:
            # Damage inside a file that once was whole: nothing behind it can be trusted to start at a frame.
            lost = self._sizes[number] - offset
            self.torn_bytes += lost
            _log.error("spool.damaged", segment=number, lost_bytes=lost)
            offset = self._sizes[number]
        return events, offset

    def done(self, token: int) -> None:
        """Say that everything up to ``token`` is durable elsewhere."""
        if not token:
            return
        number = min(self._sizes)
        self._read_offset = token
        if token < self._sizes[number]:
            return
        if number == max(self._sizes):
            self.close()
        self._path(number).unlink(missing_ok=True)
        del self._sizes[number]
        self._read_offset = 0

    def _next_segment(self) -> int:
        self.close()
        number = max(self._sizes, default=0) + 1
        self._sizes[number] = 0
        return number

    def _open_segment(self, number: int) -> int:
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(self._path(number), flags, 0o600)
            _sync_directory(self._directory)
        return self._descriptor

    def _cut(self, number: int, size: int) -> None:
        """Take back a frame that was written in part."""
        self.close()
        path = self._path(number)
        if path.exists():
            os.truncate(path, size)
        if size == 0 and number in self._sizes:
            path.unlink(missing_ok=True)
            del self._sizes[number]

    def _mend(self, number: int) -> int:
        path = self._path(number)
        whole = 0
        for _, end in self._frames(number, 0):
            whole = end
        torn = path.stat().st_size - whole
        if torn:
            self.torn_bytes += torn
            _log.warning("spool.tail_cut", segment=number, torn_bytes=torn)
            os.truncate(path, whole)
        return whole

    def _frames(self, number: int, offset: int) -> Iterator[tuple[bytes, int]]:
        with self._path(number).open("rb") as file:
            file.seek(offset)
            while True:
                header = file.read(_HEADER.size)
                if len(header) < _HEADER.size:
                    return
                length, checksum = _HEADER.unpack(header)
                if not 0 < length <= _LONGEST_FRAME:  # a disk that lost power may leave a tail of zeros
                    return
                payload = file.read(length)
                if len(payload) < length or zlib.crc32(payload) != checksum:
                    return
                offset += _HEADER.size + length
                yield payload, offset

    def _encode(self, events: Sequence[MarketEvent]) -> bytes:
        groups: dict[int, list[MarketEvent]] = {}
        for event in events:
            groups.setdefault(_TAGS[type(event)], []).append(event)
        return self._encoder.encode(list(groups.items()))

    def _decode(self, payload: bytes) -> list[MarketEvent]:
        events: list[MarketEvent] = []
        for tag, raw in self._outer.decode(payload):
            events.extend(self._decoders[tag].decode(raw))
        return events

    def _path(self, number: int) -> Path:
        return self._directory / f"spool-{number:08d}.bin"


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
