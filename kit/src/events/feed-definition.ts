import { invariant } from "../errors/mod.ts";
import type { Feed } from "./feed.ts";

/** What all processes of a subscription agree on. */
export interface FeedDefinition {
  readonly partitions: number;
  readonly startPosition: number;
}

/** What stands in the definition of a retired version, so that nobody begins it anew by mistake. */
export const retiredText = '"retired"';

/** The definition as the first process wrote it. */
export async function readDefinition({ context, cells, name }: Feed): Promise<FeedDefinition | "retired"> {
  const [cell] = await context.engine.get([cells.definition]);
  invariant(cell !== undefined, `the definition of "${name}" is written before it is read and never removed`);
  return JSON.parse(cell.value) as FeedDefinition | "retired";
}
