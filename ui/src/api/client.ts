// Every question to the server goes through here: it bounds the wait, carries the owner token and tells errors apart.
import type {
  AccessKeyCreated,
  AccessKeyRow,
  AccountRequest,
  AccountRow,
  AuditReport,
  BacktestComparison,
  BacktestDetail,
  BacktestReport,
  BacktestWhy,
  BacktestRow,
  CloseAllAnswer,
  CoverageList,
  DenialRow,
  DeploymentChange,
  DeploymentChangeRequest,
  DeploymentRequest,
  DeploymentRow,
  ErrorDetail,
  FillRow,
  GapList,
  GapRow,
  HealAnswer,
  IndicatorRow,
  IndicatorSeries,
  InstrumentPage,
  JobList,
  JobRequest,
  JobRow,
  JournalEntryRow,
  KeyBody,
  KeyRow,
  KillAnswer,
  KillBody,
  KlinePage,
  LogLine,
  MetricRow,
  AlgorithmBody,
  AlgorithmRow,
  AmendBody,
  OrderBody,
  RouteBody,
  OrderChain,
  OfferRow,
  OrderRow,
  PairRequest,
  PairRow,
  ParityReport,
  PortfolioAnswer,
  PositionRow,
  PreflightReport,
  ProxyRequest,
  ProxyRow,
  EquityCurveAnswer,
  QuotaBody,
  QuotaList,
  RehearsalAnswer,
  RevisionRow,
  RiskAnswer,
  RiskRuleBody,
  RiskStateBody,
  SettingRow,
  Status,
  StrategyRow,
  StreamList,
  TableRows,
  TrialFamily,
  StatementsAnswer,
} from "./types";

const TIMEOUT_MS = 20_000;
const REPLAY_MS = 120_000; // a run is done again in a process of its own

/** What went wrong. `status` 0: no answer at all. */
export class ApiError extends Error {
  readonly field: string | null;
  /** What is wrong, for the page's own words, and what stands in them; empty where only the message says it. */
  readonly reason: string;
  readonly values: Record<string, string>;
  readonly valid: string[];

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    detail?: ErrorDetail,
  ) {
    super(message);
    this.field = detail?.field ?? null;
    this.reason = detail?.reason ?? "";
    this.values = detail?.values ?? {};
    this.valid = detail?.valid ?? [];
  }

  /** Anything thrown, as one of these. */
  static of(fault: unknown): ApiError {
    return fault instanceof ApiError ? fault : new ApiError(0, "unexpected", String(fault));
  }
}

// A write made with the owner's cookie carries this beside it; the token itself is never kept here.
let csrfToken = "";

type Query = Record<string, string | number | boolean | null | undefined | readonly string[]>;
interface Options {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
  patienceMs?: number;
}

async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (Array.isArray(value)) for (const item of value) query.append(name, item);
    else if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (csrfToken && method !== "GET") headers["X-CSRF-Token"] = csrfToken;
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  const deadline = AbortSignal.timeout(options.patienceMs ?? TIMEOUT_MS);
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
    throw new ApiError(response.status, detail?.code ?? String(response.status), detail?.message ?? response.statusText, detail);
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
  strategies: (signal?: AbortSignal) => request<{ data: StrategyRow[] }>("GET", "/api/v1/strategies", { signal }),
  metrics: (signal?: AbortSignal) => request<{ data: MetricRow[] }>("GET", "/api/v1/backtest-metrics", { signal }),
  indicators: (signal?: AbortSignal) => request<{ data: IndicatorRow[] }>("GET", "/api/v1/indicators", { signal }),
  indicatorValues: (query: Query, signal?: AbortSignal) => request<IndicatorSeries>("GET", "/api/v1/indicators/values", { query, signal }),
  jobs: (query: Query = {}, signal?: AbortSignal) => request<JobList>("GET", "/api/v1/jobs", { query, signal }),
  job: (id: string, signal?: AbortSignal) => request<JobRow>("GET", `/api/v1/jobs/${id}`, { signal }),
  submitJob: (body: Pick<JobRequest, "kind" | "request"> & Partial<JobRequest>) => request<JobRow>("POST", "/api/v1/jobs", { body }),
  cancelJob: (id: string) => request<JobRow>("POST", `/api/v1/jobs/${id}/cancel`),
  removeJob: (id: string) => request("DELETE", `/api/v1/jobs/${id}`),
  jobTable: (id: string, name: string, query: Query, signal?: AbortSignal) => request<TableRows>("GET", `/api/v1/jobs/${id}/tables/${name}`, { query, signal }),
  backtests: (query: Query = {}, signal?: AbortSignal) => request<{ data: BacktestRow[] }>("GET", "/api/v1/backtests", { query, signal }),
  backtest: (id: string, signal?: AbortSignal) => request<BacktestDetail>("GET", `/api/v1/backtests/${id}`, { signal }),
  backtestWhy: (id: string, signal?: AbortSignal) => request<BacktestWhy>("GET", `/api/v1/backtests/${id}/why`, { signal }),
  backtestReport: (id: string, signal?: AbortSignal) => request<BacktestReport>("GET", `/api/v1/backtests/${id}/report`, { signal }),
  backtestTable: (id: string, name: string, query: Query, signal?: AbortSignal) => request<TableRows>("GET", `/api/v1/backtests/${id}/tables/${name}`, { query, signal }),
  backtestFile: (id: string, ending: string, language: string) => `/api/v1/backtests/${id}/files/${ending}${ending === "html" ? `?language=${language}` : ""}`,
  compare: (ids: readonly string[], signal?: AbortSignal) => request<BacktestComparison>("GET", "/api/v1/backtests/compare", { query: { ids: ids.join(",") }, signal }),
  repeatBacktest: (id: string) => request<JobRow>("POST", `/api/v1/backtests/${id}/repeat`),
  removeBacktest: (id: string) => request("DELETE", `/api/v1/backtests/${id}`),
  trials: (family: string, signal?: AbortSignal) => request<TrialFamily>("GET", `/api/v1/trials/${encodeURIComponent(family)}`, { signal }),
  accounts: (signal?: AbortSignal) => request<{ data: AccountRow[] }>("GET", "/api/v1/accounts", { signal }),
  preflight: (name: string, signal?: AbortSignal) => request<PreflightReport>("POST", `/api/v1/accounts/${encodeURIComponent(name)}/preflight`, { signal }),
  addAccount: (body: Partial<AccountRequest> & { name: string }) => request<AccountRow>("POST", "/api/v1/accounts", { body }),
  venueKeys: (signal?: AbortSignal) => request<{ data: KeyRow[] }>("GET", "/api/v1/venue-keys", { signal }),
  forgetKey: (name: string) => request("DELETE", `/api/v1/accounts/${encodeURIComponent(name)}/key`),
  giveKey: (name: string, body: KeyBody) => request<KeyRow>("POST", `/api/v1/accounts/${encodeURIComponent(name)}/key`, { body }),
  orders: (query: Query = {}, signal?: AbortSignal) => request<{ data: OrderRow[] }>("GET", "/api/v1/orders", { query, signal }),
  orderChain: (id: string, signal?: AbortSignal) => request<OrderChain>("GET", `/api/v1/orders/${encodeURIComponent(id)}/chain`, { signal }),
  placeOrder: (body: OrderBody, key: string) => request<OrderRow>("POST", "/api/v1/orders", { body, headers: { "Idempotency-Key": key } }),
  quoteRoutes: (body: RouteBody, signal?: AbortSignal) => request<{ data: OfferRow[] }>("POST", "/api/v1/orders/route", { body, signal }),
  algorithms: (query: Query = {}, signal?: AbortSignal) => request<{ data: AlgorithmRow[] }>("GET", "/api/v1/algorithms", { query, signal }),
  startAlgorithm: (body: AlgorithmBody, key: string) => request<AlgorithmRow>("POST", "/api/v1/algorithms", { body, headers: { "Idempotency-Key": key } }),
  cancelAlgorithm: (id: string) => request<AlgorithmRow>("POST", `/api/v1/algorithms/${encodeURIComponent(id)}/cancel`, { body: {} }),
  amendOrder: (id: string, body: AmendBody, key: string) => request<OrderRow>("PUT", `/api/v1/orders/${encodeURIComponent(id)}`, { body, headers: { "Idempotency-Key": key } }),
  cancelOrder: (id: string) => request<OrderRow>("POST", `/api/v1/orders/${encodeURIComponent(id)}/cancel`, { body: {} }),
  cancelAll: (account: string) => request<{ data: OrderRow[] }>("POST", "/api/v1/orders/cancel-all", { body: { account } }),
  closeAll: (account: string) => request<CloseAllAnswer>("POST", "/api/v1/orders/close-all", { body: { account } }),
  fills: (query: Query = {}, signal?: AbortSignal) => request<{ data: FillRow[] }>("GET", "/api/v1/fills", { query, signal }),
  positions: (query: Query = {}, signal?: AbortSignal) => request<{ data: PositionRow[] }>("GET", "/api/v1/positions", { query, signal }),
  denials: (query: Query = {}, signal?: AbortSignal) => request<{ data: DenialRow[] }>("GET", "/api/v1/denials", { query, signal }),
  risk: (signal?: AbortSignal) => request<RiskAnswer>("GET", "/api/v1/risk", { signal }),
  rehearsal: (query: Query, signal?: AbortSignal) => request<RehearsalAnswer>("GET", "/api/v1/risk/rehearsal", { query, signal, patienceMs: REPLAY_MS }),
  quotas: (signal?: AbortSignal) => request<QuotaList>("GET", "/api/v1/quotas", { signal }),
  setQuota: (deployment: string, body: QuotaBody) => request<QuotaList>("POST", `/api/v1/quotas/${encodeURIComponent(deployment)}`, { body }),
  setRiskState: (body: RiskStateBody) => request<RiskAnswer>("POST", "/api/v1/risk/state", { body }),
  setRiskRule: (name: string, body: RiskRuleBody) => request<RiskAnswer>("POST", `/api/v1/risk/rules/${encodeURIComponent(name)}`, { body }),
  kill: (body: KillBody) => request<KillAnswer>("POST", "/api/v1/kill", { body }),
  portfolio: (query: Query = {}, signal?: AbortSignal) => request<PortfolioAnswer>("GET", "/api/v1/portfolio", { query, signal }),
  equity: (query: Query, signal?: AbortSignal) => request<EquityCurveAnswer>("GET", "/api/v1/portfolio/equity", { query, signal }),
  statements: (query: Query, signal?: AbortSignal) => request<StatementsAnswer>("GET", "/api/v1/portfolio/statements", { query, signal }),
  journal: (query: Query = {}, signal?: AbortSignal) => request<{ data: JournalEntryRow[] }>("GET", "/api/v1/journal", { query, signal }),
  deployments: (signal?: AbortSignal) => request<{ data: DeploymentRow[] }>("GET", "/api/v1/deployments", { signal }),
  deploymentHistory: (id: string, signal?: AbortSignal) => request<{ data: DeploymentChange[] }>("GET", `/api/v1/deployments/${id}/history`, { signal }),
  parity: (id: string, signal?: AbortSignal) => request<ParityReport>("GET", `/api/v1/deployments/${id}/parity`, { signal, patienceMs: REPLAY_MS }),
  createDeployment: (body: Partial<DeploymentRequest>) => request<DeploymentRow>("POST", "/api/v1/deployments", { body }),
  configureDeployment: (id: string, body: Partial<DeploymentChangeRequest>) => request<DeploymentRow>("POST", `/api/v1/deployments/${id}/configure`, { body }),
  sayDeployment: (id: string, verb: string) => request<DeploymentRow>("POST", `/api/v1/deployments/${id}/${verb}`),
  rollBackDeployment: (id: string, version: number) => request<DeploymentRow>("POST", `/api/v1/deployments/${id}/rollback`, { body: { version } }),
  removeDeployment: (id: string) => request("DELETE", `/api/v1/deployments/${id}`),
  removeAccessKey: (id: number) => request("DELETE", `/api/v1/access-keys/${id}`),
};
