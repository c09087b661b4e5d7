import { bigints, bound, texts, type WireRows } from "../../drivers/postgres/mod.ts";
import { RecentMap } from "../recent-map.ts";
import type { Known, KeyOf, Plan } from "./plan.ts";
import { Script, type Runner } from "./script.ts";
import type { Statements } from "./statements.sql.ts";
import { given, kept } from "./text.ts";

// About 100 bytes each.
const keysKept = 20_000;

/** What never changes and is therefore remembered: the numbers of queues and logs, and which key a message has. */
export class Names implements Known {
  readonly #sql: Statements;
  readonly #queues: Map<string, number> = new Map();
  readonly #logs: Map<string, number> = new Map();
  readonly #inUse: Set<string> = new Set();
  readonly #keys = new RecentMap<number, KeyOf | null>(keysKept);

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  queueId(name: string): number | undefined {
    return this.#queues.get(name);
  }

  logId(name: string): number | undefined {
    return this.#logs.get(name);
  }

  keyOf(id: number): KeyOf | null | undefined {
    return this.#keys.get(id);
  }

  isInUse(queue: string): boolean {
    return this.#inUse.has(queue);
  }

  rememberUse(queue: string): void {
    this.#inUse.add(queue);
  }

  rememberKey(id: number, queue: number, key: string | null): void {
    this.#keys.set(id, key === null ? null : { queue, key: given(key) });
  }

  /** Finds, and where an enqueue, flow or append names them makes, what the plan names and is not known; in transactions of their own, so that
   *  nobody waits for a new name until a long one ends. Nothing shows of a name that only was made. */
  async learn(plan: Plan, runner: Runner): Promise<void> {
    const script = new Script();
    const made = [...plan.madeQueues].filter((name) => !this.#queues.has(name));
    const asked = [...plan.askedQueues].filter((name) => !this.#queues.has(name));
    if (made.length > 0) script.add(bound(this.#sql.addQueues, texts(made.map((name) => kept(name)).toSorted())));
    if (made.length + asked.length > 0)
      script.add(bound(this.#sql.queueIds, texts([...made, ...asked].map((name) => kept(name)))), (answer) =>
        keepIds(this.#queues, answer),
      );
    const logs = [...plan.madeLogs].filter((name) => !this.#logs.has(name)).map((name) => kept(name));
    if (logs.length > 0) {
      script.add(bound(this.#sql.addLogs, texts(logs.toSorted())));
      script.add(bound(this.#sql.logIds, texts(logs)), (answer) => keepIds(this.#logs, answer));
    }
    const ids = [...plan.movedIds].filter((id) => this.keyOf(id) === undefined);
    if (ids.length > 0)
      script.add(bound(this.#sql.keysOf, bigints(ids)), ({ rows }) => {
        for (const [id, queue, key] of rows) this.rememberKey(Number(id), Number(queue), key ?? null);
      });
    await script.run(runner);
  }
}

function keepIds(ids: Map<string, number>, { rows }: WireRows): void {
  for (const [id, name] of rows) ids.set(given(name ?? ""), Number(id));
}
