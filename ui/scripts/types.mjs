// Makes src/api/schema.ts of openapi.json; with --check, fails when it is not what openapi.json says.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import openapiTS, { astToString } from "openapi-typescript";
import { root } from "./sources.mjs";

const target = join(root, "src/api/schema.ts");
const contract = JSON.parse(readFileSync(join(root, "openapi.json"), "utf8"));
const text = "// Made of openapi.json by `npm run types`; do not edit.\n" + astToString(await openapiTS(contract));
if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== text) {
    console.error("src/api/schema.ts is not what openapi.json says; run `npm run types`");
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
}
