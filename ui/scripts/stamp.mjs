// Records in the build which sources it was made of; with --check, fails when they have changed since.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, sourceHash } from "./sources.mjs";

const file = join(root, "../src/quantservice/web/static/build.json");
const sources = sourceHash();
if (process.argv.includes("--check")) {
  const built = JSON.parse(readFileSync(file, "utf8")).sources;
  if (built !== sources) {
    console.error("the committed page is older than its sources; run `npm run build` in ui/ and commit src/quantservice/web/static");
    process.exit(1);
  }
} else {
  writeFileSync(file, JSON.stringify({ sources }) + "\n");
}
