// PostgreSQL cannot keep U+0000. It is written as U+0001 U+0001, and U+0001 itself as U+0001 U+0002: order and beginnings of texts stay as they are.

/** The text as PostgreSQL keeps it. */
export function kept(text: string): string {
  if (!text.includes("\0") && !text.includes("\u0001")) return text;
  return text.replaceAll("\u0001", "\u0001\u0002").replaceAll("\0", "\u0001\u0001");
}

/** The text that was kept. */
export function given(text: string): string {
  if (!text.includes("\u0001")) return text;
  // Every U+0001 is followed by a second character that says what the two stand for.
  return text
    .split("\u0001\u0001")
    .map((part) => part.replaceAll("\u0001\u0002", "\u0001"))
    .join("\0");
}
