// A sweep's combinations as a map over any two parameters.
import type { TableRows } from "@/api/types";
import type { Scalar } from "./parameters";

export interface Combo {
  number: number;
  state: string;
  parameters: Record<string, Scalar>;
  value: number | null;
}

export type Fold = "best" | "mean" | "worst";

export interface HeatCells {
  acrossValues: Scalar[];
  downValues: Scalar[];
  cells: (number | null)[][];
  /** The combination that a cell shows: the best of those folded into it. */
  combos: (Combo | null)[][];
  best: [number, number] | null;
}

export function combosOf(table: TableRows, metric: string): Combo[] {
  const names = table.columns.filter((name) => name.startsWith("p_"));
  return table.data.map((row) => ({
    number: Number(row.number),
    state: String(row.state),
    parameters: Object.fromEntries(names.map((name) => [name.slice(2), row[name] as Scalar])),
    value: typeof row[metric] === "number" ? (row[metric] as number) : null,
  }));
}

export function valuesOf(combos: readonly Combo[], name: string): Scalar[] {
  const found = [...new Set(combos.map((combo) => combo.parameters[name]!))];
  return found.every((value) => typeof value === "number") ? (found as number[]).sort((one, other) => one - other) : found;
}

/** Fold all combinations into cells over two parameters; `less`: less of the figure is better. */
export function heatOf(combos: readonly Combo[], across: string, down: string, fold: Fold, less: boolean): HeatCells {
  const acrossValues = valuesOf(combos, across);
  const downValues = down === across ? [""] : valuesOf(combos, down);
  const column = new Map(acrossValues.map((value, index) => [value, index]));
  const row = new Map(downValues.map((value, index) => [value, index]));
  const better = (one: number, other: number) => (less ? one < other : one > other);
  const groups: Combo[][][] = downValues.map(() => acrossValues.map(() => []));
  for (const combo of combos) groups[down === across ? 0 : (row.get(combo.parameters[down]!) ?? 0)]?.[column.get(combo.parameters[across]!) ?? 0]?.push(combo);
  let best: [number, number] | null = null;
  let top: number | null = null;
  const chosen = groups.map((line, place) =>
    line.map((group, index) => {
      const known = group.filter((combo) => combo.value !== null);
      const first = known.reduce<Combo | null>((kept, combo) => (kept === null || better(combo.value!, kept.value!) ? combo : kept), null);
      if (first && (top === null || better(first.value!, top))) {
        top = first.value;
        best = [place, index];
      }
      return first;
    }),
  );
  const cells = groups.map((line, place) =>
    line.map((group, index) => {
      const known = group.map((combo) => combo.value).filter((value): value is number => value !== null);
      if (known.length === 0) return null;
      if (fold === "mean") return known.reduce((sum, value) => sum + value, 0) / known.length;
      if (fold === "worst") return less ? Math.max(...known) : Math.min(...known);
      return chosen[place]?.[index]?.value ?? null;
    }),
  );
  return { acrossValues, downValues, cells, combos: chosen, best };
}
