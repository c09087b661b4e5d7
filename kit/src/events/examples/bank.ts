import type { Engine } from "../../engine/mod.ts";
import {
  cellView,
  type Decider,
  decider,
  eventTypes,
  openEventStore,
  openProjection,
  projection,
  reject,
  viewReader,
} from "../mod.ts";

type AccountEvent =
  | { readonly type: "Opened"; readonly data: { readonly owner: string } }
  | { readonly type: "Deposited"; readonly data: { readonly cents: number } }
  | { readonly type: "Withdrawn"; readonly data: { readonly cents: number } };

type AccountCommand =
  | { readonly kind: "open"; readonly owner: string }
  | { readonly kind: "deposit"; readonly cents: number }
  | { readonly kind: "withdraw"; readonly cents: number };

type Refusal = "not open" | "open already" | "too little";
type Balance = number | "not open";

const accountEvents = eventTypes<AccountEvent>({ Opened: {}, Deposited: {}, Withdrawn: {} });

/** An account that is never overdrawn. */
export const account: Decider<Balance, AccountCommand, AccountEvent, Refusal> = decider({
  name: "account",
  events: accountEvents,
  initial: (): Balance => "not open",
  decide(balance: Balance, command: AccountCommand) {
    if (command.kind === "open")
      return balance === "not open" ? [{ type: "Opened", data: { owner: command.owner } }] : reject("open already");
    if (balance === "not open") return reject("not open");
    if (command.kind === "deposit") return [{ type: "Deposited", data: { cents: command.cents } }];
    return balance < command.cents ? reject("too little") : [{ type: "Withdrawn", data: { cents: command.cents } }];
  },
  evolve(balance: Balance, event: AccountEvent): Balance {
    if (event.type === "Opened") return 0;
    return Number(balance) + (event.type === "Deposited" ? event.data.cents : -event.data.cents);
  },
});

/** How much moves in and out of the bank, by kind. */
const turnover = projection<AccountEvent>({
  name: "turnover",
  version: 1,
  types: accountEvents,
  apply: cellView<AccountEvent, number>({
    key: ({ type }) => (type === "Opened" ? undefined : type),
    initial: () => 0,
    fold: (cents, event) => (event.type === "Opened" ? cents : cents + event.data.cents),
  }),
});

/** Moves money between two accounts in one commit, however often it is asked to, and answers the turnover by kind. */
export async function transfer(engine: Engine, cents: number): Promise<Readonly<Record<string, number>>> {
  const store = await openEventStore({ engine });
  for (const id of ["ada", "bob"]) await store.execute(account, id, { kind: "open", owner: id }, { commandId: "open" });
  await store.execute(account, "ada", { kind: "deposit", cents: 100 }, { commandId: "salary" });
  const calls = [
    { decider: account, id: "ada", command: { kind: "withdraw", cents } },
    { decider: account, id: "bob", command: { kind: "deposit", cents } },
  ] as const;
  await store.executeAll(calls, { commandId: "rent" });
  await store.executeAll(calls, { commandId: "rent" });
  await using running = await openProjection({ store, projection: turnover });
  await running.caughtUp();
  return Object.fromEntries(await Array.fromAsync(viewReader<number>(store, "turnover").list()));
}
