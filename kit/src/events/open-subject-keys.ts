import type { Cell, CellKey, Change, Engine } from "../engine/mod.ts";
import { ConfigError, integerIn } from "../errors/mod.ts";
import { SealError } from "./errors.ts";
import { type Entropy, newDataKey, newKeyId, seal, systemEntropy, unseal } from "./seal-system.ts";
import type { Opener, Sealer, SealPlace, SubjectKeys } from "./subject-keys.ts";

/** Where the keys are kept and what they are wrapped with. */
export interface SubjectKeysOptions {
  readonly engine: Engine;
  /** 32 bytes that the caller keeps outside the engine. Whoever has them and the engine's data can read personal fields. */
  readonly masterKey: Uint8Array;
  /** Master keys of the past, with which older subject keys are wrapped. Default none. */
  readonly formerMasterKeys?: readonly Uint8Array[] | undefined;
  /** Subjects whose key is kept unwrapped in memory, 0 or more. Default 10,000. */
  readonly cacheSubjects?: number | undefined;
  /** Gives the bytes of keys and nonces. Default: the system's. Only for simulations: bytes that can be foreseen, or come again, protect nothing. */
  readonly entropy?: ((bytes: number) => Uint8Array) | undefined;
}

/** Keys for personal fields: one AES-256-GCM key a subject, wrapped by the master key, in a cell of the engine. A key is made at a
 *  subject's first event and destroyed by `store.erase`; every read asks the cell, so an erasure holds in all processes at once. */
export async function openSubjectKeys(options: SubjectKeysOptions): Promise<SubjectKeys> {
  const { masterKey, formerMasterKeys = [] } = options;
  for (const key of [masterKey, ...formerMasterKeys])
    if (key.byteLength !== 32) throw new ConfigError("masterKey", `${key.byteLength} bytes`, "32 bytes");
  const cacheSubjects = integerIn("cacheSubjects", options.cacheSubjects ?? 10_000, { min: 0 });
  const { engine, entropy = systemEntropy } = options;
  return new CellKeys({ engine, masterKeys: [masterKey, ...formerMasterKeys], cacheSubjects, entropy });
}

interface KeyParts {
  readonly engine: Engine;
  readonly masterKeys: readonly Uint8Array[];
  readonly cacheSubjects: number;
  readonly entropy: Entropy;
}

interface DataKey {
  readonly id: string;
  readonly bytes: Uint8Array;
}

class CellKeys implements SubjectKeys {
  readonly #engine: Engine;
  readonly #masterKeys: readonly Uint8Array[];
  readonly #subjectsMax: number;
  readonly #entropy: Entropy;
  /** By the wrapped text: another text is another key, so nothing here can be stale. */
  readonly #unwrapped = new Map<string, DataKey>();

  constructor({ engine, masterKeys, cacheSubjects, entropy }: KeyParts) {
    this.#engine = engine;
    this.#masterKeys = masterKeys;
    this.#subjectsMax = cacheSubjects;
    this.#entropy = entropy;
  }

  cellOf(log: string, subject: string): CellKey {
    return { space: `subject-key/${log}`, key: subject };
  }

  async keyIdOf(log: string, subject: string): Promise<string | undefined> {
    const [cell] = await this.#cells(log, [subject]);
    return cell === undefined ? undefined : idIn(cell);
  }

  async sealer(log: string, subjects: readonly string[]): Promise<Sealer> {
    const cells = await this.#cells(log, subjects);
    const keys = new Map<string, DataKey>();
    const guards = subjects.map((subject, index): Change => {
      const cell = cells[index];
      const at = this.cellOf(log, subject);
      if (cell !== undefined) {
        keys.set(subject, this.#unwrap(cell));
        return { op: "check", cell: at, expect: cell.version };
      }
      const key = { id: newKeyId(this.#entropy), bytes: newDataKey(this.#entropy) };
      keys.set(subject, key);
      return { op: "put", cell: at, expect: "absent", value: this.#wrap(at, key) };
    });
    const entropy = this.#entropy;
    const keyOf = (subject: string): DataKey => {
      const key = keys.get(subject);
      if (key === undefined) throw new SealError(`no key was asked for subject "${subject}"`);
      return key;
    };
    return {
      guards,
      idOf: (subject) => keyOf(subject).id,
      seal(place, text) {
        const key = keyOf(place.subject);
        return `${key.id}.${seal(key.bytes, text, { place: textOfPlace(place), entropy })}`;
      },
    };
  }

  async opener(log: string, subjects: readonly string[]): Promise<Opener> {
    const cells = await this.#cells(log, subjects);
    const keys = new Map<string, DataKey>();
    for (const [index, subject] of subjects.entries()) {
      const cell = cells[index];
      if (cell !== undefined) keys.set(subject, this.#unwrap(cell));
    }
    return {
      open(place, sealed) {
        const key = keys.get(place.subject);
        // Another id: the key that sealed it was destroyed, and the subject came back later.
        if (key === undefined || !sealed.startsWith(`${key.id}.`)) return undefined;
        try {
          return new TextDecoder().decode(unseal(key.bytes, sealed.slice(key.id.length + 1), textOfPlace(place)));
        } catch (error) {
          throw new SealError(`field "${place.field}" of "${place.type}" in "${place.stream}" was altered`, {
            cause: error,
          });
        }
      },
    };
  }

  #cells(log: string, subjects: readonly string[]): Promise<readonly (Cell | undefined)[]> {
    return this.#engine.get(subjects.map((subject) => this.cellOf(log, subject)));
  }

  #wrap(cell: CellKey, { id, bytes }: DataKey): string {
    const [current] = this.#masterKeys;
    if (current === undefined) throw new ConfigError("masterKey", undefined, "32 bytes");
    return `${id}.${seal(current, bytes, { place: placeOfKey(cell, id), entropy: this.#entropy })}`;
  }

  #unwrap(cell: Cell): DataKey {
    const known = this.#unwrapped.get(cell.value);
    if (known !== undefined) return known;
    const id = idIn(cell);
    for (const master of this.#masterKeys) {
      try {
        const key = { id, bytes: unseal(master, cell.value.slice(id.length + 1), placeOfKey(cell, id)) };
        this.#remember(cell.value, key);
        return key;
      } catch {
        // Wrapped with another master key: try the next.
        continue;
      }
    }
    throw new SealError(`the key of subject "${cell.key}" does not open with the master key`);
  }

  #remember(wrapped: string, key: DataKey): void {
    if (this.#subjectsMax === 0) return;
    if (this.#unwrapped.size >= this.#subjectsMax) this.#unwrapped.clear();
    this.#unwrapped.set(wrapped, key);
  }
}

function textOfPlace({ subject, stream, type, field }: SealPlace): string {
  return JSON.stringify([subject, stream, type, field]);
}

function placeOfKey({ space, key }: CellKey, id: string): string {
  return JSON.stringify([space, key, id]);
}

function idIn({ value }: Cell): string {
  return value.slice(0, value.indexOf("."));
}
