// Kline periods, as the core knows them.
export const PERIODS = ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1mo"] as const;
export type Period = (typeof PERIODS)[number];

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LENGTH: Record<Period, number> = {
  "1s": 1_000,
  "1m": MINUTE,
  "3m": 3 * MINUTE,
  "5m": 5 * MINUTE,
  "15m": 15 * MINUTE,
  "30m": 30 * MINUTE,
  "1h": HOUR,
  "2h": 2 * HOUR,
  "4h": 4 * HOUR,
  "6h": 6 * HOUR,
  "8h": 8 * HOUR,
  "12h": 12 * HOUR,
  "1d": DAY,
  "3d": 3 * DAY,
  "1w": 7 * DAY,
  "1mo": 31 * DAY,
};

export function isPeriod(text: string): text is Period {
  return text in LENGTH;
}

/** Length in milliseconds; of the month its longest. */
export function periodMs(period: Period): number {
  return LENGTH[period];
}

export function byLength(one: string, other: string): number {
  return (isPeriod(one) ? LENGTH[one] : 0) - (isPeriod(other) ? LENGTH[other] : 0);
}
