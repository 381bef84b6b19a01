/** Plain text for a terminal: paragraphs, lists and lines to copy, wrapped to a width. */

/** Collects paragraphs and lists as lines no wider than the page. */
export class Page {
  readonly #width: number;
  readonly #lines: string[] = [];

  constructor(width: number) {
    this.#width = width;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  text(paragraph: string): void {
    this.#gap();
    this.#wrap(paragraph, "", "");
  }

  /** A heading and one line per item; nothing at all where there are no items. */
  list(heading: string, items: readonly string[]): void {
    if (items.length === 0) return;
    this.#gap();
    this.#lines.push(`${heading}:`);
    for (const item of items) this.#wrap(item, "  - ", "    ");
  }

  /** Lines to be copied as they stand. */
  code(lines: readonly string[]): void {
    this.#gap();
    this.#lines.push(...lines.map((line) => `    ${line}`));
  }

  #gap(): void {
    if (this.#lines.length > 0) this.#lines.push("");
  }

  #wrap(text: string, first: string, rest: string): void {
    let line = first;
    let empty = true;
    for (const word of text.split(" ")) {
      if (!empty && line.length + 1 + word.length > this.#width) {
        this.#lines.push(line);
        line = rest;
        empty = true;
      }
      line += empty ? word : ` ${word}`;
      empty = false;
    }
    this.#lines.push(line);
  }
}
