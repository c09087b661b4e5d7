import { decider, eventTypes, reject, type Decider } from "ashlar/events";

/** A change of the stock that no order makes: goods that came back with a return (`restock/<return>`), or are missing (`write-off/<invoice>`). The
 *  stream says that it is done; what was done stands with the products. */
export interface CorrectionEvent {
  readonly type: "Done";
  readonly data: object;
}

type State = "ahead" | "done";
type Rules = Decider<State, { readonly kind: "do" }, CorrectionEvent, "done before">;

function rules(name: string): Rules {
  return decider({
    name,
    events: eventTypes<CorrectionEvent>({ Done: {} }),
    initial: (): State => "ahead",
    decide: (state: State) =>
      state === "done" ? reject("done before" as const) : [{ type: "Done" as const, data: {} }],
    evolve: (): State => "done",
  });
}

export const restockDecider: Rules = rules("restock");
export const writeOffDecider: Rules = rules("write-off");
