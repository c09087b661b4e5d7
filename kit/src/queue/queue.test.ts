import { test } from "vitest";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { exerciseQueue } from "./conformance/mod.ts";

exerciseQueue(
  "memory",
  async ({ clock }) => {
    const engine = await openMemoryEngine({ clock });
    return { engine, dispose: () => engine[Symbol.asyncDispose]() };
  },
  { test },
);
