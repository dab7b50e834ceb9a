// What a person chose for this browser: language, theme, colours of up and down, time zone.
import { usePreferredDark } from "@/composables/media";
import { defineStore } from "pinia";
import { computed, ref, watch } from "vue";
import { setLanguage, type Language } from "@/i18n";

export type Theme = "dark" | "light" | "system";
export type Colours = "locale" | "green-up" | "red-up";
export type Zone = "local" | "utc";

const KEY = "qs.preferences";

interface Saved {
  language?: Language;
  theme?: Theme;
  colours?: Colours;
  zone?: Zone;
  logScale?: boolean;
}

function load(): Saved {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Saved;
  } catch {
    return {};
  }
}

export const usePreferences = defineStore("preferences", () => {
  const saved = load();
  const language = ref<Language>(saved.language ?? (navigator.language.startsWith("zh") ? "zh" : "en"));
  const theme = ref<Theme>(saved.theme ?? "dark");
  const colours = ref<Colours>(saved.colours ?? "locale");
  const zone = ref<Zone>(saved.zone ?? "local");
  const logScale = ref(saved.logScale ?? false);
  const systemDark = usePreferredDark();
  const dark = computed(() => (theme.value === "system" ? systemDark.value : theme.value === "dark"));
  const redUp = computed(() => (colours.value === "locale" ? language.value === "zh" : colours.value === "red-up"));

  watch(
    [language, theme, colours, zone, logScale],
    () =>
      localStorage.setItem(
        KEY,
        JSON.stringify({ language: language.value, theme: theme.value, colours: colours.value, zone: zone.value, logScale: logScale.value }),
      ),
  );
  watch(
    [language, dark, redUp],
    () => {
      setLanguage(language.value);
      const root = document.documentElement;
      root.lang = language.value === "zh" ? "zh-CN" : "en";
      root.dataset.theme = dark.value ? "dark" : "light";
      root.dataset.up = redUp.value ? "red" : "green";
      document.querySelector('meta[name="theme-color"]')?.setAttribute("content", dark.value ? "#0b0f14" : "#ffffff");
    },
    { immediate: true },
  );
  return { language, theme, colours, zone, logScale, dark, redUp };
});
