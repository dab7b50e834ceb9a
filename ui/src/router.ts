import { createRouter, createWebHistory } from "vue-router";

export const SETTINGS_TABS = ["pairs", "proxies", "keys", "display", "platform"] as const;
export const QUALITY_TABS = ["coverage", "gaps", "streams", "revisions", "audit"] as const;

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/", redirect: "/markets" },
    { path: "/markets/:instrument?/:period?", name: "markets", component: () => import("./pages/MarketsPage.vue") },
    { path: `/quality/:tab(${QUALITY_TABS.join("|")})?`, name: "quality", component: () => import("./pages/QualityPage.vue") },
    { path: "/system", name: "system", component: () => import("./pages/SystemPage.vue") },
    { path: `/settings/:tab(${SETTINGS_TABS.join("|")})?`, name: "settings", component: () => import("./pages/SettingsPage.vue") },
    { path: "/:rest(.*)*", name: "lost", component: () => import("./pages/LostPage.vue") },
  ],
});
