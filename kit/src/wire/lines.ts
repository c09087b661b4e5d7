import { WireProtocolError } from "./errors.ts";

/** Cuts arriving text into lines of at most `lengthMax` characters. Keeps the rest of one line, no more. */
export class Lines {
  readonly #lengthMax: number;
  #rest = "";

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /** The lines that are complete now. Throws {@link WireProtocolError} for one that is too long. */
  push(text: string): readonly string[] {
    if (this.#rest !== "" && !text.includes("\n")) return this.#append(text);
    const lines = (this.#rest === "" ? text : this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > this.#lengthMax) throw this.#tooLong(this.#rest.length);
    for (const line of lines) if (line.length > this.#lengthMax) throw this.#tooLong(line.length);
    return lines;
  }

  // Not looked at again before its end is there: a long line in small pieces would be copied once a piece.
  #append(text: string): readonly string[] {
    this.#rest += text;
    if (this.#rest.length > this.#lengthMax) throw this.#tooLong(this.#rest.length);
    return [];
  }

  #tooLong(length: number): WireProtocolError {
    return new WireProtocolError(`a frame of ${length} characters or more; at most ${this.#lengthMax} are taken`);
  }
}
