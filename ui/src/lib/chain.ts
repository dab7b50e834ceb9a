// Times of an order's chain: to the microsecond, and the spans between them.
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
