// What the screen is like, as values that follow it.
import { readonly, ref, type Ref } from "vue";

function useMedia(query: string): Readonly<Ref<boolean>> {
  const list = window.matchMedia(query);
  const matches = ref(list.matches);
  list.addEventListener("change", (event) => (matches.value = event.matches));
  return readonly(matches);
}

let phone: Readonly<Ref<boolean>> | undefined;
let dark: Readonly<Ref<boolean>> | undefined;

export const usePhone = (): Readonly<Ref<boolean>> => (phone ??= useMedia("(max-width: 760px)"));
export const usePreferredDark = (): Readonly<Ref<boolean>> => (dark ??= useMedia("(prefers-color-scheme: dark)"));
