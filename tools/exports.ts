// The export map of the published package is generated from its doors, so that a door can be neither forgotten nor
// published twice. `node tools/exports.ts` writes kit/package.json, `--check` only compares.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** What one subpath resolves to. Source first, under a condition that only this repository sets. */
export type Target = { readonly "ashlar-source": string; readonly types: string; readonly default: string };
export type ExportMap = Readonly<Record<string, Target>>;

/** The export map of a package folder: one subpath for each door (`mod.ts`) below `src`, sorted, and no root export. */
export function exportMap(packageFolder: string): ExportMap {
  const files = readdirSync(join(packageFolder, "src"), { recursive: true, encoding: "utf8" });
  const folders = files
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith("/mod.ts"))
    .map((file) => file.slice(0, -"/mod.ts".length))
    .toSorted();
  return Object.fromEntries(folders.map((folder) => [`./${folder}`, target(folder)]));
}

function target(folder: string): Target {
  return {
    "ashlar-source": `./src/${folder}/mod.ts`,
    types: `./dist/${folder}/mod.d.ts`,
    default: `./dist/${folder}/mod.js`,
  };
}

/** The text of package.json with its `exports` replaced; every other field stays as it is. */
export function withExports(packageText: string, exports: ExportMap): string {
  const manifest = JSON.parse(packageText) as Readonly<Record<string, unknown>>;
  return `${JSON.stringify({ ...manifest, exports }, null, 2)}\n`;
}

/** Subpaths in which the committed map and the doors differ; empty when they agree. */
export function exportDifferences(packageFolder: string): string[] {
  const manifest = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as { exports?: ExportMap };
  const committed = manifest.exports ?? {};
  const doors = exportMap(packageFolder);
  const subpaths = new Set([...Object.keys(committed), ...Object.keys(doors)]);
  return [...subpaths].toSorted().flatMap((subpath) => {
    if (JSON.stringify(committed[subpath]) === JSON.stringify(doors[subpath])) return [];
    if (committed[subpath] === undefined) return [`${subpath}: a door that is not published`];
    if (doors[subpath] === undefined) return [`${subpath}: published, but there is no such door`];
    return [`${subpath}: published with other targets than the door has`];
  });
}

if (import.meta.main) {
  const folder = join(import.meta.dirname, "../kit");
  const differences = exportDifferences(folder);
  for (const difference of differences) console.log(`kit/package.json: ${difference}`);
  if (process.argv.includes("--check")) {
    if (differences.length > 0) console.log("run: npm run exports");
    process.exitCode = differences.length > 0 ? 1 : 0;
  } else {
    const file = join(folder, "package.json");
    writeFileSync(file, withExports(readFileSync(file, "utf8"), exportMap(folder)));
  }
}
