// Figures of research as text: by their unit, in the language of the page; what is not defined says so.
import { i18n } from "@/i18n";
import { decimal, duration, integer } from "./format";
import { instant } from "./time";

export type Value = number | string | boolean | null | undefined;

export const isFigure = (value: Value): value is number => typeof value === "number" && Number.isFinite(value);

export function fraction(value: number, digits = 2, signed = false): string {
  const text = decimal((value * 100).toFixed(digits), digits);
  return `${signed && value > 0 ? "+" : ""}${text.replace("-", "−")}%`;
}

export function money(value: number, signed = false): string {
  const digits = Math.abs(value) >= 1e6 ? 0 : 2;
  return `${signed && value > 0 ? "+" : ""}${decimal(value.toFixed(digits), digits).replace("-", "−")}`;
}

export function ratio(value: number, digits = 3): string {
  return decimal(value.toFixed(digits), digits).replace("-", "−");
}

/** A price without an instrument's rules at hand: as many digits as its size asks for. */
export function priceText(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 1_000 ? 2 : size >= 1 ? 4 : size === 0 ? 2 : Math.min(10, 4 - Math.floor(Math.log10(size)));
  return decimal(value.toFixed(digits), digits);
}

/** A figure as a person reads it; `n/a` where it is not defined. */
export function figureText(value: Value, unit: string, signed = false): string {
  const { t } = i18n.global;
  if (value === "inf") return "∞";
  if (value === "-inf") return "−∞";
  if (value === null || value === undefined || value === "") return t("figure.none");
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? t("figure.none") : value > 0 ? "∞" : "−∞";
  switch (unit) {
    case "fraction":
      return fraction(value, 2, signed);
    case "quote":
      return money(value, signed);
    case "count":
      return integer(value);
    case "days":
      return t("figure.days", { count: decimal(value.toFixed(1), 1) });
    case "hours":
      return duration(value * 3_600);
    case "per_day":
      return t("figure.perDay", { count: decimal(value.toFixed(2), 2) });
    case "ms":
      return t("figure.ms", { count: integer(value) });
    case "bps":
      return t("figure.bps", { count: decimal(value.toFixed(2), 2) });
    case "time":
      return instant(value, "minute", true);
    default:
      return ratio(value);
  }
}

/** A parameter's value as it is written. */
export function plain(value: unknown): string {
  if (typeof value === "boolean") return i18n.global.t(value ? "figure.yes" : "figure.no");
  if (typeof value === "number") return String(value);
  if (value === null || value === undefined) return "—";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function parameterText(parameters: Record<string, unknown>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name} ${plain(value)}`)
    .join(", ");
}

export const toneOf = (value: Value): string => (isFigure(value) ? (value > 0 ? "up" : value < 0 ? "down" : "") : "");
