import {
  type CellInput,
  type CellOutput,
  type ListOperation,
  type ListTransaction,
  type Operation,
  watchInvariants,
} from "ashlar/simulation/checkers";
import type { World } from "ashlar/simulation";
import { refuse } from "./bed.ts";

/** A transaction on its way. */
export interface OpenTransaction {
  readonly id: string;
  readonly operations: ListOperation[];
  status: ListTransaction["status"];
}

/** A call on a cell on its way. */
interface OpenCall {
  readonly input: CellInput;
  readonly invokedAt: number;
  answer: Operation<CellInput, CellOutput>["answer"];
  /** The engine has said that nothing was applied. */
  hasFailed: boolean;
}

/** What clients of an engine have seen. Moments count the records, so that they order them. */
export class EngineHistory {
  readonly transactions: OpenTransaction[] = [];
  readonly calls: OpenCall[] = [];
  /** What each reader of the log has seen, one after the other. */
  readonly tails = new Map<string, { readonly position: number; readonly data: string }[]>();
  /** Who was told that he had written a version: by list and version. */
  readonly #written = new Map<string, string>();
  readonly #positions = new Map<number, string>();
  readonly #faults: string[] = [];
  readonly #world: World;
  #moment = 0;
  #next = 0;

  constructor(world: World) {
    this.#world = world;
    const watch = watchInvariants(
      [
        { name: "a version has one writer, a position one event", fault: () => this.#faults[0] },
        { name: "a reader of the log sees each position, in order", fault: () => this.#gap() },
      ],
      1,
    );
    world.invariant("engine", () => refuse(watch.look()), 50);
  }

  newValue(by: string): string {
    return `${by}.${this.#next++}`;
  }

  begun(by: string): OpenTransaction {
    const transaction: OpenTransaction = { id: this.newValue(by), operations: [], status: "unknown" };
    this.transactions.push(transaction);
    return transaction;
  }

  ended(transaction: OpenTransaction, status: "committed" | "aborted"): void {
    transaction.status = status;
    this.#world.sometimes(`a transaction was ${status}`);
  }

  wrote(list: string, version: number, by: string): void {
    const key = `${list} ${version}`;
    const other = this.#written.get(key);
    if (other !== undefined) this.#faults.push(`version ${version} of ${list} was given to ${other} and ${by}`);
    this.#written.set(key, by);
  }

  placed(position: number, by: string): void {
    const other = this.#positions.get(position);
    if (other !== undefined) this.#faults.push(`position ${position} was given to ${other} and ${by}`);
    this.#positions.set(position, by);
  }

  called(input: CellInput): OpenCall {
    const call: OpenCall = { input, invokedAt: ++this.#moment, answer: undefined, hasFailed: false };
    this.calls.push(call);
    return call;
  }

  answered(call: OpenCall, output: CellOutput): void {
    call.answer = { output, at: ++this.#moment };
    if ("written" in output) this.#world.sometimes(`${call.input.do}: ${output.written}`);
  }

  failed(call: OpenCall): void {
    call.hasFailed = true;
    this.#world.sometimes("a call failed");
  }

  #gap(): string | undefined {
    for (const [reader, seen] of this.tails)
      for (const [index, { position }] of seen.entries())
        if (position !== index + 1) return `${reader} saw position ${position} where ${index + 1} is due`;
    return undefined;
  }
}
