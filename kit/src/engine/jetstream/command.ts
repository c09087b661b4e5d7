import type { Change } from "../change.ts";
import type { ClaimRequest } from "../engine.ts";
import { StorageError } from "../errors.ts";
import type { Receipt } from "../message.ts";

/** Of the records in the stream. A process that meets a newer one stops: it cannot know what it says. */
export const formatVersion = 1;

/** One call of an engine, as every process carries it out: a commit, a claim, an extension, the removal of what expired, or the news of a snapshot. */
export type Call =
  | readonly [kind: "commit", changes: readonly Change[]]
  | readonly [kind: "claim", request: ClaimRequest]
  | readonly [kind: "extend", receipts: readonly Receipt[], leaseMs: number]
  | readonly [kind: "sweep"]
  | readonly [kind: "covered", sequence: number];

/** The calls of one turn of one process: one message of the stream. */
export interface Command {
  readonly version: number;
  /** Name of the process, and the number of the command among its own: what is not above the last one is a repeat. */
  readonly proposer: string;
  readonly number: number;
  /** Engine time of the proposer, where it does not go by the server's. */
  readonly atMs?: number | undefined;
  /** The load from which on what adds is refused. */
  readonly stateBytesMax: number;
  readonly calls: readonly Call[];
}

/** Bytes of a message beside its calls. */
export const commandHeadBytes = 512;

/** The text of a command around the texts of its calls. */
export function commandText(head: Omit<Command, "calls">, calls: readonly string[]): string {
  return `${JSON.stringify(head).slice(0, -1)},"calls":[${calls.join(",")}]}`;
}

const decoder = new TextDecoder();

/** Throws StorageError for a message of a newer version, or of somebody else. */
export function readCommand(data: Uint8Array, sequence: number): Command {
  const command = parsed(data) as Partial<Command> | undefined;
  const { version } = command ?? {};
  if (typeof version === "number" && version > formatVersion)
    throw new StorageError(
      "other",
      `command ${sequence} of the stream has version ${version}, this process knows ${formatVersion}: run the newer code everywhere, then let it write`,
    );
  if (version !== formatVersion || command?.calls === undefined)
    throw new StorageError("corrupt", `message ${sequence} of the stream is no command: something else writes into it`);
  return command as Command;
}

function parsed(data: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(data));
  } catch {
    return undefined;
  }
}
