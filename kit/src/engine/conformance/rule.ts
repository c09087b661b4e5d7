import type { Clock, ManualClock } from "../../clock/mod.ts";
import type { Engine, EngineBase, EnginePart } from "../mod.ts";

/** An engine under test with what only its opener can do to it. */
export interface EngineFixture<E extends EngineBase = EngineBase> {
  readonly engine: E;
  /** A further engine on the same data, while the first stays open. Absent when `can.sharing` is "one process". Disposed by `dispose`. */
  readonly openAnother?: (() => Promise<E>) | undefined;
  /** Closes the engine and opens it again on the same data. Absent when `can.durability` is "memory". The result is disposed by `dispose`. */
  readonly reopen?: (() => Promise<E>) | undefined;
  /** Makes the store so small that it is full after some writes, and lifts the limit. Absent where no such limit exists. */
  readonly space?: { readonly limit: () => Promise<void>; readonly lift: () => Promise<void> } | undefined;
  /** Closes whatever is still open and removes the data. */
  readonly dispose: () => Promise<void>;
}

/** Opens an empty engine of its own for one test. */
export type OpenEngine = (options: { readonly clock: Clock }) => Promise<EngineFixture>;

/** What a rule works with: a fresh engine on a clock that stands still. */
export interface Bed {
  readonly engine: Engine;
  readonly clock: ManualClock;
  readonly fixture: EngineFixture<Engine>;
}

/** What an engine may lack. `lists`: several changes in one commit. */
export type Lack = EnginePart | "lists";

/** What a rule uses of an engine. `notes`: anything that is kept beside messages, events or cells. */
export type Need = Lack | "notes";

/** One rule of the port and its proof, which rejects when the engine breaks it. */
export interface Rule {
  readonly name: string;
  readonly needs?: readonly Need[];
  readonly run: (bed: Bed) => Promise<void>;
}

/** The test function of a runner, for example that of vitest or `node:test`. */
export interface TestFunction {
  (name: string, run: () => Promise<void>): unknown;
  readonly skip: (name: string, run: () => Promise<void>) => unknown;
}

/** A rule that an engine cannot keep, and why. The name is exact. */
export interface Skip {
  readonly name: string;
  readonly reason: string;
}

/** Opens an engine on the data in a folder, on the system's clock; every process that a test starts calls it. */
export type OpenCrashEngine = (folder: string) => Promise<EngineBase>;
