import { test } from "vitest";
import { exerciseEngine } from "../conformance/mod.ts";
import { openMemoryEngine } from "./mod.ts";

exerciseEngine(
  "memory",
  async ({ clock }) => {
    const engine = await openMemoryEngine({ clock });
    return { engine, dispose: async () => engine[Symbol.asyncDispose]() };
  },
  { test },
);
