// One clock for all ages on the page, so that they move together.
import { readonly, ref } from "vue";

const now = ref(Date.now());
setInterval(() => (now.value = Date.now()), 1_000);

export const useNow = () => readonly(now);
