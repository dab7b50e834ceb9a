// Sentences of the server in the page's language. The key of a sentence is its English form with {0}, {1}… where values stand; what
// stands there may be a sentence of the table itself (never a single word: that is a name). What the table does not have is shown as
// it came.
import { i18n } from "@/i18n";
import table from "@/i18n/sentences.json";

interface Known {
  pattern: RegExp;
  own: string;
  fixed: number;
}

const MOST_NESTED = 3;

function known([english, own]: [string, string]): Known {
  const parts = english.split(/\{\d+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return { pattern: new RegExp(`^${parts.join("(.+?)")}$`, "s"), own, fixed: english.replace(/\{\d+\}/g, "").length };
}

// the sentence that leaves least open is the one that was said
const KNOWN: readonly Known[] = Object.entries(table).map(known).sort((one, other) => other.fixed - one.fixed);

function translated(sentence: string, nested: number): string | null {
  for (const { pattern, own } of KNOWN) {
    const found = pattern.exec(sentence);
    if (!found) continue;
    const inner = (text: string): string => (nested < MOST_NESTED && text.includes(" ") ? translated(text, nested + 1) : null) ?? text;
    return own.replace(/\{(\d+)\}/g, (_, place: string) => inner(found[Number(place) + 1] ?? ""));
  }
  return null;
}

/** The sentence in the page's language; null where there is none but the server's own. */
export function ownSentence(sentence: string): string | null {
  return i18n.global.locale.value === "zh" ? translated(sentence, 0) : null;
}
