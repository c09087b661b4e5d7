import { test } from "vitest";
import { exerciseEngine } from "../conformance/mod.ts";
import { openMemoryEngine } from "./mod.ts";

const gone = "nothing outlives a memory engine";

exerciseEngine(
  "memory",
  async ({ clock }) => {
    const engine = await openMemoryEngine({ clock });
    return { engine, dispose: async () => engine[Symbol.asyncDispose]() };
  },
  {
    test,
    skip: [
      {
        name: "scenario 19: on a full store a commit fails with StorageError full, nothing acknowledged is lost, and it goes on once there is space",
        reason: "memory has no bound of its own",
      },
      {
        name: "scenario 19: on a full store what makes room is not refused along with what needs it in the same turn",
        reason: "memory has no bound of its own",
      },
      {
        name: "scenario 9: an engine that is closed and opened again has kept everything it acknowledged",
        reason: gone,
      },
      {
        name: "scenario 25: engines that open the same data at the same time all work, whoever prepared it",
        reason: gone,
      },
    ],
  },
);
