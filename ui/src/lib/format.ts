// Figures as text. Prices and quantities arrive as exact decimals in text and are never turned into floats here.
import { i18n } from "@/i18n";

const NONE = "—";
const numbers = new Map<string, Intl.NumberFormat>();

function formatter(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const locale = i18n.global.locale.value === "zh" ? "zh-CN" : "en-US";
  const key = locale + JSON.stringify(options);
  let known = numbers.get(key);
  if (!known) {
    known = new Intl.NumberFormat(locale, options);
    numbers.set(key, known);
  }
  return known;
}

/** An exact decimal with thousands separators and, where given, that many decimals. */
export function decimal(text: string | number | null | undefined, digits?: number): string {
  if (text === null || text === undefined || text === "") return NONE;
  const places = digits ?? (String(text).split(".")[1]?.length ?? 0);
  const options = { minimumFractionDigits: Math.min(20, places), maximumFractionDigits: Math.min(20, places), signDisplay: "negative" as const };
  return formatter(options).format(text as `${number}`);
}

const SIGNIFICANT = 8;

/** An exact decimal with at most eight significant digits, or so many; digits before the point are never cut. */
export function brief(text: string, significant = SIGNIFICANT): string {
  const [whole = "", fraction = ""] = text.replace("-", "").split(".");
  const led = whole.replace(/^0+/, "").length;
  const zeros = fraction.length - fraction.replace(/^0+/, "").length;
  const places = led ? Math.max(0, significant - led) : zeros + significant;
  if (fraction.length <= places) return decimal(text);
  return formatter({ maximumFractionDigits: Math.min(20, places), signDisplay: "negative" }).format(text as `${number}`);
}

const CENTS = new Set(["USDT", "USDC", "USD", "FDUSD", "BUSD", "TUSD", "DAI", "EUR"]);
/** How many decimals an amount of this currency is shown with; undefined: as many as it has, within reason. */
export const centsOf = (currency: string): number | undefined => (CENTS.has(currency) ? 2 : undefined);

/** An amount of money in its currency's decimals. */
export function amountText(text: string | null | undefined, currency: string): string {
  if (text === null || text === undefined || text === "") return NONE;
  const cents = centsOf(currency);
  return cents === undefined ? brief(text) : decimal(text, cents);
}

export function integer(value: number | null | undefined): string {
  return value === null || value === undefined ? NONE : formatter({ maximumFractionDigits: 0 }).format(value);
}

/** Few digits where only the size matters: 12.3K, 4.56M (Chinese: 1.2万). */
export function compact(value: string | number | null | undefined): string {
  if (value === null || value === undefined || value === "") return NONE;
  return formatter({ notation: "compact", maximumSignificantDigits: 4 }).format(Number(value));
}

export function rate(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  return formatter({ maximumFractionDigits: value < 100 ? 1 : 0 }).format(value);
}

/** A change with its sign, so that colour is never the only sign of direction. */
export function signedPercent(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  return `${formatter({ minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "exceptZero" }).format(value)}%`;
}

/** Share of a whole; never rounded up to 100 while something is missing. */
export function percent(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined) return NONE;
  const scale = 10 ** digits;
  const shown = value < 100 ? Math.floor(value * scale) / scale : value;
  return `${formatter({ minimumFractionDigits: 0, maximumFractionDigits: digits }).format(shown)}%`;
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  const units = ["B", "KB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1_000 && unit < units.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  return `${formatter({ maximumFractionDigits: size < 100 && unit > 0 ? 1 : 0 }).format(size)} ${units[unit]}`;
}

/** A span of time: longer ones in their two largest units, unless every digit counts. */
export function seconds(value: number, exact = false): string {
  if (value >= 120 && !exact) return duration(value);
  return formatter({ style: "unit", unit: "second", unitDisplay: "narrow", maximumFractionDigits: 9 }).format(value);
}

export interface Duration {
  value: number;
  unit: "second" | "minute" | "hour" | "day";
}

export function duration(seconds: number): string {
  const parts: Duration[] = [
    { value: Math.floor(seconds / 86_400), unit: "day" },
    { value: Math.floor(seconds / 3_600) % 24, unit: "hour" },
    { value: Math.floor(seconds / 60) % 60, unit: "minute" },
    { value: Math.floor(seconds) % 60, unit: "second" },
  ];
  const first = parts.findIndex((part) => part.value > 0);
  const shown = first < 0 ? parts.slice(3) : parts.slice(first, first + 2);
  return shown.map((part) => formatter({ style: "unit", unit: part.unit, unitDisplay: "narrow" }).format(part.value)).join(" ");
}
