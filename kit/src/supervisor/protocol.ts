// What supervisor and child say to each other over the IPC channel, as plain JSON. Either side ignores and counts what it
// does not know, so that the two may be of different versions.

/** One place where calls can go. */
export interface TableEntry {
  readonly name: string;
  readonly instance: number;
  readonly address: string;
}

/** Who can be reached where. A higher version replaces a lower one. */
export interface AddressTable {
  readonly version: number;
  readonly entries: readonly TableEntry[];
}

/** From a child. `seen`: it goes by this version of the table, and no longer by an older one. */
export type FromChild =
  | { readonly kind: "hello" }
  | { readonly kind: "ready"; readonly address: string | undefined }
  | { readonly kind: "heartbeat" }
  | { readonly kind: "seen"; readonly version: number }
  | { readonly kind: "message"; readonly body: unknown };

/** To a child. */
export type ToChild =
  | { readonly kind: "ping" }
  | { readonly kind: "table"; readonly version: number; readonly entries: readonly TableEntry[] }
  | { readonly kind: "drain" }
  | { readonly kind: "message"; readonly body: unknown };

const addressMaxLength = 512;
const nameMaxLength = 64;

type Fields = Readonly<Partial<Record<string, unknown>>>;

/** What a child said; undefined when it is not of this protocol. */
export function fromChild(message: unknown): FromChild | undefined {
  const fields = fieldsOf(message);
  switch (fields["kind"]) {
    case "hello":
      return { kind: "hello" };
    case "heartbeat":
      return { kind: "heartbeat" };
    case "ready":
      return fields["address"] === undefined || isText(fields["address"], addressMaxLength)
        ? { kind: "ready", address: fields["address"] }
        : undefined;
    case "seen":
      return isCount(fields["version"]) ? { kind: "seen", version: fields["version"] } : undefined;
    case "message":
      return { kind: "message", body: fields["body"] };
    default:
      return undefined;
  }
}

/** What the supervisor said; undefined when it is not of this protocol. */
export function toChild(message: unknown): ToChild | undefined {
  const fields = fieldsOf(message);
  switch (fields["kind"]) {
    case "ping":
      return { kind: "ping" };
    case "drain":
      return { kind: "drain" };
    case "table":
      return tableOf(fields);
    case "message":
      return { kind: "message", body: fields["body"] };
    default:
      return undefined;
  }
}

function tableOf({ version, entries }: Fields): ToChild | undefined {
  if (!isCount(version) || !Array.isArray(entries)) return undefined;
  const read = entries.flatMap((entry: unknown) => {
    const { name, instance, address } = fieldsOf(entry);
    const isEntry = isText(name, nameMaxLength) && isCount(instance) && isText(address, addressMaxLength);
    return isEntry ? [{ name, instance, address }] : [];
  });
  return read.length === entries.length ? { kind: "table", version, entries: read } : undefined;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= lengthMax;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
