import { describe, test } from "vitest";
import { UnsupportedError } from "../errors/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { exerciseEngine, type Lack } from "../engine/conformance/mod.ts";
import type { Engine, EngineBase } from "./engine.ts";
import { refuseForeignChanges, refuseForeignScan } from "./parts.ts";

const methods: Readonly<Partial<Record<Lack, readonly string[]>>> = {
  messages: ["claim", "extend"],
  cells: ["get"],
  events: ["read", "stream"],
};
/** The memory engine, as if it had been built without one thing. */
function without(engine: Engine, need: Lack): EngineBase {
  const can = { ...engine.can, parts: engine.can.parts.filter((part) => part !== need) };
  const less: Partial<Engine> = {
    commit: (changes) => {
      try {
        refuseForeignChanges(can, changes);
        if (need === "lists" && changes.length > 1)
          throw new UnsupportedError("lists", "this engine", "commit one by one");
        return engine.commit(changes);
      } catch (error) {
        return Promise.reject(error);
      }
    },
    scan: (query) => {
      refuseForeignScan(can, query);
      return engine.scan(query);
    },
  };
  return new Proxy(engine, {
    get(target, name) {
      if (name === "can") return can;
      if (typeof name === "string" && (methods[need] ?? []).includes(name)) return undefined;
      const value: unknown = Reflect.get(less, name) ?? Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("the suite asks nothing of an engine that it says it lacks", () => {
  const skip = [
    "scenario 9: an engine that is closed and opened again has kept everything it acknowledged",
    "scenario 19: on a full store a commit fails with StorageError full, nothing acknowledged is lost, and it goes on once there is space",
    "scenario 19: on a full store what makes room is not refused along with what needs it in the same turn",
    "scenario 25: engines that open the same data at the same time all work, whoever prepared it",
  ].map((name) => ({ name, reason: "the memory engine cannot" }));
  for (const need of ["messages", "cells", "events", "inbox", "lists"] as const)
    exerciseEngine(
      `without ${need}`,
      async ({ clock }) => {
        const engine = await openMemoryEngine({ clock });
        return { engine: without(engine, need), dispose: async () => engine[Symbol.asyncDispose]() };
      },
      { test, lacks: [need], skip, histories: { count: 2 } },
    );
});
