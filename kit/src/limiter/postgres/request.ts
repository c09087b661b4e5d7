import { bound, type Bound, doubles, type Statement, statement, texts } from "../../drivers/postgres/mod.ts";
import type { RulePlaces } from "../rule-places.ts";
import { type CallSink, ServerBatch } from "../server-batch.ts";
import type { StoreCall } from "../store.ts";
import type { Answer } from "../told-entries.ts";

/** A batch as a call of the function. */
export interface Request {
  readonly batch: ServerBatch;
  readonly call: Bound;
}

/** The call of the function in that schema. */
export function decideStatement(schema: string): Statement {
  return statement(
    `select ${schema}.ashlar_limiter_decide($1::float8[], $2::float8[], $3::text[], $4::float8[], $5::text[], $6::float8)`,
  );
}

/** `timeUs`: to go by in place of the server's time. */
export function requestOf(
  calls: readonly StoreCall[],
  places: RulePlaces,
  { decide, timeUs }: { readonly decide: Statement; readonly timeUs: number | undefined },
): Request {
  const written = new Written();
  const batch = new ServerBatch(places, written, calls);
  const figures = [...batch.rules.keys()].flatMap((place) => place.figures);
  const call = bound(
    decide,
    doubles(figures),
    doubles(batch.ruleOfSlot),
    texts(batch.names.map(storable)),
    doubles(written.numbers),
    texts(written.texts),
    timeUs === undefined ? null : `${timeUs}`,
  );
  return { batch, call };
}

/** Numbers in one array, texts in another by their place in it; 0 for an empty one. */
class Written implements CallSink {
  readonly numbers: number[] = [];
  readonly texts: string[] = [];

  number(value: number): void {
    this.numbers.push(value);
  }

  text(value: string): void {
    this.numbers.push(value === "" ? 0 : this.texts.push(storable(value)));
  }
}

/** PostgreSQL keeps no U+0000. */
function storable(text: string): string {
  return /[\0\\]/.test(text) ? text.replaceAll("\\", "\\\\").replaceAll("\0", "\\0") : text;
}

/** The doubles of an array in the server's text form. */
export class AnswerText implements Answer {
  readonly #numbers: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#numbers = text.slice(1, -1).split(",");
  }

  next(): number {
    const value = Number(this.#numbers[this.#at]);
    this.#at += 1;
    return value;
  }
}
