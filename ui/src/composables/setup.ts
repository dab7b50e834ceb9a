// What a run is asked with: strategy, bars, parameters, assumptions. It lives in the address, so that it can be shared.
import { computed, reactive, watch } from "vue";
import { useRoute, type LocationQuery } from "vue-router";
import { parametersOf, type Scalar } from "@/lib/parameters";
import { byLength, isPeriod } from "@/lib/periods";
import { keepAddress } from "@/router";
import { useMarkets } from "@/stores/markets";
import { useResearch } from "@/stores/research";

export interface Assumed {
  initial_equity: number;
  fees: string;
  slippage: string;
  bps: number;
  leverage: number;
  margin_mode: string;
  position_mode: string;
  fill: string;
  latency_ms: number;
  volume_share_cap: number;
  funding: boolean;
}

export interface Setup {
  strategy: string;
  symbols: string[];
  period: string;
  from: string;
  to: string;
  parameters: Record<string, Scalar>;
  assumed: Assumed;
}

export const DEFAULTS: Readonly<Assumed> = {
  initial_equity: 10_000,
  fees: "venue",
  slippage: "none",
  bps: 2,
  leverage: 1,
  margin_mode: "isolated",
  position_mode: "one_way",
  fill: "next_open",
  latency_ms: 0,
  volume_share_cap: 0,
  funding: true,
};
const FIRST_STRATEGY = "ma_cross";
const DAY_MS = 86_400_000;

function text(query: LocationQuery, name: string): string {
  const value = query[name];
  return typeof value === "string" ? value : "";
}

function read(word: string): Scalar {
  if (word === "true" || word === "false") return word === "true";
  return word.trim() !== "" && Number.isFinite(Number(word)) ? Number(word) : word;
}

/** The setup of this address, kept in it while it changes. */
export function useSetup() {
  const route = useRoute();
  const markets = useMarkets();
  const research = useResearch();
  const name = route.name;
  markets.start();
  void research.wantStrategies();

  const setup = reactive<Setup>({
    strategy: text(route.query, "strategy"),
    symbols: text(route.query, "symbols").split(",").filter(Boolean),
    period: text(route.query, "period"),
    from: text(route.query, "from"),
    to: text(route.query, "to"),
    parameters: {},
    assumed: { ...DEFAULTS },
  });
  for (const key of Object.keys(DEFAULTS) as (keyof Assumed)[]) {
    const given = text(route.query, `a.${key}`);
    if (given) Object.assign(setup.assumed, { [key]: typeof DEFAULTS[key] === "string" ? given : read(given) });
  }
  const given: Record<string, Scalar> = {};
  for (const key of Object.keys(route.query)) if (key.startsWith("p.")) given[key.slice(2)] = read(text(route.query, key));

  const strategy = computed(() => research.byName.get(setup.strategy) ?? null);
  const parameters = computed(() => (strategy.value ? parametersOf(strategy.value.parameters) : []));
  const periods = computed(() => {
    const chosen = setup.symbols.map((symbol) => markets.rows.get(symbol)?.periods ?? []);
    const shared = (chosen[0] ?? []).filter((period) => isPeriod(period) && chosen.every((list) => list.includes(period)));
    return [...shared].sort(byLength);
  });

  // A first choice for whoever has made none: the well-known cross, the first perpetual, its shortest period.
  watch(
    [() => research.strategies, () => markets.loaded],
    () => {
      if (research.strategies && !research.byName.has(setup.strategy)) setup.strategy = research.byName.has(FIRST_STRATEGY) ? FIRST_STRATEGY : (research.strategies[0]?.name ?? "");
      if (!markets.loaded || markets.list.length === 0) return;
      setup.symbols = setup.symbols.filter((symbol) => markets.rows.has(symbol));
      if (setup.symbols.length === 0) {
        const first = markets.list.find((row) => row.market === "um" && row.base === "BTC") ?? markets.list.find((row) => row.market === "um") ?? markets.list[0];
        if (first) setup.symbols = [first.instrument];
      }
    },
    { immediate: true },
  );
  watch(
    periods,
    (known) => {
      if (known.length && !known.includes(setup.period)) setup.period = known.includes("1h") && !known.includes("1m") ? "1h" : (known[0] ?? "");
    },
    { immediate: true },
  );
  watch(
    parameters,
    (known) => {
      setup.parameters = Object.fromEntries(known.map((parameter) => [parameter.name, given[parameter.name] ?? setup.parameters[parameter.name] ?? parameter.fallback]));
    },
    { immediate: true },
  );
  watch(
    () => setup.strategy,
    (_now, before) => {
      if (before) for (const key of Object.keys(given)) delete given[key];
    },
  );

  let timer: ReturnType<typeof setTimeout> | undefined;
  watch(
    setup,
    () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const kept = Object.fromEntries(Object.entries(route.query).filter(([key]) => key.startsWith("r.")));
        keepAddress(name, { query: { ...queryOf(setup, parameters.value), ...kept } });
      }, 400);
    },
    { deep: true },
  );
  return { setup, strategy, parameters, periods };
}

/** A setup as the query of an address: what is as by default is left out. */
export function queryOf(setup: Pick<Setup, "strategy" | "symbols" | "period" | "parameters"> & Partial<Setup>, known: { name: string; fallback: Scalar }[] = []): Record<string, string> {
  const query: Record<string, string> = { strategy: setup.strategy, symbols: setup.symbols.join(","), period: setup.period };
  if (setup.from) query.from = setup.from;
  if (setup.to) query.to = setup.to;
  for (const [name, value] of Object.entries(setup.parameters)) {
    const parameter = known.find((item) => item.name === name);
    if (!parameter || parameter.fallback !== value) query[`p.${name}`] = String(value);
  }
  for (const [name, value] of Object.entries(setup.assumed ?? {})) {
    if (value !== DEFAULTS[name as keyof Assumed] && !(name === "bps" && setup.assumed?.slippage === "none")) query[`a.${name}`] = String(value);
  }
  return query;
}

/** Which bars, as a job's request says it. */
export function dataOf(setup: Setup): Record<string, unknown> {
  const data: Record<string, unknown> = { symbols: [...setup.symbols], period: setup.period };
  if (setup.from) data.start_ms = Date.parse(`${setup.from}T00:00:00Z`);
  if (setup.to) data.end_ms = Date.parse(`${setup.to}T00:00:00Z`) + DAY_MS;
  return data;
}

/** What is assumed, as a job's request says it: only what is not the default. */
export function assumptionsOf(assumed: Assumed): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(assumed)) {
    if (name !== "slippage" && name !== "bps" && value !== DEFAULTS[name as keyof Assumed]) found[name] = value;
  }
  if (assumed.slippage !== "none") found.slippage = { model: assumed.slippage, bps: assumed.slippage === "fixed" || assumed.slippage === "spread" ? assumed.bps : 0 };
  return found;
}
