import { beforeEach, describe, test } from "vitest";
import { needsServer } from "../../drivers/redis/server.test-redis.ts";
import { exerciseQueue } from "../../queue/conformance/mod.ts";
import { waitedFixtureOn } from "../fixture.test-engine.ts";
import { exerciseSharing } from "../sharing.test-engine.ts";
import { freshPlace } from "./data.test-engine.ts";

describe("Redis", { timeout: 60_000 }, () => {
  beforeEach(needsServer);
  exerciseQueue("redis", ({ clock }) => waitedFixtureOn(freshPlace(undefined, { clock }), clock), { test });
  exerciseSharing("redis", () => freshPlace(), { test });
});
