import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { integerIn, numberIn } from "../errors/mod.ts";
import { fleetText } from "./fleet.ts";
import { runFleet, serveFleet } from "./fleet-system.ts";
import { eventText, failureText } from "./report-text.ts";
import { runSeed, type RunReport, type RunSeedOptions } from "./run-seed.ts";
import type { Scenario } from "./scenario.ts";
import { strategyOf } from "./strategy.ts";
import type { World } from "./world.ts";

/** How the command is told what there is. */
export interface SimulationCommand {
  /** Scenarios by name, loaded when asked for. */
  readonly scenarios: Readonly<Record<string, () => Promise<Scenario>>>;
  /** The program that calls this: every thread of a fleet runs it. `new URL(import.meta.url)`. */
  readonly program: URL;
  /** How people call it, for the line that replays a failure. */
  readonly command: string;
  readonly args: readonly string[];
  readonly print: (line: string) => void;
}

const usage = `NAME [--seeds N] [--from S] [--cores N] [--hours H] [--strategy fifo|random|pct:N] [--report FILE]
NAME --seed S [--strategy …] [--faults none|0,3,7] [--hours H] [--until EVENT]`;
const options = `  --seeds N      so many seeds, on all cores; default 100
  --from S       the first of them; default 1
  --cores N      threads; default: as many as the machine has cores
  --seed S       one seed alone, with its last events
  --faults LIST  of the plan only those by number, or none
  --until EVENT  stops there and shows what every node waits for
  --hours H      so much longer under faults, in virtual hours; default 0
  --strategy S   the order of what happens at the same time; default: a mixture
  --report FILE  what came out, as JSON`;

/**
 * Runs scenarios from a command line: a fleet of seeds (`--seeds`, default 100), or one (`--seed`), whole or until an event. Gives the exit
 * code: 0 when all is well or help was asked for, 1 for a failed seed or a thing that should have happened and never did, 2 for a wrong command.
 */
export async function simulationCommand(given: SimulationCommand): Promise<number> {
  const find = async (name: string): Promise<Scenario> => {
    const load = Object.hasOwn(given.scenarios, name) ? given.scenarios[name] : undefined;
    if (load === undefined) throw new Error(`there is no scenario ${name}; there are ${namesOf(given)}`);
    const scenario = await load();
    if (scenario.name !== name) throw new Error(`the scenario under ${name} calls itself ${scenario.name}`);
    return scenario;
  };
  if ((await serveFleet(find)) === "served") return 0;
  const help = `${given.command} ${usage}\n\nscenarios: ${namesOf(given)}`;
  try {
    if (given.args.includes("--help")) {
      given.print(`${help}\n\n${options}`);
      return 0;
    }
    const asked = parsed(given.args);
    const scenario = await find(asked.name);
    return asked.seed === undefined ? await fleet(scenario, asked, given) : await single(scenario, asked, given);
  } catch (error) {
    given.print(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return 2;
  }
}

interface Asked {
  readonly name: string;
  readonly seeds: number;
  readonly from: number;
  readonly cores: number | undefined;
  readonly seed: number | undefined;
  readonly run: Pick<RunSeedOptions, "strategy" | "faults" | "hours">;
  readonly until: number | undefined;
  readonly report: string | undefined;
}

function parsed(args: readonly string[]): Asked {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seeds: text,
      from: text,
      cores: text,
      seed: text,
      strategy: text,
      faults: text,
      hours: text,
      until: text,
      report: text,
    },
  });
  const [name, ...others] = positionals;
  if (name === undefined || others.length > 0) throw new Error("give the name of one scenario");
  const integer = (option: string, value: string | undefined, min = 0): number | undefined =>
    value === undefined ? undefined : integerIn(option, Number(value), { min });
  const { strategy, faults, hours } = values;
  return {
    name,
    seeds: integer("--seeds", values.seeds, 1) ?? 100,
    from: integer("--from", values.from) ?? 1,
    cores: integer("--cores", values.cores, 1),
    seed: integer("--seed", values.seed),
    run: {
      ...(strategy === undefined ? {} : { strategy: strategyOf(strategy) }),
      ...(faults === undefined ? {} : { faults: faultsOf(faults) }),
      ...(hours === undefined ? {} : { hours: numberIn("--hours", Number(hours), { min: 0, max: 100_000 }) }),
    },
    until: integer("--until", values.until, 1),
    report: values.report,
  };
}

function faultsOf(text: string): readonly number[] {
  if (text === "none") return [];
  return text.split(",").map((index) => integerIn("--faults", Number(index), { min: 0 }));
}

async function fleet(scenario: Scenario, asked: Asked, given: SimulationCommand): Promise<number> {
  const startedMs = performance.now();
  const { from, seeds, cores, run } = asked;
  const report = await runFleet(scenario, { from, seeds, cores, program: given.program, run, watchEvery: 100 });
  given.print(fleetText(report, performance.now() - startedMs));
  for (const failure of report.failures) given.print(`\n${failureText(failure.run, how(given))}`);
  if (asked.report !== undefined)
    writeFileSync(asked.report, `${JSON.stringify({ revision: revision(), ...report }, undefined, 2)}\n`);
  return report.failures.length + report.missing.length > 0 ? 1 : 0;
}

async function single(scenario: Scenario, { seed = 0, run, until }: Asked, given: SimulationCommand): Promise<number> {
  const onStop = (world: World): void => {
    given.print(stateText(world));
    // Where a debugger (node --inspect-brk) can look at the world just before the event.
    // oxlint-disable-next-line no-debugger -- stopping here is what --until is for
    debugger;
  };
  const report: RunReport = await runSeed(scenario, { ...run, seed, untilEvent: until, onStop });
  if (report.failure !== undefined) given.print(failureText(report, how(given)));
  else
    given.print(
      `${scenario.name}, seed ${seed} (${report.strategy}): ${report.outcome}, ${report.events} events, ${report.virtualMs} ms, hash ${report.hash}`,
    );
  return report.outcome === "failed" ? 1 : 0;
}

function stateText(world: World): string {
  const { kernel, nodes, waits } = world;
  return [
    `stopped before event ${kernel.events + 1} at ${kernel.nowMs} ms`,
    ...Array.from(nodes.values(), ({ name, state, epoch }) => `  ${name}: ${state}, process ${epoch}`),
    ...waits.all.map(({ who, what, sinceMs }) => `  ${who} waits for ${what} since ${sinceMs} ms`),
    ...kernel.lastEvents(25).map((event) => `  ${eventText(event)}`),
  ].join("\n");
}

function how({ command }: SimulationCommand): { readonly command: string; readonly revision: string } {
  return { command, revision: revision() };
}

/** Of the code that ran: a seed replays only under the code that it was found with. */
function revision(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "unknown";
  }
}

function namesOf({ scenarios }: SimulationCommand): string {
  return Object.keys(scenarios).join(", ");
}
