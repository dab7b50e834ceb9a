// The registries of research: strategies, figures, indicators. Each is loaded once, at its first use.
import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";
import { api, ApiError } from "@/api/client";
import type { IndicatorRow, MetricRow, StrategyRow } from "@/api/types";

export const useResearch = defineStore("research", () => {
  const strategies = shallowRef<StrategyRow[] | null>(null);
  const metrics = shallowRef(new Map<string, MetricRow>());
  const indicators = shallowRef<IndicatorRow[] | null>(null);
  const error = shallowRef<ApiError | null>(null);
  const loadedAt = ref(0);
  const byName = computed(() => new Map((strategies.value ?? []).map((row) => [row.name, row])));

  async function guarded(act: () => Promise<void>): Promise<void> {
    try {
      await act();
      error.value = null;
      loadedAt.value = Date.now();
    } catch (fault) {
      error.value = ApiError.of(fault);
    }
  }

  const loadStrategies = () => guarded(async () => void (strategies.value = (await api.strategies()).data));

  async function wantStrategies(): Promise<void> {
    if (!strategies.value) await loadStrategies();
  }

  async function wantMetrics(): Promise<void> {
    if (metrics.value.size === 0) await guarded(async () => void (metrics.value = new Map((await api.metrics()).data.map((row) => [row.name, row]))));
  }

  async function wantIndicators(): Promise<void> {
    if (!indicators.value) await guarded(async () => void (indicators.value = (await api.indicators()).data));
  }

  return { strategies, byName, metrics, indicators, error, loadedAt, loadStrategies, wantStrategies, wantMetrics, wantIndicators };
});
