import { diskCheck, heapCheck, type HealthCheck, loopCheck, type Vitals } from "../health/mod.ts";
import type { OpenServices } from "./open-services.ts";

/** Below it the disk of the data is down: a few seconds of writing at full speed. */
const freeMinBytes = 268_435_456;

/** What tells whether the services of a process can work: their engines, themselves, the event loop, the heap, the disk. */
export function systemChecks(services: OpenServices, vitals: Vitals, folder: string): readonly HealthCheck[] {
  const engines = Array.from(services.engines, ([name, engine]): HealthCheck => ({
    name: `engine ${name}`,
    weight: "critical",
    run: async () => {
      await engine.get([{ space: "health", key: "read" }]);
    },
  }));
  const states = services.services.map(({ service }): HealthCheck => ({
    name: `service ${service}`,
    weight: "critical",
    run: () => {
      const state = services.services.find((known) => known.service === service)?.state ?? "closed";
      return { status: state === "serving" ? "up" : "down", reason: state };
    },
  }));
  // What many machines share is not kept in a folder of this one.
  const isKeptHere = [...services.engines.values()].some(({ can }) => can.sharing !== "many machines");
  const disk = !isKeptHere ? [] : [diskCheck({ vitals, folder, freeMinBytes })];
  return [...engines, ...states, loopCheck({ vitals }), heapCheck({ vitals }), ...disk];
}
