import { cellView, decider, eventTypes, type InlineProjection, projection, type SubjectErased } from "ashlar/events";

/** Members write, and what they write is theirs. */
export interface Wrote {
  readonly type: "Wrote";
  readonly data: { readonly member: string; readonly n: number; readonly text: string };
}

const personal = { subject: ({ member }: Wrote["data"]) => member, fields: ["text"] } as const;

export const types = eventTypes<Wrote>({ Wrote: { personal } });
export const typesWithErasure = eventTypes<Wrote | SubjectErased>({ Wrote: { personal }, $erased: {} });

/** All texts of a stream, in copies too. */
export const diary = decider<readonly string[], Wrote["data"], Wrote, never>({
  name: "diary",
  events: types,
  initial: () => [],
  decide: (_, data) => [{ type: "Wrote", data }],
  evolve: (texts, { data }) => [...texts, data.text],
  snapshot: { schema: 1, everyEvents: 3 },
});

/** Version 1: the last text of a stream, nothing once its writer is erased. */
export const lastTexts = projection<Wrote | SubjectErased>({
  name: "texts",
  version: 1,
  types: typesWithErasure,
  partitions: 2,
  apply: cellView<Wrote | SubjectErased, string>({
    key: ({ stream }) => stream,
    initial: () => "",
    fold: (_, event) => (event.type === "Wrote" ? event.data.text : undefined),
  }),
});

/** Version 2: how many texts a stream has had. */
export const textCounts = projection<Wrote | SubjectErased>({
  name: "texts",
  version: 2,
  types: typesWithErasure,
  apply: cellView<Wrote | SubjectErased, number>({
    key: ({ stream }) => stream,
    initial: () => 0,
    fold: (count, { type }) => (type === "Wrote" ? count + 1 : count),
  }),
});

/** The last version of each stream, in the commit of each append. */
export const versions: InlineProjection = (events) =>
  [...new Map(events.map(({ stream, version }) => [stream, version]))].map(([key, version]) => ({
    op: "put",
    cell: { space: "versions", key },
    expect: "any",
    value: String(version),
  }));
