// npm run sim -- NAME --seeds N [--from S] [--hours H], or NAME --seed S [--faults 0,3] [--until EVENT].
import { simulationCommand } from "ashlar/simulation";
import { scenarios } from "./table.ts";

process.exitCode = await simulationCommand({
  scenarios,
  program: new URL(import.meta.url),
  command: "npm run sim --",
  args: process.argv.slice(2),
  print: (line) => void process.stdout.write(`${line}\n`),
});
