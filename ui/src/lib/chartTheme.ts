// The chart library dressed in the page's colours, words and times.
import { CrosshairMode, TickMarkType, type ChartOptions, type DeepPartial, type Time } from "lightweight-charts";
import { instant } from "./time";

export function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** A colour of the page, through the one name that may stand for another. */
export function resolved(name: string): string {
  return css(name).startsWith("var(") ? css(css(name).slice(4, -1)) : css(name);
}

export function alpha(colour: string, share: string): string {
  return colour.length === 7 ? colour + share : colour;
}

export const LINES = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5", "--line-6"] as const;

export const lineColour = (index: number): string => LINES[index % LINES.length] as string;

/** Options that every chart shares; `utc`: whether times are told in UTC. */
export function chartOptions(utc: boolean, language: string): DeepPartial<ChartOptions> {
  return {
    layout: { background: { color: resolved("--panel") }, textColor: resolved("--soft"), fontFamily: css("--sans"), fontSize: 11, attributionLogo: false, panes: { separatorColor: resolved("--line"), separatorHoverColor: resolved("--line-strong") } },
    grid: { vertLines: { color: resolved("--grid") }, horzLines: { color: resolved("--grid") } },
    crosshair: { mode: CrosshairMode.Normal, vertLine: { color: resolved("--faint"), labelBackgroundColor: resolved("--line-strong") }, horzLine: { color: resolved("--faint"), labelBackgroundColor: resolved("--line-strong") } },
    rightPriceScale: { borderColor: resolved("--line") },
    timeScale: {
      borderColor: resolved("--line"),
      tickMarkFormatter: (time: Time, kind: TickMarkType) => {
        const ms = Number(time) * 1000;
        if (kind === TickMarkType.Year) return instant(ms, "year", utc);
        if (kind === TickMarkType.Month) return instant(ms, "month", utc);
        if (kind === TickMarkType.DayOfMonth) return instant(ms, "day", utc).slice(5);
        return kind === TickMarkType.TimeWithSeconds ? instant(ms, "time", utc) : instant(ms, "time", utc).slice(0, 5);
      },
    },
    localization: { locale: language === "zh" ? "zh-CN" : "en-US", timeFormatter: (time: Time) => instant(Number(time) * 1000, "minute", utc) },
  };
}
