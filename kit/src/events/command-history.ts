import { errorRecord, integerIn, InvariantError } from "../errors/mod.ts";
import type { EventStore } from "./event-store.ts";
import { TakenOverError } from "./errors.ts";
import { UnknownMessageError } from "./handlers.ts";
import {
  type Begun,
  type HistoryCommand,
  type HistoryDecider,
  type HistoryEntry,
  historyDecider,
} from "./history-decider.ts";
import { HistoryLease } from "./history-lease.ts";

/** A command that can be taken back. Both ways may be called again after a crash, with the same `key`: pass it on as command id or idempotency key. */
export interface UndoableCommand<Input, Result> {
  /** Input and result survive JSON. */
  run(input: Input, context: { readonly key: string }): Promise<Result> | Result;
  /** Compensates: a new act that cancels the effect, as a credit note cancels an invoice. */
  undo(input: Input, result: Result, context: { readonly key: string }): Promise<void> | void;
}

/** Undoable commands by name. */
export type UndoableTable = Readonly<Record<string, UndoableCommand<never, unknown>>>;

type InputOf<C> = C extends { run(input: infer Input, context: never): unknown } ? Input : never;
type ResultOf<C> = C extends { run(input: never, context: never): infer Result } ? Awaited<Result> : never;

/** What a history is made of. */
export interface CommandHistoryOptions<Table extends UndoableTable> {
  readonly store: EventStore;
  /** Streams are `name/owner`. */
  readonly name: string;
  readonly commands: Table;
  /** How many commands can be taken back, 1 or more. Default 100. */
  readonly entriesMax?: number | undefined;
  /** How long an owner's history waits for a process that is gone, in milliseconds; 100 or more. Default 10,000. */
  readonly leaseMs?: number | undefined;
}

/** The commands of each owner (a user, a document), in order and one at a time, in all processes, with the way back and forth. Durable: each
 *  act is recorded before it is begun and after it ended; one that a crash interrupted is finished, under its old key, before the next.
 *  A command may not use the history of its own owner: it would wait for itself. */
export interface CommandHistory<Table extends UndoableTable> {
  /** Runs a command and forgets what could be redone. Rejects with what the command throws; it then counts as not done.
   *  All three ways reject with `TakenOverError` when this process stood still for longer than the lease and another finished the act. */
  execute<Name extends keyof Table & string>(
    owner: string,
    name: Name,
    input: InputOf<Table[Name]>,
  ): Promise<ResultOf<Table[Name]>>;
  /** Takes back the latest command that is not taken back; answers its name, or `undefined` when there is none. */
  undo(owner: string): Promise<string | undefined>;
  /** Runs again what was taken back last. */
  redo(owner: string): Promise<string | undefined>;
  list(owner: string): Promise<{ readonly done: readonly HistoryEntry[]; readonly undone: readonly HistoryEntry[] }>;
}

/** A history over an event store. */
export function commandHistory<const Table extends UndoableTable>(
  options: CommandHistoryOptions<Table>,
): CommandHistory<Table> {
  return new StoredHistory(options);
}

// Each turn finishes what a caller that is gone has begun, and one act at most is begun at a time.
const turnsMax = 1_000;

class StoredHistory<Table extends UndoableTable> implements CommandHistory<Table> {
  readonly #store: EventStore;
  readonly #commands: Table;
  readonly #decider: HistoryDecider;
  readonly #lease: HistoryLease;

  constructor({ store, name, commands, entriesMax = 100, leaseMs = 10_000 }: CommandHistoryOptions<Table>) {
    const space = `history-lease/${store.log}/${name}`;
    this.#lease = new HistoryLease(store.engine, space, integerIn("leaseMs", leaseMs, { min: 100 }));
    this.#store = store;
    this.#commands = commands;
    this.#decider = historyDecider(name, integerIn("entriesMax", entriesMax, { min: 1, max: 10_000 }));
  }

  async execute<Name extends keyof Table & string>(
    owner: string,
    name: Name,
    input: InputOf<Table[Name]>,
  ): Promise<ResultOf<Table[Name]>> {
    this.#find(name);
    return this.#lease.hold(owner, async () => {
      const begun = await this.#begin(owner, { kind: "begin", action: "do", command: name, input });
      if (begun === undefined) throw new InvariantError("a new command can always begin");
      return (await this.#finish(owner, begun)) as ResultOf<Table[Name]>;
    });
  }

  undo(owner: string): Promise<string | undefined> {
    return this.#step(owner, "undo");
  }

  redo(owner: string): Promise<string | undefined> {
    return this.#step(owner, "redo");
  }

  async list(
    owner: string,
  ): Promise<{ readonly done: readonly HistoryEntry[]; readonly undone: readonly HistoryEntry[] }> {
    const { done, undone } = (await this.#store.load(this.#decider, owner)).state;
    return { done, undone };
  }

  #step(owner: string, action: "undo" | "redo"): Promise<string | undefined> {
    return this.#lease.hold(owner, async () => {
      const begun = await this.#begin(owner, { kind: "begin", action });
      if (begun === undefined) return undefined;
      await this.#finish(owner, begun);
      return begun.command;
    });
  }

  async #begin(owner: string, command: HistoryCommand): Promise<Begun | undefined> {
    for (let turn = 0; turn < turnsMax; turn++) {
      const begun = await this.#store.execute(this.#decider, owner, command);
      if (begun.status !== "rejected") {
        const [event] = begun.events;
        if (event?.type === "Begun") return event.data;
      } else if (begun.rejection === "nothing to do") return undefined;
      const { pending } = (await this.#store.load(this.#decider, owner)).state;
      // The lease is ours, so its caller is gone or was taken for gone; here it only has to be out of the way.
      if (pending !== undefined) await this.#finish(owner, pending).catch(() => undefined);
    }
    throw new InvariantError(`the history of "${owner}" did not come to rest in ${turnsMax} turns`);
  }

  async #finish(owner: string, { action, command, input, result, key }: Begun): Promise<unknown> {
    const context = { key: `${this.#decider.name}/${owner}/${key}` };
    let outcome: unknown;
    try {
      const found = this.#find(command);
      outcome = await (action === "undo"
        ? found.undo(input as never, result as never, context)
        : found.run(input as never, context));
    } catch (error) {
      await this.#end(owner, { kind: "fail", key, message: errorRecord(error).message }, error);
      throw error;
    }
    // If this fails, the act stays begun, and whoever comes next finishes it under the same key.
    await this.#end(owner, { kind: "finish", key, result: outcome });
    return outcome;
  }

  /** Records how an act ended, unless another has finished it: then its record counts, and not what happened here. */
  async #end(owner: string, command: HistoryCommand & { readonly key: string }, cause?: unknown): Promise<void> {
    const ended = await this.#store.execute(this.#decider, owner, command);
    if (ended.status === "rejected")
      throw new TakenOverError(`${this.#decider.name}/${owner}/${command.key}`, { cause });
  }

  #find(name: string): UndoableCommand<never, never> {
    const command = Object.hasOwn(this.#commands, name) ? this.#commands[name] : undefined;
    if (command === undefined) throw new UnknownMessageError("command", name, Object.keys(this.#commands));
    return command as UndoableCommand<never, never>;
  }
}
