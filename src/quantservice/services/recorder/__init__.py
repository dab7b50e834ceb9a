"""The recorder: what travels on the market topics becomes rows, and nothing is dropped on the way."""

from quantservice.services.recorder.service import RecorderConfig, RecorderService
from quantservice.services.recorder.spool import Spool, SpoolFull

__all__ = ["RecorderConfig", "RecorderService", "Spool", "SpoolFull"]
