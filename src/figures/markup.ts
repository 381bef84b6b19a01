/** Markup that escapes at the last step: text from a model, a system file or an attacker never becomes markup. */

/** Markup that may be inserted as it is. Only `markup` makes it. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

export type Insertable = Markup | string | number | boolean | null | undefined | readonly Insertable[];

/** A tagged template whose insertions are escaped unless they are Markup already; lists are joined, false/null/undefined vanish. */
export function markup(strings: TemplateStringsArray, ...values: readonly Insertable[]): Markup {
  let text = strings[0]!;
  for (let i = 0; i < values.length; i++) text += inserted(values[i]) + strings[i + 1]!;
  return new Markup(text);
}

function inserted(value: Insertable): string {
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(inserted).join("");
  if (value === null || value === undefined || value === false || value === true) return "";
  return escapeText(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes for element content and quoted attributes; control characters and directional overrides become visible escapes. */
export function escapeText(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => ENTITIES[character]!)
    .replace(
      /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
}
