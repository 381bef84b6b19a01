/** Text broken between words at the width of a terminal, for people; machine output never goes through here. */

/** Lines of at most `width` characters. A longer word stays whole, so that a path or a command can be copied. */
export const wrapped = (text: string, width: number): string[] => filled(text, () => width);

/** `text` behind `head`; what does not fit on the line stands below it, as far in as `indent` (default: where the text began). */
export function hanging(head: string, text: string, columns: number, indent = visible(head)): string {
  const width = Math.max(LEAST, columns);
  const [first, ...rest] = filled(text, (line) => width - (line === 0 ? visible(head) : indent));
  return [`${head}${first}`, ...rest.map((line) => `${" ".repeat(indent)}${line}`)].join("\n");
}

/** Narrower than this nothing can be read; a terminal breaks it by itself. */
const LEAST = 40;

function filled(text: string, room: (line: number) => number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (visible(line) + visible(word) + 1 > room(lines.length) && line.trim() !== "") {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}

/** Characters that take room: colours take none. */
const visible = (text: string): number => text.replaceAll(/\u001b\[[\d;]*m/g, "").length;
