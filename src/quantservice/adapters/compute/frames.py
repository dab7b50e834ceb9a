"""What an owner and its worker process say to each other over pipes: a length, then a tagged MessagePack value."""

from __future__ import annotations

import asyncio
import os
import struct
from typing import Final, Literal, TypeAlias

import msgspec

from quantservice import ports
from quantservice.core.errors import QuantServiceError

_LENGTH: Final = struct.Struct("<I")


class Task(msgspec.Struct, frozen=True, tag="task"):
    """Owner: do this."""

    content: bytes


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """Worker: a question that only the owner can answer."""

    name: str
    content: bytes


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """Owner: the answer to the open question; ``fault`` is a sentence where there is none."""

    content: bytes = b""
    fault: str = ""


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """Worker: so many units of the task are done since the last word."""

    done: float


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """Worker: the task has ended."""

    state: Literal["done", "refused", "crashed"]
    content: bytes = b""
    detail: str = ""


Frame: TypeAlias = Task | Ask | Answer | Progress | Ended
_decoder: Final[msgspec.msgpack.Decoder[Frame]] = msgspec.msgpack.Decoder(Frame)


def pack(frame: Frame) -> bytes:
    """Write a frame."""
    content = msgspec.msgpack.encode(frame)
    return _LENGTH.pack(len(content)) + content


async def read_frame(reader: asyncio.StreamReader) -> Frame | None:
    """Return the next frame of a worker; None when its pipe has closed."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return _decoder.decode(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def read_frame_from(descriptor: int) -> Frame | None:
    """Return the next frame from a blocking pipe; None when it has closed."""
    head = _exactly(descriptor, _LENGTH.size)
    if head is None:
        return None
    content = _exactly(descriptor, _LENGTH.unpack(head)[0])
    return None if content is None else _decoder.decode(content)


def write_to(descriptor: int, frame: Frame) -> None:
    """Write a frame to a blocking pipe."""
    rest = memoryview(pack(frame))
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _exactly(descriptor: int, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = os.read(descriptor, min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


async def answered(question: Ask, answer: ports.Answer | None) -> Answer:
    """Return the owner's answer to a worker's question, or the sentence of what is in the way."""
    if answer is None:
        return Answer(fault=f"nobody here can answer {question.name}")
    try:
        return Answer(await answer(question.name, question.content))
    except QuantServiceError as error:
        return Answer(fault=str(error))
