// The words of the page. A key lives in both files or the check fails.
import { createI18n } from "vue-i18n";
import en from "./en.json";
import zh from "./zh.json";

export type Language = "en" | "zh";

export const i18n = createI18n({ legacy: false, locale: "en", fallbackLocale: false, messages: { en, zh: zh as typeof en } });

export function setLanguage(language: Language): void {
  i18n.global.locale.value = language;
}
