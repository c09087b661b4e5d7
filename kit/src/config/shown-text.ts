const shownMaxLength = 120;
const passwordInUrl = /([a-z][a-z0-9+.-]*:\/\/[^/?#\s:@]*):[^/?#\s]*@/gi;

/** A text as a person may read it: bounded, and without the password that an address may hold. */
export function shownText(text: string): string {
  const masked = text.replaceAll(passwordInUrl, "$1:[secret]@");
  return masked.length <= shownMaxLength ? masked : `${masked.slice(0, shownMaxLength - 1)}…`;
}
