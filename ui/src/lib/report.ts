// What a report draws, unpacked: long arrays come as base64 of little-endian numbers.
import type { BacktestReport } from "@/api/types";

export interface Figure {
  name: string;
  group: string;
  label: string;
  zh: string;
  value: number | string | null;
  unit: string;
  id: string;
  formula: string;
  sampling: string;
  annualisation: string;
  reason: string;
}

export interface Gate {
  name: string;
  state: "passed" | "failed" | "warning" | "unknown";
  text: string;
  chinese: string;
}

export interface Flag {
  name: string;
  text: string;
  count: number;
}

export interface Trade {
  number: number;
  instrument: number;
  side: number;
  entryTime: number;
  exitTime: number;
  entryPrice: number;
  exitPrice: number;
  quantity: number;
  net: number;
  return: number;
  fees: number;
  funding: number;
  mae: number;
  mfe: number;
  bars: number;
  reason: string;
  tag: string;
  open: boolean;
}

export interface Candle {
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
}

export interface Curve {
  time: number[];
  equity: number[];
  drawdown: number[];
  benchmark: number[] | null;
  exposure: number[] | null;
}

export type Row = Record<string, number | string | boolean | null>;

export interface Report {
  strategy: string;
  description: string;
  parameters: Record<string, unknown>;
  instruments: string[];
  period: string;
  currency: string;
  start: number;
  end: number;
  bars: number;
  benchmark: string;
  dataFingerprint: string;
  runFingerprint: string;
  figures: Map<string, Figure>;
  gates: Gate[];
  flags: Flag[];
  curve: Curve;
  trades: Trade[];
  tradesTotal: number;
  candles: { instrument: string; place: number; step: number; whole: Candle[] }[];
  tables: Record<string, Row[]>;
  groups: Record<string, string[]>;
}

function bytesOf(text: unknown): ArrayBuffer {
  const raw = typeof text === "string" ? atob(text) : "";
  const bytes = new Uint8Array(raw.length);
  for (let index = 0; index < raw.length; index += 1) bytes[index] = raw.charCodeAt(index);
  return bytes.buffer;
}

const floats = (text: unknown): number[] => Array.from(new Float32Array(bytesOf(text)));
const times = (text: unknown): number[] => Array.from(new Uint32Array(bytesOf(text)), (seconds) => seconds * 1000);
const integers = (text: unknown): Int32Array => new Int32Array(bytesOf(text));

function tradesOf(packed: Record<string, unknown>): Trade[] {
  const [entry, exit] = [times(packed.entry_time), times(packed.exit_time)];
  const column = (name: string) => floats(packed[name]);
  const [entryPrice, exitPrice, quantity, net, returns] = [column("entry_price"), column("exit_price"), column("quantity"), column("net"), column("return")];
  const [fees, funding, mae, mfe, bars] = [column("fees"), column("funding"), column("mae"), column("mfe"), column("bars")];
  const [instrument, side, reason, tag, open] = [integers(packed.instrument), integers(packed.side), integers(packed.exit_reason), integers(packed.entry_tag), integers(packed.open)];
  const reasons = (packed.reasons ?? []) as string[];
  const tags = (packed.tags ?? []) as string[];
  return entry.map((entryTime, index) => ({
    number: index + 1,
    instrument: instrument[index] ?? 0,
    side: side[index] ?? 0,
    entryTime,
    exitTime: exit[index] ?? 0,
    entryPrice: entryPrice[index] ?? 0,
    exitPrice: exitPrice[index] ?? 0,
    quantity: quantity[index] ?? 0,
    net: net[index] ?? 0,
    return: returns[index] ?? 0,
    fees: fees[index] ?? 0,
    funding: funding[index] ?? 0,
    mae: mae[index] ?? 0,
    mfe: mfe[index] ?? 0,
    bars: Math.round(bars[index] ?? 0),
    reason: reasons[reason[index] ?? -1] ?? "",
    tag: tags[tag[index] ?? -1] ?? "",
    open: open[index] === 1,
  }));
}

function candlesOf(packed: Record<string, unknown>): Candle[] {
  const [open, high, low, close] = [floats(packed.open), floats(packed.high), floats(packed.low), floats(packed.close)];
  return times(packed.time).map((time, index) => ({ time, open: open[index] ?? 0, high: high[index] ?? 0, low: low[index] ?? 0, close: close[index] ?? 0 }));
}

function curveOf(packed: Record<string, unknown>): Curve {
  const start = packed.start as [number, number];
  const optional = (name: string, first: number) => (packed[name] ? [first, ...floats(packed[name])] : null);
  return {
    time: [start[0] * 1000, ...times(packed.time)],
    equity: [start[1], ...floats(packed.equity)],
    drawdown: [0, ...floats(packed.drawdown)],
    benchmark: optional("benchmark", start[1]),
    exposure: optional("exposure", 0),
  };
}

export function readReport(raw: BacktestReport): Report {
  const about = raw.about as { strategy: string; description: string; parameters: Record<string, unknown> };
  const run = raw.run as { instruments: string[]; period: string; currency: string; start: number; end: number; bars: number; benchmark: string; data_fingerprint: string; result_fingerprint: string };
  return {
    strategy: about.strategy,
    description: about.description,
    parameters: about.parameters,
    instruments: run.instruments,
    period: run.period,
    currency: run.currency,
    start: run.start,
    end: run.end,
    bars: run.bars,
    benchmark: run.benchmark,
    dataFingerprint: run.data_fingerprint,
    runFingerprint: run.result_fingerprint,
    figures: new Map((raw.metrics as unknown as Figure[]).map((figure) => [figure.name, figure])),
    gates: raw.gates as unknown as Gate[],
    flags: raw.flags as unknown as Flag[],
    curve: curveOf(raw.equity),
    trades: tradesOf(raw.trades),
    tradesTotal: raw.trades_total,
    candles: (raw.candles as { instrument: string; place: number; step: number; whole: Record<string, unknown> }[]).map((item) => ({ ...item, step: item.step * 1000, whole: candlesOf(item.whole) })),
    tables: raw.tables as Record<string, Row[]>,
    groups: raw.groups,
  };
}

export const shortName = (instrument: string): string => instrument.split(":").pop() ?? instrument;

/** The currency that an instrument's profit is in: a coin-margined contract pays in its base. */
export function settleOf(instrument: string): string {
  const [base = "", quote = ""] = shortName(instrument).split("-");
  return instrument.split(":")[1] === "cm" ? base : quote;
}
