import { lineText, type LogSink } from "./log.ts";

/** Writes lines as JSON to standard error. */
export const standardErrorLog: LogSink = (line) => {
  process.stderr.write(`${lineText(line)}\n`);
};

/** The module that this process was started with. */
export function mainModule(): string {
  return process.argv[1] ?? "";
}

/** Name of this process among others. */
export function processIdentity(system: string): string {
  return `${system}-${process.pid}`;
}

/** Options of Node that this process was started with, so that its children understand the same code. */
export function nodeOptions(): readonly string[] {
  return process.execArgv;
}
