// Blanks, semicolons and comments may stand before a statement.
const lead = /^(?:[\s;]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))+/;
const word = /^[a-z]+/i;

/** The word with which a statement begins, in lower case; empty when it begins with none. */
export function keywordOf(sql: string): string {
  const first = word.exec(sql) ?? word.exec(sql.replace(lead, ""));
  return first?.[0].toLowerCase() ?? "";
}
