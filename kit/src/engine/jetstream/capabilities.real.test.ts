import { describe, test } from "vitest";
import { absent } from "../../drivers/nats/server.test-nats.ts";
import { exerciseQueue } from "../../queue/conformance/mod.ts";
import { waitedFixtureOn } from "../fixture.test-engine.ts";
import { exerciseSharing } from "../sharing.test-engine.ts";
import { freshPlace } from "./data.test-engine.ts";

const why = await absent();

describe.skipIf(why !== undefined)(`JetStream ${why ?? ""}`, { timeout: 60_000 }, () => {
  exerciseQueue("jetstream", ({ clock }) => waitedFixtureOn(freshPlace(undefined, { clock }), clock), { test });
  exerciseSharing("jetstream", () => freshPlace(), { test });
});
