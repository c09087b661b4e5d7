import { textOf } from "../errors/mod.ts";
import { parseSync, type StandardSchema } from "../schema/mod.ts";

/** A message that a run can wait for. `payload` only carries the type. */
export interface SignalDefinition<Payload> {
  readonly name: string;
  readonly parse: (payload: unknown) => Payload;
}

/** Names a signal; a schema is checked where it is sent. Throws ConfigError. */
export function signal<Payload = undefined>(
  name: string,
  options: { readonly payload?: StandardSchema<unknown, Payload> } = {},
): SignalDefinition<Payload> {
  textOf("name", name, { lengthMax: 100 });
  const { payload: schema } = options;
  const parse = (payload: unknown): Payload =>
    schema === undefined ? (payload as Payload) : parseSync(schema, payload, `the payload of signal "${name}"`);
  return { name, parse };
}

/** What became of a wait with a limit. */
export type SignalOutcome<Payload> =
  | { readonly received: true; readonly payload: Payload }
  | { readonly received: false };

/** How a decision is asked for. */
export interface ApprovalOptions {
  /** How long a decision is waited for, in milliseconds. */
  readonly withinMs: number;
  /** The decision when none came in time. */
  readonly otherwise: "approve" | "reject";
  /** Who is asked; shown by `inspect`. */
  readonly assignee?: string | undefined;
}

/** `by` is undefined when the time ran out. */
export interface Approval {
  readonly approved: boolean;
  readonly by: string | undefined;
  readonly note: string | undefined;
}
