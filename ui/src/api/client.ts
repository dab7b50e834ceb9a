// Every question to the server goes through here: it bounds the wait, carries the owner token and tells errors apart.
import type {
  AccessKeyCreated,
  AccessKeyRow,
  AuditReport,
  CoverageList,
  ErrorDetail,
  GapList,
  GapRow,
  HealAnswer,
  InstrumentPage,
  KlinePage,
  LogLine,
  PairRequest,
  PairRow,
  ProxyRequest,
  ProxyRow,
  RevisionRow,
  SettingRow,
  Status,
  StreamList,
} from "./types";

const TIMEOUT_MS = 20_000;

/** What went wrong. `status` 0: no answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field: string | null = null,
  ) {
    super(message);
  }
}

// A write made with the owner's cookie carries this beside it; the token itself is never kept here.
let csrfToken = "";

type Query = Record<string, string | number | boolean | null | undefined>;
interface Options {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
}

async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  const headers: Record<string, string> = { Accept: "application/json" };
  if (csrfToken && method !== "GET") headers["X-CSRF-Token"] = csrfToken;
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  const deadline = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(query.size ? `${path}?${query}` : path, {
      method,
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal ? AbortSignal.any([options.signal, deadline]) : deadline,
    });
  } catch (fault) {
    if (options.signal?.aborted) throw fault;
    throw new ApiError(0, deadline.aborted ? "timeout" : "unreachable", "");
  }
  const content: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const detail = (content as { error?: ErrorDetail } | null)?.error;
    throw new ApiError(response.status, detail?.code ?? String(response.status), detail?.message ?? response.statusText, detail?.field ?? null);
  }
  return content as T;
}

interface Session {
  role: string;
  read_only: boolean;
  csrf_token: string | null;
}

async function asSession(answer: Promise<Session>): Promise<Session> {
  const session = await answer;
  csrfToken = session.csrf_token ?? "";
  return session;
}

export const api = {
  session: () => asSession(request<Session>("GET", "/api/v1/session")),
  logIn: (token: string) => asSession(request<Session>("POST", "/api/v1/session", { body: { token } })),
  logOut: () => asSession(request<Session>("DELETE", "/api/v1/session")),
  status: (signal?: AbortSignal) => request<Status>("GET", "/api/v1/status", { signal }),
  instruments: (query: Query, signal?: AbortSignal) => request<InstrumentPage>("GET", "/api/v1/instruments", { query, signal }),
  klines: (query: Query, signal?: AbortSignal) => request<KlinePage>("GET", "/api/v1/klines", { query, signal }),
  coverage: (query: Query, signal?: AbortSignal) => request<CoverageList>("GET", "/api/v1/coverage", { query, signal }),
  gaps: (query: Query = {}, signal?: AbortSignal) => request<GapList>("GET", "/api/v1/gaps", { query, signal }),
  heal: (gap: Pick<GapRow, "symbol" | "market" | "venue" | "period" | "start_ms" | "end_ms">) =>
    request<HealAnswer>("POST", "/api/v1/gaps/heal", {
      body: { symbol: gap.symbol, market: gap.market, venue: gap.venue, period: gap.period, start_ms: gap.start_ms, end_ms: gap.end_ms },
    }),
  revisions: (query: Query, signal?: AbortSignal) => request<{ data: RevisionRow[] }>("GET", "/api/v1/revisions", { query, signal }),
  audit: (signal?: AbortSignal) => request<AuditReport>("GET", "/api/v1/audit", { signal }),
  runAudit: () => request<AuditReport>("POST", "/api/v1/audit"),
  streams: (signal?: AbortSignal) => request<StreamList>("GET", "/api/v1/streams", { signal }),
  logs: (query: Query, signal?: AbortSignal) => request<{ data: LogLine[] }>("GET", "/api/v1/logs", { query, signal }),
  settings: (signal?: AbortSignal) => request<{ data: SettingRow[] }>("GET", "/api/v1/settings", { signal }),
  pairs: (signal?: AbortSignal) => request<{ data: PairRow[] }>("GET", "/api/v1/pairs", { signal }),
  putPair: (body: Partial<PairRequest> & { symbol: string }) => request<PairRow>("POST", "/api/v1/pairs", { body }),
  removePair: (instrument: string) => request("DELETE", `/api/v1/pairs/${encodeURIComponent(instrument)}`),
  proxies: (signal?: AbortSignal) => request<{ data: ProxyRow[] }>("GET", "/api/v1/proxies", { signal }),
  putProxy: (body: ProxyRequest) => request<ProxyRow>("POST", "/api/v1/proxies", { body }),
  removeProxy: (id: number) => request("DELETE", `/api/v1/proxies/${id}`),
  accessKeys: (signal?: AbortSignal) => request<{ data: AccessKeyRow[] }>("GET", "/api/v1/access-keys", { signal }),
  makeAccessKey: (body: { name: string; qps_limit: number }) => request<AccessKeyCreated>("POST", "/api/v1/access-keys", { body }),
  removeAccessKey: (id: number) => request("DELETE", `/api/v1/access-keys/${id}`),
};
