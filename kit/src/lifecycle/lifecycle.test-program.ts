// Prints what it does, holds the process with a timer, and hangs in `finish` when told to.
import process from "node:process";
import { systemClock } from "../clock/mod.ts";
import { openLifecycle } from "./mod.ts";

const [mode] = process.argv.slice(2);
const lifecycle = await openLifecycle({
  graceMs: 5_000,
  onDraining: () => process.stdout.write("draining\n"),
  onStopped: ({ outcome }) => process.stdout.write(`${outcome}\n`),
});
lifecycle.register({ name: "database", phase: "close", close: () => process.stdout.write("closed\n") });
lifecycle.register({
  name: "calls",
  phase: "finish",
  close: (signal) => (mode === "hang" ? systemClock.sleep(60_000, { signal }) : undefined),
});
systemClock.setTimer(60_000, () => undefined);
process.stdout.write("running\n");
