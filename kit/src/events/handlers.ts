import { KitError, UnsupportedError } from "../errors/mod.ts";
import { parseSync, type StandardSchema } from "../schema/mod.ts";

/** Handles one kind of command or query. */
export interface Handler<Input, Output, Context> {
  /** Checks what comes from outside through `dispatch`; must be synchronous. Its output is the input of `handle`. */
  readonly input?: StandardSchema<unknown, unknown> | undefined;
  handle(input: Input, context: Context): Output;
}

/** Handlers by name. */
export type HandlerTable<Context> = Readonly<Record<string, Handler<never, unknown, Context>>>;

type InputOf<H> = H extends { handle(input: infer Input, context: never): unknown } ? Input : never;
type OutputOf<H> = H extends { handle(input: never, context: never): infer Output } ? Awaited<Output> : never;

/** A closed set of commands, or of queries, as one value to pass around. Holds no state. */
export interface Handlers<Context, Table extends HandlerTable<Context>> {
  readonly names: readonly (keyof Table & string)[];
  /** Calls a handler with an input that the compiler has checked. */
  call<Name extends keyof Table & string>(
    name: Name,
    input: InputOf<Table[Name]>,
    context: Context,
  ): Promise<OutputOf<Table[Name]>>;
  /** Calls a handler from outside, where name and input are only claimed. Rejects with `UnknownMessageError`, `ValidationError`, and
   *  `UnsupportedError` when the handler has no schema to check the input with. */
  dispatch(name: string, input: unknown, context: Context): Promise<unknown>;
}

/** Nobody handles a command or query of that name. */
export class UnknownMessageError extends KitError {
  readonly code = "UNKNOWN_MESSAGE";
  readonly retryable = false;

  constructor(kind: string, name: string, known: readonly string[]) {
    super(`no ${kind} is named "${name}"; there are ${known.join(", ")}`);
  }
}

/** The commands of a part of a system: what may change it. `commandHandlers<Context>()({ place: { input, handle } })`. */
export function commandHandlers<Context>(): <const Table extends HandlerTable<Context>>(
  table: Table,
) => Handlers<Context, Table> {
  return (table) => new Registry("command", table);
}

/** The queries of a part of a system: what it answers without changing. */
export function queryHandlers<Context>(): <const Table extends HandlerTable<Context>>(
  table: Table,
) => Handlers<Context, Table> {
  return (table) => new Registry("query", table);
}

class Registry<Context, Table extends HandlerTable<Context>> implements Handlers<Context, Table> {
  readonly names: readonly (keyof Table & string)[];
  readonly #kind: string;
  readonly #table: Table;

  constructor(kind: string, table: Table) {
    this.#kind = kind;
    this.#table = table;
    this.names = Object.keys(table);
  }

  async call<Name extends keyof Table & string>(
    name: Name,
    input: InputOf<Table[Name]>,
    context: Context,
  ): Promise<OutputOf<Table[Name]>> {
    return (await this.#find(name).handle(input as never, context)) as OutputOf<Table[Name]>;
  }

  async dispatch(name: string, input: unknown, context: Context): Promise<unknown> {
    const handler = this.#find(name);
    if (handler.input === undefined)
      throw new UnsupportedError(
        "dispatch",
        `${this.#kind} "${name}"`,
        "give the handler an input schema, or use call",
      );
    return await handler.handle(parseSync(handler.input, input, `${this.#kind} ${name}`) as never, context);
  }

  #find(name: string): Handler<never, unknown, Context> {
    const handler = Object.hasOwn(this.#table, name) ? this.#table[name] : undefined;
    if (handler === undefined) throw new UnknownMessageError(this.#kind, name, this.names);
    return handler;
  }
}
