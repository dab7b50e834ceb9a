// Why a backtest did not trade: the server's gates in the page's language; one that is new here is shown as it is.
import { i18n } from "@/i18n";

const SAID = new Map<string, string>([
  ["the strategy said nothing", "silent"],
  ["the same target as before", "same"],
  ["the instrument is not trading", "notTrading"],
  ["no kline of the instrument at this bar", "noKline"],
  ["a spot account cannot sell what it does not hold", "noShort"],
  ["the position has it already, or is off by less than one step of quantity", "small"],
  ["the strategy only cancelled", "cancels"],
  ["less than the smallest quantity", "minQuantity"],
  ["less than the smallest notional", "minNotional"],
  ["margin is insufficient", "margin"],
  ["post-only order would take", "postOnly"],
  ["nothing to reduce", "reduce"],
  ["cancelled by the strategy", "byStrategy"],
  ["another order of its group filled", "group"],
  ["the position was closed", "closed"],
  ["its time ran out", "time"],
  ["not filled at once", "atOnce"],
  ["replaced by a newer target", "replaced"],
  ["the position was liquidated", "liquidated"],
  ["above the largest position at this leverage", "tier"],
  ["end of the data", "end"],
  ["the wrong side of a hedged position", "hedged"],
]);
const STATES = new Set(["rejected", "cancelled", "expired", "accepted", "partially_filled"]);
const WARM_UP = /^warm-up: no value yet of (.+)$/;

function part(text: string): string | null {
  const { t, locale } = i18n.global;
  const key = SAID.get(text);
  if (key) return t(`why.said.${key}`);
  if (STATES.has(text)) return t(`why.state.${text}`);
  const names = WARM_UP.exec(text)?.[1];
  if (names === undefined) return null;
  return t("why.warmUp", { names: locale.value === "zh" ? names.replaceAll(" and ", "、") : names });
}

/** A gate as it is read, and whether it is in the page's own language. */
export function gateText(gate: string): { text: string; own: boolean } {
  const state = /^(\w+): (.+)$/.exec(gate);
  const ordered = state !== null && STATES.has(state[1] ?? "");
  const parts = ordered ? [state[1] ?? "", state[2] ?? ""] : gate.split("; ");
  const said = parts.map(part);
  if (said.some((text) => text === null)) return { text: gate, own: i18n.global.locale.value === "en" };
  return { text: said.join(ordered ? (i18n.global.locale.value === "zh" ? "：" : ": ") : i18n.global.locale.value === "zh" ? "；" : "; "), own: true };
}
