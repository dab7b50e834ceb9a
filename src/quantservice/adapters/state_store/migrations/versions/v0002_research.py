"""Research: jobs, stored backtests, the ledger of trials, deployments and the journal of studies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _row_id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables of research."""
    _jobs()
    _results()
    _deployments()


def downgrade() -> None:
    """Drop the tables of research."""
    for table in (
        "job",
        "job_chunk",
        "study_journal",
        "backtest_results",
        "backtest_part",
        "trial",
        "deployment",
        "deployment_history",
        "deployment_state",
    ):
        op.drop_table(table)


def _jobs() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger, nullable=False),
        sa.Column("cancel", sa.Boolean, nullable=False),
        sa.Column("done", sa.Double, nullable=False),
        sa.Column("total", sa.Double, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("finished_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("job_state", "job", ["state"])
    op.create_table(
        "job_chunk",
        sa.Column("job_id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "study_journal",
        sa.Column("study", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("line", sa.Text, nullable=False),
    )


def _results() -> None:
    op.create_table(
        "backtest_results",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("code_hash", sa.Text, nullable=False),
        sa.Column("family", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("data_fingerprint", sa.Text, nullable=False),
        sa.Column("assumptions", sa.Text, nullable=False),
        sa.Column("metrics", sa.Text, nullable=False),
        sa.Column("run_fingerprint", sa.Text, nullable=False),
        sa.Column("gates", sa.Text, nullable=False),
        sa.Column("versions", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_backtest_results_job_id", "backtest_results", ["job_id"])
    op.create_index("ix_backtest_results_family", "backtest_results", ["family"])
    op.create_index("ix_backtest_results_created_ms", "backtest_results", ["created_ms"])
    op.create_table(
        "backtest_part",
        sa.Column("result_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "trial",
        sa.Column("id", _row_id(), primary_key=True),
        sa.Column("family", sa.Text, nullable=False),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("code_hash", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("parameter_hash", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("data_fingerprint", sa.Text, nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("sharpe_daily", sa.Double),
        sa.Column("skew", sa.Double),
        sa.Column("kurtosis", sa.Double),
        sa.Column("result_id", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("deleted_ms", sa.BigInteger),
        sa.UniqueConstraint("run_id", "number", name="trial_run"),
    )
    op.create_index("trial_family", "trial", ["family", "parameter_hash"])
    op.create_index("trial_result", "trial", ["result_id"])


def _deployments() -> None:
    op.create_table(
        "deployment",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("code_hash", sa.Text, nullable=False),
        sa.Column("family", sa.Text, nullable=False),
        sa.Column("instruments", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("allocation", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "deployment_history",
        sa.Column("deployment_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
    )
    op.create_table(
        "deployment_state",
        sa.Column("deployment_id", sa.Text, primary_key=True),
        sa.Column("saved_ms", sa.BigInteger, primary_key=True),
        sa.Column("code_hash", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
