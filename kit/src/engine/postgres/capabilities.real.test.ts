import { describe, test } from "vitest";
import type { Clock } from "../../clock/mod.ts";
import { absent } from "../../drivers/postgres/server.test-postgres.ts";
import { exerciseEvents } from "../../events/conformance/mod.ts";
import { exerciseQueue } from "../../queue/conformance/mod.ts";
import { waitedFixtureOn } from "../fixture.test-engine.ts";
import { exerciseSharing } from "../sharing.test-engine.ts";
import { freshPlace, quick } from "./data.test-engine.ts";

const openFresh = ({ clock }: { readonly clock: Clock }) => waitedFixtureOn(freshPlace({ ...quick, clock }), clock);

const why = await absent();

describe.skipIf(why !== undefined)(`PostgreSQL ${why ?? ""}`, { timeout: 60_000 }, () => {
  exerciseQueue("postgres", openFresh, { test });
  exerciseEvents("postgres", openFresh, { test });
  exerciseSharing("postgres", () => freshPlace(), { test });
});
