// What a command of scenarios looks like, with planted bugs to find: started by a test.
import { simulationCommand } from "./mod.ts";
import { missingSync } from "./planted-data.test-scenarios.ts";
import { unboundedQueue } from "./planted-order.test-scenarios.ts";

process.exitCode = await simulationCommand({
  scenarios: {
    "missing-sync": () => Promise.resolve(missingSync("planted")),
    sound: () => Promise.resolve({ ...missingSync("fixed"), name: "sound" }),
    "never-happens": () =>
      Promise.resolve({ ...unboundedQueue("fixed"), name: "never-happens", sometimes: ["a miracle"] }),
  },
  program: new URL(import.meta.url),
  command: "sim",
  args: process.argv.slice(2),
  print: (line) => void process.stdout.write(`${line}\n`),
});
