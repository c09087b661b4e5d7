import { type Decider, decider, reject } from "./decider.ts";
import { eventTypes } from "./event-types.ts";

export type HistoryAction = "do" | "undo" | "redo";

/** Something that was begun. Its key is the same however often it has to be finished. */
export interface Begun {
  readonly action: HistoryAction;
  readonly command: string;
  readonly input: unknown;
  /** Result of the command, for its undo. */
  readonly result?: unknown;
  readonly key: string;
}

export type HistoryEvent =
  | { readonly type: "Begun"; readonly data: Begun }
  | { readonly type: "Finished"; readonly data: { readonly result?: unknown } }
  /** The command threw: it counts as not having happened. */
  | { readonly type: "Failed"; readonly data: { readonly message: string } };

/** A command that was run, with its input and result. */
export interface HistoryEntry {
  readonly command: string;
  readonly input: unknown;
  readonly result?: unknown;
}

export interface HistoryState {
  /** Oldest first. */
  readonly done: readonly HistoryEntry[];
  /** What can be redone, next one last. */
  readonly undone: readonly HistoryEntry[];
  readonly pending: Begun | undefined;
  readonly begun: number;
}

export type HistoryCommand =
  | { readonly kind: "begin"; readonly action: HistoryAction; readonly command?: string; readonly input?: unknown }
  | { readonly kind: "finish"; readonly key: string; readonly result?: unknown }
  | { readonly kind: "fail"; readonly key: string; readonly message: string };

export type HistoryDecider = Decider<HistoryState, HistoryCommand, HistoryEvent, "nothing to do" | "busy" | "over">;

/** The rules of a history: one thing at a time, a new command forgets what could be redone. */
export function historyDecider(name: string, entriesMax: number): HistoryDecider {
  return decider({
    name,
    events: eventTypes<HistoryEvent>({ Begun: {}, Finished: {}, Failed: {} }),
    snapshot: { everyEvents: 100, schema: 1 },
    initial: () => ({ done: [], undone: [], pending: undefined, begun: 0 }),
    decide: decideHistory,
    evolve: (state, event) => evolveHistory(state, event, entriesMax),
  });
}

function decideHistory(state: HistoryState, command: HistoryCommand): ReturnType<HistoryDecider["decide"]> {
  if (command.kind === "begin") return state.pending === undefined ? begin(state, command) : reject("busy");
  if (state.pending?.key !== command.key) return reject("over");
  if (command.kind === "fail") return [{ type: "Failed", data: { message: command.message } }];
  return [{ type: "Finished", data: command.result === undefined ? {} : { result: command.result } }];
}

function begin(
  state: HistoryState,
  { action, command = "", input }: HistoryCommand & { readonly kind: "begin" },
): ReturnType<HistoryDecider["decide"]> {
  const key = String(state.begun + 1);
  if (action === "do") return [{ type: "Begun", data: { action, command, input, key } }];
  const entry = action === "undo" ? state.done.at(-1) : state.undone.at(-1);
  return entry === undefined ? reject("nothing to do") : [{ type: "Begun", data: { action, ...entry, key } }];
}

function evolveHistory(state: HistoryState, event: HistoryEvent, entriesMax: number): HistoryState {
  if (event.type === "Begun") return { ...state, pending: event.data, begun: state.begun + 1 };
  const { pending } = state;
  const rest = { ...state, pending: undefined };
  if (event.type === "Failed" || pending === undefined) return rest;
  const { action, command, input } = pending;
  if (action === "undo") {
    const entry = { command, input, result: pending.result };
    return { ...rest, done: state.done.slice(0, -1), undone: [...state.undone, entry] };
  }
  const done = [...state.done, { command, input, result: event.data.result }].slice(-entriesMax);
  return { ...rest, done, undone: action === "redo" ? state.undone.slice(0, -1) : [] };
}
