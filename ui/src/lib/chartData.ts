// Klines as the chart wants them: bars in order, empty places where klines are missing, marks where one was restated or made.
import type { CandlestickData, HistogramData, SeriesMarker, UTCTimestamp, WhitespaceData } from "lightweight-charts";
import type { KlineRow, LiveKline } from "@/api/types";
import { periodMs, type Period } from "./periods";

export interface Bar {
  open_time: number;
  open: string;
  high: string;
  low: string;
  close: string;
  volume: string;
  quote_volume: string;
  count: number;
  source: string | null;
  revision: number;
  synthetic: boolean;
  closed: boolean;
}

export interface Colours {
  up: string;
  down: string;
  upSoft: string;
  downSoft: string;
  missing: string;
  revised: string;
  synthetic: string;
}

/** Where a trade began or ended. */
export interface TradeMark {
  time: number;
  side: number;
  kind: "entry" | "exit";
  net: number;
  /** Of a fill of ours: its order. */
  order?: string;
}

const LONGEST_HOLE = 3_000; // more empty places than this would only make the chart slow

export const timeOf = (ms: number) => (ms / 1000) as UTCTimestamp;

export function fromRow(row: KlineRow): Bar {
  return { ...row, source: row.source ?? null, revision: row.revision ?? 0, synthetic: row.synthetic ?? false, closed: true };
}

export function fromLive(kline: LiveKline): Bar {
  return { ...kline, revision: 0, synthetic: false };
}

/** Open times between the bars at which a kline should be; the calendar month is left alone. */
export function missingTimes(bars: readonly Bar[], period: Period): number[] {
  if (period === "1mo") return [];
  const step = periodMs(period);
  const missing: number[] = [];
  for (let index = 1; index < bars.length; index += 1) {
    const before = bars[index - 1] as Bar;
    const here = bars[index] as Bar;
    if ((here.open_time - before.open_time) / step > LONGEST_HOLE) continue;
    for (let time = before.open_time + step; time < here.open_time; time += step) missing.push(time);
  }
  return missing;
}

export function candle(bar: Bar, colours: Colours): CandlestickData<UTCTimestamp> {
  const data: CandlestickData<UTCTimestamp> = { time: timeOf(bar.open_time), open: Number(bar.open), high: Number(bar.high), low: Number(bar.low), close: Number(bar.close) };
  if (bar.synthetic) Object.assign(data, { color: "transparent", borderColor: colours.synthetic, wickColor: colours.synthetic });
  return data;
}

export function volume(bar: Bar, colours: Colours): HistogramData<UTCTimestamp> {
  return { time: timeOf(bar.open_time), value: Number(bar.volume), color: Number(bar.close) >= Number(bar.open) ? colours.upSoft : colours.downSoft };
}

export function withHoles<T extends { time: UTCTimestamp }>(points: T[], missing: readonly number[]): (T | WhitespaceData<UTCTimestamp>)[] {
  if (missing.length === 0) return points;
  return [...points, ...missing.map((time) => ({ time: timeOf(time) }))].sort((one, other) => one.time - other.time);
}

/** Trades as marks on the bars in which they happened; those outside the loaded bars wait until they are scrolled to. */
export function tradeMarkers(bars: readonly Bar[], trades: readonly TradeMark[], period: Period, colours: Colours): SeriesMarker<UTCTimestamp>[] {
  const [first, last] = [bars[0]?.open_time ?? Infinity, bars.at(-1)?.open_time ?? -Infinity];
  const step = periodMs(period);
  return trades
    .map((mark) => ({ ...mark, time: Math.floor(mark.time / step) * step }))
    .filter((mark) => mark.time >= first && mark.time <= last)
    .map((mark) => {
      const long = mark.side >= 0;
      const entry = mark.kind === "entry";
      return {
        time: timeOf(mark.time),
        position: entry === long ? ("belowBar" as const) : ("aboveBar" as const),
        shape: entry ? (long ? ("arrowUp" as const) : ("arrowDown" as const)) : ("circle" as const),
        color: entry ? (long ? colours.up : colours.down) : mark.net >= 0 ? colours.up : colours.down,
        size: entry ? 1 : 0.6,
        id: mark.order,
      };
    });
}

export function markers(bars: readonly Bar[], colours: Colours): SeriesMarker<UTCTimestamp>[] {
  const marks: SeriesMarker<UTCTimestamp>[] = [];
  for (const bar of bars) {
    if (bar.revision > 0) marks.push({ time: timeOf(bar.open_time), position: "aboveBar", shape: "circle", color: colours.revised, size: 0.7, text: `R${bar.revision}` });
    if (bar.synthetic) marks.push({ time: timeOf(bar.open_time), position: "belowBar", shape: "square", color: colours.synthetic, size: 0.7, text: "S" });
  }
  return marks;
}
