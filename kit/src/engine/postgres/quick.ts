import {
  bigints,
  booleans,
  bound,
  integers,
  texts,
  type WireRows,
  type WireValue,
} from "../../drivers/postgres/mod.ts";
import type { Append, Change, Enqueue, Put } from "../change.ts";
import type { EnqueuedMessage, Outcome } from "../commit-result.ts";
import type { Receipt } from "../message.ts";
import { slotOf as streamSlot } from "../slot.ts";
import { messageNumber } from "../validate-request.ts";
import { addClaim } from "./claim.ts";
import { lockSlots, type Loading, queueState } from "./load.ts";
import { type Call, type Slots, slotOf } from "./plan.ts";
import type { QuickStatements } from "./quick.sql.ts";
import { delayed, ready, running } from "./schema.ts";
import { kept } from "./text.ts";
import { pairName, type QueueState } from "./work.ts";

/** What a quick transaction needs. */
export interface QuickParts {
  readonly loading: Loading;
  readonly quick: QuickStatements;
  readonly shard: number;
  readonly handedOut: (id: number, queue: number, key: string | null) => void;
}

interface NewRow {
  readonly queue: QueueState;
  readonly state: number;
  readonly lane: number;
  readonly due: number | null;
  readonly headers: string | null;
  readonly body: string;
  readonly added: (id: string) => void;
}

interface PutRow {
  readonly change: Put;
  readonly value: string;
  readonly written: (version: number) => void;
}

interface AppendRow {
  readonly change: Append;
  readonly written: (version: number, position: number) => void;
}

/**
 * Writes a group in one round trip, on the assumption that everything is as its lists expect; when anything is not, the server refuses all of it, and the
 * group is carried out with care instead. For lists that only enqueue plain messages, acknowledge or hold messages of this process that have
 * no key, append, put and check cells, and mark as seen, each name once; and for claims.
 */
export class Quick {
  readonly #parts: QuickParts;
  readonly #rows: NewRow[] = [];
  readonly #acks: Receipt[] = [];
  readonly #holds: Receipt[] = [];
  readonly #puts: PutRow[] = [];
  readonly #appends: AppendRow[] = [];
  readonly #checks: Extract<Change, { readonly op: "check" }>[] = [];
  readonly #seen: Extract<Change, { readonly op: "seen" }>[] = [];
  readonly #claims: Extract<Call, { readonly kind: "claim" }>[] = [];
  /** Least depth that is allowed, by queue. */
  readonly #depths = new Map<QueueState, number>();
  /** Messages and streams. */
  readonly #named = new Set<string>();
  /** Where the other names are locked. */
  readonly #slots: Slots = new Map();
  readonly #answers: (() => void)[] = [];
  /** What reads the lists that the server notes, in the order of their statements. */
  readonly noted: ((list: readonly string[]) => void)[] = [];

  constructor(parts: QuickParts) {
    this.#parts = parts;
  }

  /** Takes the calls; false when they need care. */
  take(calls: readonly Call[]): boolean {
    return calls.every((call) => this.#takeCall(call));
  }

  #takeCall(call: Call): boolean {
    if (call.kind === "extend") return false;
    if (call.kind === "claim") {
      this.#claims.push(call);
      return queueState(this.#parts.loading, call.request.queue) !== undefined;
    }
    const outcomes: Outcome[] = [];
    if (!call.changes.every((change, index) => this.#takeChange(change, (outcome) => (outcomes[index] = outcome))))
      return false;
    this.#answers.push(() => (call.answer = { committed: true, outcomes }));
    return true;
  }

  #takeChange(change: Change, answer: (outcome: Outcome) => void): boolean {
    switch (change.op) {
      case "enqueue":
        return this.#takeEnqueue(change, answer);
      case "settle":
        answer({ op: "settle" });
        return change.as.kind === "ack" && this.#takeReceipt(change.receipt, this.#acks);
      case "hold":
        answer({ op: "hold" });
        return this.#takeReceipt(change.receipt, this.#holds);
      case "append":
        return this.#takeAppend(change, answer);
      case "put":
        return this.#takePut(change, answer);
      case "check":
        answer({ op: "check" });
        this.#checks.push(change);
        return (
          change.expect !== "present" &&
          change.expect !== "any" &&
          this.#takeSlot("cell", pairName(change.cell.space, change.cell.key), "shared")
        );
      case "seen":
        answer({ op: "seen" });
        this.#seen.push(change);
        return this.#takeSlot("seen", pairName(change.consumer, change.id), "exclusive");
      default:
        return false;
    }
  }

  #isNew(name: string): boolean {
    const before = this.#named.size;
    this.#named.add(name);
    return this.#named.size > before;
  }

  /** False for a name that is there already, or in the same place as another. */
  #takeSlot(kind: "cell" | "seen", name: string, how: "exclusive" | "shared"): boolean {
    const before = this.#slots.size;
    this.#slots.set(slotOf(kind, name), how);
    return this.#slots.size > before;
  }

  #takeEnqueue(change: Enqueue, answer: (outcome: Outcome) => void): boolean {
    const { loading } = this.#parts;
    const { work } = loading;
    const queue = queueState(loading, change.queue);
    // What is enqueued behind a claim must not be handed out by it.
    if (queue === undefined || !queue.isKnown || this.#claims.length > 0) return false;
    if (change.depthMax !== undefined)
      this.#depths.set(queue, Math.min(change.depthMax, this.#depths.get(queue) ?? change.depthMax));
    const messages: EnqueuedMessage[] = [];
    answer({ op: "enqueue", messages });
    for (const [
      index,
      { body, headers, key, dedup, lane = 0, delayMs = 0, dueAtMs, claimForMs },
    ] of change.messages.entries()) {
      if (key !== undefined || dedup !== undefined) return false;
      const dueMs =
        claimForMs === undefined
          ? (dueAtMs ?? (delayMs === 0 ? undefined : work.nowMs + delayMs))
          : work.nowMs + claimForMs;
      const isLater = dueMs !== undefined && dueMs > work.nowMs;
      const state = claimForMs === undefined ? (isLater ? delayed : ready) : running;
      this.#rows.push({
        queue,
        state,
        lane,
        due: isLater ? dueMs : null,
        headers: headers === undefined ? null : JSON.stringify(headers),
        body: kept(body),
        added: (id) => {
          messages[index] =
            state === running
              ? { id, status: "added", receipt: { queue: queue.name, id, token: 1 } }
              : { id, status: "added" };
        },
      });
      if (state !== running) work.topics.addQueue(queue.name);
    }
    return true;
  }

  #takeReceipt(receipt: Receipt, list: Receipt[]): boolean {
    const { loading } = this.#parts;
    const id = messageNumber(receipt.id);
    list.push(receipt);
    // Only a message of which it is known that it has no key.
    return (
      id !== undefined &&
      loading.known.keyOf(id) === null &&
      queueState(loading, receipt.queue) !== undefined &&
      this.#isNew(receipt.id)
    );
  }

  #takeAppend(change: Append, answer: (outcome: Outcome) => void): boolean {
    const { known, work } = this.#parts.loading;
    const isOneLog = this.#appends.every((row) => row.change.log === change.log);
    this.#appends.push({
      change,
      written: (version, position) => answer({ op: "append", version, position }),
    });
    work.topics.addLog(change.log);
    return isOneLog && known.logId(change.log) !== undefined && this.#isNew(`stream ${change.stream}`);
  }

  #takePut(change: Put, answer: (outcome: Outcome) => void): boolean {
    if (change.value === undefined || change.expect === "present") return false;
    const { space, key } = change.cell;
    this.#puts.push({ change, value: kept(change.value), written: (version) => answer({ op: "put", version }) });
    this.#parts.loading.work.topics.addSpace(space);
    return this.#takeSlot("cell", pairName(space, key), "exclusive");
  }

  /** Adds what writes everything, and hands out. */
  send(): void {
    this.#lockNames();
    this.#checkDepths();
    this.#sendEnqueues();
    this.#sendReceipts(this.#acks, "ack");
    this.#sendReceipts(this.#holds, "hold");
    this.#sendAppends();
    this.#sendPuts();
    this.#sendChecks();
    this.#sendSeen();
    this.#sendClaims();
    for (const answer of this.#answers) answer();
  }

  /** Whether anything is written beside claims. */
  get writes(): "maybe" | "none" {
    return this.#named.size + this.#slots.size + this.#rows.length + this.#claims.length > 0 ? "maybe" : "none";
  }

  #add(name: keyof QuickStatements, values: readonly WireValue[], read?: (answer: WireRows) => void): void {
    this.#parts.loading.script.add(bound(this.#parts.quick[name], ...values), read);
  }

  #addNoted(name: keyof QuickStatements, values: readonly WireValue[], read: (list: readonly string[]) => void): void {
    this.noted.push(read);
    this.#add(name, values, ({ rows }) => read((rows[0]?.[0] ?? "").split(",")));
  }

  #lockNames(): void {
    for (const { id } of this.#depths.keys()) this.#slots.set(slotOf("depth", String(id)), "exclusive");
    lockSlots(this.#parts.loading, this.#slots);
  }

  #checkDepths(): void {
    for (const [queue, depthMax] of this.#depths) {
      const added = this.#rows.filter((row) => row.queue === queue).length;
      this.#add("room", [String(queue.id), String(added), String(depthMax)]);
    }
  }

  #sendEnqueues(): void {
    const rows = this.#rows;
    if (rows.length === 0) return;
    const { work } = this.#parts.loading;
    const held = new Set(rows.filter(({ state }) => state === running).map(({ queue }) => queue.id));
    const values = [
      integers(rows.map(({ queue }) => queue.id)),
      integers(rows.map(({ state }) => state)),
      integers(rows.map(({ lane }) => lane)),
      bigints(rows.map(({ due }) => due)),
      integers(rows.map(({ state }) => (state === running ? 1 : 0))),
      texts(rows.map(({ headers }) => headers)),
      texts(rows.map(({ body }) => body)),
      String(work.nowMs),
      String(rows.length),
      integers([...held]),
    ];
    for (const { queue, state } of rows) queue.moved[state] = (queue.moved[state] ?? 0) + 1;
    this.#addNoted("enqueue", values, (ids) => {
      for (const [index, { state, queue, added }] of rows.entries()) {
        const id = ids[index] ?? "";
        added(id);
        if (state === running) this.#parts.handedOut(Number(id), queue.id, null);
      }
    });
  }

  #sendReceipts(receipts: readonly Receipt[], name: "ack" | "hold"): void {
    if (receipts.length === 0) return;
    const { work } = this.#parts.loading;
    const queues = receipts.map((receipt) => work.queue(receipt.queue));
    if (name === "ack") for (const { moved } of queues) moved[running] = (moved[running] ?? 0) - 1;
    this.#add(name, [
      bigints(receipts.map(({ id }) => messageNumber(id) ?? 0)),
      bigints(receipts.map(({ token }) => token)),
      integers(queues.map(({ id }) => id)),
      String(receipts.length),
    ]);
  }

  #sendAppends(): void {
    const [first] = this.#appends;
    if (first === undefined) return;
    const { known, work } = this.#parts.loading;
    let at = 0;
    const rows = this.#appends.flatMap(({ change: { events, stream, expected } }) =>
      events.map((event, index) => ({
        event,
        stream,
        expected: expectedNumber(expected),
        at: (at += 1),
        step: index + 1,
        isLast: index === events.length - 1,
      })),
    );
    const values = [
      String(known.logId(first.change.log)),
      bigints(rows.map((row) => row.at)),
      bigints(rows.map((row) => row.step)),
      bigints(rows.map((row) => row.expected)),
      integers(rows.map((row) => streamSlot(row.stream))),
      integers(rows.map((row) => row.event.schema ?? 1)),
      texts(rows.map((row) => kept(row.stream))),
      texts(rows.map((row) => kept(row.event.type))),
      texts(rows.map((row) => (row.event.meta === undefined ? null : kept(row.event.meta)))),
      texts(rows.map((row) => kept(row.event.data))),
      String(rows.length),
      String(work.nowMs),
      booleans(rows.map((row) => row.isLast)),
      String(this.#appends.length),
    ];
    this.#addNoted("append", values, (places) => {
      for (const [index, { written }] of this.#appends.entries()) {
        const [version, position] = (places[index] ?? "").split(":");
        written(Number(version), Number(position));
      }
    });
  }

  #sendPuts(): void {
    const { nowMs } = this.#parts.loading.work;
    const any = this.#puts.filter(({ change }) => change.expect === "any");
    const absent = this.#puts.filter(({ change }) => change.expect === "absent");
    const exact = this.#puts.filter(({ change }) => typeof change.expect === "number");
    const columns = (rows: readonly PutRow[]): readonly Buffer[] => [
      texts(rows.map(({ change }) => kept(change.cell.space))),
      texts(rows.map(({ change }) => kept(change.cell.key))),
      texts(rows.map(({ value }) => value)),
      bigints(rows.map(({ change }) => (change.expiresInMs === undefined ? null : nowMs + change.expiresInMs))),
    ];
    const send = (name: keyof QuickStatements, rows: readonly PutRow[], ...more: readonly WireValue[]): void => {
      if (rows.length === 0) return;
      this.#addNoted(name, [...columns(rows), String(nowMs), String(rows.length), ...more], (versions) => {
        for (const [index, { written }] of rows.entries()) written(Number(versions[index]));
      });
    };
    send("putAny", any);
    send("putAbsent", absent);
    send("putVersion", exact, bigints(exact.map(({ change }) => Number(change.expect))));
  }

  #sendChecks(): void {
    const { nowMs } = this.#parts.loading.work;
    const absent = this.#checks.filter(({ expect }) => expect === "absent");
    const exact = this.#checks.filter(({ expect }) => expect !== "absent");
    const names = (checks: typeof absent): readonly Buffer[] => [
      texts(checks.map(({ cell }) => kept(cell.space))),
      texts(checks.map(({ cell }) => kept(cell.key))),
    ];
    if (absent.length > 0) this.#add("checkAbsent", [...names(absent), String(nowMs)]);
    const versions = bigints(exact.map(({ expect }) => Number(expect)));
    if (exact.length > 0) this.#add("checkVersion", [...names(exact), versions, String(nowMs), String(exact.length)]);
  }

  #sendSeen(): void {
    if (this.#seen.length === 0) return;
    const { nowMs } = this.#parts.loading.work;
    this.#add("seen", [
      texts(this.#seen.map(({ consumer }) => kept(consumer))),
      texts(this.#seen.map(({ id }) => kept(id))),
      bigints(this.#seen.map(({ keepMs }) => nowMs + keepMs)),
      String(nowMs),
      String(this.#seen.length),
    ]);
  }

  #sendClaims(): void {
    const { loading, shard, handedOut } = this.#parts;
    const looked = new Set<string>();
    for (const call of this.#claims) {
      const queue = loading.work.queue(call.request.queue);
      // What is due would have to be moved first.
      if (!looked.has(queue.name)) this.#add("nothingDue", [String(queue.id), String(loading.work.nowMs)]);
      looked.add(queue.name);
      addClaim({ loading, shard, handedOut }, call.request, (result) => (call.answer = result));
    }
  }
}

/** -1 any, -2 existing. */
function expectedNumber(expected: Append["expected"]): number {
  if (expected === "any") return -1;
  if (expected === "existing") return -2;
  return expected === "new" ? 0 : expected;
}
