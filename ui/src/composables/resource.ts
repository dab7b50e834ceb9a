// A piece of the server's state: loads, loads again, keeps the last good answer while a newer one fails.
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";
import { ApiError } from "@/api/client";

export interface Resource<T> {
  data: ShallowRef<T | null>;
  error: ShallowRef<ApiError | null>;
  pending: Ref<boolean>;
  loadedAt: Ref<number>;
  everyMs: number;
  reload: () => Promise<void>;
}

export function useResource<T>(load: (signal: AbortSignal) => Promise<T>, everyMs = 0): Resource<T> {
  const data = shallowRef<T | null>(null);
  const error = shallowRef<ApiError | null>(null);
  const pending = ref(false);
  const loadedAt = ref(0);
  let controller: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function reload(): Promise<void> {
    controller?.abort();
    clearTimeout(timer);
    const own = new AbortController();
    controller = own;
    pending.value = true;
    try {
      const answer = await load(own.signal);
      if (own.signal.aborted) return;
      data.value = answer;
      error.value = null;
      loadedAt.value = Date.now();
    } catch (fault) {
      if (own.signal.aborted) return;
      error.value = ApiError.of(fault);
    } finally {
      if (controller === own) {
        pending.value = false;
        if (everyMs > 0 && !own.signal.aborted) timer = setTimeout(again, everyMs);
      }
    }
  }

  function again(): void {
    if (document.visibilityState === "visible") void reload();
    else timer = setTimeout(again, everyMs);
  }

  onScopeDispose(() => {
    controller?.abort();
    clearTimeout(timer);
  });
  void reload();
  return { data, error, pending, loadedAt, everyMs, reload };
}
