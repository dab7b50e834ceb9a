// An order's chain: its times to the microsecond, the spans between them, and what happened in the page's language.
import type { ChainStep } from "@/api/types";
import { i18n } from "@/i18n";
import { shortName } from "./report";
import { breachText, breachTexts, denialText, ruleName } from "./rules";
import { instant } from "./time";

/** A time of day with its microseconds. */
export function preciseTime(us: number, utc: boolean): string {
  return `${instant(Math.floor(us / 1000), "time", utc)}.${String(us % 1_000_000).padStart(6, "0")}`;
}

/** How long something took, in the unit that a person reads best. */
export function span(us: number): string {
  if (us < 1_000) return `${us} µs`;
  if (us < 1_000_000) return `${(us / 1_000).toFixed(us < 10_000 ? 2 : 1)} ms`;
  if (us < 120_000_000) return `${(us / 1_000_000).toFixed(us < 10_000_000 ? 2 : 1)} s`;
  if (us < 7_200_000_000) return `${(us / 60_000_000).toFixed(1)} min`;
  return `${(us / 3_600_000_000).toFixed(1)} h`;
}

const NAMES = new Set(["order_id", "entry", "trade", "venue_order_id", "reference", "parent", "idempotency_key"]);

/** What stands in a step's sentence or facts, as it is read: words of ours in the page's language, figures with separators, names as they are. */
export function worded(name: string, value: string): string {
  const { t, te } = i18n.global;
  const own = (key: string) => (te(key) ? t(key) : value);
  if (name === "evidence") return own(`chain.source.${value}`);
  if (name === "side" || name === "source" || name === "change") return own(`chain.${name}.${value}`);
  if (name === "type") return own(`orderType.${value}`);
  if (name === "state") return own(`state.${value.replaceAll(" ", "_")}`);
  if (name === "instrument") return shortName(value);
  return NAMES.has(name) ? value : breachText(value);
}

/** A step in the page's language; null where a newer server says something that the page has no words for. */
export function stepText(step: ChainStep): string | null {
  const { t, te } = i18n.global;
  if (!te(`chain.said.${step.code}`)) return null;
  const { rule = "", limit = "", value = "", denial = "" } = step.values;
  const values = Object.fromEntries(Object.entries(step.values).map(([name, text]) => [name, worded(name, text)]));
  if (rule) values.rule = ruleName(rule);
  if (step.code === "denied") Object.assign(values, { denial: denialText({ rule, limit, value, sentence: denial }), ...breachTexts({ limit, value }) });
  return t(`chain.said.${step.code}`, values);
}
