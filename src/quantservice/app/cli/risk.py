"""``qs risk …`` and ``qs kill``: states, rules, and the switch that stops everything."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from quantservice.app.cli import options
from quantservice.app.cli.console import note, parse_time, show, show_one, utc

Reason = Annotated[str, typer.Option("--reason", help="why; it is kept and shown")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    risk = typer.Typer(help="Risk control: states and rules.", no_args_is_help=True, rich_markup_mode=None)
    risk.command("states", help="List what is not plainly ACTIVE, or was set so.")(states)
    risk.command("rules", help="List the rules with their limits.")(rules)
    risk.command("set", help="Set the system, an account or a deployment ACTIVE, REDUCING or HALTED.")(set_state)
    risk.command("rule", help="Change a rule: its mode and its limits.")(set_rule)
    risk.command("rehearse", help="Ask rules of past orders: what they would have blocked, saved and cost.")(rehearse)
    risk.command("quotas", help="List what deployments were allotted, may use and use now.")(quotas)
    risk.command("quota", help="Set what a deployment may use; 0 is no limit.")(set_quota)
    app.add_typer(risk, name="risk")
    alerts = typer.Typer(help="Alerts that leave the house.", no_args_is_help=True, rich_markup_mode=None)
    alerts.command("test", help="Send one that says nothing to every configured address.")(try_alerts)
    app.add_typer(alerts, name="alerts")
    app.command("kill", help="Halt all trading and cancel every open order.")(kill)


@options.takes_where
def states(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """List states."""
    with where.client() as client:
        rows = client.get("/api/v1/risk")["states"]
    shown = [{**row, "since_ms": utc(row["since_ms"])} for row in rows]
    show(rows if json else shown, json=json, empty="everything is ACTIVE; no state was ever set")


@options.takes_where
def rules(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """List rules."""
    with where.client() as client:
        rows = client.get("/api/v1/risk")["rules"]
    show(rows if json else [_rule_row(row) for row in rows], json=json)


@options.takes_where
def set_state(
    scope: Annotated[str, typer.Argument(help="system, account or deployment")],
    state: Annotated[str, typer.Argument(help="ACTIVE, REDUCING or HALTED")],
    key: Annotated[str, typer.Option("--of", help="the account's name, or the deployment's id")] = "",
    reason: Reason = "",
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Set a state."""
    body = {"scope": scope, "key": key, "state": state.upper(), "reason": reason}
    with where.client() as client:
        rows = client.post("/api/v1/risk/state", body)["states"]
    show(rows, json=json)


@options.takes_where
def set_rule(
    name: Annotated[str, typer.Argument(help="the rule (qs risk rules)")],
    mode: Annotated[
        str, typer.Option("--mode", help="enforced, shadow (only noted), off; inherit forgets one of its own")
    ] = "enforced",
    parameter: Annotated[list[str] | None, typer.Option("--param", help="limit=0.5: a parameter; again for more")] = None,
    account: Annotated[str, typer.Option("--account", help="a rule of positions, or cooldown: for this account only")] = "",
    deployment: Annotated[
        str, typer.Option("--deployment", help="a rule of positions, or cooldown: for this deployment only (its id)")
    ] = "",
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Change a rule."""
    parameters: dict[str, Any] = {
        found: value.split(",") if found in ("venues", "instruments") else value
        for found, value in options.named_texts("param", parameter).items()
    }
    scope = "deployment" if deployment else "account" if account else "system"
    body = {"mode": mode, "parameters": parameters, "scope": scope, "key": deployment or account}
    with where.client() as client:
        made = client.post(f"/api/v1/risk/rules/{quote(name, safe='')}", body)
    if scope != "system":
        show([row for row in made["protection"] if row["name"] == name], json=json, empty=f"nobody has {name} of their own")
        return
    (row,) = [row for row in made["rules"] if row["name"] == name]
    show_one(row if json else _rule_row(row), json=json)


@options.takes_where
def rehearse(
    account: Annotated[str, typer.Option("--account", help="whose past orders are asked about")],
    rule: Annotated[
        str | None, typer.Option("--rule", help="this rule alone (qs risk rules); without it all that are not off")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--param", help="limit=1000: in the place of the configured one; again for more")
    ] = None,
    deployment: Annotated[str | None, typer.Option("--deployment", help="the orders of this deployment only (its id)")] = None,
    start: Annotated[
        str | None, typer.Option("--start", help="from: ISO date-time (UTC) or milliseconds; else 30 days ago")
    ] = None,
    end: Annotated[str | None, typer.Option("--end", help="to: ISO date-time (UTC) or milliseconds; else now")] = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Rehearse rules."""
    wanted: dict[str, Any] = {
        "account": account,
        "rule": rule,
        "param": parameter or None,
        "deployment": deployment,
        "start_ms": parse_time("start", start),
        "end_ms": parse_time("end", end),
    }
    with where.client() as client:
        made = client.get("/api/v1/risk/rehearsal", {name: value for name, value in wanted.items() if value is not None})
    if json:
        show_one(made, json=True)
        return
    show([_rehearsed_row(row) for row in made["rules"]], json=False, empty="no rule that can be asked of the past is in force")
    show([_blocked_row(row) for row in made["blocked"]], json=False, empty="nothing would have been blocked")
    note(f"{made['account']}, {utc(made['start_ms'])} to {utc(made['end_ms'])}: {made['sentence']}")
    for row in made["unasked"]:
        note(f"not asked: {row['name']} ({row['reason']})")


@options.takes_where
def quotas(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """List quotas."""
    with where.client() as client:
        made = client.get("/api/v1/quotas")
    if json:
        show_one(made, json=True)
        return
    show([_used_row(row) for row in made["data"]], json=False, empty="no deployment trades on an account")
    for row in made["accounts"]:
        if row["equity"] is not None:
            note(f"{row['account']}: {row['allocated']} of {row['equity']} {row['currency']} allotted; exposure {row['exposure']}")


@options.takes_where
def set_quota(
    deployment: Annotated[str, typer.Argument(help="name or id of the deployment (qs deployments list)")],
    max_position: Annotated[
        str | None, typer.Option("--max-position", help="most that its position in one instrument may be worth")
    ] = None,
    orders_per_day: Annotated[int | None, typer.Option("--orders-per-day", min=0, help="most orders per UTC day")] = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Set a quota."""
    body = {"max_position": max_position, "orders_per_day": orders_per_day}
    with where.client() as client:
        made = client.post(f"/api/v1/quotas/{quote(deployment, safe='')}", body)
    rows = [row for row in made["data"] if deployment in (row["name"], row["deployment"])]
    show(rows if json else [_used_row(row) for row in rows], json=json, empty="it is kept; the deployment trades on no account yet")


@options.takes_where
def try_alerts(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """Try the alerts."""
    with where.client() as client:
        made = client.post("/api/v1/alerts/test", {})
    if json:
        show_one(made, json=True)
    else:
        note(f"on its way: {made['sentence']}; alerts.urls says where to")


@options.takes_where
def kill(
    reason: Reason = "",
    close: Annotated[bool, typer.Option("--close", help="also close every position at the market")] = False,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Pull the kill switch."""
    with where.client() as client:
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
    lately = f"{row['noted']} noted" if row["mode"] == "shadow" else f"{row['denied']} denied" if row["denied"] else ""
    return {"rule": row["name"], "mode": row["mode"], "limits": values, "24 h": lately, "what": row["doc"]}


def _used_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "deployment": row["name"],
        "account": row["account"],
        "state": row["state"],
        "held": f"{row['gross']} of {row['allocation']} {row['currency']}",
        "largest position": f"{row['largest']} of {row['max_position'] if row['max_position'] != '0' else 'any'}",
        "orders today": f"{row['orders_today']} of {row['orders_per_day'] or 'any'}",
    }


def _rehearsed_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "rule": row["name"],
        "limits": " ".join(f"{name}={value}" for name, value in row["parameters"].items()),
        "blocked": row["blocked"],
        "saved": " ".join(f"{item['saved']} {item['currency']}" for item in row["money"]),
        "cost": " ".join(f"{item['cost']} {item['currency']}" for item in row["money"]),
    }


def _blocked_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "time": utc(row["time_ms"]),
        "instrument": row["instrument"],
        "order": f"{row['side']} {row['quantity']}",
        "rule": row["rule"],
        "limit": row["limit"],
        "value": row["value"],
        "profit": f"{row['profit']} {row['currency']}" if row["profit"] is not None else "opened nothing",
    }
