import type { Random } from "ashlar/random";
import type { FinalOutcome } from "ashlar/saga";
import type { World } from "ashlar/simulation";
import { SagaHistory } from "./saga-history.ts";

/** What an approval came to, as its run says. */
export interface Decided {
  readonly approved: boolean;
  readonly by: string | undefined;
}

/** A message to the choreography. Its id is sent along. */
export type Message = MessageOf<"ordered"> | MessageOf<"paid"> | MessageOf<"closed">;

interface MessageOf<Type> {
  readonly type: Type;
  readonly order: string;
  readonly id: string;
}

/** One reaction of the choreography, as it lies in the log. */
export interface Move {
  readonly id: string;
  readonly from: string;
  readonly to: string;
}

/** What the second proof of sagas has seen. */
export class FlowsHistory extends SagaHistory {
  /** Decisions that somebody has begun to send, by run. */
  readonly decisions = new Map<string, (Decided & { readonly by: string })[]>();
  /** What was told of a message: by its id. */
  readonly told = new Map<string, string[]>();
  readonly disagreements: string[] = [];
  readonly #world: World;
  readonly #known = new Map<string, string>();

  constructor(world: World) {
    super(world);
    this.#world = world;
  }

  sending(run: string, decision: Decided & { readonly by: string }): void {
    this.decisions.set(run, [...(this.decisions.get(run) ?? []), decision]);
  }

  tell(id: string, answer: string): void {
    this.told.set(id, [...(this.told.get(id) ?? []), answer]);
    this.#world.sometimes(`a message was ${answer}`);
  }

  /** Everybody is told the same end of a run. */
  outcome(run: string, outcome: FinalOutcome): void {
    const text = JSON.stringify(outcome);
    const known = this.#known.get(run);
    if (known !== undefined && known !== text) this.disagreements.push(`${run}: ${known} and ${text}`);
    this.#known.set(run, text);
    this.outcomes.set(run, outcome);
    this.#world.sometimes(`${run.split("-")[0]} ${outcome.status}`);
  }
}

/** The messages of some orders, in the order in which each sender sends them. */
export function messages(random: Random): readonly Message[] {
  return Array.from({ length: 3 }, (_, number) => {
    const types = ["ordered", ...random.shuffle(["paid", "closed", "ordered", "paid"] as const)] as const;
    return types.map((type, index): Message => ({ type, order: `order-${number}`, id: `${number}.${index}` }));
  }).flat();
}
