import type { InstanceState } from "./instance.ts";

/** One place where a service can be called. */
export interface ServiceEndpoint {
  readonly id: string;
  readonly address: string;
  /** Fingerprint of the contract that it implements, where it is told. */
  readonly hash?: string | undefined;
  readonly weight?: number | undefined;
  readonly zone?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly state?: InstanceState | undefined;
  readonly load?: number | undefined;
}

/** Says where the instances of a service are. */
export interface Directory {
  /** Tells the whole set, as far as it is known, and again after each change, until disposed. What `told` throws is a fault of the
   *  caller and is not caught. */
  follow(service: string, told: (endpoints: readonly ServiceEndpoint[]) => void): Disposable;
}

/** A directory that somebody fills: the table of one process, or of a supervisor. */
export interface FixedDirectory extends Directory {
  /** The whole table from now on, by service. */
  replace(table: Readonly<Record<string, readonly ServiceEndpoint[]>>): void;
}

/** A directory over a table. */
export function fixedDirectory(first: Readonly<Record<string, readonly ServiceEndpoint[]>> = {}): FixedDirectory {
  let table = first;
  const followers = new Map<object, { readonly service: string; readonly told: Told }>();
  return {
    replace(next) {
      table = next;
      for (const { service, told } of followers.values()) told(next[service] ?? []);
    },
    follow(service, told) {
      const place = {};
      followers.set(place, { service, told });
      told(table[service] ?? []);
      return { [Symbol.dispose]: () => void followers.delete(place) };
    },
  };
}

type Told = (endpoints: readonly ServiceEndpoint[]) => void;
