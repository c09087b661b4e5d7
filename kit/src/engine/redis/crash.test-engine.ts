import type { OpenCrashEngine } from "../conformance/mod.ts";
import { dataOf } from "./crash.test-data.ts";
import { openRedisEngine } from "./mod.ts";

/** Opened by the crash tests in every process that they start. */
export const openCrashEngine: OpenCrashEngine = (folder) => openRedisEngine(dataOf(folder));
