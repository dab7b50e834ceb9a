// Data, words, numbers and elements: what everything else is made of.
const data = JSON.parse(document.getElementById("data").textContent);
const report = data.report;
const state = { language: data.language, theme: "" };
const word = (key) => data.words[state.language][key] ?? key;

/** Unpack base64 into a typed array (the file is little-endian, as are the machines that read it). */
function unpack(text, Kind) {
  if (!text) return new Kind(0);
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new Kind(bytes.buffer);
}
const floats = (text) => unpack(text, Float32Array);
const times = (text) => unpack(text, Uint32Array);
const integers = (text) => unpack(text, Int32Array);

/** Make an element: h("p.dim", {title: "x"}, "text", child). */
function h(kind, attributes, ...children) {
  const [tag, ...classes] = kind.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "style") node.style.cssText = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}

const minus = (text) => (text.startsWith("-") ? "\u2212" + text.slice(1) : text);
const missing = (value) => value === null || value === undefined || Number.isNaN(value);
function number(value, digits = 2) {
  if (missing(value)) return "n/a";
  if (value === "inf" || value === Infinity) return "\u221e";
  if (value === "-inf" || value === -Infinity) return "\u2212\u221e";
  return minus(value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
}
const percent = (value, digits = 2) => (missing(value) ? "n/a" : typeof value === "string" ? number(value) : number(value * 100 || 0, digits) + " %");
/** A mark of an axis in per cent, with the digits that its step needs. */
function percentMark(value, step) {
  const digits = [0, 1, 2, 3].find((d) => Math.abs(step * 100 * 10 ** d - Math.round(step * 100 * 10 ** d)) < 1e-6) ?? 3;
  return percent(value, digits);
}
const signed = (value, show) => (value > 0 ? "+" : "") + show(value);
const money = (value) => number(value, Math.abs(value) >= 1e6 ? 0 : 2);
function price(value) {
  if (missing(value)) return "n/a";
  const size = Math.abs(value);
  return number(value, size >= 1000 ? 2 : size >= 1 ? 4 : Math.min(10, 4 - Math.floor(Math.log10(size || 1))));
}
function moment(seconds, withTime = true) {
  const text = new Date(seconds * 1000).toISOString();
  return withTime ? text.slice(0, 16).replace("T", " ") : text.slice(0, 10);
}
const tone = (value) => (value > 0 ? "up" : value < 0 ? "down" : "");
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const figures = Object.fromEntries(report.metrics.map((figure) => [figure.name, figure]));
const labelOf = (figure) => (state.language === "zh" ? figure.zh : figure.label);
/** A figure's label without its unit, which its value carries. */
const plainLabel = (name) => labelOf(figures[name]).replace(/ \[%\]$/, "").replace(/ \(Ann\.\)$/, " (ann.)");
const short = (name) => name.split(":").pop();
