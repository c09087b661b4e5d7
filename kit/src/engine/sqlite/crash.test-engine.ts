import { join } from "node:path";
import type { OpenCrashEngine } from "../conformance/mod.ts";
import { openSqliteEngine } from "./mod.ts";

/** Opened by the crash tests in every process that they start. */
export const openCrashEngine: OpenCrashEngine = async (folder) =>
  await openSqliteEngine({ path: join(folder, "data.db") });
