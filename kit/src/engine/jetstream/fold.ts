import type { Change } from "../change.ts";
import type { CommitResult } from "../commit-result.ts";
import type { BellTopic, ClaimRequest, ClaimResult } from "../engine.ts";
import { applyChange } from "../state/apply.ts";
import { claimFrom } from "../state/claim.ts";
import { extendLease } from "../state/extend.ts";
import { judge } from "../state/judge.ts";
import { weightAdded } from "../state/load.ts";
import { MemoryState } from "../state/memory-state.ts";
import type { Call, Command } from "./command.ts";

/** What became of a call. `full`: its list would add to a state that is at its limit, and was not applied. */
export type Answer =
  | { readonly kind: "commit"; readonly result: CommitResult }
  | { readonly kind: "full" }
  | { readonly kind: "claim"; readonly result: ClaimResult }
  | { readonly kind: "extend"; readonly result: readonly boolean[] }
  | { readonly kind: "done" };

/** Processes whose last command is known; beyond it the one that has been silent for longest is forgotten. */
const proposersMax = 4_096;

/**
 * The state machine: the same commands in the same order lead to the same state and the same answers in every process. So nothing in here reads a clock,
 * draws at random, or goes by the order of anything that a snapshot does not keep.
 */
export class Fold {
  readonly state: MemoryState = new MemoryState();
  /** Number of the last command of each process, the one that spoke last at the end. */
  readonly proposers: Map<string, number> = new Map();
  /** Topics that the last command has touched. */
  readonly topics: Set<BellTopic> = new Set();
  /** Sequence that the last snapshot which everybody knows of covers. */
  covered = 0;

  /** Carries out a command; `undefined` when it is a repeat, or came too late: its process has sent another one since. */
  apply(command: Command, nowMs: number): readonly Answer[] | undefined {
    const { proposer, number } = command;
    this.topics.clear();
    if (number <= (this.proposers.get(proposer) ?? 0)) return undefined;
    this.remember(proposer, number);
    return command.calls.map((call) => this.#carryOut(call, { nowMs, stateBytesMax: command.stateBytesMax }));
  }

  remember(proposer: string, number: number): void {
    this.proposers.delete(proposer);
    this.proposers.set(proposer, number);
    const [silent] = this.proposers.keys();
    if (this.proposers.size > proposersMax && silent !== undefined) this.proposers.delete(silent);
  }

  /** Whether a claim would hand out nothing and move nothing. */
  isIdle(queueName: string, nowMs: number): boolean {
    const queue = this.state.queues.get(queueName);
    if (queue === undefined) return true;
    const isOpen = queue.flow === "open" && queue.counts.ready + queue.counts.suspect > 0;
    return !isOpen && (queue.nextDueAtMs() ?? Infinity) > nowMs;
  }

  #carryOut(call: Call, at: { readonly nowMs: number; readonly stateBytesMax: number }): Answer {
    const [kind] = call;
    switch (kind) {
      case "commit":
        return this.#commit(call[1], at);
      case "claim":
        return { kind, result: this.#claim(call[1], at.nowMs) };
      case "extend": {
        const lease = { leaseMs: call[2], nowMs: at.nowMs };
        return { kind, result: call[1].map((receipt) => extendLease(this.state, receipt, lease)) };
      }
      case "sweep":
        this.#sweep(at.nowMs);
        return { kind: "done" };
      case "covered":
        this.covered = Math.max(this.covered, call[1]);
        return { kind: "done" };
      default:
        throw new Error(`unknown call ${JSON.stringify(kind satisfies never)}`);
    }
  }

  #commit(changes: readonly Change[], at: { readonly nowMs: number; readonly stateBytesMax: number }): Answer {
    const { nowMs } = at;
    const refused = judge(this.state, changes, nowMs);
    if (refused !== undefined) return { kind: "commit", result: refused };
    const added = changes.reduce((sum, change) => sum + weightAdded(change), 0);
    if (added > 0 && this.state.load.bytes + added > at.stateBytesMax) return { kind: "full" };
    const applying = { state: this.state, nowMs, topics: this.topics };
    const outcomes = changes.map((change) => applyChange(change, applying));
    return { kind: "commit", result: { committed: true, outcomes } };
  }

  #claim(request: ClaimRequest, nowMs: number): ClaimResult {
    const queue = this.state.queues.get(request.queue);
    if (queue === undefined) return { claims: [], nextDueAtMs: undefined };
    const { result, moved } = claimFrom(queue, request, nowMs);
    if (moved > 0 && queue.counts.ready + queue.counts.suspect > 0) this.topics.add(`queue:${request.queue}`);
    return result;
  }

  /** All at once: those that expire at the same moment have no order that a snapshot would keep. */
  #sweep(nowMs: number): void {
    const { expiries } = this.state;
    for (let next = expiries.peek(); next !== undefined && next.expiresAtMs <= nowMs; next = expiries.peek()) {
      expiries.pop();
      next.drop();
    }
  }
}
