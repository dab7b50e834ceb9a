// Instants as text, in the viewer's zone or in UTC.
import { i18n } from "@/i18n";

export type Detail = "time" | "minute" | "second" | "day" | "month" | "year";
const formats = new Map<string, Intl.DateTimeFormat>();
const OPTIONS: Record<Detail, Intl.DateTimeFormatOptions> = {
  time: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  minute: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" },
  second: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  day: { year: "numeric", month: "2-digit", day: "2-digit" },
  month: { year: "numeric", month: "short" },
  year: { year: "numeric" },
};

export function instant(ms: number, detail: Detail, utc: boolean): string {
  const locale = i18n.global.locale.value === "zh" ? "zh-CN" : "en-CA"; // en-CA writes 2026-05-01
  const key = `${locale}|${detail}|${utc}`;
  let known = formats.get(key);
  if (!known) {
    known = new Intl.DateTimeFormat(locale, { ...OPTIONS[detail], hourCycle: "h23", timeZone: utc ? "UTC" : undefined });
    formats.set(key, known);
  }
  return known.format(ms).replace(", ", " ");
}

/** The hover text of a time. */
export function utcText(ms: number): string {
  return `${new Date(ms).toISOString().replace("T", " ").replace(".000Z", "").replace("Z", "")} UTC`;
}
