import { systemClock } from "ashlar/clock";
import { errorRecord, KitError } from "ashlar/errors";
import type { nodeUsage as NodeUsage, runNode as RunNode } from "./node.ts";
import type { Surroundings } from "./replay/command.ts";

// The only place that knows the command line, the process and its signals. Each command loads what it needs and nothing of the others.
const exitCodes = { sound: 0, unsound: 1, misused: 2 } as const;
/** A process that has closed everything is gone by then. */
const lingerMs = 1_000;
const signalCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** A command that is loaded; runs it, and resolves with the exit code. */
export type Command = () => Promise<number>;

/** Loads the command that the words name, with all that it needs. */
export async function loadCommand(args: readonly string[]): Promise<Command> {
  const [name, ...words] = args;
  if (name === "node") {
    const { nodeUsage, runNode } = await import("./node.ts");
    return async () => await node({ nodeUsage, runNode }, words);
  }
  if (name === "start") {
    const { readStartConfig, startCommand, startUsage } = await import("./live/mod.ts");
    return interruptible(async (around) => {
      const config = readStartConfig(words);
      return config === "help" ? asked(startUsage, around) : await startCommand(config, around);
    });
  }
  const { readConfig, usage } = await import("./config.ts");
  const { replayCommand } = await import("./replay/command.ts");
  return interruptible(async (around) => {
    const config = readConfig(args);
    return config.command === "help" ? asked(usage, around) : await replayCommand(config, around);
  });
}

function interruptible(work: (around: Surroundings) => Promise<"sound" | "unsound" | "stopped">): Command {
  return async () => {
    const interrupt = listenForInterrupts();
    const around: Surroundings = {
      print: (text) => void process.stdout.write(text),
      note: (text) => void process.stderr.write(text),
      terminal: process.stderr.isTTY ? "terminal" : "log",
      signal: interrupt.signal,
    };
    try {
      const end = await work(around);
      return end === "stopped" ? interrupt.exitCode() : exitCodes[end];
    } catch (error) {
      process.stderr.write(`shop: ${explanation(error)}\n`);
      return isMisuse(error) ? exitCodes.misused : exitCodes.unsound;
    } finally {
      // What a stop has given up on, such as a service that tries to reach a database that is away, must not keep the process.
      systemClock.setTimer(lingerMs, () => process.exit(), { holdsProcess: "no" });
    }
  };
}

function asked(text: string, around: Surroundings): "sound" {
  around.print(text);
  return "sound";
}

/** Runs until it is told to stop. */
async function node(
  { nodeUsage, runNode }: { readonly nodeUsage: typeof NodeUsage; readonly runNode: typeof RunNode },
  argv: readonly string[],
): Promise<number> {
  const told = { argv: [...argv], env: process.env };
  const help = nodeUsage(told);
  if (help !== undefined) {
    process.stdout.write(help);
    return exitCodes.sound;
  }
  try {
    const { settings, stopping, url, where } = await runNode(told, (text) => void process.stderr.write(text));
    const services = settings.only?.join(", ") ?? "all services";
    const door = url === undefined ? "" : `, open on ${url}`;
    process.stderr.write(`Running ${services}, data in ${where}${door}. Ctrl-C stops.\n`);
    const { promise, resolve } = Promise.withResolvers<void>();
    stopping.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    return exitCodes.sound;
  } catch (error) {
    process.stderr.write(`shop: ${explanation(error)}\n`);
    return isMisuse(error) ? exitCodes.misused : exitCodes.unsound;
  }
}

/** The first signal asks for a clean stop, a second one ends the process at once: what was acknowledged is safe either way. */
function listenForInterrupts(): { readonly signal: AbortSignal; exitCode(): number } {
  const controller = new AbortController();
  let code: number = signalCodes.SIGINT;
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.on(name, () => {
      code = signalCodes[name];
      // No clean end is owed to who asks twice.
      if (controller.signal.aborted) process.exit(code);
      controller.abort(name);
    });
  return { signal: controller.signal, exitCode: () => code };
}

const misuses: ReadonlySet<string> = new Set([
  "USAGE",
  "SOURCE",
  "REPLAY_CONFLICT",
  "CONFIG",
  "CONFIG_FAULTS",
  "FOLDER",
  "DATABASE",
  "PORT",
  "LISTEN",
  "SHARING",
  "DURABILITY",
]);

function isMisuse(error: unknown): boolean {
  return error instanceof KitError && misuses.has(error.code);
}

function explanation(error: unknown): string {
  if (isMisuse(error) && error instanceof Error) return error.message;
  const { name, message, stack } = errorRecord(error);
  return stack ?? `${name}: ${message}`;
}
