// Which files make the build, and their one hash. tests/unit/web/test_page_build.py computes the same.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const singles = ["index.html", "package.json", "package-lock.json", "vite.config.ts", "tsconfig.json"];
const folders = ["src", "public"];

function walk(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(path) : [path];
  });
}

/** The sha256 over every source's name and content, in the order of their names' bytes. */
export function sourceHash() {
  const names = [...singles, ...folders.flatMap((folder) => walk(join(root, folder)).map((path) => relative(root, path).split(sep).join("/")))];
  names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const digest = createHash("sha256");
  for (const name of names) {
    const content = createHash("sha256").update(readFileSync(join(root, name))).digest("hex");
    digest.update(`${name}\n${content}\n`);
  }
  return digest.digest("hex");
}
