// What the whole page knows of the system: its status, live once a second, and whether this person may write.
import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";
import { api, ApiError } from "@/api/client";
import type { ConnectionState, LiveStatus, RiskStateRow, Status } from "@/api/types";
import { useLive } from "./live";

const KEPT_SECONDS = 120;

export interface Sample {
  events: number;
  klines: number;
  stored: number;
  history: number;
}

export const useSession = defineStore("session", () => {
  const status = shallowRef<Status | null>(null);
  const live = shallowRef<LiveStatus | null>(null);
  const error = shallowRef<ApiError | null>(null);
  const samples = shallowRef<Sample[]>([]);
  const askForToken = ref(false);
  const tokenError = ref("");
  const owner = ref(false);
  let afterToken: ((granted: boolean) => void) | null = null;

  const connections = computed<ConnectionState[]>(() => live.value?.connections ?? status.value?.connections ?? []);
  // The newer of the two: the live one stands still while the line is cut.
  const heldBack = computed<RiskStateRow[]>(() => {
    const [told, asked] = [live.value, status.value];
    return (told && (!asked || told.now_ms >= asked.now_ms) ? told.held_back : asked?.held_back) ?? [];
  });
  const environment = computed(() => status.value?.environment ?? null);

  async function load(): Promise<void> {
    try {
      status.value = await api.status();
      error.value = null;
    } catch (fault) {
      error.value = ApiError.of(fault);
      // Bound beyond this machine, even reading needs the token.
      if (error.value.status === 401 && status.value === null) askForToken.value = true;
    }
  }

  function start(): void {
    void identify().then(load);
    setInterval(() => {
      if (document.visibilityState === "visible") void load();
    }, 5_000);
    useLive().subscribe<LiveStatus>("status", (figures) => {
      live.value = figures;
      const flow = figures.throughput;
      const sample = { events: flow.events_per_s, klines: flow.klines_per_s, stored: flow.stored_per_s, history: flow.history_per_s };
      samples.value = [...samples.value.slice(1 - KEPT_SECONDS), sample];
    });
  }

  async function identify(): Promise<void> {
    try {
      owner.value = !(await api.session()).read_only;
    } catch {
      owner.value = false; // a write will ask for the token
    }
  }

  /** Do something that only the owner may; asks for the token first where this browser has not given it yet. */
  async function asOwner<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (fault) {
      if (!(fault instanceof ApiError) || (fault.status !== 401 && fault.status !== 403)) throw fault;
      const granted = await new Promise<boolean>((resolve) => {
        afterToken = resolve;
        tokenError.value = "";
        askForToken.value = true;
      });
      return granted ? act() : undefined;
    }
  }

  /** Log in with what was typed; the dialog stays while the token is wrong. */
  async function giveToken(token: string): Promise<void> {
    try {
      owner.value = !(await api.logIn(token)).read_only;
    } catch (fault) {
      tokenError.value = fault instanceof ApiError && fault.message ? fault.message : String(fault);
      return;
    }
    closeToken(true);
    useLive().restart();
    await load();
  }

  function closeToken(granted: boolean): void {
    askForToken.value = false;
    const resolve = afterToken;
    afterToken = null;
    resolve?.(granted);
  }

  async function logOut(): Promise<void> {
    await api.logOut();
    owner.value = false;
    await load();
  }

  return { status, live, error, samples, owner, askForToken, tokenError, connections, heldBack, environment, load, start, asOwner, giveToken, closeToken, logOut };
});
