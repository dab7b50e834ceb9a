// Small pictures: months, histogram, excursions, hours, costs.
const mix = (value, most) => { const k = Math.min(Math.abs(value) / (most || 1), 1); return `color-mix(in srgb, var(${value >= 0 ? "--up" : "--down"}) ${Math.round(10 + 62 * k)}%, var(--card))`; };

function monthlyCard() {
  const rows = report.tables.monthly, years = [...new Set(rows.map((r) => r.year))];
  const names = word("months").split(" ");
  const facts = ["best_month", "worst_month", "positive_months", "best_day", "worst_day", "positive_days"].map((name) => h("div", {}, h("span.dim", {}, plainLabel(name)), h("span", {}, figures[name].text)));
  const at = (year, month) => rows.find((r) => r.year === year && r.month === month);
  const sizes = rows.filter((r) => r.month).map((r) => Math.abs(r.return)).sort((a, b) => a - b);
  const most = sizes.length ? sizes[Math.floor((sizes.length - 1) * 0.9)] || sizes[sizes.length - 1] : 1;
  const cell = (row, kind, limit) => (row ? h("td" + kind, { style: `background:${mix(row.return, limit)}`, title: percent(row.return) }, number(row.return * 100, 1)) : h("td" + kind, {}, ""));
  return h("section.card.half", {}, h("div.head", {}, h("h2", {}, word("monthly")), h("span.dim.small", {}, "%")),
    years.length ? h("div.scroll", {}, h("table.months", {},
      h("thead", {}, h("tr", {}, h("th", {}, ""), names.map((n) => h("th", {}, n)), h("th", {}, word("whole_year")))),
      h("tbody", {}, years.map((year) => h("tr", {}, h("td", {}, String(year)), names.map((_, m) => cell(at(year, m + 1), "", most)), cell(at(year, 0), ".total", most * 4)))))) : h("p.dim", {}, word("nothing")),
    h("div.plain", { style: "margin-top:14px" }, facts));
}

/** A drawing that follows its width: `paint(context, width, height)`; `tip(x, y)` -> rows or null. */
function drawing(height, label, paint, tip) {
  const canvas = h("canvas", { role: "img", "aria-label": label, style: "cursor:default" }), box = h("div.tip"), node = h("div.plot", { style: `height:${height}px` }, canvas, box);
  const draw = () => {
    const width = node.clientWidth, ratio = window.devicePixelRatio || 1;
    if (!width) return;
    canvas.width = width * ratio; canvas.height = height * ratio;
    const c = canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0); c.font = "11px system-ui, sans-serif"; c.textBaseline = "middle";
    paint(c, width, height);
  };
  new ResizeObserver(() => requestAnimationFrame(draw)).observe(node);
  if (tip) {
    canvas.addEventListener("pointermove", (event) => {
      const place = canvas.getBoundingClientRect(), x = event.clientX - place.left, rows = tip(x, event.clientY - place.top);
      box.style.visibility = rows ? "visible" : "hidden";
      if (!rows) return;
      box.replaceChildren(...rows.map(([a, b, kind]) => h("div", {}, h("span.dim", {}, a), h("b" + (kind ? "." + kind : ""), {}, b))));
      box.style.left = Math.min(x + 12, place.width - box.offsetWidth) + "px"; box.style.top = "4px";
    });
    canvas.addEventListener("pointerleave", () => { box.style.visibility = "hidden"; });
  }
  return node;
}
function gridLine(c, x0, y0, x1, y1) { c.beginPath(); c.moveTo(Math.round(x0) + 0.5, Math.round(y0) + 0.5); c.lineTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5); c.stroke(); }

function histogramCard() {
  const { edges, counts, normal } = report.histogram;
  const head = h("div.head", {}, h("h2", {}, word("histogram")));
  if (!counts.length) return h("section.card.half", {}, head, h("p.dim", {}, word("nothing")));
  const n = counts.length, top = Math.max(...counts, ...normal), lines = [["var_95", "VaR 95"], ["cvar_95", "CVaR 95"]].filter(([name]) => typeof figures[name].value === "number");
  let width = 0;
  const place = (v) => ((v - edges[0]) / (edges[n] - edges[0])) * width;
  const node = drawing(260, word("histogram"), (c, w, height) => {
    width = w;
    const floor = height - 20, tall = floor - 22;
    for (let i = 0; i < n; i++) {
      const x = place(edges[i]), wide = place(edges[i + 1]) - x;
      const middle = (edges[i] + edges[i + 1]) / 2;
      c.fillStyle = withAlpha(edges[i] < 0 && edges[i + 1] > 0 ? "--dim" : middle > 0 ? "--up" : "--down", 0.75);
      const high = (counts[i] / top) * tall;
      c.fillRect(x + 1, floor - high, Math.max(wide - 2, 1), high);
    }
    c.strokeStyle = color("--dim"); c.lineWidth = 1.4; c.beginPath();
    normal.forEach((v, i) => { const x = place((edges[i] + edges[i + 1]) / 2), y = floor - (v / top) * tall; if (i) c.lineTo(x, y); else c.moveTo(x, y); });
    c.stroke(); c.lineWidth = 1;
    gridLine(c, 0, floor, w, floor);
    c.fillStyle = color("--dim"); c.textAlign = "center";
    const marks = valueTicks(edges[0], edges[n], w / 90);
    for (const v of marks.ticks) { const x = place(v); if (x > 20 && x < w - 20) c.fillText(percentMark(v, marks.step), x, height - 8); }
    c.textAlign = "right"; c.setLineDash([4, 3]);
    lines.forEach(([name, text], k) => {
      const x = place(figures[name].value);
      if (x < 2) return;
      c.strokeStyle = c.fillStyle = color("--bad"); gridLine(c, x, 8 + k * 15, x, floor);
      c.textAlign = x < 110 ? "left" : "right";
      c.fillText(`${text} ${percent(figures[name].value, 1)}`, x + (x < 110 ? 5 : -5), 10 + k * 15);
    });
    c.setLineDash([]);
  }, (x) => { const i = Math.floor((x / width) * n); return i >= 0 && i < n ? [[`${percent(edges[i], 1)} … ${percent(edges[i + 1], 1)}`, `${counts[i]} ${word("days")}`]] : null; });
  head.append(h("div.legend", {}, h("span", {}, word("normal"))));
  return h("section.card.half", {}, head, node);
}

function excursionCard(trades) {
  const chosen = [];
  for (let k = 0; k < trades.count; k++) if (!trades.open[k] && Number.isFinite(trades.mae[k]) && Number.isFinite(trades.mfe[k])) chosen.push(k);
  const head = h("div.head", {}, h("h2", {}, word("excursions")), h("div.legend", {}, h("span.up", {}, "● " + word("won")), h("span.down", {}, "○ " + word("lost"))));
  head.querySelectorAll(".legend span").forEach((s) => s.classList.add("bare"));
  if (!chosen.length) return h("section.card.half", {}, head, h("p.dim", {}, word("nothing")));
  const bound = (values) => { const s = values.map(Math.abs).sort((a, b) => a - b); return (s[Math.floor((s.length - 1) * 0.99)] || 0.01) * 1.08; };
  const across = bound(chosen.map((k) => trades.mae[k])), up = bound(chosen.map((k) => trades.mfe[k]));
  let box = { left: 48, right: 0, top: 8, bottom: 0 };
  const px = (k) => box.left + (Math.min(-trades.mae[k] / across, 1)) * (box.right - box.left), py = (k) => box.bottom - Math.max(Math.min(trades.mfe[k] / up, 1), 0) * (box.bottom - box.top);
  const node = drawing(300, word("excursions"), (c, w, height) => {
    box = { left: 48, right: w - 8, top: 8, bottom: height - 34 };
    c.strokeStyle = color("--grid"); c.fillStyle = color("--dim");
    c.textAlign = "center";
    const lower = valueTicks(0, across, (box.right - box.left) / 80), side = valueTicks(0, up, 5);
    for (const v of lower.ticks) { const x = box.left + (v / across) * (box.right - box.left); gridLine(c, x, box.top, x, box.bottom); c.fillText(percentMark(-v, lower.step), x, box.bottom + 11); }
    c.textAlign = "right";
    for (const v of side.ticks) { const y = box.bottom - (v / up) * (box.bottom - box.top); gridLine(c, box.left, y, box.right, y); c.fillText(percentMark(v, side.step), box.left - 5, y); }
    c.textAlign = "center"; c.fillText(word("mae") + " →", (box.left + box.right) / 2, height - 8);
    c.save(); c.translate(9, (box.top + box.bottom) / 2); c.rotate(-Math.PI / 2); c.fillText(word("mfe") + " →", 0, 0); c.restore();
    const size = chosen.length > 1500 ? 1.6 : 3, ink = { true: color("--up"), false: color("--down") };
    c.globalAlpha = chosen.length > 1500 ? 0.45 : 0.75;
    for (const k of chosen) {
      const won = trades.net[k] > 0;
      c.beginPath(); c.arc(px(k), py(k), size, 0, 7);
      if (won) { c.fillStyle = ink[won]; c.fill(); } else { c.strokeStyle = ink[won]; c.lineWidth = 1.2; c.stroke(); }
    }
    c.globalAlpha = 1; c.lineWidth = 1;
  }, (x, y) => {
    let best = -1, least = 10;
    for (const k of chosen) { const off = Math.hypot(px(k) - x, py(k) - y); if (off < least) { least = off; best = k; } }
    if (best < 0) return null;
    return [[`${word("trade")} ${best + 1}`, signed(trades.return[best], percent), tone(trades.net[best])], [word("mae"), percent(trades.mae[best])], [word("mfe"), percent(trades.mfe[best])]];
  });
  return h("section.card.half", {}, head, node);
}

function hourCard() {
  const rows = report.tables.hours;
  const head = h("div.head", {}, h("h2", {}, word("by_hour")), h("span.dim.small", {}, `${word("net")}, ${report.run.currency}`));
  if (!rows.some((r) => r.trades)) return h("section.card.half", {}, head, h("p.dim", {}, word("nothing")));
  let width = 1;
  const node = drawing(220, word("by_hour"), (c, w, height) => {
    width = w;
    const low = Math.min(...rows.map((r) => r.net), 0), high = Math.max(...rows.map((r) => r.net), 0), floor = height - 20, span = high - low || 1;
    const y = (v) => 8 + ((high - v) / span) * (floor - 16);
    rows.forEach((r, k) => {
      const x = (k / 24) * w, wide = w / 24;
      c.fillStyle = color(r.net >= 0 ? "--up" : "--down"); c.globalAlpha = 0.8;
      c.fillRect(x + wide * 0.15, Math.min(y(0), y(r.net)), wide * 0.7, Math.max(Math.abs(y(r.net) - y(0)), 1)); c.globalAlpha = 1;
      c.fillStyle = color("--dim"); c.textAlign = "center";
      if (w > 500 || k % 3 === 0) c.fillText(String(k).padStart(2, "0"), x + wide / 2, height - 8);
    });
    c.strokeStyle = color("--dim"); gridLine(c, 0, y(0), w, y(0));
  }, (x) => { const r = rows[Math.min(Math.max(Math.floor((x / width) * 24), 0), 23)]; return [[`${String(r.hour).padStart(2, "0")}:00`, ""], [word("net"), signed(r.net, money), tone(r.net)], [word("trades"), String(r.trades)], [word("win_rate"), percent(r.win_rate, 0)]]; });
  return h("section.card.half", {}, head, node);
}

function costCard() {
  const rows = report.tables.costs.filter((r, k, all) => k === 0 || k === all.length - 1 || (r.amount !== null && r.amount !== 0));
  const head = h("div.head", {}, h("h2", {}, word("costs")), h("span.dim.small", {}, report.run.currency));
  if (rows.some((r) => r.amount === null)) return h("section.card.half", {}, head, h("p.dim", {}, word("nothing")));
  let level = 0;
  const spans = rows.map((r, k) => { const whole = k === 0 || k === rows.length - 1, a = whole ? 0 : level, b = whole ? r.amount : level + r.amount; level = b; return [Math.min(a, b), Math.max(a, b)]; });
  const low = Math.min(...spans.map((s) => s[0]), 0), high = Math.max(...spans.map((s) => s[1]), 0), span = high - low || 1;
  const body = rows.flatMap((r, k) => {
    const whole = k === 0 || k === rows.length - 1, [a, b] = spans[k];
    const paint = whole ? "var(--accent)" : r.amount >= 0 ? "var(--up)" : "var(--down)";
    return [h("span" + (whole ? ".sum" : ""), {}, word(r.item)),
      h("div.track", {}, h("i", { style: `left:${((a - low) / span) * 100}%;width:${Math.max(((b - a) / span) * 100, 0.4)}%;background:${paint}` })),
      h("span" + (whole ? ".sum" : ""), {}, signed(r.amount, money))];
  });
  const facts = ["turnover", "break_even_cost", "capacity", "maker_share"].map((name) => h("div", {}, h("span.dim", {}, plainLabel(name)), h("span", { title: figures[name].reason || null }, figures[name].text)));
  return h("section.card.half", {}, head, h("div.steps", {}, body), h("div.plain", { style: "margin-top:14px" }, facts));
}
