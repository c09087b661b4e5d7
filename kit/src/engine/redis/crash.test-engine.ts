import type { OpenCrashEngine } from "../conformance/mod.ts";
import { crashName, toldPlace } from "../crash-place.test-engine.ts";
import { openRedisEngine } from "./mod.ts";

/** Opened by the crash tests in every process that they start. */
export const openCrashEngine: OpenCrashEngine = (folder) =>
  openRedisEngine({ url: toldPlace("REDIS"), prefix: crashName(folder) });
