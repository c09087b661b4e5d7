import { serverUrl } from "../../drivers/postgres/server.test-postgres.ts";
import type { OpenCrashEngine } from "../conformance/mod.ts";
import { crashName, toldPlace } from "../crash-place.test-engine.ts";
import { openPostgresEngine } from "./mod.ts";

/** Opened by the crash tests in every process that they start. The place is how the names of their schemas begin. */
export const openCrashEngine: OpenCrashEngine = (folder) =>
  openPostgresEngine({ url: serverUrl, schema: `${toldPlace("POSTGRES")}_${crashName(folder)}` });
