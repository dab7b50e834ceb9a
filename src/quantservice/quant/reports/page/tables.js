// Tables: sortable heads, one page of rows at a time.

/** `columns`: [{key, label, text, show(row), tone}]; rows are objects. */
function sortable(columns, rows, { size = 0, pick = null, sort = null } = {}) {
  let by = sort, page = 0;
  const node = h("div");
  const draw = () => {
    const order = [...rows];
    if (by) {
      const rank = (v) => (missing(v) ? -Infinity : v === "inf" ? Infinity : v);
      order.sort((a, b) => { const p = rank(a[by.key]), q = rank(b[by.key]); return (p < q ? -1 : p > q ? 1 : 0) * (by.down ? -1 : 1); });
    }
    const pages = size ? Math.max(Math.ceil(order.length / size), 1) : 1;
    page = Math.min(page, pages - 1);
    const shown = size ? order.slice(page * size, page * size + size) : order;
    const heads = columns.map((col) => h("th" + (col.text ? ".text" : ""), { "aria-sort": by && by.key === col.key ? (by.down ? "descending" : "ascending") : null },
      h("button", { onclick() { by = { key: col.key, down: by && by.key === col.key ? !by.down : !col.text }; page = 0; draw(); } }, col.label + (by && by.key === col.key ? (by.down ? " ↓" : " ↑") : ""))));
    const body = shown.map((row) => h("tr", pick ? { onclick: () => pick(row), style: "cursor:pointer" } : {}, columns.map((col) => {
      const kind = col.tone ? tone(row[col.key]) : "";
      return h("td" + (col.text ? ".text" : "") + (kind ? "." + kind : "") + (col.wrap ? ".wrap" : ""), {}, col.show ? col.show(row[col.key], row) : String(row[col.key] ?? ""));
    })));
    const parts = [h("div.scroll", {}, h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, body)))];
    if (pages > 1) parts.push(h("div.pager", {},
      h("button", { onclick() { page = Math.max(page - 1, 0); draw(); }, "aria-label": word("previous") }, "‹"),
      h("span.dim", {}, `${page * size + 1}–${page * size + shown.length} ${word("of")} ${number(order.length, 0)}`),
      h("button", { onclick() { page = Math.min(page + 1, pages - 1); draw(); }, "aria-label": word("next") }, "›")));
    node.replaceChildren(...parts);
  };
  draw();
  return node;
}

function groupCard(title, rows, key, rename = (x) => x) {
  if (!rows.length || (rows.length === 1 && !rows[0][key])) return null;
  const col = (name, label, show, toned) => ({ key: name, label: word(label), show, tone: toned });
  return h("section.card.half", {}, h("div.head", {}, h("h2", {}, word(title))), sortable([
    { key, label: "", text: true, show: (v) => rename(v) || "–" },
    col("trades", "trades", (v) => number(v, 0)), col("net", "net", (v) => signed(v, money), true), col("win_rate", "win_rate", (v) => percent(v, 0)),
    col("mean_return", "mean_return", (v) => percent(v)), col("profit_factor", "profit_factor", (v) => number(v)), col("costs", "costs_column", money),
  ], rows, { size: 12 }));
}

function tradeCard(trades, focus) {
  const rows = Array.from({ length: trades.count }, (_, k) => ({
    k, instrument: short(report.run.instruments[trades.instrument[k]] || ""), side: trades.side[k], entry_time: trades.entry_time[k], exit_time: trades.exit_time[k], entry_price: trades.entry_price[k],
    exit_price: trades.exit_price[k], quantity: trades.quantity[k], net: trades.net[k], return: trades.return[k], fees: trades.fees[k], funding: trades.funding[k], bars: trades.bars[k],
    mae: trades.mae[k], mfe: trades.mfe[k], reason: trades.open[k] ? word("open") : trades.reasons[trades.exit_reason[k]],
  }));
  const columns = [
    { key: "k", label: "#", show: (v) => String(v + 1) },
    report.run.instruments.length > 1 ? { key: "instrument", label: word("instrument"), text: true } : null,
    { key: "side", label: word("side"), text: true, show: (v) => (v > 0 ? "▲ " + word("long") : "▼ " + word("short")) },
    { key: "entry_time", label: word("entry"), show: (v) => moment(v) }, { key: "exit_time", label: word("exit"), show: (v) => moment(v) },
    { key: "entry_price", label: word("entry_price"), show: price }, { key: "exit_price", label: word("exit_price"), show: price },
    { key: "quantity", label: word("quantity"), show: (v) => number(v, v >= 100 ? 1 : 4) },
    { key: "net", label: word("net"), show: (v) => signed(v, money), tone: true }, { key: "return", label: word("return"), show: (v) => signed(v, percent), tone: true },
    { key: "fees", label: word("fees"), show: money }, rows.some((r) => r.funding) ? { key: "funding", label: word("funding"), show: money } : null,
    { key: "mae", label: word("mae"), show: (v) => percent(v, 1) }, { key: "mfe", label: word("mfe"), show: (v) => percent(v, 1) },
    { key: "bars", label: word("bars_held"), show: (v) => number(v, 0) }, { key: "reason", label: word("exit_reason"), text: true },
  ].filter(Boolean);
  const more = report.trades_total > trades.count ? h("span.dim.small", {}, `${word("first_shown")} ${number(trades.count, 0)} ${word("of")} ${number(report.trades_total, 0)}`) : null;
  return h("section.card", {}, h("div.head", {}, h("h2", {}, `${word("trades")} (${number(report.trades_total, 0)})`), more), rows.length ? sortable(columns, rows, { size: 15, pick: (row) => focus(row.k) }) : h("p.dim", {}, word("nothing")));
}

function drawdownCard() {
  const rows = report.tables.drawdowns, when = (v) => (v === null ? word("not_recovered") : moment(v / 1000, false));
  return h("section.card.half", {}, h("div.head", {}, h("h2", {}, word("drawdowns"))), rows.length ? sortable([
    { key: "depth", label: word("depth"), show: (v) => percent(v), tone: true }, { key: "loss", label: word("loss"), show: money },
    { key: "peak", label: word("peak"), show: when }, { key: "valley", label: word("valley"), show: when }, { key: "recovery", label: word("recovery"), show: when },
    { key: "days", label: word("days"), show: (v) => number(v, 1) },
  ], rows) : h("p.dim", {}, word("nothing")));
}

function hardCard() {
  const rows = report.tables.hard_times;
  if (!rows.length) return null;
  return h("section.card.half", {}, h("div.head", {}, h("h2", {}, word("hard_times"))), sortable([
    { key: state.language === "zh" ? "window_zh" : "window", label: word("window"), text: true }, { key: "first", label: word("range"), text: true, show: (v, row) => `${moment(v / 1000, false)} – ${moment(row.last / 1000, false)}` },
    { key: "return", label: word("return"), show: (v) => signed(v, percent), tone: true }, { key: "benchmark", label: word("benchmark"), show: (v) => (missing(v) ? "n/a" : signed(v, percent)), tone: true }, { key: "drawdown", label: word("drawdown"), show: (v) => percent(v) },
  ], rows));
}

function conventionCard() {
  const rows = report.tables.conventions;
  if (!rows.length) return null;
  const own = { tool: word("here"), convention: "", sharpe: figures.sharpe.value, sortino: figures.sortino.value, calmar: figures.calmar.value, cagr: figures.cagr.value, annual_volatility: figures.annual_volatility.value, max_drawdown: figures.max_drawdown.value };
  return h("section.card", {}, h("div.head", {}, h("h2", {}, word("conventions"))), sortable([
    { key: "tool", label: word("tool"), text: true }, ...["sharpe", "sortino", "calmar"].map((key) => ({ key, label: word(key), show: (v) => number(v) })),
    ...["cagr", "annual_volatility", "max_drawdown"].map((key) => ({ key, label: word(key), show: (v) => percent(v, 1) })), { key: "convention", label: word("convention"), text: true, wrap: true },
  ], [own, ...rows]));
}

function rejectionCard() {
  const rows = report.tables.rejections;
  if (!rows.length) return null;
  return h("section.card.half", {}, h("div.head", {}, h("h2", {}, word("rejections"))), sortable([{ key: "reason", label: word("reason"), text: true, wrap: true }, { key: "state", label: word("state"), text: true }, { key: "orders", label: word("orders"), show: (v) => number(v, 0) }], rows, { size: 12 }));
}

function metricCard() {
  const body = h("tbody"), field = h("input", { type: "search", placeholder: word("search"), "aria-label": word("search"), oninput: () => draw() });
  const draw = () => {
    const wanted = field.value.trim().toLowerCase();
    const rows = [];
    for (const [group, names] of Object.entries(report.groups)) {
      const mine = report.metrics.filter((f) => f.group === group && (!wanted || `${f.name} ${f.label} ${f.zh}`.toLowerCase().includes(wanted)));
      if (!mine.length) continue;
      rows.push(h("tr.group", {}, h("td", { colspan: 6 }, state.language === "zh" ? names[1] : names[0])));
      for (const f of mine) rows.push(h("tr", {},
        h("td", { title: f.name }, labelOf(f)), h("td", { style: "font-weight:600" }, f.text.length > 24 ? f.text.slice(0, 12) + "…" : f.text), h("td.text.wrap.small.dim", {}, f.reason),
        h("td.text.wrap.small", {}, f.formula), h("td.text.small", {}, f.sampling), h("td.text.small", {}, f.annualisation, h("code.dim", { style: "display:block" }, f.id))));
    }
    body.replaceChildren(...rows);
  };
  draw();
  return h("section.card", {}, h("div.head", {}, h("h2", {}, `${word("metrics")} (${report.metrics.length})`), field),
    h("div.scroll", {}, h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, word("metric")), h("th", {}, word("value")), h("th.text", {}, word("reason")), h("th.text", {}, word("formula")), h("th.text", {}, word("sampling")), h("th.text", {}, word("annualisation")))), body)));
}
