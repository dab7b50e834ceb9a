import { createRouter, createWebHistory, type RouteLocationNormalized, type RouteLocationRaw } from "vue-router";

export const SETTINGS_TABS = ["pairs", "proxies", "keys", "display", "platform"] as const;
export const STRATEGY_TABS = ["library", "deployments"] as const;
export const TRADING_TABS = ["orders", "fills", "positions"] as const;
export const PORTFOLIO_TABS = ["strategy", "symbol", "day", "statements", "journal"] as const;
export const QUALITY_TABS = ["coverage", "gaps", "streams", "revisions", "audit"] as const;

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/", redirect: "/markets" },
    { path: "/markets/:instrument?/:period?", name: "markets", component: () => import("./pages/MarketsPage.vue") },
    { path: "/strategies/deployments/new", name: "deployment-new", meta: { area: "strategies" }, component: () => import("./pages/DeploymentNewPage.vue") },
    { path: `/strategies/:tab(${STRATEGY_TABS.join("|")})?`, name: "strategies", component: () => import("./pages/StrategiesPage.vue") },
    { path: `/trading/:tab(${TRADING_TABS.join("|")})?`, name: "trading", component: () => import("./pages/TradingPage.vue") },
    { path: `/portfolio/:tab(${PORTFOLIO_TABS.join("|")})?`, name: "portfolio", component: () => import("./pages/PortfolioPage.vue") },
    { path: "/risk", name: "risk", component: () => import("./pages/RiskPage.vue") },
    { path: "/accounts", name: "accounts", component: () => import("./pages/AccountsPage.vue") },
    { path: "/backtests", name: "backtests", component: () => import("./pages/BacktestsPage.vue") },
    { path: "/backtests/new", name: "backtest-new", meta: { area: "backtests" }, component: () => import("./pages/BacktestNewPage.vue") },
    { path: "/backtests/compare", name: "compare", meta: { area: "backtests" }, component: () => import("./pages/ComparePage.vue") },
    { path: "/backtests/:id", name: "backtest", meta: { area: "backtests" }, component: () => import("./pages/BacktestPage.vue") },
    { path: "/sweeps", name: "sweeps", component: () => import("./pages/SweepsPage.vue") },
    { path: "/sweeps/new", name: "sweep-new", meta: { area: "sweeps" }, component: () => import("./pages/SweepNewPage.vue") },
    { path: "/sweeps/:id", name: "sweep", meta: { area: "sweeps" }, component: () => import("./pages/SweepPage.vue") },
    { path: "/jobs", name: "jobs", component: () => import("./pages/JobsPage.vue") },
    { path: "/jobs/:id", name: "job", meta: { area: "jobs" }, component: () => import("./pages/JobPage.vue") },
    { path: `/quality/:tab(${QUALITY_TABS.join("|")})?`, name: "quality", component: () => import("./pages/QualityPage.vue") },
    { path: "/system", name: "system", component: () => import("./pages/SystemPage.vue") },
    { path: `/settings/:tab(${SETTINGS_TABS.join("|")})?`, name: "settings", component: () => import("./pages/SettingsPage.vue") },
    { path: "/:rest(.*)*", name: "lost", component: () => import("./pages/LostPage.vue") },
  ],
});

let headedFor: RouteLocationNormalized | null = null; // what is being opened
router.beforeEach((to) => {
  headedFor = to;
});
const arrived = (to: RouteLocationNormalized): void => {
  if (headedFor === to) headedFor = null; // not where another navigation ended this one
};
router.afterEach(arrived);
router.onError((_error, to) => arrived(to));

/**
 * Write what the page `name` shows into its address. Not while another page is being opened: a later navigation ends the one that
 * is under way, and whoever went there would stay here.
 */
export function keepAddress(name: unknown, to: RouteLocationRaw): void {
  if (router.currentRoute.value.name === name && (headedFor === null || headedFor.name === name)) void router.replace(to);
}
