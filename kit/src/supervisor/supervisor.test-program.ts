// A supervisor to be killed: prints the process ids of its children once they are ready.
import process from "node:process";
import { fileURLToPath } from "node:url";
import { openSupervisor } from "./mod.ts";

const module = fileURLToPath(new URL("service.test-program.ts", import.meta.url));
const nodeArgs = ["--conditions=ashlar-source"];
const supervisor = await openSupervisor({
  children: [
    { name: "orders", module, nodeArgs, args: ["serve"], instances: 2 },
    { name: "stubborn", module, nodeArgs, args: ["stubborn"] },
  ],
  onOutput: () => undefined,
});
await supervisor.whenReady();
process.stdout.write(`${JSON.stringify(supervisor.children.map(({ pid }) => pid))}\n`);
