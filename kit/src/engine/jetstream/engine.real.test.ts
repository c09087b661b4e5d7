import { afterAll, beforeAll, describe, test } from "vitest";
import { absent, startServer } from "../../drivers/nats/server.test-nats.ts";
import type { PrivateServer } from "../../drivers/private-server.test-server.ts";
import { exerciseEngine, exerciseEngineCrashes, type OpenEngine } from "../conformance/mod.ts";
import { tellPlace } from "../crash-place.test-engine.ts";
import { fixtureOn } from "../fixture.test-engine.ts";
import { freshPlace } from "./data.test-engine.ts";

let server: PrivateServer | undefined;
const url = (): string => server?.url ?? "";

/** How much the state may hold: little, while a rule says so. */
const openEngine: OpenEngine = async ({ clock }) => {
  const limit = { bytes: 4_194_304 };
  // Frequent snapshots, so that engines which are opened again read one.
  const given = { clock, stateBytesMax: () => limit.bytes, snapshotCommands: 16 };
  const fixture = await fixtureOn(freshPlace(url(), given));
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
    tellPlace("NATS", server.url);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  exerciseEngine("jetstream", openEngine, { test, lacks: ["events"] });
  exerciseEngineCrashes("jetstream", { test, crash: { module: new URL("crash.test-engine.ts", import.meta.url) } });
});
