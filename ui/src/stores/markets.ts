// The instruments that are collected, with their newest prices.
import { defineStore } from "pinia";
import { computed, ref, shallowRef, triggerRef } from "vue";
import { api, ApiError } from "@/api/client";
import type { InstrumentRow, LiveTicker } from "@/api/types";
import { useLive } from "./live";

const PAGE = 500;

export const useMarkets = defineStore("markets", () => {
  const rows = shallowRef(new Map<string, InstrumentRow>());
  const loaded = ref(false);
  const error = shallowRef<ApiError | null>(null);
  const list = computed(() => [...rows.value.values()]);
  let started = false;

  async function load(): Promise<void> {
    try {
      const found = new Map<string, InstrumentRow>();
      let cursor: string | null | undefined;
      do {
        const page = await api.instruments({ registered: true, limit: PAGE, cursor });
        for (const row of page.data) found.set(row.instrument, row);
        cursor = page.has_more ? page.next_cursor : null;
      } while (cursor);
      rows.value = found;
      loaded.value = true;
      error.value = null;
    } catch (fault) {
      error.value = ApiError.of(fault);
    }
  }

  function receive(tickers: LiveTicker[]): void {
    let changed = false;
    for (const ticker of tickers) {
      const row = rows.value.get(ticker.instrument);
      if (!row) continue;
      changed = true;
      rows.value.set(ticker.instrument, {
        ...row,
        last_price: ticker.last_price,
        change_24h_percent: ticker.change_24h_percent ?? row.change_24h_percent,
        volume_24h: ticker.volume_24h ?? row.volume_24h,
        quote_volume_24h: ticker.quote_volume_24h ?? row.quote_volume_24h,
        updated_ms: ticker.updated_ms,
      });
    }
    if (changed) triggerRef(rows);
  }

  function start(): void {
    if (started) return;
    started = true;
    void load();
    useLive().subscribe<LiveTicker[]>("tickers", receive, () => void load());
    setInterval(() => {
      if (document.visibilityState === "visible" && (error.value || rows.value.size === 0)) void load();
    }, 3_000);
  }

  return { rows, list, loaded, error, load, start };
});
