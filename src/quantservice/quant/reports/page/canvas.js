// One canvas with axes of time and value, moved with pointer, wheel and keys; panes below each other share the time.

/** Round steps for an axis of values. */
function valueTicks(low, high, count) {
  const raw = (high - low) / Math.max(count, 1), power = 10 ** Math.floor(Math.log10(raw || 1));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((k) => k >= raw) || power * 10;
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) found.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return { step, ticks: found };
}
const TIME_STEPS = [60, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 345600, 604800, 1209600];
/** Marks of a time axis: [seconds, text], on round UTC times. */
function timeTicks(from, to, count) {
  const span = to - from, raw = span / Math.max(count, 1);
  const step = TIME_STEPS.find((s) => s >= raw);
  const found = [];
  if (step) {
    for (let t = Math.ceil(from / step) * step; t <= to; t += step) {
      const text = new Date(t * 1000).toISOString();
      found.push([t, t % 86400 === 0 ? text.slice(5, 10) : text.slice(11, 16)]);
    }
    return found;
  }
  const months = [1, 2, 3, 6, 12, 24, 60, 120].find((m) => m * 2629800 >= raw) || 240;
  const first = new Date(from * 1000);
  for (let m = first.getUTCFullYear() * 12 + first.getUTCMonth(); ; m++) {
    if (m % months) continue;
    const t = Date.UTC(Math.floor(m / 12), m % 12, 1) / 1000;
    if (t > to) break;
    if (t >= from) found.push([t, months >= 12 ? String(Math.floor(m / 12)) : new Date(t * 1000).toISOString().slice(0, 7)]);
  }
  return found;
}

class Plot {
  /** `panes`: [{share, format, zero, draw(plot, pane), range(from, to) -> [low, high], log}]; `tip(seconds)` -> rows or null. */
  constructor({ height, from, to, panes, tip, phoneHeight }) {
    Object.assign(this, { panes, tip, whole: [from, to], from, to, height, phoneHeight: phoneHeight || height * 0.8 });
    this.canvas = h("canvas", { tabindex: "0", role: "img" });
    this.tipBox = h("div.tip");
    this.node = h("div.plot", {}, this.canvas, this.tipBox);
    this.pointers = new Map();
    this.cross = null;
    this.listen();
    new ResizeObserver(() => requestAnimationFrame(() => this.resize())).observe(this.node);
  }
  resize() {
    const width = this.node.clientWidth;
    if (!width) return;
    const height = width < 560 ? this.phoneHeight : this.height, ratio = window.devicePixelRatio || 1;
    if (width === this.w && height === this.h && this.ratio === ratio) return;
    this.ratio = ratio;
    this.node.style.height = height + "px";
    this.w = width; this.h = height;
    this.canvas.width = Math.round(width * ratio); this.canvas.height = Math.round(height * ratio);
    this.context = this.canvas.getContext("2d");
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.right = width - 62; this.bottom = height - 22;
    let top = 4;
    const room = this.bottom - 4 - 10 * (this.panes.length - 1), sum = this.panes.reduce((a, p) => a + p.share, 0);
    for (const pane of this.panes) { pane.top = top; pane.bottom = top + (room * pane.share) / sum; top = pane.bottom + 10; }
    this.paint();
  }
  x(t) { return ((t - this.from) / (this.to - this.from)) * this.right; }
  timeAt(x) { return this.from + (x / this.right) * (this.to - this.from); }
  y(pane, v) {
    const [low, high] = pane.now, scale = pane.log ? Math.log : (u) => u;
    return pane.bottom - ((scale(v) - scale(low)) / (scale(high) - scale(low))) * (pane.bottom - pane.top);
  }
  paint() {
    if (!this.context || this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.paintNow(); });
  }
  paintNow() {
    const c = this.context;
    c.clearRect(0, 0, this.w, this.h);
    c.font = "11px system-ui, sans-serif"; c.lineWidth = 1; c.textBaseline = "middle";
    const marks = timeTicks(this.from, this.to, this.right / 90);
    for (const pane of this.panes) {
      let [low, high] = pane.range(this.from, this.to);
      if (!(high > low)) { low -= Math.abs(low) * 0.01 || 1; high += Math.abs(high) * 0.01 || 1; }
      const room = pane.log ? 0 : (high - low) * 0.06;
      pane.now = [pane.zero === "top" ? low - room : pane.zero === "bottom" ? 0 : pane.log ? low * 0.98 : low - room, pane.zero === "top" ? 0 : pane.log ? high * 1.02 : high + room];
      c.strokeStyle = color("--grid"); c.fillStyle = color("--dim"); c.textAlign = "left";
      const { ticks, step } = valueTicks(pane.now[0], pane.now[1], (pane.bottom - pane.top) / 42);
      for (const v of ticks) {
        const y = Math.round(this.y(pane, v)) + 0.5;
        if (!(y > pane.top - 1 && y < pane.bottom + 1)) continue;
        c.beginPath(); c.moveTo(0, y); c.lineTo(this.right, y); c.stroke();
        c.fillText(pane.format(v, step), this.right + 6, Math.min(Math.max(y, 7), this.bottom - 6));
      }
      for (const [t] of marks) {
        const x = Math.round(this.x(t)) + 0.5;
        c.beginPath(); c.moveTo(x, pane.top); c.lineTo(x, pane.bottom); c.stroke();
      }
      c.save(); c.beginPath(); c.rect(0, pane.top - 2, this.right, pane.bottom - pane.top + 4); c.clip();
      pane.draw(this, pane, c);
      c.restore();
    }
    c.fillStyle = color("--dim"); c.textAlign = "center";
    for (const [t, text] of marks) { const x = this.x(t); if (x > 18 && x < this.right - 12) c.fillText(text, x, this.bottom + 12); }
    if (this.cross !== null) this.paintCross(c);
  }
  paintCross(c) {
    const x = this.cross;
    c.strokeStyle = color("--dim"); c.setLineDash([3, 3]);
    c.beginPath(); c.moveTo(x + 0.5, this.panes[0].top); c.lineTo(x + 0.5, this.bottom); c.stroke(); c.setLineDash([]);
    const rows = this.tip && this.tip(this.timeAt(x), x, this.crossY);
    if (!rows) { this.tipBox.style.visibility = "hidden"; return; }
    this.tipBox.replaceChildren(...rows.map(([a, b, kind]) => h("div", {}, h("span.dim", {}, a), h("b" + (kind ? "." + kind : ""), {}, b))));
    const wide = this.tipBox.offsetWidth;
    this.tipBox.style.left = (x + 16 + wide > this.right ? Math.max(0, x - wide - 16) : x + 16) + "px";
    this.tipBox.style.top = "10px"; this.tipBox.style.visibility = "visible";
  }
  show(from, to) {
    const [a, b] = this.whole, least = this.least || 3600, span = Math.min(Math.max(to - from, least), b - a);
    from = Math.min(Math.max(from, a), b - span);
    this.from = from; this.to = from + span;
    if (this.moved) this.moved(this.from, this.to);
    this.paint();
  }
  zoom(factor, x = this.right / 2) {
    const t = this.timeAt(x), share = x / this.right, span = (this.to - this.from) * factor;
    this.show(t - span * share, t + span * (1 - share));
  }
  reset() { this.show(...this.whole); }
  listen() {
    const node = this.canvas, place = (event) => { const box = node.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    node.addEventListener("wheel", (event) => {
      if (document.activeElement !== node && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) { const by = (event.deltaX / this.right) * (this.to - this.from); this.show(this.from + by, this.to + by); }
      else this.zoom(1.0018 ** event.deltaY, Math.min(place(event)[0], this.right));
    }, { passive: false });
    node.addEventListener("pointerdown", (event) => { node.setPointerCapture(event.pointerId); this.pointers.set(event.pointerId, place(event)); this.grip = null; });
    node.addEventListener("pointermove", (event) => {
      const [x, y] = place(event);
      if (this.pointers.has(event.pointerId)) {
        this.pointers.set(event.pointerId, [x, y]);
        const held = [...this.pointers.values()].map((p) => p[0]);
        const middle = held.reduce((a, b) => a + b) / held.length, width = held.length > 1 ? Math.max(Math.abs(held[0] - held[1]), 10) : 0;
        if (this.grip && this.grip.n === held.length) {
          const by = ((this.grip.middle - middle) / this.right) * (this.to - this.from);
          if (by) this.show(this.from + by, this.to + by);
          if (width) this.zoom(this.grip.width / width, middle);
        }
        this.grip = { n: held.length, middle, width };
      }
      this.cross = x >= 0 && x <= this.right ? Math.round(x) : null; this.crossY = y;
      if (this.cross === null) this.tipBox.style.visibility = "hidden";
      this.paint();
    });
    const release = (event) => { this.pointers.delete(event.pointerId); this.grip = null; };
    node.addEventListener("pointerup", release); node.addEventListener("pointercancel", release);
    node.addEventListener("pointerleave", () => { this.cross = null; this.tipBox.style.visibility = "hidden"; this.paint(); });
    node.addEventListener("dblclick", () => this.reset());
    node.addEventListener("keydown", (event) => {
      const by = (this.to - this.from) * 0.15;
      const does = { ArrowLeft: () => this.show(this.from - by, this.to - by), ArrowRight: () => this.show(this.from + by, this.to + by), "+": () => this.zoom(0.7), "=": () => this.zoom(0.7), "-": () => this.zoom(1 / 0.7), Home: () => this.reset(), Escape: () => node.blur() }[event.key];
      if (does) { event.preventDefault(); does(); }
    });
  }
}

/** Index of the last value at or before `t`, -1 before the first. */
function indexAt(sorted, t) {
  let low = 0, high = sorted.length;
  while (low < high) { const middle = (low + high) >> 1; if (sorted[middle] <= t) low = middle + 1; else high = middle; }
  return low - 1;
}
/** Lowest and highest of several columns between two times, one point to each side included. */
function reach(time, columns, from, to) {
  let a = Math.max(indexAt(time, from), 0), b = Math.min(indexAt(time, to) + 1, time.length - 1), low = Infinity, high = -Infinity;
  for (const column of columns) for (let i = a; i <= b; i++) { const v = column[i]; if (v < low) low = v; if (v > high) high = v; }
  return low <= high ? [low, high] : [0, 1];
}
/** Draw a line through points; gaps where a value is not a number. */
function line(plot, pane, c, time, values, stroke, width = 1.5) {
  const a = Math.max(indexAt(time, plot.from) - 1, 0), b = Math.min(indexAt(time, plot.to) + 2, time.length - 1);
  c.beginPath();
  let pen = false;
  for (let i = a; i <= b; i++) {
    if (Number.isNaN(values[i])) { pen = false; continue; }
    const x = plot.x(time[i]), y = plot.y(pane, values[i]);
    if (pen) c.lineTo(x, y); else c.moveTo(x, y);
    pen = true;
  }
  c.strokeStyle = stroke; c.lineWidth = width; c.lineJoin = "round"; c.stroke(); c.lineWidth = 1;
}
/** Fill between points and a level. */
function area(plot, pane, c, time, values, level, fill) {
  const a = Math.max(indexAt(time, plot.from) - 1, 0), b = Math.min(indexAt(time, plot.to) + 2, time.length - 1), y0 = plot.y(pane, level);
  c.beginPath(); c.moveTo(plot.x(time[a]), y0);
  for (let i = a; i <= b; i++) c.lineTo(plot.x(time[i]), plot.y(pane, Number.isNaN(values[i]) ? level : values[i]));
  c.lineTo(plot.x(time[b]), y0); c.closePath(); c.fillStyle = fill; c.fill();
}
