import process from "node:process";

/** One line that a child has written. */
export interface OutputLine {
  readonly name: string;
  readonly instance: number;
  readonly stream: "stdout" | "stderr";
  /** Without the line break; at most 16,384 characters. */
  readonly text: string;
}

const waitingMaxBytes = 1_048_576;
const dropped = { stdout: 0, stderr: 0 };

/** Writes a child's line to the same stream of this process, after its name. When nobody reads, lines beyond 1 MiB are dropped and counted. */
export function writeLine({ name, instance, stream, text }: OutputLine): void {
  const target = process[stream];
  if (target.writableLength > waitingMaxBytes) {
    dropped[stream]++;
    return;
  }
  if (dropped[stream] > 0) target.write(`[supervisor] ${dropped[stream]} lines were dropped\n`);
  dropped[stream] = 0;
  target.write(`[${name}#${instance}] ${text}\n`);
}
