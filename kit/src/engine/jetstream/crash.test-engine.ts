import type { OpenCrashEngine } from "../conformance/mod.ts";
import { crashName, toldPlace } from "../crash-place.test-engine.ts";
import { openJetStreamEngine } from "./mod.ts";

/** Opened by the crash tests in every process that they start. Snapshots are so frequent that kills meet them. */
export const openCrashEngine: OpenCrashEngine = (folder) =>
  openJetStreamEngine({
    url: toldPlace("NATS"),
    stream: crashName(folder),
    snapshotCommands: 64,
    stateBytesMax: 16_777_216,
    streamBytesMax: 16_777_216,
  });
