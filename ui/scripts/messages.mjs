// Both languages know the same keys, every key that the code names exists, and none is left unused.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./sources.mjs";

const read = (language) => JSON.parse(readFileSync(join(root, `src/i18n/${language}.json`), "utf8"));
const flatten = (tree, prefix = "") =>
  Object.entries(tree).flatMap(([key, value]) => (typeof value === "string" ? [prefix + key] : flatten(value, `${prefix}${key}.`)));
const faults = [];
const en = flatten(read("en"));
const zh = flatten(read("zh"));
for (const key of en) if (!zh.includes(key)) faults.push(`zh.json lacks ${key}`);
for (const key of zh) if (!en.includes(key)) faults.push(`en.json lacks ${key}`);

const sources = readdirSync(join(root, "src"), { recursive: true })
  .filter((name) => /\.(vue|ts)$/.test(name) && !name.endsWith("schema.ts"))
  .map((name) => readFileSync(join(root, "src", name), "utf8"))
  .join("\n");
const named = new Set([...sources.matchAll(/\bt\(\s*["']([\w.]+)["']/g)].map((match) => match[1]));
const prefixes = [...sources.matchAll(/`([\w.]+\.)\$\{/g)].map((match) => match[1]);
for (const key of named) if (!en.includes(key)) faults.push(`the code names ${key}, which no language has`);
for (const key of en) {
  if (!named.has(key) && !prefixes.some((prefix) => key.startsWith(prefix)) && !sources.includes(`"${key}"`)) faults.push(`${key} is used nowhere`);
}
if (faults.length) {
  console.error(faults.join("\n"));
  process.exit(1);
}
