import { describe, test } from "vitest";
import { exerciseBus } from "../conformance/mod.ts";
import { memoryHub, openMemoryBus } from "./mod.ts";

describe("memory", () => {
  exerciseBus(
    "memory",
    async ({ onFault }) => {
      const hub = memoryHub();
      const [one, two] = await Promise.all([openMemoryBus({ hub, onFault }), openMemoryBus({ hub, onFault })]);
      const close = async (): Promise<void> => {
        await one[Symbol.asyncDispose]();
        await two[Symbol.asyncDispose]();
      };
      return { one, two, [Symbol.asyncDispose]: close };
    },
    { test, lacks: { cut: "there is no connection" } },
  );
});
