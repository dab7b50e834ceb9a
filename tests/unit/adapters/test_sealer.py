"""Sealing of secrets: what opens, what does not, and who may read the key."""

from __future__ import annotations

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantservice.adapters.secrets.sealer import KEY_FILE, AesGcmSealer
from quantservice.core.errors import EnvironmentFault, IntegrityError

CONTEXT = "proxy_config:socks5://u@h:1"


@pytest.fixture
def sealer(tmp_path: Path) -> AesGcmSealer:
    return AesGcmSealer.in_folder(tmp_path)


@pytest.mark.parametrize("clear", ["", "secret", "密码", "x" * 100_000])
def test_what_is_sealed_opens_in_its_context(sealer: AesGcmSealer, clear: str) -> None:
    sealed = sealer.seal(clear, context=CONTEXT)
    assert sealed.startswith("qs1.")
    assert sealer.unseal(sealed, context=CONTEXT) == clear
    assert not clear or clear not in sealed


def test_the_same_secret_never_looks_the_same(sealer: AesGcmSealer) -> None:
    parts = {part for _ in range(50) for part in sealer.seal("secret", context=CONTEXT).split(".")[1:]}
    assert len(parts) == 100
    nonces = {base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))[:12] for part in parts}
    assert len(nonces) == 100


def test_another_context_does_not_open_and_nothing_leaks(sealer: AesGcmSealer) -> None:
    sealed = sealer.seal("hunter2", context=CONTEXT)
    with pytest.raises(IntegrityError) as caught:
        sealer.unseal(sealed, context=CONTEXT + "0")
    assert "hunter2" not in str(caught.value)
    assert sealed not in str(caught.value)
    assert caught.value.__suppress_context__


def test_another_key_does_not_open(sealer: AesGcmSealer, tmp_path: Path) -> None:
    other = AesGcmSealer.in_folder(tmp_path / "other")
    with pytest.raises(IntegrityError):
        other.unseal(sealer.seal("secret", context=CONTEXT), context=CONTEXT)


def test_any_changed_character_is_noticed(sealer: AesGcmSealer) -> None:
    sealed = sealer.seal("secret", context=CONTEXT)
    opened = []
    for index, char in enumerate(sealed):
        changed = sealed[:index] + ("A" if char != "A" else "B") + sealed[index + 1 :]
        try:
            opened.append(sealer.unseal(changed, context=CONTEXT))
        except IntegrityError:
            continue
    # base64 leaves up to four unused bits in a part's last character: only there may a change mean nothing.
    assert len(opened) <= 2
    assert set(opened) <= {"secret"}


@given(text=st.text(max_size=200))
def test_nonsense_is_refused_as_such(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    sealer = AesGcmSealer.in_folder(tmp_path_factory.getbasetemp() / "sealer")
    for nonsense in (text, f"qs1.{text}.{text}", f"qs1..{text}"):
        with pytest.raises(IntegrityError):
            sealer.unseal(nonsense, context=CONTEXT)


def test_the_key_file_is_made_at_first_use_for_its_owner_only(tmp_path: Path) -> None:
    sealer = AesGcmSealer.in_folder(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    sealed = sealer.seal("secret", context=CONTEXT)
    key = tmp_path / "new" / KEY_FILE
    assert stat.S_IMODE(key.stat().st_mode) == 0o400
    assert [item.name for item in key.parent.iterdir()] == [KEY_FILE], "no draft is left"
    assert AesGcmSealer(key).unseal(sealed, context=CONTEXT) == "secret"


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o644, 0o600, 0o500])
def test_a_key_open_to_others_is_refused_with_the_command_to_run(tmp_path: Path, mode: int) -> None:
    AesGcmSealer.in_folder(tmp_path).seal("x", context=CONTEXT)
    (tmp_path / KEY_FILE).chmod(mode)
    with pytest.raises(EnvironmentFault, match=f"chmod 0400 {tmp_path / KEY_FILE}"):
        AesGcmSealer.in_folder(tmp_path).seal("x", context=CONTEXT)


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_damaged_key_is_refused(tmp_path: Path, content: bytes) -> None:
    key = tmp_path / KEY_FILE
    key.write_bytes(content)
    key.chmod(0o400)
    with pytest.raises(EnvironmentFault, match="damaged"):
        AesGcmSealer(key).seal("x", context=CONTEXT)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault, match="cannot be used"):
        AesGcmSealer.in_folder(tmp_path / "file").seal("x", context=CONTEXT)


def test_first_use_by_many_makes_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda _: AesGcmSealer.in_folder(tmp_path).seal("secret", context=CONTEXT), range(16)))
    assert {AesGcmSealer.in_folder(tmp_path).unseal(item, context=CONTEXT) for item in sealed} == {"secret"}
