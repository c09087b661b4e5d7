import { errorRecord, KitError } from "ashlar/errors";
import { readConfig, usage } from "./config.ts";
import { readStartConfig, startCommand, startUsage } from "./live/mod.ts";
import { nodeUsage, runNode } from "./node.ts";
import { replayCommand, type Surroundings } from "./replay/command.ts";

// The only place that knows the command line, the process and its signals.
const exitCodes = { sound: 0, unsound: 1, misused: 2 } as const;
const signalCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** Runs the command that the words name; resolves with the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  if (args[0] === "node") return await node(args.slice(1));
  const interrupt = listenForInterrupts();
  const around: Surroundings = {
    print: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(text),
    terminal: process.stderr.isTTY ? "terminal" : "log",
    signal: interrupt.signal,
  };
  try {
    const end = args[0] === "start" ? await start(args.slice(1), around) : await replay(args, around);
    return end === "stopped" ? interrupt.exitCode() : exitCodes[end];
  } catch (error) {
    process.stderr.write(`shop: ${explanation(error)}\n`);
    return isMisuse(error) ? exitCodes.misused : exitCodes.unsound;
  }
}

/** Runs until it is told to stop. */
async function node(argv: readonly string[]): Promise<number> {
  const told = { argv: [...argv], env: process.env };
  const asked = nodeUsage(told);
  if (asked !== undefined) {
    process.stdout.write(asked);
    return exitCodes.sound;
  }
  try {
    const { settings, stopping, url, where } = await runNode(told);
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

async function replay(args: readonly string[], around: Surroundings): Promise<"sound" | "unsound" | "stopped"> {
  const config = readConfig(args);
  if (config.command !== "help") return await replayCommand(config, around);
  around.print(usage);
  return "sound";
}

async function start(args: readonly string[], around: Surroundings): Promise<"sound" | "unsound" | "stopped"> {
  const config = readStartConfig(args);
  if (config !== "help") return await startCommand(config, around);
  around.print(startUsage);
  return "sound";
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
]);

function isMisuse(error: unknown): boolean {
  return error instanceof KitError && misuses.has(error.code);
}

function explanation(error: unknown): string {
  if (isMisuse(error) && error instanceof Error) return error.message;
  const { name, message, stack } = errorRecord(error);
  return stack ?? `${name}: ${message}`;
}
