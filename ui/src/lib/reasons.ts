// Why a figure is not defined: the server's sentences that come often, in the page's language.
import { i18n } from "@/i18n";

const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/^the run has ([\d.]+) days; annualised figures need (\d+)/, "reason.short"],
  [/^the run begins on ([\d-]+), after that/, "reason.begins"],
  [/^no trade was closed/, "reason.noTrade"],
  [/^not recovered/, "reason.notRecovered"],
  [/^the last fall is not recovered/, "reason.lastFall"],
  [/^only (\d+) days are that bad; a mean over a tail needs (\d+)/, "reason.fewBad"],
  [/^(\d+) daily returns; probabilities need (\d+)/, "reason.fewReturns"],
  [/^needs the daily returns of two trials/, "reason.needsTrials"],
  [/^no part was kept out of sample/, "reason.noOut"],
  [/^no live record/, "reason.noLive"],
  [/^no short trades/, "reason.noShort"],
  [/^no long trades/, "reason.noLong"],
  [/^no trade had an initial stop/, "reason.noStops"],
  [/^net profit stands for R/, "reason.profitForR"],
  [/^(\d+) settlements? (?:is|are) missing/, "reason.settlements"],
  [/^the Sharpe ratio is not above zero/, "reason.sharpeNotPositive"],
  [/^the number of trials is not known/, "reason.trialsUnknown"],
  [/^daily returns do not vary/, "reason.flat"],
];

/** The reason as it is read, and whether it is in the page's own language. */
export function reasonText(reason: string): { text: string; own: boolean } {
  if (i18n.global.locale.value === "en" || !reason) return { text: reason, own: true };
  for (const [pattern, key] of KNOWN) {
    const found = pattern.exec(reason);
    if (found) return { text: i18n.global.t(key, [found[1] ?? "", found[2] ?? ""]), own: true };
  }
  return { text: reason, own: false };
}
