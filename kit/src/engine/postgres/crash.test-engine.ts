import { schemaOf } from "./crash.test-schema.ts";
import { serverUrl } from "../../drivers/postgres/server.test-postgres.ts";
import type { OpenCrashEngine } from "../conformance/mod.ts";
import { openPostgresEngine } from "./mod.ts";

/** Opened by the crash tests in every process that they start. */
export const openCrashEngine: OpenCrashEngine = async (folder) =>
  await openPostgresEngine({ url: serverUrl, schema: schemaOf(folder) });
