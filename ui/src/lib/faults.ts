// Why a request was refused, in the page's language: by what the server says is wrong and the values in that; else in its own sentence.
import type { ApiError } from "@/api/client";
import { i18n } from "@/i18n";
import { breachText, deniedSentence } from "./rules";
import { ownSentence } from "./sentences";
import { shortName } from "./report";

/** What a number must be, by the server's words for it. */
const WANTED: readonly (readonly [RegExp, string])[] = [
  [/^a positive number/, "positive"],
  [/^a number of zero or more/, "notNegative"],
  [/^a number above (\S+)$/, "above"],
  [/^a number of at least (\S+)$/, "atLeast"],
  [/^a number below (\S+)$/, "below"],
  [/^a number of at most (\S+)$/, "atMost"],
  [/^from (\S+) to (\S+)$/, "between"],
  [/^a whole number$/, "whole"],
  [/^a number$/, "any"],
];

function wanted(text: string): string {
  const { t } = i18n.global;
  for (const [pattern, name] of WANTED) {
    const found = pattern.exec(text);
    if (found) return t(`fault.wanted.${name}`, [found[1] ?? "", found[2] ?? ""]);
  }
  return t("fault.wanted.oneOf", [text]);
}

/** An argument by its name; of several orders with its place: `orders.0.quantity`. */
function fieldText(field: string): string {
  const { t, te } = i18n.global;
  const [, place = "", name = field] = /^(orders\.\d+\.)?(.*)$/.exec(field) ?? [];
  const key = `fault.field.${name.replaceAll(" ", "_")}`;
  return `${place}${te(key) ? t(key) : name}`;
}

function worded(name: string, value: string): string {
  if (name === "wanted") return wanted(value);
  if (name === "instrument") return shortName(value);
  return name === "given" || name === "name" || name === "account" ? value : breachText(value);
}

/** The sentence in the page's own language, after the argument's name where it begins with that. */
function ownFault(fault: ApiError): string | null {
  const lead = fault.field ? [`${fault.field}: `, `${fault.field} `].find((start) => fault.message.startsWith(start)) : undefined;
  const inner = lead === undefined ? null : ownSentence(fault.message.slice(lead.length));
  return inner === null ? ownSentence(fault.message) : `${fieldText(fault.field ?? "")}：${inner}`;
}

export function faultText(fault: ApiError): string {
  const { t, te } = i18n.global;
  if (fault.code === "risk_denied") return deniedSentence(fault.message);
  if (!fault.reason || !te(`fault.said.${fault.reason}`)) return ownFault(fault) ?? fault.message;
  const values = Object.fromEntries(Object.entries(fault.values).map(([name, value]) => [name, worded(name, value)]));
  const said = t(`fault.said.${fault.reason}`, { ...values, field: fieldText(fault.field ?? ""), near: fault.valid.join(", ") });
  return fault.values.hint ? `${said}. ${fault.values.hint}` : said;
}
