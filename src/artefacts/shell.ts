/** Shell commands as policy: what no preparation of a model needs. */
export interface ShellHarm {
  readonly does: string;
  readonly severity: "malicious" | "suspicious";
}

const SHELL = String.raw`(sudo\s+)?(\/\S*\/)?(ba|z|da|k)?sh\b`;
const PATTERNS: readonly (readonly [RegExp, ShellHarm])[] = [
  [/\/dev\/(tcp|udp)\/\S+/, { does: "hands a shell to a connection", severity: "malicious" }],
  [
    /\b(nc|ncat|netcat)\b[^\n]*\s-\w*[ec]\w*\s+\S*sh\b/,
    { does: "hands a shell to a connection", severity: "malicious" },
  ],
  [
    /\bmkfifo\b[^\n]*\b(nc|ncat|netcat|telnet|openssl)\b/,
    { does: "hands a shell to a connection", severity: "malicious" },
  ],
  [
    new RegExp(String.raw`\bbase64\s+(-d|-D|--decode)\b[^\n]*\|\s*${SHELL}`),
    { does: "runs what was decoded", severity: "malicious" },
  ],
  [
    new RegExp(String.raw`\b(curl|wget)\b[^\n|]*\|\s*(${SHELL}|(sudo\s+)?python3?\b)`),
    { does: "runs what it fetches", severity: "suspicious" },
  ],
  [
    new RegExp(String.raw`\b(${SHELL}|source|eval)\s+.{0,20}[<$]\(\s*(curl|wget)\b`),
    { does: "runs what it fetches", severity: "suspicious" },
  ],
  [
    /\brm\s+-\w*[rf]\w*\s+(--no-preserve-root\s+)?(\/|~|\$HOME)(\s|$)/,
    { does: "deletes everything", severity: "malicious" },
  ],
  [
    />>?\s*(~|\$HOME|\/root)\/\.(bashrc|profile|bash_profile|ssh\/authorized_keys)/,
    { does: "changes what a login runs", severity: "malicious" },
  ],
  [/\bcrontab\s+-(?!l)/, { does: "has itself run later", severity: "suspicious" }],
];

/** Patterns look at stretches of this many characters, half of each twice. */
const STRETCH = 4096;

/** What a command or script does that no model needs; undefined for the rest, which is not thereby understood. */
export function shellHarm(command: string): ShellHarm | undefined {
  for (const line of command.replaceAll(/\\\r?\n/g, " ").split("\n"))
    for (let at = 0; at === 0 || at + STRETCH / 2 < line.length; at += STRETCH / 2) {
      const stretch = line.slice(at, at + STRETCH);
      const found = PATTERNS.find(([pattern]) => pattern.test(stretch));
      if (found) return found[1];
    }
  return undefined;
}
