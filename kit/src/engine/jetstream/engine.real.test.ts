import { afterAll, beforeAll, describe, test } from "vitest";
import { absent, type PrivateServer, startServer } from "../../drivers/nats/server.test-nats.ts";
import { exerciseEngine, exerciseEngineCrashes, type OpenEngine } from "../conformance/mod.ts";
import { nameServer } from "./crash.test-data.ts";
import { fixtureOn } from "./data.test-engine.ts";

let server: PrivateServer | undefined;
const url = (): string => server?.url ?? "";

/** How much the state may hold: little, while a rule says so. */
const openEngine: OpenEngine = async (options) => {
  const limit = { bytes: 4_194_304 };
  // Frequent snapshots, so that engines which are opened again read one.
  const fixture = await fixtureOn(url, { stateBytesMax: () => limit.bytes, snapshotCommands: 16 })(options);
  const space = {
    limit: async () => void (limit.bytes = (await fixture.engine.health()).stateBytes + 150_000),
    lift: async () => void (limit.bytes = 4_194_304),
  };
  return { ...fixture, space };
};

const why = await absent();

describe.skipIf(why !== undefined)(`JetStream ${why ?? ""}`, { timeout: 60_000 }, () => {
  beforeAll(async () => {
    server = await startServer();
    nameServer(server.url);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  exerciseEngine("jetstream", openEngine, { test, lacks: ["events"] });
  exerciseEngineCrashes("jetstream", { test, crash: { module: new URL("crash.test-engine.ts", import.meta.url) } });
});
