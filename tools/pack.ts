// Builds the kit, packs it, installs the tarball in an empty project, and there imports and type-checks every door:
// what a stranger gets, tried the way a stranger gets it. Everything happens in a temporary folder; the tree stays clean.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { exportDifferences, type ExportMap } from "./exports.ts";
import { strayFiles } from "./packed-files.ts";

const root: string = join(import.meta.dirname, "..");
const kit: string = join(root, "kit");
const tsc: string = join(root, "node_modules/typescript/bin/tsc");

/** A step that failed, with what the program said. */
class PackError extends Error {}

function run(what: string, folder: string, commandLine: readonly string[]): string {
  const [program = "", ...words] = commandLine;
  const { status, stdout, stderr, error } = spawnSync(program, words, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new PackError(`${what} failed:\n${stdout}${stderr}${error?.message ?? ""}`);
  return stdout;
}

function node(what: string, folder: string, ...words: readonly string[]): string {
  return run(what, folder, [process.execPath, ...words]);
}

/** The npm that started this script, so that nobody needs two; else the one on the path. */
function npm(what: string, folder: string, ...words: readonly string[]): string {
  const script = process.env["npm_execpath"];
  return script === undefined ? run(what, folder, ["npm", ...words]) : node(what, folder, script, ...words);
}

function build(place: string): string {
  const built = join(place, "kit");
  mkdirSync(built);
  for (const file of ["package.json", "README.md", "LICENSE"]) copyFileSync(join(kit, file), join(built, file));
  node("the build", root, tsc, "-p", "tsconfig.build.json", "--outDir", join(built, "dist"));
  return built;
}

function checkPackedFiles(packed: string, exports: ExportMap): number {
  const [report] = JSON.parse(packed) as readonly { readonly files: readonly { readonly path: string }[] }[];
  const files = (report?.files ?? []).map((file) => file.path);
  const stray = strayFiles(files, exports);
  if (stray.length > 0) throw new PackError(`the packed files are wrong:\n${stray.join("\n")}`);
  return files.length;
}

function install(place: string, built: string): string {
  const project = join(place, "project");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{ "name": "stranger", "private": true, "type": "module" }\n');
  const tarball = readdirSync(built).find((file) => file.endsWith(".tgz")) ?? "";
  npm("npm install", project, "install", "--no-audit", "--no-fund", "--ignore-scripts", join(built, tarball));
  return project;
}

function importEveryDoor(project: string, doors: readonly string[]): void {
  const lines = doors.map((door) => `await import(${JSON.stringify(door)});`);
  const noRoot = `await import("ashlar").then(() => process.exit(3), (error) => { if (error.code !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw error; });`;
  writeFileSync(join(project, "import.mjs"), [...lines, noRoot].join("\n"));
  node("importing every door", project, "import.mjs");
}

function typeCheckEveryDoor(project: string, doors: readonly string[]): void {
  const imports = doors.map((door, index) => `import * as door${index} from ${JSON.stringify(door)};`);
  const used = `export const doors: readonly unknown[] = [${doors.map((_, index) => `door${index}`).join(", ")}];`;
  writeFileSync(join(project, "doors.ts"), [...imports, used].join("\n"));
  const compilerOptions = {
    target: "esnext",
    module: "nodenext",
    lib: ["esnext"],
    types: ["node"],
    typeRoots: [join(root, "node_modules/@types")],
    strict: true,
    skipLibCheck: false,
    noEmit: true,
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["doors.ts"] }));
  node("type-checking every door", project, tsc, "-p", "tsconfig.json", "--pretty", "false");
}

/** Says whether the manifest means to resolvers and bundlers what it means to us. */
async function lintPackage(built: string): Promise<void> {
  const { messages, pkg } = await publint({ pkgDir: built, strict: true });
  const texts = messages.map((message) => formatMessage(message, pkg));
  if (texts.length > 0) throw new PackError(`publint found:\n${texts.join("\n")}`);
}

async function pack(place: string): Promise<string> {
  const differences = exportDifferences(kit);
  if (differences.length > 0) throw new PackError(`run npm run exports:\n${differences.join("\n")}`);
  const built = build(place);
  const { exports } = JSON.parse(readFileSync(join(built, "package.json"), "utf8")) as { readonly exports: ExportMap };
  const doors = Object.keys(exports).map((subpath) => subpath.replace(/^\./, "ashlar"));
  const files = checkPackedFiles(npm("npm pack", built, "pack", "--json"), exports);
  const project = install(place, built);
  importEveryDoor(project, doors);
  typeCheckEveryDoor(project, doors);
  await lintPackage(built);
  return `${files} files, ${doors.length} doors: packed, installed, imported, type-checked`;
}

const place = realpathSync(mkdtempSync(join(tmpdir(), "ashlar-pack-")));
try {
  console.log(await pack(place));
} catch (error) {
  if (!(error instanceof PackError)) throw error;
  console.log(error.message);
  process.exitCode = 1;
} finally {
  rmSync(place, { recursive: true });
}
