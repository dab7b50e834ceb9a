// The page's one WebSocket: topics are shared by reference count, a cut is resumed where it was, and its age is known.
import { defineStore } from "pinia";
import { ref } from "vue";
import type { LiveEvent, LiveReply } from "@/api/types";

type Handler = (data: never) => void;
interface Subscriber {
  onEvent: Handler;
  /** Called when events were missed for good: read the state again over REST. */
  onReset?: () => void;
}
type LinkState = "connecting" | "open" | "cut";

const SILENCE_MS = 20_000; // the server sends a heartbeat more often than this
const PING_MS = 5_000;
const SLOWEST_RETRY_MS = 10_000;

export const useLive = defineStore("live", () => {
  const state = ref<LinkState>("connecting");
  const heardAt = ref(0);
  const topics = new Map<string, Set<Subscriber>>();
  let socket: WebSocket | null = null;
  let session: string | null = null;
  let lastSeq = 0;
  let attempts = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function say(message: Record<string, unknown>): void {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  function connect(): void {
    clearTimeout(timer);
    const own = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    socket = own;
    if (state.value !== "cut") state.value = "connecting";
    own.onopen = () => {
      attempts = 0;
      heardAt.value = Date.now();
      const wanted = [...topics.keys()];
      if (session !== null) say({ action: "resume", session, last_seq: lastSeq, topics: wanted });
      else if (wanted.length) say({ action: "subscribe", topics: wanted });
      state.value = "open";
    };
    own.onmessage = (message: MessageEvent<string>) => {
      heardAt.value = Date.now();
      receive(JSON.parse(message.data) as LiveEvent | LiveReply);
    };
    own.onclose = () => {
      if (socket === own) lose();
    };
  }

  function lose(): void {
    socket = null;
    state.value = "cut";
    attempts += 1;
    const wait = Math.min(SLOWEST_RETRY_MS, 250 * 2 ** attempts) * (0.7 + 0.6 * Math.random());
    timer = setTimeout(connect, wait);
  }

  function receive(message: LiveEvent | LiveReply): void {
    if (message.type === "event") {
      lastSeq = Math.max(lastSeq, message.seq);
      for (const subscriber of topics.get(message.topic) ?? []) subscriber.onEvent(message.data as never);
      return;
    }
    if (message.type === "welcome") {
      if (session === null) lastSeq = message.seq ?? 0;
      session = message.session ?? null;
    } else if (message.type === "reset") {
      lastSeq = message.seq ?? 0;
      for (const group of topics.values()) for (const subscriber of group) subscriber.onReset?.();
    }
  }

  function subscribe<T>(topic: string, onEvent: (data: T) => void, onReset?: () => void): () => void {
    const subscriber: Subscriber = { onEvent: onEvent as Handler, onReset };
    let group = topics.get(topic);
    if (!group) {
      group = new Set();
      topics.set(topic, group);
      say({ action: "subscribe", topics: [topic] });
    }
    group.add(subscriber);
    return () => {
      group.delete(subscriber);
      if (group.size === 0 && topics.get(topic) === group) {
        topics.delete(topic);
        say({ action: "unsubscribe", topics: [topic] });
      }
    };
  }

  function start(): void {
    connect();
    setInterval(() => {
      if (!socket || socket.readyState !== WebSocket.OPEN) return;
      const silent = Date.now() - heardAt.value;
      if (silent > SILENCE_MS) socket.close();
      else if (silent > PING_MS) say({ action: "ping" });
    }, 1_000);
    window.addEventListener("online", () => {
      if (!socket) connect();
    });
  }

  /** Connect anew, now that the server knows who we are. */
  function restart(): void {
    if (state.value === "cut") connect();
  }

  return { state, heardAt, subscribe, start, restart };
});
