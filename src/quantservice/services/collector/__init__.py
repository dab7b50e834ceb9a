"""The collector: supervisor of the live streams of every venue."""

from quantservice.services.collector.directory import InstrumentDirectory
from quantservice.services.collector.filter import StreamFilter
from quantservice.services.collector.service import CollectorConfig, CollectorService

__all__ = ["CollectorConfig", "CollectorService", "InstrumentDirectory", "StreamFilter"]
