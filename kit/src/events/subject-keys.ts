import type { Change } from "../engine/mod.ts";

/** What a sealed field is bound to: moved to another stream, type or field it cannot be opened. */
export interface SealPlace {
  readonly subject: string;
  readonly stream: string;
  readonly type: string;
  readonly field: string;
}

/** Seals with the keys of some subjects. */
export interface Sealer {
  /** Must be part of the commit that stores what was sealed: it is refused when a key was destroyed or made by another meanwhile. */
  readonly guards: readonly Change[];
  seal(place: SealPlace, text: string): string;
  /** Names the key that seals for a subject, for good: a subject that returns after an erasure gets another. */
  idOf(subject: string): string;
}

/** Opens what was sealed. `undefined`: the key is destroyed. Throws `SealError` for a wrong master key or altered text. */
export interface Opener {
  open(place: SealPlace, sealed: string): string | undefined;
}

/** Keys of the people whose personal fields are sealed; see `openSubjectKeys`. */
export interface SubjectKeys {
  sealer(log: string, subjects: readonly string[]): Promise<Sealer>;
  opener(log: string, subjects: readonly string[]): Promise<Opener>;
  /** Id of the subject's present key; `undefined` when it has none. */
  keyIdOf(log: string, subject: string): Promise<string | undefined>;
  /** Cell that holds the key. */
  cellOf(log: string, subject: string): { readonly space: string; readonly key: string };
}
