// What was earned, gathered by account and a key: shown with two digits, so doubles are enough here; the books stay exact.
import type { EarnedRow } from "@/api/types";

const AMOUNTS = ["realised", "fees", "funding", "other", "total"] as const;

export interface Gathered extends Record<(typeof AMOUNTS)[number], number> {
  account: string;
  key: string;
  currency: string;
  trades: number;
  /** What the account earned in this currency altogether. */
  sum: boolean;
}

function add(found: Map<string, Gathered>, row: EarnedRow, key: string, sum: boolean): void {
  const name = [row.account, key, row.currency].join("|");
  const gathered = found.get(name) ?? { account: row.account, key, currency: row.currency, realised: 0, fees: 0, funding: 0, other: 0, total: 0, trades: 0, sum };
  for (const field of AMOUNTS) gathered[field] += Number(row[field]);
  gathered.trades += row.trades;
  found.set(name, gathered);
}

/** Per account its rows and under them its sum in each currency: accounts stay apart, and so do currencies. */
export function gathered(rows: readonly EarnedRow[], keyOf: (row: EarnedRow) => string): Gathered[] {
  const [found, sums] = [new Map<string, Gathered>(), new Map<string, Gathered>()];
  for (const row of rows) {
    add(found, row, keyOf(row), false);
    add(sums, row, "", true);
  }
  const accounts = [...new Set(rows.map((row) => row.account))].sort();
  return accounts.flatMap((account) => [...found.values(), ...sums.values()].filter((row) => row.account === account));
}
