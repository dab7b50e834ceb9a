// Candles with the trades on them: joined to a longer period from afar, as they are near the weightiest trades.
const SYNTHETIC = 2, STALE = 4;

function unpackTrades() {
  const packed = report.trades, found = { count: packed.count, reasons: packed.reasons, tags: packed.tags };
  for (const name of ["entry_time", "exit_time"]) found[name] = times(packed[name]);
  for (const name of ["entry_price", "exit_price", "quantity", "net", "return", "fees", "funding", "mae", "mfe", "bars"]) found[name] = floats(packed[name]);
  for (const name of ["instrument", "side", "exit_reason", "entry_tag", "open"]) found[name] = integers(packed[name]);
  return found;
}
function unpackPart(part) {
  const found = { time: times(part.time), state: part.state ? unpack(part.state, Uint8Array) : null };
  for (const name of ["open", "high", "low", "close", "volume"]) found[name] = floats(part[name]);
  found.step = found.time.length > 1 ? found.time[1] - found.time[0] : 60;
  return found;
}
function spanText(seconds) {
  const units = [[86400, "d"], [3600, "h"], [60, "m"]].find(([s]) => seconds >= s && seconds % s === 0) || [1, "s"];
  return seconds / units[0] + units[1];
}

function candleCard(trades) {
  const body = h("section.card", { id: "candles" });
  if (!report.candles.length) {
    body.append(h("div.head", {}, h("h2", {}, word("on_candles"))), h("p.dim", {}, word("no_candles")));
    return body;
  }
  let drawn, mine, picked = -1, plot;
  const select = h("select", { "aria-label": word("instrument"), onchange: () => open(Number(select.value)) }, report.candles.map((c, k) => h("option", { value: k }, short(c.instrument))));
  const note = h("span.dim.small"), said = h("div.small", { style: "min-height:20px;margin-top:6px" });
  const step = (by) => {
    if (!mine.length) return;
    picked = (picked + by + mine.length) % mine.length;
    focus(mine[picked]);
  };
  function focus(k) {
    const a = trades.entry_time[k], b = trades.exit_time[k];
    let room = Math.max((b - a) * 0.45, drawn.native * 36);
    if (covering(a - room, b + room) === drawn.whole) room = Math.max(room, drawn.whole.step * 20);
    picked = mine.indexOf(k);
    plot.show(a - room, b + room);
    tell(k);
  }
  function tell(k) {
    const way = trades.side[k] > 0 ? word("long") : word("short");
    said.replaceChildren(
      h("b", {}, `${word("trade")} ${k + 1} `), `${way} · ${moment(trades.entry_time[k])} → ${trades.open[k] ? word("open") : moment(trades.exit_time[k])} · ${price(trades.entry_price[k])} → ${price(trades.exit_price[k])} · `,
      h("b." + (tone(trades.net[k]) || "dim"), {}, `${signed(trades.net[k], money)} (${signed(trades.return[k], percent)})`), ` · ${trades.reasons[trades.exit_reason[k]]}`);
  }
  /** The finest candles that cover what is seen. */
  function covering(from, to) {
    const near = drawn.near.find((p) => p.time[0] <= from + p.step && p.time[p.time.length - 1] + p.step >= to - p.step);
    return near || drawn.whole;
  }
  const upper = {
    share: 4, format: (v, s) => number(v, s >= 1 ? 0 : Math.min(8, Math.ceil(-Math.log10(s)))),
    range(a, b) {
      const part = covering(a, b), i0 = Math.max(indexAt(part.time, a), 0), i1 = Math.max(indexAt(part.time, b), 0);
      let low = Infinity, high = -Infinity;
      for (let i = i0; i <= i1; i++) { if (part.low[i] < low) low = part.low[i]; if (part.high[i] > high) high = part.high[i]; }
      return low <= high ? [low, high] : [0, 1];
    },
    draw(p, pane, c) { drawCandles(p, pane, c, covering(p.from, p.to)); drawTrades(p, pane, c); },
  };
  const lower = {
    share: 0.8, zero: "bottom", format: (v) => (v >= 1e6 ? number(v / 1e6, 0) + "M" : v >= 1e3 ? number(v / 1e3, 0) + "k" : number(v, 0)),
    range(a, b) { const part = covering(a, b); return [0, reach(part.time, [part.volume], a, b)[1]]; },
    draw(p, pane, c) {
      const part = covering(p.from, p.to), i0 = Math.max(indexAt(part.time, p.from), 0), i1 = Math.max(indexAt(part.time, p.to), 0);
      const wide = Math.max((part.step / (p.to - p.from)) * p.right * 0.7, 0.6), y0 = p.y(pane, 0);
      for (let i = i0; i <= i1; i++) {
        c.fillStyle = withAlpha(part.close[i] >= part.open[i] ? "--up" : "--down", 0.4);
        const y = p.y(pane, part.volume[i]);
        c.fillRect(p.x(part.time[i] + part.step / 2) - wide / 2, y, wide, y0 - y);
      }
    },
  };
  function drawCandles(p, pane, c, part) {
    const i0 = Math.max(indexAt(part.time, p.from), 0), i1 = Math.max(indexAt(part.time, p.to), 0), slot = (part.step / (p.to - p.from)) * p.right;
    const up = color("--up"), down = color("--down"), dim = color("--dim");
    note.textContent = part === drawn.whole && drawn.near.length ? `${word("joined")} ${spanText(drawn.step)}` : `${word("native")} (${spanText(part.step)})`;
    if (slot < 1.4) {  // closer than a pixel: the range of each column
      for (let x = 0; x < p.right; x++) {
        let a = Math.max(indexAt(part.time, p.timeAt(x)), 0), b = Math.max(indexAt(part.time, p.timeAt(x + 1)), a), low = Infinity, high = -Infinity;
        for (let i = a; i <= b; i++) { if (part.low[i] < low) low = part.low[i]; if (part.high[i] > high) high = part.high[i]; }
        const y = p.y(pane, high);
        c.fillStyle = part.close[b] >= part.open[a] ? up : down;
        c.fillRect(x, y, 1, Math.max(p.y(pane, low) - y, 1));
      }
      return;
    }
    const wide = Math.max(Math.min(slot * 0.7, 14), 1);
    for (let i = i0; i <= i1; i++) {
      const x = p.x(part.time[i] + part.step / 2), made = part.state && part.state[i] & (SYNTHETIC | STALE);
      const rising = part.close[i] >= part.open[i];
      c.fillStyle = c.strokeStyle = made ? dim : rising ? up : down;
      const y0 = p.y(pane, part.open[i]), y1 = p.y(pane, part.close[i]);
      c.fillRect(Math.round(x) - 0.5, p.y(pane, part.high[i]), 1, Math.max(p.y(pane, part.low[i]) - p.y(pane, part.high[i]), 1));
      if (made) { c.setLineDash([2, 2]); c.strokeRect(x - wide / 2, Math.min(y0, y1), wide, Math.max(Math.abs(y1 - y0), 2)); c.setLineDash([]); }
      else c.fillRect(x - wide / 2, Math.min(y0, y1), wide, Math.max(Math.abs(y1 - y0), 1));
    }
  }
  function mark(c, x, y, upward, fill) {
    const s = 5.5, k = upward ? 1 : -1;
    c.beginPath(); c.moveTo(x, y); c.lineTo(x - s, y + k * s * 1.7); c.lineTo(x + s, y + k * s * 1.7); c.closePath();
    c.fillStyle = fill; c.fill(); c.strokeStyle = color("--card"); c.stroke();
  }
  function drawTrades(p, pane, c) {
    const seen = mine.filter((k) => trades.exit_time[k] >= p.from && trades.entry_time[k] <= p.to);
    const many = seen.length > p.right / 14;
    for (const k of seen) {
      const won = trades.net[k] >= 0, x0 = p.x(trades.entry_time[k]), x1 = p.x(trades.exit_time[k]);
      const y0 = p.y(pane, trades.entry_price[k]), y1 = p.y(pane, trades.exit_price[k]), ink = color(won ? "--up" : "--down");
      c.strokeStyle = ink; c.globalAlpha = many ? 0.5 : 0.9; c.lineWidth = mine[picked] === k ? 2.4 : 1.3;
      c.setLineDash(won ? [] : [4, 3]); c.beginPath(); c.moveTo(x0, y0); c.lineTo(x1, y1); c.stroke(); c.setLineDash([]);
      c.lineWidth = 1; c.globalAlpha = 1;
      if (many && mine[picked] !== k) continue;
      mark(c, x0, y0, trades.side[k] > 0, color("--accent"));
      if (!trades.open[k]) { c.beginPath(); c.arc(x1, y1, 3.6, 0, 7); c.fillStyle = ink; c.fill(); c.strokeStyle = color("--card"); c.stroke(); }
    }
  }
  function tip(t, x, y) {
    const part = covering(plot.from, plot.to), i = Math.max(indexAt(part.time, t), 0);
    const rows = [[moment(part.time[i]), ""], ["O", price(part.open[i])], ["H", price(part.high[i])], ["L", price(part.low[i])], ["C", price(part.close[i]), part.close[i] >= part.open[i] ? "up" : "down"]];
    if (part.state && part.state[i] & SYNTHETIC) rows.push([word("synthetic"), "!"]);
    if (part.state && part.state[i] & STALE) rows.push([word("stale"), "!"]);
    const k = nearest(x, y);
    if (k !== undefined) rows.push([`${word("trade")} ${k + 1} ${trades.side[k] > 0 ? word("long") : word("short")}`, signed(trades.net[k], money), tone(trades.net[k])]);
    return rows;
  }
  function nearest(x, y) {
    let best, least = 14;
    for (const k of mine) {
      if (trades.exit_time[k] < plot.from || trades.entry_time[k] > plot.to) continue;
      for (const [t, v] of [[trades.entry_time[k], trades.entry_price[k]], [trades.exit_time[k], trades.exit_price[k]]]) {
        const off = Math.hypot(plot.x(t) - x, plot.y(upper, v) - y);
        if (off < least) { least = off; best = k; }
      }
    }
    return best;
  }
  function open(k) {
    const packed = report.candles[k];
    drawn = { ...packed, whole: unpackPart(packed.whole), near: packed.near.map(unpackPart) };
    drawn.native = drawn.near.length ? drawn.near[0].step : drawn.whole.step;
    mine = [];
    for (let i = 0; i < trades.count; i++) if (trades.instrument[i] === packed.place) mine.push(i);
    picked = -1; said.replaceChildren(); select.value = k;
    const time = drawn.whole.time;
    plot.whole = [time[0], time[time.length - 1] + drawn.whole.step];
    plot.least = drawn.native * 12;
    plot.show(...plot.whole);
  }
  plot = new Plot({ height: 440, phoneHeight: 320, from: 0, to: 1, panes: [upper, lower], tip });
  plot.canvas.setAttribute("aria-label", word("on_candles"));
  plot.canvas.addEventListener("click", () => { const k = plot.cross === null ? undefined : nearest(plot.cross, plot.crossY); if (k !== undefined) { picked = mine.indexOf(k); tell(k); plot.paint(); } });
  open(0);
  body.append(
    h("div.head", {}, h("h2", {}, word("on_candles")), note, report.candles.length > 1 ? select : h("span.dim", {}, short(report.candles[0].instrument)),
      h("button", { onclick: () => step(-1), "aria-label": word("previous"), title: word("previous") }, "‹"),
      h("button", { onclick: () => step(1), "aria-label": word("next"), title: word("next") }, "›"),
      h("button", { onclick: () => { picked = -1; said.replaceChildren(); plot.reset(); } }, word("all"))),
    plot.node, said, h("div.hint", {}, word("drag")));
  body.focusTrade = (k) => {
    const at = report.candles.findIndex((c) => c.place === trades.instrument[k]);
    if (at < 0) return;
    if (drawn.place !== trades.instrument[k]) open(at);
    focus(k);
    body.scrollIntoView({ behavior: "smooth", block: "center" });
  };
  return body;
}
