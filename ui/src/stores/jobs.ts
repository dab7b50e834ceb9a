// The queue of heavy work: read once over REST, then told live how far each job is.
import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";
import { api, ApiError } from "@/api/client";
import type { JobRow } from "@/api/types";
import { useLive } from "./live";

interface JobChange {
  job_id: string;
  kind: string;
  title: string;
  state: JobRow["state"];
  done: number;
  total: number;
  text: string;
  error: string;
}

const LISTED = 500;
export const isOver = (state: JobRow["state"]): boolean => state === "done" || state === "failed" || state === "cancelled";

export const useJobs = defineStore("jobs", () => {
  const rows = shallowRef(new Map<string, JobRow>());
  const loaded = ref(false);
  const loadedAt = ref(0);
  const error = shallowRef<ApiError | null>(null);
  const list = computed(() => [...rows.value.values()].sort((one, other) => other.created_ms - one.created_ms || other.id.localeCompare(one.id)));
  const busy = computed(() => list.value.filter((job) => !isOver(job.state)).length);
  const asked = new Set<string>();
  let started = false;

  async function load(): Promise<void> {
    try {
      const page = await api.jobs({ limit: LISTED });
      rows.value = new Map(page.data.map((job) => [job.id, job]));
      loaded.value = true;
      loadedAt.value = Date.now();
      error.value = null;
    } catch (fault) {
      error.value = ApiError.of(fault);
    }
  }

  function put(job: JobRow): void {
    rows.value = new Map(rows.value).set(job.id, job);
  }

  function drop(id: string): void {
    const left = new Map(rows.value);
    left.delete(id);
    rows.value = left;
  }

  /** Read one job again, once however many changes ask for it meanwhile. */
  async function refresh(id: string): Promise<JobRow | null> {
    if (asked.has(id)) return rows.value.get(id) ?? null;
    asked.add(id);
    try {
      const job = await api.job(id);
      put(job);
      return job;
    } catch {
      return null; // the next change, or the next look at the page, asks again
    } finally {
      asked.delete(id);
    }
  }

  /** The job of a name that a person typed ("latest" is one); throws what the server says of one that it does not know. */
  async function find(name: string): Promise<JobRow> {
    const job = await api.job(name);
    put(job);
    return job;
  }

  function receive(change: JobChange): void {
    const known = rows.value.get(change.job_id);
    if (!known || isOver(change.state)) {
      void refresh(change.job_id);
      return;
    }
    const { state, done, total, text, error: reason } = change;
    const cancelling = known.state === "cancelling" && state === "running";
    put({ ...known, state: cancelling ? "cancelling" : state, done, total, text, error: reason, progress: total > 0 ? done / total : 0, started_ms: known.started_ms ?? Date.now() });
  }

  function start(): void {
    if (started) return;
    started = true;
    void load();
    useLive().subscribe<JobChange>("jobs", receive, () => void load());
    setInterval(() => {
      if (document.visibilityState === "visible" && (error.value || busy.value > 0)) void load();
    }, 5_000);
  }

  return { rows, list, loaded, loadedAt, error, busy, load, put, drop, find, refresh, start };
});
