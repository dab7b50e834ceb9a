// What was earned, gathered by a key: shown with two digits, so doubles are enough here; the books stay exact.
import type { EarnedRow } from "@/api/types";

export interface Gathered {
  key: string;
  currency: string;
  realised: number;
  fees: number;
  funding: number;
  total: number;
  trades: number;
}

export function gathered(rows: readonly EarnedRow[], keyOf: (row: EarnedRow) => string): Gathered[] {
  const found = new Map<string, Gathered>();
  for (const row of rows) {
    const key = keyOf(row);
    const name = `${key}|${row.currency}`;
    const sum = found.get(name) ?? { key, currency: row.currency, realised: 0, fees: 0, funding: 0, total: 0, trades: 0 };
    for (const field of ["realised", "fees", "funding", "total"] as const) sum[field] += Number(row[field]);
    sum.trades += row.trades;
    found.set(name, sum);
  }
  return [...found.values()];
}
