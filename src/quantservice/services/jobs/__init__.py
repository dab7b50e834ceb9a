"""Heavy work: a queue in the state store, done by worker processes that get their data as mapped Arrow files."""

from quantservice.services.jobs.service import JobsConfig, JobsService

__all__ = ["JobsConfig", "JobsService"]
