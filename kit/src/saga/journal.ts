import type { CellKey, Change } from "../engine/mod.ts";
import { type Entry, entryOf, isAnswer, type StoredEntry } from "./entry.ts";
import {
  type AttemptRecord,
  changingText,
  fixedText,
  outcomeText,
  pageCell,
  recordText,
  type RunHeader,
  runCell,
} from "./run-record.ts";

// A longer tail moves to a page of its own, so that a step of a long run rewrites a few kilobytes and not its whole history.
const tailCharactersMax = 8_192;
/** Pages that are given their expiry together with the end of the run, or in one commit after it when there are more. */
export const pagesAtOnceMax = 64;
const none: readonly Change[] = [];

/** The end of a run, as it is stored. */
export interface EndText {
  readonly outcomeJson: string;
  /** The output within it, when there is one. */
  readonly outputJson: string | undefined;
  /** How long the run is remembered. */
  readonly keepMs: number;
}

/** What one write makes of the header, beside what is noted in it. */
export type HeaderChange = Partial<Pick<RunHeader, "status" | "problem" | "attempts" | "finishedAtMs">>;

/** What one write would store, and what to remember once it is stored. */
export interface Draft {
  readonly changes: readonly Change[];
  readonly texts: readonly string[];
  readonly pages: number | undefined;
  readonly tail: string;
  readonly page: string | undefined;
}

/**
 * The journal of one run in memory: its header, its entries, and their text. The cell of the run holds the header and the latest
 * entries; older ones lie in pages. Only the holder of the run's message writes it, so that no version needs to be compared.
 */
export class Journal {
  readonly saga: string;
  readonly id: string;
  /** Changed by assignment; written with the next draft. */
  header: RunHeader;
  readonly #entries: Entry[];
  /** Entries written by this execution and not looked at yet: most never are, so that they are parsed on demand. */
  readonly #fresh: string[] = [];
  readonly #pages: string[];
  #tail: string;
  readonly #cell: CellKey;
  readonly #inputText: string;
  #fixedText: string;
  #versionOfText: string;
  #headerText = "";
  #headerOfText: RunHeader | undefined;

  constructor(
    place: { readonly saga: string; readonly id: string },
    header: RunHeader,
    past: {
      readonly pages: readonly (readonly Entry[])[];
      readonly tail: readonly Entry[];
      readonly inputText?: string;
    },
  ) {
    this.saga = place.saga;
    this.id = place.id;
    this.header = header;
    this.#cell = runCell(place.saga, place.id);
    this.#inputText = past.inputText ?? JSON.stringify(header.input) ?? "null";
    this.#fixedText = fixedText(header, this.#inputText);
    this.#versionOfText = header.version;
    this.#entries = [...past.pages.flat(), ...past.tail];
    this.#pages = past.pages.map((page) => JSON.stringify(page));
    this.#tail = past.tail.map((entry) => JSON.stringify(entry)).join(",");
  }

  get entries(): readonly Entry[] {
    for (const text of this.#fresh.splice(0)) this.#entries.push(entryOf(JSON.parse(text) as StoredEntry));
    return this.#entries;
  }

  find<K extends Entry["k"]>(kind: K, name: string): Extract<Entry, { k: K }> | undefined {
    return this.entries.findLast((entry): entry is Extract<Entry, { k: K }> => entry.k === kind && entry.n === name);
  }

  get stopped(): Extract<Entry, { k: "stop" }> | undefined {
    return this.find("stop", "stop");
  }

  /** Names of the operations in the order of their first trace. */
  names(): string[] {
    return operationNames(this.entries);
  }

  /** Forgets the failed attempts of an operation, or notes another one. */
  noteAttempt(name: string, attempt: AttemptRecord | undefined): void {
    if (attempt === undefined && this.header.attempts?.[name] === undefined) return;
    const { [name]: _, ...others } = this.header.attempts ?? {};
    const attempts = attempt === undefined ? others : { ...others, [name]: attempt };
    this.header = { ...this.header, attempts: Object.keys(attempts).length === 0 ? undefined : attempts };
  }

  /** The write that stores `texts` behind what is stored, with the header as it is now; `last` is of this write only. */
  draft(texts: readonly string[], last: { readonly end?: EndText; readonly as?: HeaderChange } = {}): Draft {
    const { end, as } = last;
    const header = as === undefined ? this.header : { ...this.header, ...as };
    const added = texts.length === 1 ? (texts[0] ?? "") : texts.join(",");
    const isFull = this.#tail !== "" && this.#tail.length + added.length > tailCharactersMax;
    const tail = isFull ? added : joined(this.#tail, added);
    const pages = isFull ? this.#pages.length + 1 : this.header.pages;
    let head = this.#textOf(isFull ? { ...header, pages } : header);
    if (end !== undefined) head += outcomeText(end.outcomeJson, end.outputJson, tail);
    const value = recordText(head, tail);
    const put: Change = { op: "put", cell: this.#cell, expect: "any", value, expiresInMs: end?.keepMs };
    if (!isFull) return { changes: [put], texts, pages, tail, page: undefined };
    const page = `[${this.#tail}]`;
    return { changes: [put, this.#pagePut(this.#pages.length, page, end?.keepMs)], texts, pages, tail, page };
  }

  /** A draft was stored. Header fields that were set meanwhile stay for the next one. */
  adopt(draft: Draft): void {
    this.#fresh.push(...draft.texts);
    this.#tail = draft.tail;
    if (draft.page === undefined) return;
    this.#pages.push(draft.page);
    this.header = { ...this.header, pages: draft.pages };
  }

  /** More pages than one commit should write again: whoever claims the ended run lets them expire. */
  get isLong(): boolean {
    return this.#pages.length > pagesAtOnceMax;
  }

  /** The writes that let what lies apart expire together with the run's cell; pages only unless `isLong`. */
  expire(expiresInMs: number): readonly Change[] {
    if (this.#pages.length === 0 && this.header.inputApart === undefined) return none;
    const pages = this.isLong ? none : this.#pages.map((page, index) => this.#pagePut(index, page, expiresInMs));
    if (this.header.inputApart === undefined) return pages;
    const cell = pageCell(this.saga, this.id, "input");
    return [...pages, { op: "put", cell, expect: "any", value: this.#inputText, expiresInMs }];
  }

  /** Starts anew behind a checkpoint. The changes remove the old pages, and are to be stored with the next draft; `restore` takes all back
   *  when that could not be stored. */
  compact(state: unknown): { readonly changes: readonly Change[]; readonly restore: () => void } {
    const changes = this.#pages.map((_, index) => this.#pagePut(index, undefined, undefined));
    const past = { header: this.header, entries: [...this.entries], pages: [...this.#pages], tail: this.#tail };
    this.header = { ...this.header, epoch: (this.header.epoch ?? 0) + 1, state, pages: undefined, attempts: undefined };
    this.#entries.length = 0;
    this.#fresh.length = 0;
    this.#pages.length = 0;
    this.#tail = "";
    const restore = (): void => {
      this.header = past.header;
      this.#entries.splice(0, Infinity, ...past.entries);
      this.#pages.splice(0, Infinity, ...past.pages);
      this.#tail = past.tail;
    };
    return { changes, restore };
  }

  #pagePut(page: number, value: string | undefined, expiresInMs: number | undefined): Change {
    return { op: "put", cell: pageCell(this.saga, this.id, page), expect: "any", value, expiresInMs };
  }

  #textOf(header: RunHeader): string {
    if (this.#headerOfText === header) return this.#headerText;
    if (this.#versionOfText !== header.version) {
      this.#versionOfText = header.version;
      this.#fixedText = fixedText(header, this.#inputText);
    }
    this.#headerText = this.#fixedText + changingText(header);
    this.#headerOfText = header;
    return this.#headerText;
  }
}

/** Names of the operations in the order of their first trace. */
function operationNames(entries: readonly Entry[]): string[] {
  return [
    ...new Set(
      entries.filter((entry) => isAnswer(entry) || entry.k === "open" || entry.k === "begin").map((entry) => entry.n),
    ),
  ];
}

function joined(first: string, second: string): string {
  if (first === "") return second;
  return second === "" ? first : `${first},${second}`;
}
