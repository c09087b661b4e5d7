/** Stands for an erased value while an old payload is brought to today's shape: whatever is taken from it or called on it is again the
 *  erased value, so that no step of an upcast fails for want of what nobody knows any more. As text it is `[erased]`, and a spread of it is empty. */
export const erasedValue: object = new Proxy(() => undefined, {
  get(_target, name): unknown {
    if (name === Symbol.toPrimitive) return () => "[erased]";
    if (name === Symbol.iterator) return () => [erasedValue, erasedValue, erasedValue, erasedValue].values();
    return erasedValue;
  },
  apply: () => erasedValue,
  ownKeys: () => [],
});

/** The value with `instead` wherever the erased value ended up in it. */
export function replaceErased(value: unknown, instead: unknown): unknown {
  if (value === erasedValue) return instead;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => replaceErased(item, instead));
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, replaceErased(field, instead)]));
}

export function holdsErased(value: unknown): boolean {
  if (value === erasedValue) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsErased);
}
