// The page from top to bottom, drawn again when the language changes.
function fact(label, value, title) { return value ? h("div", {}, h("dt", {}, label), h("dd", { title: title || null }, value)) : null; }
const hash = (text) => (text ? h("code", {}, text.replace(/^sha256:/, "").slice(0, 16)) : null);

function flatten(values, prefix = "") {
  return Object.entries(values).flatMap(([key, value]) => (value && typeof value === "object" && !Array.isArray(value) ? flatten(value, `${prefix}${key}.`) : [[prefix + key, Array.isArray(value) ? JSON.stringify(value) : String(value)]]));
}

function headCard() {
  const { about, run } = report, names = run.instruments;
  const theme = h("button", { "aria-label": word("theme"), title: word("theme"), onclick() {
    const dark = state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    state.theme = dark ? "light" : "dark";
    document.documentElement.dataset.theme = state.theme;
    render();
  } }, "◐");
  const language = h("button", { onclick() { state.language = state.language === "zh" ? "en" : "zh"; render(); } }, word("language"));
  const parameters = Object.entries(about.parameters);
  const spans = `${moment(run.start / 1000, false)} – ${moment(run.end / 1000, false)}`;
  return h("header.card", {},
    h("div.top", {}, h("div", {}, h("div.eyebrow", {}, word("report")), h("h1", {}, about.strategy || names.map(short).join(", ")),
      about.description ? h("div.dim", {}, about.description) : null,
      h("div.chips", {}, parameters.map(([name, value]) => h("span.chip", {}, name + " ", h("b", {}, String(value)))))),
      h("div.buttons", {}, language, theme)),
    h("dl.facts", {},
      fact(names.length > 1 ? word("instruments") : word("instrument"), names.length > 3 ? `${names.slice(0, 3).join(", ")} + ${names.length - 3}` : names.join(", "), names.join("\n")),
      fact(word("range"), spans, `${moment(run.start / 1000)} – ${moment(run.end / 1000)}`), fact(word("period"), `${run.period} · ${number(run.bars, 0)} ${word("klines")}`), fact(word("benchmark"), run.benchmark),
      fact(word("data_fingerprint"), hash(run.data_fingerprint), run.data_fingerprint), fact(word("code_hash"), hash(about.code_hash), about.code_hash), fact(word("result_fingerprint"), hash(run.result_fingerprint), run.result_fingerprint),
      fact(word("created"), about.created_ms ? moment(about.created_ms / 1000) + (about.version ? ` · ${about.version}` : "") : ""), fact(word("job"), about.job)),
    h("details", {}, h("summary", {}, `${word("assumptions")}: ${assumed()}`), h("div.plain", {}, flatten(report.assumptions).map(([key, value]) => h("div", {}, h("span.dim", {}, key), h("span", {}, value))))));
}
function assumed() {
  const a = report.assumptions, fees = typeof a.fees === "string" ? a.fees : `${word("fees")} ${percent((Array.isArray(a.fees) ? a.fees[0] : a.fees).taker, 3)}`;
  return [`${money(a.initial_equity)} ${report.run.currency}`, fees, `${word("slippage")} ${a.slippage.model}${a.slippage.bps ? ` ${a.slippage.bps} bp` : ""}`, a.fill, `${a.leverage}× ${a.margin_mode}`].join(" · ");
}

const MARK = { passed: "✓", failed: "✕", warning: "!", unknown: "?" };
function gateCard() {
  const gates = report.gates.map((g) => h("div.gate." + g.state, { title: word(g.state) }, h("i", { "aria-label": word(g.state) }, MARK[g.state]),
    h("b", {}, data.words[state.language]["gate_" + g.name] || g.name.replaceAll("_", " ")), h("p", {}, (state.language === "zh" && g.chinese) || g.text)));
  return h("section.card", {}, h("h2", {}, word("gates")), h("div.gates", {}, gates),
    report.flags.length ? h("details", { open: report.flags.length <= 4 }, h("summary", {}, `${word("notes")} (${report.flags.length})`), h("ul.notes", {}, report.flags.map((f) => h("li", {}, f.text)))) : null);
}

function tile(name, { under = "", toned = false } = {}) {
  const f = figures[name], v = f.value;
  const kind = toned && typeof v === "number" ? tone(v) : "";
  return h("div.tile", { title: [f.formula, f.annualisation, f.reason].filter(Boolean).join("\n") }, h("div.name", {}, plainLabel(name)),
    h("div.number" + (kind ? "." + kind : ""), {}, (toned && typeof v === "number" && v > 0 ? "+" : "") + f.text), h("div.under", {}, under || (f.text === "n/a" ? f.reason.split(";")[0] : "")));
}
function tiles() {
  const ci = (name) => { const a = figures[name + "_ci_5"], b = figures[name + "_ci_95"]; return typeof a.value === "number" && typeof b.value === "number" ? `${word("of_90")} ${number(a.value, 1)} … ${number(b.value, 1)}` : ""; };
  const and = (key, name) => `${word(key)} ${figures[name].text}`;
  return h("div.tiles", {},
    tile("total_return", { toned: true, under: and("before_costs", "gross_return") }), tile("cagr", { toned: true, under: figures.buy_hold_return.value === null ? "" : and("held", "buy_hold_return") }),
    tile("sharpe", { under: ci("sharpe") }), tile("sortino", { under: ci("sortino") }),
    tile("max_drawdown", { toned: true, under: and("longest", "max_drawdown_duration") }), tile("calmar", { under: and("ulcer", "ulcer_index") }),
    tile("trades", { under: and("mean_time", "avg_trade_duration") }), tile("win_rate", { under: and("payoff", "payoff_ratio") }), tile("profit_factor", { under: and("per_trade", "expectancy") }),
    tile("exposure_time", { under: and("leverage_up_to", "max_leverage") }), tile("fees", { under: and("slippage", "slippage") }), tile("annual_volatility", { under: and("var", "var_95") }));
}

function render() {
  document.documentElement.lang = state.language === "zh" ? "zh-CN" : "en";
  const trades = unpackTrades(), candles = candleCard(trades);
  const parts = [
    headCard(), gateCard(), tiles(), equityCard(equityCurve()), monthlyCard(), rollingCard(), candles, histogramCard(), excursionCard(trades), costCard(), hourCard(),
    report.run.instruments.length > 1 ? groupCard("by_instrument", report.tables.instruments, "instrument", short) : null,
    groupCard("by_reason", report.tables.exit_reasons, "exit_reason"), groupCard("by_tag", report.tables.tags, "entry_tag"),
    drawdownCard(), hardCard(), rejectionCard(), tradeCard(trades, (k) => candles.focusTrade && candles.focusTrade(k)), conventionCard(), metricCard(), h("footer", {}, word("footer")),
  ].filter(Boolean);
  // A half without a neighbour would leave a hole: it gets the whole width.
  let open = null;
  for (const part of parts) {
    if (part.classList.contains("half")) open = open ? null : part;
    else if (open) { open.classList.remove("half"); open = null; }
  }
  document.getElementById("page").replaceChildren(...parts);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (!state.theme) render(); });
render();
