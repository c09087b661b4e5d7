import { openAt } from "./places.test-engines.ts";
import { openRegistry } from "./registry.ts";

// One instance that announces itself and stays, until it is killed or told to stop by a signal.
const [place = "", address = ""] = process.argv.slice(2);
const engine = await openAt(place);
const registry = await openRegistry({ engine, leaseMs: 2_000, pollMs: 100, onLost: () => process.send?.("lost") });
const announced = await registry.announce({ address, services: [{ name: "orders@1", hash: "h" }] });
process.send?.(announced.id);
process.on("SIGTERM", () => {
  void (async () => {
    await registry[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    process.exit();
  })();
});
process.on("disconnect", () => process.exit());
process.on("message", () => undefined);
