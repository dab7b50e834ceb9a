// Rules of risk control and their denials in the page's language: by the rule's code, with limit and value; else the server's sentence.
import { i18n } from "@/i18n";
import { brief, seconds } from "./format";

export interface Denial {
  rule: string;
  limit: string;
  value: string;
  sentence: string;
}

const UNITS = new Map([
  ["in the account's currency", "amount"],
  ["a fraction: 0.05 is 5 %", "share"],
  ["a multiple of equity", "times"],
]);
const STATE = /^(system|account|deployment)(?: (\S+))? is (?:REDUCING|HALTED)/;
const COMMAND = /qs pairs add \S+/; // what a sentence advises

const known = (key: string): boolean => i18n.global.te(key);
export const ruleName = (rule: string): string => (known(`rule.${rule}.name`) ? i18n.global.t(`rule.${rule}.name`) : rule);
export const ruleDoc = (rule: string, doc: string): string => (known(`rule.${rule}.doc`) ? i18n.global.t(`rule.${rule}.doc`) : doc);
export const fieldName = (field: string): string => (known(`ruleField.${field}`) ? i18n.global.t(`ruleField.${field}`) : field);
export function fieldDoc(doc: string): string {
  const unit = UNITS.get(doc);
  return unit ? i18n.global.t(`ruleUnit.${unit}`) : doc;
}

const NUMBER = /^-?\d+(\.\d+)?$/;
const TIME = /^(\d+(?:\.\d+)?) (m?s)$/;
const MOST_SIGNIFICANT = 30;

/** A limit or a value as it is read: amounts with separators, times in their unit, states by their names, all else as it came. */
export function breachText(text: string, significant?: number): string {
  if (NUMBER.test(text)) return brief(text, significant);
  const time = TIME.exec(text);
  if (time) return seconds(Number(time[1]) / (time[2] === "ms" ? 1_000 : 1), significant !== undefined);
  return /^[A-Z]+$/.test(text) && known(`state.${text}`) ? i18n.global.t(`state.${text}`) : text;
}

/** A limit and the value that broke it: with as many digits as they need to differ. */
export function breachTexts(of: Pick<Denial, "limit" | "value">): { limit: string; value: string } {
  let shown = { limit: breachText(of.limit), value: breachText(of.value) };
  for (let digits = 9; shown.limit === shown.value && of.limit !== of.value && digits <= MOST_SIGNIFICANT; digits += 1) {
    shown = { limit: breachText(of.limit, digits), value: breachText(of.value, digits) };
  }
  return shown;
}

/** Why an order was denied. */
export function denialText(denial: Denial): string {
  const { t } = i18n.global;
  const { rule, value, sentence } = denial;
  if (rule === "state") {
    const found = STATE.exec(sentence);
    return found && known(`rule.state.${value}`) ? t(`rule.state.${value}`, { of: t(`rule.state.${found[1]}`, { name: found[2] ?? "" }) }) : sentence;
  }
  if (!/\d/.test(value) && known(`rule.${rule}.none`)) return t(`rule.${rule}.none`, { command: COMMAND.exec(sentence)?.[0] ?? "" });
  return known(`rule.${rule}.no`) ? t(`rule.${rule}.no`, breachTexts(denial)) : sentence;
}

const DENIED = /^(.*) \(rule (\w+), limit (.*), value (.*)\)$/s;
/** A refused write's sentence, where it was risk control that refused. */
export function deniedSentence(message: string): string {
  const found = DENIED.exec(message);
  if (!found) return message;
  const [, sentence = "", rule = "", limit = "", value = ""] = found;
  return i18n.global.t("risk.deniedBy", { sentence: denialText({ rule, limit, value, sentence }), rule: ruleName(rule), code: rule });
}
