// Deployment ids -> the names that people gave them.
import { computed, type ComputedRef } from "vue";
import { api } from "@/api/client";
import type { DeploymentRow } from "@/api/types";
import { useResource } from "./resource";

export function useDeployments(): { rows: ComputedRef<readonly DeploymentRow[]>; nameOf: (id: string) => string } {
  const deployments = useResource((signal) => api.deployments(signal), 30_000);
  const rows = computed(() => deployments.data.value?.data ?? []);
  const names = computed(() => new Map(rows.value.map((item) => [item.id, item.name])));
  return { rows, nameOf: (id) => names.value.get(id) ?? id };
}

export const useDeploymentNames = (): ((id: string) => string) => useDeployments().nameOf;
