import { type Clock, systemClock, type Timer } from "../clock/mod.ts";
import { DisposedError, integerIn, oneOf, textOf } from "../errors/mod.ts";
import type { ChildPort, StopReason } from "./child-port.ts";
import { systemChild } from "./child-system.ts";
import { type AddressTable, toChild } from "./protocol.ts";

/** How a child behaves. */
export interface SupervisedChildOptions {
  /** Finishes the work in hand; called once, whatever the reason and however many there are. After it the process exits: 0, or 1 if it rejects. */
  readonly onDrain?: ((reason: StopReason) => unknown) | undefined;
  /** Longest life without a supervisor, 0 to 1 h; then the process exits with 1. Default 5 s. */
  readonly orphanGraceMs?: number | undefined;
  /** Whether SIGTERM drains (default), or is left to somebody else, such as a lifecycle that `onDrain` stops. */
  readonly signals?: "drain" | "leave" | undefined;
  readonly clock?: Clock | undefined;
  /** Default: this process. */
  readonly process?: ChildPort | undefined;
}

/** A process as its supervisor knows it. Disposing it takes all listeners away, without exiting. */
export interface SupervisedChild extends Disposable {
  /** Undefined when no supervisor has started the process: then everything here does nothing, and the same program runs alone. */
  readonly identity: { readonly name: string; readonly instance: number } | undefined;
  /** The latest addresses; version 0 before the first. */
  readonly table: AddressTable;
  /** Aborts when the drain begins. */
  readonly draining: AbortSignal;
  /** Messages that are not of the protocol. */
  readonly ignoredMessages: number;
  /** Says that calls can come, and where to; a child without an address is not in the table. Throws {@link ConfigError}. */
  ready(address?: string): void;
  /** Says something to the supervisor's `onMessage`. */
  send(body: unknown): "sent" | "full" | "alone";
  /** Called with the present table, if there is one, and each later one. When it returns, the supervisor learns that this child goes by that table. */
  onTable(listener: (table: AddressTable) => void): Disposable;
  /** Called with what the supervisor sends beside the protocol. */
  onMessage(listener: (body: unknown) => void): Disposable;
}

/** Answers the supervisor of this process: who it is, heartbeats, drain; and leaves when the supervisor dies. Call it once, early. */
export function supervisedChild(options: SupervisedChildOptions = {}): SupervisedChild {
  return new ChildSide(options);
}

class ChildSide implements SupervisedChild {
  readonly identity: SupervisedChild["identity"];
  readonly #process: ChildPort;
  readonly #clock: Clock;
  readonly #onDrain: NonNullable<SupervisedChildOptions["onDrain"]>;
  readonly #orphanGraceMs: number;
  readonly #draining = new AbortController();
  readonly #tableListeners = new Set<(table: AddressTable) => void>();
  readonly #messageListeners = new Set<(body: unknown) => void>();
  readonly #listening: Disposable | undefined;
  #table: AddressTable = { version: 0, entries: [] };
  #ignored = 0;
  #orphaned: Timer | undefined;

  constructor(options: SupervisedChildOptions) {
    this.#process = options.process ?? systemChild();
    this.#clock = options.clock ?? systemClock;
    this.#onDrain = options.onDrain ?? (() => undefined);
    this.#orphanGraceMs = integerIn("orphanGraceMs", options.orphanGraceMs ?? 5_000, { min: 0, max: 3_600_000 });
    const signals = oneOf("signals", options.signals ?? "drain", ["drain", "leave"]);
    this.identity = this.#process.identity;
    if (this.identity === undefined) return;
    this.#listening = this.#process.listen({
      message: (message) => this.#heard(message),
      disconnect: () => this.#orphan(),
      signal: signals === "drain" ? () => void this.#leave("signal") : undefined,
    });
    // The supervisor may have died before anybody listened.
    if (this.#process.send({ kind: "hello" }) === "alone") this.#orphan();
  }

  get table(): AddressTable {
    return this.#table;
  }

  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  get ignoredMessages(): number {
    return this.#ignored;
  }

  ready(address?: string): void {
    if (address !== undefined) textOf("address", address, { lengthMax: 512 });
    this.#process.send({ kind: "ready", address });
  }

  send(body: unknown): "sent" | "full" | "alone" {
    return this.#process.send({ kind: "message", body });
  }

  onTable(listener: (table: AddressTable) => void): Disposable {
    this.#tableListeners.add(listener);
    if (this.#table.version > 0) listener(this.#table);
    return { [Symbol.dispose]: () => void this.#tableListeners.delete(listener) };
  }

  onMessage(listener: (body: unknown) => void): Disposable {
    this.#messageListeners.add(listener);
    return { [Symbol.dispose]: () => void this.#messageListeners.delete(listener) };
  }

  [Symbol.dispose](): void {
    this.#listening?.[Symbol.dispose]();
    this.#orphaned?.cancel();
  }

  #heard(message: unknown): void {
    const told = toChild(message);
    if (told === undefined) {
      this.#ignored++;
      return;
    }
    switch (told.kind) {
      case "ping":
        this.#process.send({ kind: "heartbeat" });
        return;
      case "drain":
        void this.#leave("drain");
        return;
      case "message":
        for (const listener of this.#messageListeners) listener(told.body);
        return;
      case "table":
        this.#take({ version: told.version, entries: told.entries });
    }
  }

  #take(table: AddressTable): void {
    if (table.version > this.#table.version) {
      this.#table = table;
      for (const listener of this.#tableListeners) listener(table);
    }
    this.#process.send({ kind: "seen", version: table.version });
  }

  #orphan(): void {
    if (this.#orphaned !== undefined) return;
    this.#orphaned = this.#clock.setTimer(this.#orphanGraceMs, () => this.#process.exit(1));
    void this.#leave("orphaned");
  }

  async #leave(reason: StopReason): Promise<void> {
    if (this.#draining.signal.aborted) return;
    this.#draining.abort(new DisposedError("the child"));
    const code = await Promise.try(this.#onDrain, reason).then(
      () => 0,
      () => 1, // the supervisor learns from the exit code that work was left
    );
    this.#process.exit(code);
  }
}
