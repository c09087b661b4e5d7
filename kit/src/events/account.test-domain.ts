import { type Decider, decider } from "./decider.ts";
import { type EventTypes, eventTypes } from "./event-types.ts";
import { reject } from "./decider.ts";

/** A small domain for the tests of this folder. */
export type AccountEvent =
  | { readonly type: "Opened"; readonly data: { readonly owner: string } }
  | { readonly type: "Deposited"; readonly data: { readonly cents: number } }
  | { readonly type: "Withdrawn"; readonly data: { readonly cents: number } };

export type AccountCommand =
  | { readonly kind: "open"; readonly owner: string }
  | { readonly kind: "deposit"; readonly cents: number }
  | { readonly kind: "withdraw"; readonly cents: number }
  | { readonly kind: "nothing" };

export interface AccountState {
  readonly owner: string | undefined;
  readonly cents: number;
}

export type Account = Decider<AccountState, AccountCommand, AccountEvent, "closed" | "open already" | "too little">;

export const accountEvents: EventTypes<AccountEvent> = eventTypes<AccountEvent>({
  Opened: {},
  Deposited: {},
  Withdrawn: {},
});

export const account: Account = accountWith({});

/** The account with another snapshot rule or other event types. */
export function accountWith(changes: Partial<Account>): Account {
  return decider({
    name: "account",
    events: accountEvents,
    initial: () => ({ owner: undefined, cents: 0 }),
    decide: decideAccount,
    evolve: evolveAccount,
    ...changes,
  });
}

function decideAccount(state: AccountState, command: AccountCommand): ReturnType<Account["decide"]> {
  if (command.kind === "nothing") return [];
  if (command.kind === "open")
    return state.owner === undefined ? [{ type: "Opened", data: { owner: command.owner } }] : reject("open already");
  if (state.owner === undefined) return reject("closed");
  if (command.kind === "deposit") return [{ type: "Deposited", data: { cents: command.cents } }];
  return state.cents < command.cents ? reject("too little") : [{ type: "Withdrawn", data: { cents: command.cents } }];
}

function evolveAccount(state: AccountState, event: AccountEvent): AccountState {
  switch (event.type) {
    case "Opened":
      return { ...state, owner: event.data.owner };
    case "Deposited":
      return { ...state, cents: state.cents + event.data.cents };
    case "Withdrawn":
      return { ...state, cents: state.cents - event.data.cents };
    default:
      throw new Error(`unknown event ${event satisfies never}`);
  }
}
