// Deployment ids -> the names that people gave them.
import { computed } from "vue";
import { api } from "@/api/client";
import { useResource } from "./resource";

export function useDeploymentNames(): (id: string) => string {
  const deployments = useResource((signal) => api.deployments(signal), 30_000);
  const names = computed(() => new Map((deployments.data.value?.data ?? []).map((item) => [item.id, item.name])));
  return (id) => names.value.get(id) ?? id;
}
