// Equity with benchmark and drawdown; rolling figures.
const withAlpha = (name, alpha) => { const c = color(name); return c.length === 7 ? c + Math.round(alpha * 255).toString(16).padStart(2, "0") : c; };

function equityCurve() {
  const packed = report.equity, n0 = packed.start[0];
  const prepend = (first, values) => { const out = new values.constructor(values.length + 1); out[0] = first; out.set(values, 1); return out; };
  return {
    time: prepend(n0, times(packed.time)),
    equity: prepend(packed.start[1], floats(packed.equity)),
    drawdown: prepend(0, floats(packed.drawdown)),
    benchmark: packed.benchmark ? prepend(packed.start[1], floats(packed.benchmark)) : null,
    exposure: packed.exposure ? prepend(0, floats(packed.exposure)) : null,
  };
}

function equityCard(curve) {
  const shown = curve.benchmark ? [curve.equity, curve.benchmark] : [curve.equity];
  const upper = {
    share: 3, log: false, format: (v) => (Math.abs(v) >= 1e5 ? number(v / 1000, 0) + "k" : number(v, v % 1 ? 1 : 0)),
    range: (a, b) => reach(curve.time, shown, a, b),
    draw(plot, pane, c) {
      if (curve.benchmark) line(plot, pane, c, curve.time, curve.benchmark, color("--second"), 1.2);
      area(plot, pane, c, curve.time, curve.equity, pane.now[0], withAlpha("--accent", 0.08));
      line(plot, pane, c, curve.time, curve.equity, color("--accent"), 1.8);
    },
  };
  const lower = {
    share: 1.15, zero: "top", format: percentMark, range: (a, b) => [reach(curve.time, [curve.drawdown], a, b)[0], 0],
    draw(plot, pane, c) {
      area(plot, pane, c, curve.time, curve.drawdown, 0, withAlpha("--bad", 0.25));
      line(plot, pane, c, curve.time, curve.drawdown, color("--bad"), 1);
    },
  };
  const plot = new Plot({
    height: 420, phoneHeight: 340, from: curve.time[0], to: curve.time[curve.time.length - 1], panes: [upper, lower],
    tip(t) {
      const i = Math.max(indexAt(curve.time, t), 0);
      const rows = [[moment(curve.time[i]), ""], [word("strategy"), money(curve.equity[i])]];
      if (curve.benchmark) rows.push([word("benchmark"), money(curve.benchmark[i])]);
      rows.push([word("drawdown"), percent(curve.drawdown[i]), "down"]);
      if (curve.exposure) rows.push([word("exposure"), percent(curve.exposure[i], 0)]);
      return rows;
    },
  });
  plot.least = 86400;
  const log = h("button", { "aria-pressed": "false", onclick() { if (Math.min(...shown.map((s) => s.reduce((a, b) => Math.min(a, b)))) <= 0) return; upper.log = !upper.log; log.setAttribute("aria-pressed", upper.log); plot.paint(); } }, word("log"));
  plot.canvas.setAttribute("aria-label", word("equity"));
  return h("section.card", { id: "equity" },
    h("div.head", {}, h("h2", {}, word("equity")),
      h("div.legend", {}, h("span", { style: "color:var(--accent)" }, word("strategy")),
        curve.benchmark ? h("span", { style: "color:var(--second)" }, report.run.benchmark || word("benchmark")) : null,
        h("span", { style: "color:var(--bad)" }, word("drawdown"))),
      log, h("button", { onclick: () => plot.reset() }, word("reset"))),
    plot.node, h("div.hint", {}, word("drag")));
}

function rollingCard() {
  const packed = report.rolling, time = times(packed.time);
  const head = h("div.head", {}, h("h2", {}, `${word("rolling")} (${packed.window} ${word("days")})`));
  if (time.length < 2) return h("section.card.half", {}, head, h("p.dim", {}, word("nothing")));
  const sharpe = floats(packed.sharpe), volatility = floats(packed.volatility), beta = packed.beta ? floats(packed.beta) : null;
  const upper = {
    share: 2, format: (v) => number(v, 1), range: (a, b) => { const [l, u] = reach(time, [sharpe], a, b); return [Math.min(l, 0), Math.max(u, 0)]; },
    draw(plot, pane, c) {
      const y = Math.round(plot.y(pane, 0)) + 0.5;
      c.strokeStyle = color("--dim"); c.beginPath(); c.moveTo(0, y); c.lineTo(plot.right, y); c.stroke();
      line(plot, pane, c, time, sharpe, color("--accent"), 1.6);
    },
  };
  const lower = {
    share: 1, zero: "bottom", format: percentMark, range: (a, b) => reach(time, [volatility], a, b),
    draw(plot, pane, c) { area(plot, pane, c, time, volatility, 0, withAlpha("--second", 0.2)); line(plot, pane, c, time, volatility, color("--second"), 1.2); },
  };
  const plot = new Plot({
    height: 260, from: time[0], to: time[time.length - 1], panes: [upper, lower],
    tip(t) {
      const i = Math.max(indexAt(time, t), 0);
      const rows = [[moment(time[i], false), ""], [word("sharpe"), number(sharpe[i])], [word("volatility"), percent(volatility[i], 1)]];
      if (beta) rows.push([word("beta"), number(beta[i])]);
      return rows;
    },
  });
  plot.least = 7 * 86400;
  plot.canvas.setAttribute("aria-label", word("rolling"));
  head.append(h("div.legend", {}, h("span", { style: "color:var(--accent)" }, word("sharpe")), h("span", { style: "color:var(--second)" }, word("volatility"))));
  return h("section.card.half", {}, head, plot.node);
}
