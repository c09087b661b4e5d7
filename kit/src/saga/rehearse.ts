import type { Clock } from "../clock/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { type ErrorRecord, errorRecord } from "../errors/mod.ts";
import { seededRandom } from "../random/mod.ts";
import type { AnySaga } from "./context.ts";
import { MismatchError } from "./errors.ts";
import { Execution } from "./execution.ts";
import { type Host, endless } from "./host.ts";
import type { SavedJournal } from "./inspect.ts";
import { Journal } from "./journal.ts";
import { emptyMailbox } from "./mailbox.ts";

// Recorded answers come within a turn. The replay itself gives up after three, and as many for each that is asked for out of order.
const turnsMax = 20;
const turnsPerEntry = 5;

/** Whether a definition could take up a recorded run. */
export interface Rehearsal {
  /** Whether the code asks for everything recorded. */
  readonly fits: "yes" | "no";
  readonly error?: ErrorRecord | undefined;
  readonly recorded: readonly string[];
  /** What the code asks for, as far as it got. */
  readonly current: readonly string[];
}

/** Repeats a recorded run with a definition, up to the point where it would do something new. Nothing is run or written. `clock`: whose turns it
 *  takes; its time is not looked at. */
export async function rehearse(definition: AnySaga, saved: SavedJournal, clock: Clock): Promise<Rehearsal> {
  const { id, input, state, seed, entries } = saved;
  const header = { version: definition.version, status: "running", startedAtMs: 0, seed, input, state } as const;
  const journal = new Journal({ saga: definition.name, id }, header, { pages: [], tail: entries });
  const receipt = { queue: `saga:${definition.name}`, id: "0", token: 0 };
  const execution = new Execution(dryHost(clock), definition, {
    journal,
    receipt,
    mailbox: emptyMailbox,
    afterCrash: "no",
  });
  void execution.begin();
  const turns = turnsMax + turnsPerEntry * entries.length;
  for (let turn = 0; turn < turns && execution.problem === undefined; turn++) {
    if (turn >= turnsMax && execution.isReplayed) break;
    await nextTurn(clock);
  }
  const lists = { recorded: journal.names(), current: [...execution.replay.requested] };
  if (execution.isReplayed && execution.problem === undefined) return { fits: "yes", ...lists };
  return { fits: "no", error: execution.problem?.error ?? errorRecord(unfinished(definition, lists)), ...lists };
}

function unfinished(definition: AnySaga, lists: Pick<Rehearsal, "recorded" | "current">): MismatchError {
  return new MismatchError(
    `saga "${definition.name}" waits for something else than its context`,
    lists.recorded,
    lists.current,
  );
}

function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.nextTurn(resolve));
}

/** Grace for foreign awaits is cut to a turn: a rehearsal has nothing else to wait for. */
function dryClock(clock: Clock): Clock {
  return {
    now: () => 0,
    monotonic: () => 0,
    setTimer: (_, ring) => {
      clock.nextTurn(ring);
      return { cancel: () => undefined };
    },
    sleep: async () => await nextTurn(clock),
    nextTurn: (run) => clock.nextTurn(run),
  };
}

function dryHost(clock: Clock): Host {
  return {
    engine: { clock: dryClock(clock), commit: () => endless(), get: () => endless() } as unknown as Engine,
    random: seededRandom("rehearsal"),
    probe: undefined,
    isDry: "yes",
    confirmLease: async () => undefined,
    transaction: () => endless(),
    cells: () => endless(),
    ended: () => undefined,
  };
}
