// Indicators on the price chart: lines over the candles where their values are prices, else in a pane of their own.
import { HistogramSeries, LineSeries, type IChartApi, type ISeriesApi, type MouseEventParams, type Time, type UTCTimestamp } from "lightweight-charts";
import type { IndicatorRow, IndicatorSeries } from "@/api/types";
import { alpha, lineColour, resolved } from "./chartTheme";
import { ratio } from "./figures";

export interface Drawn {
  key: string;
  error: string;
  outputs: { name: string; colour: string; value: number | null }[];
}
interface Part {
  key: string;
  name: string;
  colour: string;
  series: ISeriesApi<"Line" | "Histogram">;
  last: number | null;
}

const PRICE_GROUPS = new Set(["overlap", "price transform", "filters", "trend", "volume", "volatility"]);
const BARS = new Set(["hist", "pattern", "delta", "direction", "squeeze"]);
/** How much taller the price is than a pane of an indicator. */
const PRICE_SHARE = 3.5;

export const nameOf = (key: string): string => key.split("(")[0] ?? key;

/** A key of an indicator and its parameters: `macd(12,26,9)`. */
export function keyOf(row: Pick<IndicatorRow, "name" | "parameters">, values: readonly number[]): string {
  return row.parameters.length ? `${row.name}(${values.join(",")})` : row.name;
}

function middle(values: readonly (number | null)[]): number | null {
  const known = values.filter((value): value is number => value !== null).sort((one, other) => one - other);
  return known.length ? (known[known.length >> 1] ?? null) : null;
}

export class IndicatorLayer {
  private parts: Part[] = [];
  private errors = new Map<string, string>();
  private keys: string[] = [];

  constructor(
    private readonly chart: IChartApi,
    private readonly priceFormat: () => (value: number) => string,
  ) {}

  clear(): void {
    for (const part of this.parts) this.chart.removeSeries(part.series);
    this.parts = [];
    this.errors.clear();
    this.keys = [];
  }

  /** Draw what was answered; `price` is the middle of the closes, by which it is told whether an output is a price. */
  draw(answers: readonly { key: string; row: IndicatorRow | undefined; series: IndicatorSeries | null; error: string }[], price: number): void {
    this.clear();
    this.keys = answers.map((answer) => answer.key);
    let colour = 0;
    let pane = 1;
    for (const { key, row, series, error } of answers) {
      if (!series) {
        this.errors.set(key, error);
        continue;
      }
      const names = Object.keys(series.outputs);
      const isPrice = (name: string) => {
        const value = middle(series.outputs[name] ?? []);
        return PRICE_GROUPS.has(row?.group ?? "overlap") && value !== null && value > price / 2 && value < price * 2;
      };
      const own = names.filter((name) => !isPrice(name));
      for (const name of names) {
        const above = !own.includes(name);
        const bars = BARS.has(name) || row?.group === "candles";
        const shade = lineColour(colour);
        colour += 1;
        const common = { priceLineVisible: false, lastValueVisible: above ? names.length === 1 : own.length <= 2, priceFormat: { type: "custom" as const, minMove: 1e-9, formatter: above ? this.priceFormat() : (value: number) => ratio(value, Math.abs(value) >= 100 ? 2 : 4) } };
        const place = above ? 0 : pane;
        const one = bars
          ? this.chart.addSeries(HistogramSeries, { ...common, color: alpha(resolved(shade), "90") }, place)
          : this.chart.addSeries(LineSeries, { ...common, color: resolved(shade), lineWidth: 1, crosshairMarkerRadius: 2 }, place);
        const points = series.open_times.flatMap((ms, index) => {
          const value = series.outputs[name]?.[index];
          return value === null || value === undefined ? [] : [{ time: (ms / 1000) as UTCTimestamp, value }];
        });
        one.setData(points);
        this.parts.push({ key, name, colour: shade, series: one as ISeriesApi<"Line" | "Histogram">, last: points.at(-1)?.value ?? null });
      }
      if (own.length) pane += 1;
    }
    this.chart.panes().forEach((one, index) => one.setStretchFactor(index === 0 ? PRICE_SHARE : 1));
  }

  shows(keys: readonly string[]): boolean {
    return keys.length === this.keys.length && keys.every((key, index) => key === this.keys[index]);
  }

  /** Add the newest bars of one indicator. */
  append(key: string, series: IndicatorSeries): void {
    for (const part of this.parts.filter((item) => item.key === key)) {
      series.open_times.forEach((ms, index) => {
        const value = series.outputs[part.name]?.[index];
        if (value === null || value === undefined) return;
        part.series.update({ time: (ms / 1000) as UTCTimestamp, value }, true);
        part.last = value;
      });
    }
  }

  /** The values at the crosshair, or the newest ones. */
  told(event: MouseEventParams<Time> | null): Drawn[] {
    return this.keys.map((key) => ({
      key,
      error: this.errors.get(key) ?? "",
      outputs: this.parts
        .filter((part) => part.key === key)
        .map((part) => {
          const data = event?.time === undefined ? undefined : event.seriesData.get(part.series);
          return { name: part.name, colour: part.colour, value: event?.time === undefined ? part.last : data && "value" in data ? (data.value as number) : null };
        }),
    }));
  }
}
