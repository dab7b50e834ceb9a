#!/bin/sh
# QuantService: set up once, then run. Every argument goes to the `qs` command.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
venv="$here/.venv"
log="$here/.venv-setup.log"
turn="$here/.venv-setup.turn"
pid=""

fail() { # what happened, what to do
    printf '%s\n' "qs: $1" >&2
    [ -n "${2:-}" ] && printf '%s\n' "    $2" >&2
    exit 1
}

install_hint() { # what is missing on Debian/Ubuntu, on macOS -> the one command that installs it
    case "$(uname -s)" in
        Darwin) printf 'install it with:  brew install %s' "$2" ;;
        *) if command -v apt-get >/dev/null 2>&1; then printf 'install it with:  sudo apt-get install -y %s' "$1"
           elif command -v dnf >/dev/null 2>&1; then printf 'install it with:  sudo dnf install -y %s' "$2"
           else printf 'install the packages %s of your system' "$1"; fi ;;
    esac
}

find_python() {
    for name in "${QS_PYTHON:-python3}" python3.13 python3.12 python3.11 python3.14; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$name"
            return 0
        fi
    done
    return 1
}

stamp_of() { # what the installed set was made from
    cat "$here/$1" "$here/pyproject.toml" | cksum | tr ' \t' '--'
}

pip_install() { # message, lock file: installs with a progress line, the full output kept in the log
    total=$(grep -c '==' "$here/$2")
    : >"$log"
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --no-deps --require-hashes -r "$here/$2" >>"$log" 2>&1 &
    pid=$!
    if [ -t 2 ]; then
        while kill -0 "$pid" 2>/dev/null; do
            seen=$(grep -c '^Collecting\|^Requirement already' "$log" || true)
            printf '\r%s: %s of %s packages ' "$1" "$seen" "$total" >&2
            sleep 1
        done
        printf '\r\033[K' >&2
    else
        printf '%s (%s packages) …\n' "$1" "$total" >&2
    fi
    if ! wait "$pid"; then
        if grep -q "error: command .*\(gcc\|cc\|clang\|c++\).* failed\|Microsoft Visual\|unable to execute\|No such file or directory: 'cc'" "$log"; then
            fail "a dependency has to be compiled here and no compiler was found" "$(install_hint 'build-essential python3-dev' 'gcc')"
        fi
        tail -n 12 "$log" >&2
        fail "the dependencies could not be installed; the whole output is in $log" \
             "behind a proxy set HTTPS_PROXY, then run ./qs again"
    fi
    pid=""
}

setup() { # lock file, stamp file
    if [ ! -x "$venv/bin/python" ]; then
        python=$(find_python) || fail "Python 3.11 or newer is needed and was not found" "$(install_hint 'python3 python3-venv' 'python@3.12')"
        "$python" -c 'import venv, ensurepip' 2>/dev/null ||
            fail "this Python has no venv module" "$(install_hint "python3-venv" 'python@3.12')"
        printf 'qs: first use: making %s\n' ".venv" >&2
        "$python" -m venv "$venv" >"$log" 2>&1 || { tail -n 5 "$log" >&2; rm -rf "$venv"; fail "the virtual environment could not be made" "$(install_hint 'python3-venv' 'python@3.12')"; }
    fi
    pip_install "qs: installing pinned dependencies, once" "$1"
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --no-deps --no-build-isolation -q -e "$here" >>"$log" 2>&1 ||
        { tail -n 12 "$log" >&2; fail "QuantService itself could not be installed; see $log"; }
    stamp_of "$1" >"$venv/$2"
}

is_set_up() { # lock file, stamp file
    [ -x "$venv/bin/qs" ] && [ "$(cat "$venv/$2" 2>/dev/null || true)" = "$(stamp_of "$1")" ]
}

take_turn() { # two that install into one place at once would break it
    said=""; unnamed=0; absent=0
    until mkdir "$turn" 2>/dev/null; do
        if [ ! -d "$turn" ]; then  # given back between the two, or there is no writing here
            absent=$((absent + 1))
            [ "$absent" -le 20 ] || fail "nothing can be written to $here: the dependencies are installed there"
            continue
        fi
        absent=0
        owner=$(cat "$turn/pid" 2>/dev/null || true)
        if [ -z "$owner" ]; then unnamed=$((unnamed + 1)); fi
        if [ "$unnamed" -gt 10 ] || { [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; }; then
            rm -rf "$turn"  # its owner was killed
            continue
        fi
        [ -n "$said" ] || printf 'qs: another qs is installing the dependencies; waiting for it …\n' >&2
        said=yes
        sleep 1
    done
    trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$turn"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    printf '%s' "$$" >"$turn/pid"
}

ensure() { # lock file, stamp file
    is_set_up "$1" "$2" && return 0
    take_turn
    is_set_up "$1" "$2" || setup "$1" "$2"
    rm -rf "$turn"
    trap - EXIT INT TERM
}

ensure requirements.lock .qs-stamp
case "${1:-}" in test | bench | check) ensure requirements-dev.lock .qs-dev-stamp ;; esac
exec "$venv/bin/qs" "$@"
