/** What stands in a payload in place of a sealed field. */
export interface SealedField {
  readonly $sealed: readonly [subject: string, sealed: string, erased: unknown];
}

/** What stands in a payload in place of data that could be taken for a sealed field or for one of these. */
export interface PlainField {
  readonly $sealed: readonly [value: unknown];
}

// A payload without this text holds neither; one search of the text is all that most events pay.
const mark = '"$sealed":';

export function hasMark(text: string): boolean {
  return text.includes(mark);
}

export function isSealed(value: unknown): value is SealedField {
  return isMarked(value) && value.$sealed.length === 3 && value.$sealed.slice(0, 2).every(isText);
}

export function isWrapped(value: unknown): value is PlainField {
  return isMarked(value) && value.$sealed.length === 1;
}

/** The payload with data of the caller wrapped where a reader would misunderstand it. Only top-level fields are ever sealed, so only they are. */
export function wrapLookalikes<Data extends object>(data: Data): Data {
  if (Array.isArray(data) || !Object.values(data).some(isMarked)) return data;
  const wrap = ([field, value]: [string, unknown]): [string, unknown] => [
    field,
    isMarked(value) ? ({ $sealed: [value] } satisfies PlainField) : value,
  ];
  return Object.fromEntries(Object.entries(data).map(wrap)) as Data;
}

function isMarked(value: unknown): value is { readonly $sealed: readonly unknown[] } {
  return typeof value === "object" && value !== null && "$sealed" in value && Array.isArray(value.$sealed);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}
