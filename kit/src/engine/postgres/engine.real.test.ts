import { afterAll, describe, test } from "vitest";
import { absent, dropSchemas, freshSchema } from "../../drivers/postgres/server.test-postgres.ts";
import { exerciseEngine, exerciseEngineCrashes, type OpenEngine } from "../conformance/mod.ts";
import { tellPlace } from "../crash-place.test-engine.ts";
import { fixtureOn } from "../fixture.test-engine.ts";
import { freshPlace, quick } from "./data.test-engine.ts";

const openEngine: OpenEngine = ({ clock }) => fixtureOn(freshPlace({ ...quick, clock }));

const reason = "the shared server's disk is not filled; full-disk.real.test.ts does it with a server of its own";

const why = await absent();

// Every commit is two round trips, and the machines of continuous integration have other work to do.
describe.skipIf(why !== undefined)(`PostgreSQL ${why ?? ""}`, { timeout: 90_000 }, () => {
  exerciseEngine("postgres", openEngine, {
    test,
    skip: [
      {
        name: "scenario 19: on a full store a commit fails with StorageError full, nothing acknowledged is lost, and it goes on once there is space",
        reason,
      },
      {
        name: "scenario 19: on a full store what makes room is not refused along with what needs it in the same turn",
        reason,
      },
    ],
  });
  const crashes = freshSchema();
  tellPlace("POSTGRES", crashes);
  afterAll(() => dropSchemas(crashes));
  exerciseEngineCrashes("postgres", { test, crash: { module: new URL("crash.test-engine.ts", import.meta.url) } });
});
