"""Imported by the server that forks strategy processes, and by nobody else: it outlives a signal to the whole process group.

A terminal or a service manager ends all processes of a platform with one signal. Who ends strategies is their owner, after it
has saved what they remember; the server goes when the owner does.
"""

from __future__ import annotations

import signal

signal.signal(signal.SIGTERM, signal.SIG_IGN)
