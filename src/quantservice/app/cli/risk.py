"""``qs risk …`` and ``qs kill``: states, rules, and the switch that stops everything."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from quantservice.app.cli import options
from quantservice.app.cli.console import note, show, show_one, utc
from quantservice.app.cli.trading import client_of

Reason = Annotated[str, typer.Option("--reason", help="why; it is kept and shown")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    risk = typer.Typer(help="Risk control: states and rules.", no_args_is_help=True, rich_markup_mode=None)
    risk.command("states", help="List what is not plainly ACTIVE, or was set so.")(states)
    risk.command("rules", help="List the rules with their limits.")(rules)
    risk.command("set", help="Set the system, an account or a deployment ACTIVE, REDUCING or HALTED.")(set_state)
    risk.command("rule", help="Change a rule: its mode and its limits.")(set_rule)
    app.add_typer(risk, name="risk")
    alerts = typer.Typer(help="Alerts that leave the house.", no_args_is_help=True, rich_markup_mode=None)
    alerts.command("test", help="Send one that says nothing to every configured address.")(try_alerts)
    app.add_typer(alerts, name="alerts")
    app.command("kill", help="Halt all trading and cancel every open order.")(kill)


def states(
    config: options.ConfigFile = None, data_dir: options.DataDir = None, demo: options.Demo = False, json: options.Json = False
) -> None:
    """List states."""
    with client_of(config, data_dir, demo=demo) as client:
        rows = client.get("/api/v1/risk")["states"]
    shown = [{**row, "since_ms": utc(row["since_ms"])} for row in rows]
    show(rows if json else shown, json=json, empty="everything is ACTIVE; no state was ever set")


def rules(
    config: options.ConfigFile = None, data_dir: options.DataDir = None, demo: options.Demo = False, json: options.Json = False
) -> None:
    """List rules."""
    with client_of(config, data_dir, demo=demo) as client:
        rows = client.get("/api/v1/risk")["rules"]
    show(rows if json else [_rule_row(row) for row in rows], json=json)


def set_state(
    scope: Annotated[str, typer.Argument(help="system, account or deployment")],
    state: Annotated[str, typer.Argument(help="ACTIVE, REDUCING or HALTED")],
    key: Annotated[str, typer.Option("--of", help="the account's name, or the deployment's id")] = "",
    reason: Reason = "",
    config: options.ConfigFile = None,
    data_dir: options.DataDir = None,
    demo: options.Demo = False,
    json: options.Json = False,
) -> None:
    """Set a state."""
    body = {"scope": scope, "key": key, "state": state.upper(), "reason": reason}
    with client_of(config, data_dir, demo=demo) as client:
        rows = client.post("/api/v1/risk/state", body)["states"]
    show(rows, json=json)


def set_rule(
    name: Annotated[str, typer.Argument(help="the rule (qs risk rules)")],
    mode: Annotated[str, typer.Option("--mode", help="enforced, shadow (only noted) or off")] = "enforced",
    parameter: Annotated[list[str] | None, typer.Option("--param", help="limit=0.5: a parameter; again for more")] = None,
    config: options.ConfigFile = None,
    data_dir: options.DataDir = None,
    demo: options.Demo = False,
    json: options.Json = False,
) -> None:
    """Change a rule."""
    parameters: dict[str, Any] = {
        found: value.split(",") if found in ("venues", "instruments") else value
        for found, value in options.named_texts("param", parameter).items()
    }
    with client_of(config, data_dir, demo=demo) as client:
        rows = client.post(f"/api/v1/risk/rules/{quote(name, safe='')}", {"mode": mode, "parameters": parameters})["rules"]
    (row,) = [row for row in rows if row["name"] == name]
    show_one(row if json else _rule_row(row), json=json)


def try_alerts(
    config: options.ConfigFile = None, data_dir: options.DataDir = None, demo: options.Demo = False, json: options.Json = False
) -> None:
    """Try the alerts."""
    with client_of(config, data_dir, demo=demo) as client:
        made = client.post("/api/v1/alerts/test", {})
    if json:
        show_one(made, json=True)
    else:
        note(f"on its way: {made['sentence']}; alerts.urls says where to")


def kill(
    reason: Reason = "",
    close: Annotated[bool, typer.Option("--close", help="also close every position at the market")] = False,
    config: options.ConfigFile = None,
    data_dir: options.DataDir = None,
    demo: options.Demo = False,
    json: options.Json = False,
) -> None:
    """Pull the kill switch."""
    with client_of(config, data_dir, demo=demo) as client:
        report = client.post("/api/v1/kill", {"reason": reason, "close": close})
    if json:
        show_one(report, json=True)
        return
    note(f"HALTED: {report['cancelled']} orders cancelled, {report['closing']} sent to close what was held")
    for fault in report["faults"]:
        note(f"did not go: {fault}")
    note("qs risk set system ACTIVE lets orders through again")
    if report["faults"]:
        raise typer.Exit(1)


def _rule_row(row: dict[str, Any]) -> dict[str, Any]:
    values = " ".join(f"{name}={field['value']}" for name, field in row["parameters"].items())
    return {"rule": row["name"], "mode": row["mode"], "limits": values, "what": row["doc"]}
