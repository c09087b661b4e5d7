import process from "node:process";

/** One line that a child has written. */
export interface OutputLine {
  readonly name: string;
  readonly instance: number;
  readonly stream: "stdout" | "stderr";
  /** Without the line break; at most 16,384 characters. */
  readonly text: string;
}

/** The part of a writable stream that is needed. */
export interface LineTarget {
  readonly writableLength: number;
  write(text: string): unknown;
}

const waitingMaxBytes = 1_048_576;

/** Writes children's lines to the same stream of this process, after their names. When nobody reads it, lines beyond 1 MiB are dropped and counted. */
export function lineWriter(
  targets: Readonly<Record<OutputLine["stream"], LineTarget>> = process,
): (line: OutputLine) => void {
  const dropped = { stdout: 0, stderr: 0 };
  return ({ name, instance, stream, text }) => {
    const target = targets[stream];
    if (target.writableLength > waitingMaxBytes) {
      dropped[stream]++;
      return;
    }
    if (dropped[stream] > 0) target.write(`[supervisor] ${dropped[stream]} lines were dropped\n`);
    dropped[stream] = 0;
    target.write(`[${name}#${instance}] ${text}\n`);
  };
}
